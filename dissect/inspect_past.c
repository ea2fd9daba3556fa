/* Sights by member and time; the latest one before a time counts for it. */
#include "inspect_past.h"

#include <stdlib.h>

#include "latency.h"

enum { OPERATIONS_MOST = 4096, SLOTS = 2 * OPERATIONS_MOST };

struct past_key {
    uint32_t server;
    bool all; /* operations of it */
    bool has_interface;
    uint16_t opnum;
    struct dis_syntax interface;
};

struct past_operation {
    struct past_key key;
    struct dis_latency latency;
};

/* ---- states ---- */

void past_see(struct past *p, uint32_t member, int64_t time, enum past_state state)
{
    if (p->count == p->room) {
        p->room = p->room == 0 ? 1024 : 2 * p->room;
        p->sights = reallocarray(p->sights, p->room, sizeof(*p->sights));
        if (p->sights == NULL)
            abort();
    }
    p->sights[p->count] = (struct past_sight){ .time = time, .member = member, .order = p->count, .state = state };
    p->count++;
}

static int by_member(const void *a, const void *b)
{
    const struct past_sight *x = a;
    const struct past_sight *y = b;
    if (x->member != y->member)
        return x->member < y->member ? -1 : 1;
    return x->time != y->time ? (x->time < y->time ? -1 : 1) : (x->order > y->order) - (x->order < y->order);
}

static bool is_of_same(const struct past *p, uint32_t i, uint32_t other)
{
    return other < p->count && p->sights[other].member == p->sights[i].member;
}

void past_settle(struct past *p)
{
    if (p->count > 1)
        qsort(p->sights, p->count, sizeof(*p->sights), by_member);
    for (uint32_t i = p->count; i-- > 0;)
        if (p->sights[i].state == PAST_ENDED && is_of_same(p, i, i + 1) && p->sights[i + 1].state == PAST_REFUSED)
            p->sights[i].state = PAST_REFUSED;
    for (uint32_t i = 0; i < p->count; i++)
        if (p->sights[i].state == PAST_ENDED)
            p->sights[i].state = i > 0 && is_of_same(p, i, i - 1) ? p->sights[i - 1].state : PAST_WELL;
}

/* The first one that is of a later member, or behind that time. */
static uint32_t behind(const struct past *p, uint32_t member, int64_t time)
{
    uint32_t low = 0;
    uint32_t high = p->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct past_sight *s = &p->sights[middle];
        if (s->member < member || (s->member == member && s->time <= time))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum past_state past_at(const struct past *p, uint32_t member, int64_t time)
{
    uint32_t i = behind(p, member, time);
    return i > 0 && p->sights[i - 1].member == member ? p->sights[i - 1].state : PAST_WELL;
}

bool past_goes_away(const struct past *p, uint32_t index)
{
    bool is_first = index == 0 || !is_of_same(p, index, index - 1);
    return p->sights[index].state == PAST_REFUSED && (is_first || p->sights[index - 1].state != PAST_REFUSED);
}

/* ---- operations ---- */

static bool is_same(const struct past_key *a, const struct past_key *b)
{
    return a->server == b->server && a->all == b->all && a->has_interface == b->has_interface &&
           a->opnum == b->opnum && dis_syntax_equal(&a->interface, &b->interface);
}

static uint32_t slot_of(const struct past *p, const struct past_key *key)
{
    uint32_t hash = (key->server * 31u + key->opnum + key->all) * 2654435761u;
    for (unsigned i = 0; i < 4; i++)
        hash = (hash ^ key->interface.uuid.bytes[i]) * 16777619u;
    uint32_t slot = hash % SLOTS;
    while (p->operations[slot] != NULL && !is_same(&p->operations[slot]->key, key))
        slot = (slot + 1) % SLOTS;
    return slot;
}

static struct past_operation *find_or_add(struct past *p, const struct past_key *key)
{
    if (p->operations == NULL && (p->operations = calloc(SLOTS, sizeof(*p->operations))) == NULL)
        abort();
    struct past_operation **slot = &p->operations[slot_of(p, key)];
    if (*slot != NULL || p->operation_count == OPERATIONS_MOST)
        return *slot;
    *slot = calloc(1, sizeof(**slot));
    if (*slot == NULL)
        abort();
    (*slot)->key = *key;
    p->operation_count++;
    return *slot;
}

struct past_operation *past_operation(struct past *p, uint32_t server, const struct dis_call *call)
{
    struct past_key key = { .server = server, .has_interface = call->has_interface, .opnum = call->opnum };
    if (call->has_interface)
        key.interface = call->interface;
    return find_or_add(p, &key);
}

void past_answer(struct past *p, uint32_t server, struct past_operation *operation, int64_t took)
{
    struct past_operation *all = find_or_add(p, &(struct past_key){ .server = server, .all = true });
    if (operation != NULL)
        dis_latency_add(&operation->latency, took);
    if (all != NULL)
        dis_latency_add(&all->latency, took);
}

int64_t past_expected(const struct past *p, uint32_t server, const struct past_operation *operation)
{
    const struct past_key key = { .server = server, .all = true };
    if (operation != NULL && operation->latency.count > 0)
        return dis_latency_percentile(&operation->latency, 50);
    const struct past_operation *all = p->operations != NULL ? p->operations[slot_of(p, &key)] : NULL;
    return all != NULL ? dis_latency_percentile(&all->latency, 50) : -1;
}

void past_free(struct past *p)
{
    for (uint32_t i = 0; p->operations != NULL && i < SLOTS; i++)
        free(p->operations[i]);
    free((void *)p->operations);
    free(p->sights);
}
