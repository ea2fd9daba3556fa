/* How often each call was executed, for answers that tell; a table with open addressing that only grows. */
#include "server.h"

#include <err.h>
#include <stdlib.h>

#define FIRST_ROWS 65536u

struct row {
    uint64_t own_id;
    uint32_t count; /* 0: the row is free */
};

static struct row *rows;
static size_t row_count; /* a power of two */
static size_t used;

/* Ids of one client differ in their low bits only. */
static size_t place_of(uint64_t own_id)
{
    return (size_t)((own_id * 0x9e3779b97f4a7c15u) >> 32) & (row_count - 1);
}

static struct row *find(uint64_t own_id)
{
    size_t at = place_of(own_id);
    while (rows[at].count > 0 && rows[at].own_id != own_id)
        at = (at + 1) & (row_count - 1);
    return &rows[at];
}

static void grow(void)
{
    struct row *old = rows;
    size_t old_count = row_count;
    row_count = old_count == 0 ? FIRST_ROWS : 2 * old_count;
    rows = calloc(row_count, sizeof *rows);
    if (rows == NULL)
        err(1, "tally");
    for (size_t i = 0; i < old_count; i++)
        if (old[i].count > 0)
            *find(old[i].own_id) = old[i];
    free(old);
}

uint32_t srv_tally(uint64_t own_id)
{
    if (2 * used >= row_count)
        grow();
    struct row *row = find(own_id);
    if (row->count == 0)
        used++;
    row->own_id = own_id;
    return ++row->count;
}
