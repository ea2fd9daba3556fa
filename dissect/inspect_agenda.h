/* What is to happen in virtual time: the earliest first, and of one time in the order in which it was put there. */
#ifndef INSPECT_AGENDA_H
#define INSPECT_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agenda_item {
    int64_t time;
    uint64_t order; /* set by agenda_put() */
    uint8_t what;
    uint32_t index;
    uint32_t generation;
};

/* Zero-initialise; agenda_free() after use. */
struct agenda {
    struct agenda_item *items; /* a heap */
    size_t count;
    size_t room;
    uint64_t orders;
};

void agenda_put(struct agenda *a, struct agenda_item item);

/* The next one, taken off; false where there is none. */
bool agenda_take(struct agenda *a, struct agenda_item *item);

/* When it is; INT64_MAX where there is none. */
int64_t agenda_next(const struct agenda *a);

void agenda_free(struct agenda *a);

#endif
