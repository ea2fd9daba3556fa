/* A capture file, packet by packet. The only user of libpcap. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdio.h>

#include "inspect_blocks.h"
#include "packet.h"

struct capture;

struct capture_packet {
    const uint8_t *bytes; /* good until the next one */
    size_t captured;
    size_t sent;
    struct dis_place place;
    enum dis_link link;
};

/* Reads pcap or pcapng from `bytes`, which it closes, also where it fails. They have passed through `blocks`, if that
 * is not NULL. NULL: the sentence in `why` says why not. */
struct capture *capture_open(FILE *bytes, struct blocks *blocks, char **why);

/* "several link types" where they have shown. */
const char *capture_link_name(const struct capture *c);

/* False at the end; then *why is NULL, or a sentence that says why the rest could not be read. */
bool capture_next(struct capture *c, struct capture_packet *out, char **why);

/* Packets of link types that are not read, which were passed over. */
uint64_t capture_strangers(const struct capture *c);

void capture_close(struct capture *c);

#endif
