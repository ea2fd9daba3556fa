/* A heap of what is to happen, first come first served within one microsecond. */
#include "agenda.h"

#include <assert.h>

#define ROOM 65536u

struct entry {
    int64_t when;
    uint64_t order;
    agenda_job *what;
    void *who;
    uint32_t number;
};

int64_t now;
static struct entry heap[ROOM];
static uint32_t count;
static uint64_t order;

void agenda_begin(void)
{
    count = 0;
    order = 0;
    now = 1000 * SECOND; /* a machine that has been up for a while */
}

static bool comes_before(const struct entry *a, const struct entry *b)
{
    return a->when != b->when ? a->when < b->when : a->order < b->order;
}

void agenda_at(int64_t when, agenda_job *what, void *who, uint32_t number)
{
    assert(count < ROOM);
    struct entry e = { when > now ? when : now, ++order, what, who, number };
    uint32_t at = count++;
    for (; at > 0 && comes_before(&e, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = e;
}

int64_t agenda_next(void)
{
    return count ? heap[0].when : NO_TIME;
}

static struct entry take_first(void)
{
    struct entry first = heap[0], last = heap[--count];
    uint32_t at = 0, child;
    while ((child = 2 * at + 1) < count) {
        if (child + 1 < count && comes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

void agenda_run_one(void)
{
    struct entry e = take_first();
    if (e.when > now)
        now = e.when;
    e.what(e.who, e.number);
}

void agenda_spend(int64_t us)
{
    now += us;
}
