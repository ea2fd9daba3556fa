/* A binary heap. */
#include "inspect_agenda.h"

#include <stdlib.h>

static bool is_before(const struct agenda_item *a, const struct agenda_item *b)
{
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

static void swap(struct agenda_item *a, struct agenda_item *b)
{
    struct agenda_item kept = *a;
    *a = *b;
    *b = kept;
}

void agenda_put(struct agenda *a, struct agenda_item item)
{
    if (a->count == a->room) {
        a->room = a->room == 0 ? 64 : 2 * a->room;
        a->items = reallocarray(a->items, a->room, sizeof(*a->items));
        if (a->items == NULL)
            abort();
    }
    size_t i = a->count++;
    item.order = a->orders++;
    a->items[i] = item;
    for (; i > 0 && is_before(&a->items[i], &a->items[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&a->items[i], &a->items[(i - 1) / 2]);
}

bool agenda_take(struct agenda *a, struct agenda_item *item)
{
    if (a->count == 0)
        return false;
    *item = a->items[0];
    a->items[0] = a->items[--a->count];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < a->count; child++)
            if (is_before(&a->items[child], &a->items[least]))
                least = child;
        if (least == i)
            return true;
        swap(&a->items[i], &a->items[least]);
        i = least;
    }
}

int64_t agenda_next(const struct agenda *a)
{
    return a->count > 0 ? a->items[0].time : INT64_MAX;
}

void agenda_free(struct agenda *a)
{
    free(a->items);
}
