/* A binary heap with the position of every entry, so that a deadline moves in O(log n) and allocates nothing. */
#include "deadline.h"

#include <stdlib.h>

bool pol_deadlines_init(struct pol_deadlines *d, uint32_t capacity)
{
    *d = (struct pol_deadlines){ .capacity = capacity };
    d->heap = calloc(capacity, sizeof *d->heap);
    d->position = calloc(capacity, sizeof *d->position);
    d->at = calloc(capacity, sizeof *d->at);
    return d->heap && d->position && d->at;
}

void pol_deadlines_free(struct pol_deadlines *d)
{
    free(d->heap);
    free(d->position);
    free(d->at);
    *d = (struct pol_deadlines){ 0 };
}

static void place(struct pol_deadlines *d, uint32_t index, uint32_t who)
{
    d->heap[index] = who;
    d->position[who] = index + 1;
}

static void sift_up(struct pol_deadlines *d, uint32_t index)
{
    uint32_t who = d->heap[index];
    while (index > 0) {
        uint32_t parent = (index - 1) / 2;
        if (d->at[d->heap[parent]] <= d->at[who])
            break;
        place(d, index, d->heap[parent]);
        index = parent;
    }
    place(d, index, who);
}

static void sift_down(struct pol_deadlines *d, uint32_t index)
{
    uint32_t who = d->heap[index];
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= d->count)
            break;
        if (child + 1 < d->count && d->at[d->heap[child + 1]] < d->at[d->heap[child]])
            child++;
        if (d->at[who] <= d->at[d->heap[child]])
            break;
        place(d, index, d->heap[child]);
        index = child;
    }
    place(d, index, who);
}

static void take_out(struct pol_deadlines *d, uint32_t who)
{
    uint32_t index = d->position[who] - 1;
    uint32_t last = d->heap[--d->count];
    d->position[who] = 0;
    if (last == who)
        return;
    place(d, index, last);
    sift_up(d, index);
    sift_down(d, d->position[last] - 1);
}

void pol_deadline_set(struct pol_deadlines *d, uint32_t who, int64_t at)
{
    if (at == POL_NEVER) {
        if (d->position[who])
            take_out(d, who);
        return;
    }
    d->at[who] = at;
    if (!d->position[who])
        place(d, d->count++, who);
    sift_up(d, d->position[who] - 1);
    sift_down(d, d->position[who] - 1);
}

void pol_deadline_hasten(struct pol_deadlines *d, uint32_t who, int64_t at)
{
    if (d->position[who] && d->at[who] > at)
        pol_deadline_set(d, who, at);
}

int64_t pol_deadline_at(const struct pol_deadlines *d, uint32_t who)
{
    return d->position[who] ? d->at[who] : POL_NEVER;
}

int64_t pol_deadline_first(const struct pol_deadlines *d)
{
    return d->count ? d->at[d->heap[0]] : POL_NEVER;
}

bool pol_deadline_pop(struct pol_deadlines *d, int64_t now, uint32_t *who)
{
    if (!d->count || d->at[d->heap[0]] > now)
        return false;
    *who = d->heap[0];
    take_out(d, *who);
    return true;
}
