/* A TCP connection: what is spoken on it is found out by what it looks like, whatever its ports are. */
#ifndef DIS_CONNECTION_H
#define DIS_CONNECTION_H

#include "flows.h"
#include "smb.h"
#include "stream.h"
#include "wire.h"

enum dis_spoken { DIS_SPOKEN_UNKNOWN, DIS_SPOKEN_PDUS, DIS_SPOKEN_SMB, DIS_SPOKEN_OTHER };

struct dis_talk;

struct dis_connection {
    struct dis_flow flow;
    enum dis_spoken spoken;
    bool forced; /* never taken for something else */
    bool reset;
    bool closing;  /* in the list of those that may end */
    bool acked[2]; /* by way: `acknowledged` is known */
    bool syn[2];   /* by way: `initial` is known */
    int client;    /* the end that opened it; -1: not seen */
    struct dis_wire wire;
    uint32_t initial[2];
    uint32_t acknowledged[2];
    bool unseen[2];           /* by way: it acknowledged what did not come, up to … */
    uint32_t unseen_to[2];    /* … this */
    uint8_t ahead_packets[2]; /* packets since it acknowledges what is not here yet; 0: it does not */
    int64_t ahead_since[2];
    uint8_t head[2][DIS_HEADER_SIZE]; /* the first bytes, too few to tell */
    uint8_t head_length[2];
    struct dis_stream streams[2]; /* by way: 0 is from flow.end[0] */
    struct dis_talk *talk;        /* NULL: nothing of ours */
    struct dis_connection *closing_before, *closing_after;
    int64_t closing_since;
};

/* What all connections share. */
struct dis_shared {
    struct dis_news news;
    struct dis_budget budget;
    struct dis_smb_counts smb;
    uint64_t repeated, different, gaps, gap_bytes, cut_bytes; /* of connections that have ended */
    uint64_t skipped;                                         /* bytes between PDUs that are none */
    uint64_t lost_places;
};

void dis_connection_packet(struct dis_connection *c, struct dis_shared *shared, unsigned way,
                           const struct dis_packet *packet, struct dis_place place);

/* Whether this packet belongs to a new connection of the same addresses. */
bool dis_connection_is_new(const struct dis_connection *c, unsigned way, const struct dis_packet *packet);

/* Nothing more is to come, as far as was seen. */
bool dis_connection_is_over(const struct dis_connection *c);

/* Reads what is held, ends its conversations, frees what it has but not itself. `ending` is for one that is not over. */
void dis_connection_end(struct dis_connection *c, struct dis_shared *shared, enum dis_ending ending);

#endif
