/* Fragments of IP datagrams, gathered. What has arrived first wins where fragments overlap. */
#ifndef DIS_DEFRAGMENT_H
#define DIS_DEFRAGMENT_H

#include "packet.h"

#define DIS_DATAGRAMS_OPEN 256u   /* datagrams that may be incomplete at once; the oldest makes room */
#define DIS_DATAGRAM_MOST  65536u /* bytes of a whole one */

struct dis_partial;

/* Zero-initialise; dis_defragment_free() gives its memory back. */
struct dis_defragment {
    struct dis_partial *open[DIS_DATAGRAMS_OPEN];
    unsigned next;    /* slot that is given away next */
    uint64_t dropped; /* datagrams that were not completed, or not possible */
};

/* Takes a packet of kind DIS_PACKET_FRAGMENT. Where it completes its datagram, returns true and makes *packet that
 * datagram's packet; its payload is good until the next call. */
bool dis_defragment_add(struct dis_defragment *d, struct dis_packet *packet);

void dis_defragment_free(struct dis_defragment *d);

#endif
