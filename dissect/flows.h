/* Who talks to whom: a bounded table by addresses and ports, in which the one that was silent for longest makes room. */
#ifndef DIS_FLOWS_H
#define DIS_FLOWS_H

#include "packet.h"

/* The first member of what is kept of a flow. */
struct dis_flow {
    struct dis_flow *chain; /* in its bucket */
    struct dis_flow *older;
    struct dis_flow *newer;
    uint64_t hash;
    uint64_t number;            /* of all flows, from 0 */
    struct dis_endpoint end[2]; /* end[0] sent its first packet */
};

/* Zero-initialise, then set `most`. */
struct dis_flows {
    size_t most;
    size_t count;
    struct dis_flow **buckets;
    size_t bucket_count;
    struct dis_flow *oldest; /* heard of longest ago */
    struct dis_flow *newest;
    uint64_t numbers;
};

/* The flow, made the newest, and in *way which end sent; NULL where there is none. */
struct dis_flow *dis_flows_find(struct dis_flows *t, const struct dis_endpoint *from, const struct dis_endpoint *to,
                                unsigned *way);

/* Adds one that is not there; false without memory. Where the table is full, take the oldest out before. */
bool dis_flows_add(struct dis_flows *t, struct dis_flow *flow, const struct dis_endpoint *from,
                   const struct dis_endpoint *to);

void dis_flows_remove(struct dis_flows *t, struct dis_flow *flow);
void dis_flows_free(struct dis_flows *t); /* the table alone: it must be empty */

#endif
