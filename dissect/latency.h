/* How long calls took: a bounded count from which medians and percentiles come, each off by at most a sixteenth. */
#ifndef DIS_LATENCY_H
#define DIS_LATENCY_H

#include <stdint.h>

#define DIS_LATENCY_BUCKETS 496u /* eight for each power of two of ns */

/* Zero-initialise. */
struct dis_latency {
    uint64_t count;
    int64_t least; /* ns */
    int64_t most;
    uint32_t buckets[DIS_LATENCY_BUCKETS];
};

void dis_latency_add(struct dis_latency *l, int64_t ns);

/* ns within which `percent` of the calls were answered; -1 where there are none. */
int64_t dis_latency_percentile(const struct dis_latency *l, unsigned percent);

#endif
