/* Where chance comes from: one stream a schedule, so that a seed is the whole schedule. */
#ifndef SIM_DRAW_H
#define SIM_DRAW_H

#include <stdbool.h>
#include <stdint.h>

extern uint64_t draw_state;

static inline void draw_begin(uint64_t seed)
{
    draw_state = seed * 0x9e3779b97f4a7c15u + 0x1234567;
}

static inline uint64_t draw(void)
{
    uint64_t z = draw_state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 to limit - 1; 0 where the limit is 0. */
static inline uint32_t below(uint32_t limit)
{
    return (uint32_t)((draw() >> 32) * limit >> 32);
}

static inline uint32_t between(uint32_t least, uint32_t most)
{
    return least + below(most - least + 1);
}

static inline bool chance(uint32_t percent)
{
    return below(100) < percent;
}

#endif
