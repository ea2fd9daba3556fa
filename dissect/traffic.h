/* Captured packets in, news out: PDUs, calls, conversations. Memory is bounded by the limits here and grows with what
 * is open at one time, not with the length of the capture. */
#ifndef DIS_TRAFFIC_H
#define DIS_TRAFFIC_H

#include "connection.h"
#include "datagram.h"

#define DIS_CONNECTIONS_MOST 262144u     /* known at one time */
#define DIS_CLOSING_MOST     4096u       /* over, but late packets may come */
#define DIS_CLOSING_TIME     30000000000 /* ns for which they may */
#define DIS_UDP_FLOWS_MOST   65536u
#define DIS_HELD_MOST        0x8000000u /* bytes ahead of a gap, of all streams */
#define DIS_PORTS_MOST       16u

/* A PDU of the connectionless protocol. */
struct dis_datagram_sighting {
    struct dis_endpoint from;
    struct dis_endpoint to;
    uint64_t stream;
    unsigned index;
    struct dis_place place;
    struct dis_datagram datagram;
};

struct dis_traffic_counts {
    uint64_t packets;
    uint64_t tcp;
    uint64_t udp;
    uint64_t datagrams; /* PDUs over UDP */
    uint64_t evicted;   /* connections for which there was no room */
    uint64_t cut;       /* packets that were not captured whole */
};

struct dis_traffic;

/* `news` is copied. NULL without memory. */
struct dis_traffic *dis_traffic_new(const struct dis_news *news);

/* Takes connections of this port for DCE/RPC, however they begin. False where there are too many. */
bool dis_traffic_force(struct dis_traffic *t, uint16_t port);

void dis_traffic_packet(struct dis_traffic *t, enum dis_link link, const uint8_t *bytes, size_t captured, size_t sent,
                        struct dis_place place);

/* The capture ends: tells the ends of all that is open. Counts may be read until dis_traffic_free(). */
void dis_traffic_end(struct dis_traffic *t);
void dis_traffic_free(struct dis_traffic *t);

const struct dis_traffic_counts *dis_traffic_counts(const struct dis_traffic *t);
const struct dis_shared *dis_traffic_shared(const struct dis_traffic *t);
uint64_t dis_traffic_dropped_fragments(const struct dis_traffic *t);

#endif
