/* Buckets with chains, and a list by age. Both directions have one hash. */
#include "flows.h"

#include <stdlib.h>
#include <string.h>

/* Where the table lies differs from run to run, so that nobody can prepare packets that fall into one bucket. */
static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= 0x9e3779b97f4a7c15u;
    value ^= value >> 29;
    value *= 0xbf58476d1ce4e5b9u;
    return value ^ value >> 32;
}

static uint64_t hash_end(const struct dis_flows *t, const struct dis_endpoint *e)
{
    uint64_t high = 0;
    uint64_t low = 0;
    memcpy(&high, e->address, sizeof(high));
    memcpy(&low, e->address + 8, sizeof(low));
    return mix(mix(high ^ (uint64_t)(uintptr_t)t) + mix(low + e->port));
}

static uint64_t hash_of(const struct dis_flows *t, const struct dis_endpoint *from, const struct dis_endpoint *to)
{
    return hash_end(t, from) + hash_end(t, to);
}

static void unlink_age(struct dis_flows *t, struct dis_flow *flow)
{
    *(flow->older != NULL ? &flow->older->newer : &t->oldest) = flow->newer;
    *(flow->newer != NULL ? &flow->newer->older : &t->newest) = flow->older;
}

static void link_newest(struct dis_flows *t, struct dis_flow *flow)
{
    flow->newer = NULL;
    flow->older = t->newest;
    *(t->newest != NULL ? &t->newest->newer : &t->oldest) = flow;
    t->newest = flow;
}

static bool matches(const struct dis_flow *flow, const struct dis_endpoint *from, const struct dis_endpoint *to,
                    unsigned *way)
{
    if (dis_endpoint_equal(&flow->end[0], from) && dis_endpoint_equal(&flow->end[1], to))
        *way = 0;
    else if (dis_endpoint_equal(&flow->end[1], from) && dis_endpoint_equal(&flow->end[0], to))
        *way = 1;
    else
        return false;
    return true;
}

struct dis_flow *dis_flows_find(struct dis_flows *t, const struct dis_endpoint *from, const struct dis_endpoint *to,
                                unsigned *way)
{
    if (t->bucket_count == 0)
        return NULL;
    uint64_t hash = hash_of(t, from, to);
    for (struct dis_flow *flow = t->buckets[hash & (t->bucket_count - 1)]; flow != NULL; flow = flow->chain) {
        if (flow->hash != hash || !matches(flow, from, to, way))
            continue;
        if (t->newest != flow) {
            unlink_age(t, flow);
            link_newest(t, flow);
        }
        return flow;
    }
    return NULL;
}

/* Twice as many buckets; an old table stays in use where there is no memory. */
static void grow(struct dis_flows *t)
{
    size_t count = t->bucket_count == 0 ? 64 : 2 * t->bucket_count;
    struct dis_flow **buckets = calloc(count, sizeof(struct dis_flow *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i < t->bucket_count; i++)
        for (struct dis_flow *flow = t->buckets[i]; flow != NULL;) {
            struct dis_flow *next = flow->chain;
            flow->chain = buckets[flow->hash & (count - 1)];
            buckets[flow->hash & (count - 1)] = flow;
            flow = next;
        }
    free((void *)t->buckets);
    t->buckets = buckets;
    t->bucket_count = count;
}

bool dis_flows_add(struct dis_flows *t, struct dis_flow *flow, const struct dis_endpoint *from,
                   const struct dis_endpoint *to)
{
    if (t->count >= t->bucket_count)
        grow(t);
    if (t->bucket_count == 0)
        return false;
    flow->end[0] = *from;
    flow->end[1] = *to;
    flow->hash = hash_of(t, from, to);
    flow->number = t->numbers++;
    struct dis_flow **bucket = &t->buckets[flow->hash & (t->bucket_count - 1)];
    flow->chain = *bucket;
    *bucket = flow;
    link_newest(t, flow);
    t->count++;
    return true;
}

void dis_flows_remove(struct dis_flows *t, struct dis_flow *flow)
{
    struct dis_flow **link = &t->buckets[flow->hash & (t->bucket_count - 1)];
    while (*link != flow)
        link = &(*link)->chain;
    *link = flow->chain;
    unlink_age(t, flow);
    t->count--;
}

void dis_flows_free(struct dis_flows *t)
{
    free((void *)t->buckets);
    t->buckets = NULL;
    t->bucket_count = 0;
}
