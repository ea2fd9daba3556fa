/* A state machine as data: each state has a name and the set of states that may follow. */
#ifndef POL_LIFE_H
#define POL_LIFE_H

#include <assert.h>
#include <stdint.h>

struct pol_life {
    const char *name;
    unsigned may_become; /* bit n: state n */
};

#define POL_MAY(state) (1u << (state))

static inline void pol_move(const struct pol_life *life, uint8_t *state, unsigned to)
{
    assert(life[*state].may_become & POL_MAY(to));
    *state = (uint8_t)to;
}

#endif
