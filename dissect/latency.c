/* Values below eight have a bucket each; above, the three bits behind the highest one choose among eight. */
#include "latency.h"

static unsigned bucket_of(int64_t ns)
{
    uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
    if (value < 8)
        return (unsigned)value;
    unsigned power = 63u - (unsigned)__builtin_clzll(value);
    return (power - 2) * 8 + (unsigned)(value >> (power - 3) & 7);
}

/* The middle of a bucket. */
static int64_t middle_of(unsigned bucket)
{
    if (bucket < 8)
        return bucket;
    unsigned shift = bucket / 8 - 1;
    return (int64_t)(((uint64_t)(8 + bucket % 8) << shift) + ((1ull << shift) >> 1));
}

void dis_latency_add(struct dis_latency *l, int64_t ns)
{
    if (l->count == 0 || ns < l->least)
        l->least = ns;
    if (l->count == 0 || ns > l->most)
        l->most = ns;
    l->count++;
    l->buckets[bucket_of(ns)]++;
}

int64_t dis_latency_percentile(const struct dis_latency *l, unsigned percent)
{
    uint64_t wanted = (l->count * percent + 99) / 100;
    uint64_t seen = 0;
    if (l->count == 0)
        return -1;
    for (unsigned i = 0; i < DIS_LATENCY_BUCKETS; i++) {
        seen += l->buckets[i];
        if (seen < wanted || l->buckets[i] == 0)
            continue;
        int64_t value = middle_of(i);
        return value < l->least ? l->least : value > l->most ? l->most : value;
    }
    return l->most;
}
