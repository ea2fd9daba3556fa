/* A capture file, packet by packet. The only user of libpcap. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdio.h>

#include "packet.h"

struct capture;

struct capture_packet {
    const uint8_t *bytes; /* good until the next one */
    size_t captured;
    size_t sent;
    struct dis_place place;
};

/* Reads pcap or pcapng from `bytes`, which it closes, also where it fails. NULL: the sentence in `why` says why not. */
struct capture *capture_open(FILE *bytes, char **why);

enum dis_link capture_link(const struct capture *c);
const char *capture_link_name(const struct capture *c);

/* False at the end; then *why is NULL, or a sentence that says why the rest could not be read. */
bool capture_next(struct capture *c, struct capture_packet *out, char **why);

void capture_close(struct capture *c);

#endif
