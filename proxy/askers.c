/* A row for each user that waits for anything: few, so they are looked through. */
#include "askers.h"

static uint32_t row_of(const struct px_askers *a, uint32_t uid)
{
    uint32_t i = 0;
    while (i < a->count && a->rows[i].uid != uid)
        i++;
    return i;
}

uint32_t px_asker_room(const struct px_askers *a, uint32_t uid)
{
    uint32_t i = row_of(a, uid);
    return i == PX_ASKERS_MOST ? 0 : i == a->count ? PX_ASKER_MOST : PX_ASKER_MOST - a->rows[i].waits;
}

bool px_asker_takes(struct px_askers *a, uint32_t uid)
{
    uint32_t i = row_of(a, uid);
    if (px_asker_room(a, uid) == 0)
        return false;
    if (i == a->count)
        a->rows[a->count++] = (struct px_asker){ .uid = uid };
    a->rows[i].waits++;
    return true;
}

void px_asker_gives(struct px_askers *a, uint32_t uid)
{
    uint32_t i = row_of(a, uid);
    if (i < a->count && --a->rows[i].waits == 0)
        a->rows[i] = a->rows[--a->count];
}
