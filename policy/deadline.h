/* When each client and link is next due: a binary heap in which an entry can be moved. */
#ifndef POL_DEADLINE_H
#define POL_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#define POL_NEVER INT64_MAX

/* An entry's `who` is chosen by the owner of the heap and below its capacity; each has at most one deadline. */
struct pol_deadlines {
    uint32_t *heap;     /* of who, earliest first */
    uint32_t *position; /* by who: index into heap + 1; 0: none */
    int64_t *at;        /* by who, ms */
    uint32_t count;
    uint32_t capacity;
};

bool pol_deadlines_init(struct pol_deadlines *d, uint32_t capacity); /* false: no memory */
void pol_deadlines_free(struct pol_deadlines *d);

void pol_deadline_set(struct pol_deadlines *d, uint32_t who, int64_t at); /* POL_NEVER takes it out */

/* Brings the deadline forward to `at`; where there is none, or an earlier one, nothing changes. */
void pol_deadline_hasten(struct pol_deadlines *d, uint32_t who, int64_t at);

int64_t pol_deadline_at(const struct pol_deadlines *d, uint32_t who); /* POL_NEVER: it has none */
int64_t pol_deadline_first(const struct pol_deadlines *d);            /* POL_NEVER: none */

/* Takes out the earliest entry that is due at `now`; false when there is none. */
bool pol_deadline_pop(struct pol_deadlines *d, int64_t now, uint32_t *who);

#endif
