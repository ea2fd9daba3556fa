/* The interfaces of a pcapng file, told apart on the way to libpcap, which takes one link type a file
 * (draft-ietf-opsawg-pcapng 4).
 *
 * The bytes pass through here, in pieces of any size. Every interface is made to look like the first one, in place, and
 * of each packet it is remembered which link type it really has. Other files pass as they are. */
#ifndef INSPECT_BLOCKS_H
#define INSPECT_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCKS_INTERFACES_MOST 1024u /* of one section; those beyond have the first one's link type */
#define BLOCKS_HEAD            16u   /* bytes of a block that are looked at */

/* Zero-initialise; blocks_free() after use. */
struct blocks {
    bool begun;
    bool other; /* no pcapng, or damaged: nothing more is changed */
    bool big;   /* byte order of this section */
    bool known; /* the first interface */
    bool first_big;
    bool several; /* link types */
    uint16_t first_link;
    uint8_t head[BLOCKS_HEAD];  /* of this block, as it came */
    uint8_t first[BLOCKS_HEAD]; /* of the first interface's block */
    uint64_t at;                /* bytes of this block that have gone by */
    uint64_t length;            /* of it; 0: not known yet */
    uint16_t links[BLOCKS_INTERFACES_MOST];
    uint32_t count;
    uint16_t *packets; /* link types of packets that libpcap has not given out yet: a ring */
    size_t room;
    size_t oldest;
    size_t waiting;
};

void blocks_pass(struct blocks *b, uint8_t *bytes, size_t length);

/* The link type (LINKTYPE_…) of the next packet; false where it is not known: then it is the file's. */
bool blocks_next(struct blocks *b, uint16_t *link);

void blocks_free(struct blocks *b);

#endif
