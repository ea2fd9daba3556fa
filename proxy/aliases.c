/* Rows in a table of fixed size, found by cookie; addresses drawn at random. */
#include "aliases.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ADDRESSES (1u << 24)   /* of 127.0.0.0/8: the bits of the two sets */
#define RECENT    256          /* aliases that px_alias_recent() looks at */
#define DRAWS     64           /* before the addresses count as used up */
#define SPARE     (1ull << 63) /* no socket has a cookie like that: the kernel counts them from 1 */

bool px_aliases_open(struct px_aliases *a, uint32_t limit, int64_t now)
{
    uint32_t buckets = 16;
    while (buckets < limit)
        buckets *= 2;
    *a = (struct px_aliases){ .limit = limit, .mask = buckets - 1, .day = now };
    a->pending = a->spare = a->over = a->unused = (struct px_alias_list){ PX_ALIAS_NONE, PX_ALIAS_NONE };
    a->rows = calloc(limit, sizeof *a->rows);
    a->heads = malloc(buckets * sizeof *a->heads);
    a->given[0] = calloc(ADDRESSES / 8, 1);
    a->given[1] = calloc(ADDRESSES / 8, 1);
    if (a->heads)
        memset(a->heads, 0xff, buckets * sizeof *a->heads);
    return a->rows && a->heads && a->given[0] && a->given[1];
}

void px_aliases_free(struct px_aliases *a)
{
    free(a->rows);
    free(a->heads);
    free(a->given[0]);
    free(a->given[1]);
}

/* ---- addresses ---- */

static bool is_given(const uint8_t *set, uint32_t address)
{
    uint32_t bit = address % ADDRESSES;
    return set[bit / 8] >> bit % 8 & 1;
}

/* Two days are kept, so that an address rests for a whole one at least. */
static void turn_day(struct px_aliases *a, int64_t now)
{
    if (now - a->day < PX_ALIAS_REST)
        return;
    uint8_t *old = a->given[1];
    bool both = now - a->day >= 2 * PX_ALIAS_REST;
    memset(old, 0, ADDRESSES / 8);
    if (both)
        memset(a->given[0], 0, ADDRESSES / 8);
    a->given[1] = a->given[0];
    a->given[0] = old;
    a->day = now;
}

static bool is_resting(const struct px_aliases *a, uint32_t address)
{
    return is_given(a->given[0], address) || is_given(a->given[1], address);
}

/* A few at a time: the first is nearly always good. 0: they are used up. */
static uint32_t draw_address(struct px_aliases *a, int64_t now)
{
    uint32_t random[8];
    turn_day(a, now);
    for (unsigned i = 0; i < DRAWS; i++) {
        if (i % 8 == 0 && getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
            return 0;
        uint32_t address = PX_ALIAS_FIRST + random[i % 8] % (PX_ALIAS_LAST - PX_ALIAS_FIRST + 1);
        if (is_resting(a, address))
            continue;
        a->given[0][address % ADDRESSES / 8] |= (uint8_t)(1u << address % 8);
        return address;
    }
    return 0;
}

/* ---- lists and chains ---- */

static uint32_t index_of(const struct px_aliases *a, const struct px_alias *alias)
{
    return (uint32_t)(alias - a->rows);
}

static void list_append(struct px_aliases *a, struct px_alias_list *list, struct px_alias *alias)
{
    uint32_t index = index_of(a, alias);
    alias->older = list->newest;
    alias->newer = PX_ALIAS_NONE;
    *(list->newest == PX_ALIAS_NONE ? &list->oldest : &a->rows[list->newest].newer) = index;
    list->newest = index;
}

static void list_remove(struct px_aliases *a, struct px_alias_list *list, struct px_alias *alias)
{
    *(alias->older == PX_ALIAS_NONE ? &list->oldest : &a->rows[alias->older].newer) = alias->newer;
    *(alias->newer == PX_ALIAS_NONE ? &list->newest : &a->rows[alias->newer].older) = alias->older;
}

static uint32_t *head_of(const struct px_aliases *a, uint64_t cookie)
{
    return &a->heads[(uint32_t)((cookie * 0x9e3779b97f4a7c15u) >> 32) & a->mask];
}

static void unchain(struct px_aliases *a, struct px_alias *alias)
{
    uint32_t *at = head_of(a, alias->cookie);
    while (*at != index_of(a, alias))
        at = &a->rows[*at].next;
    *at = alias->next;
}

static struct px_alias_list *list_of(struct px_aliases *a, const struct px_alias *alias)
{
    switch (alias->state) {
    case PX_ALIAS_UNUSED:
        return &a->unused;
    case PX_ALIAS_SPARE:
        return &a->spare;
    case PX_ALIAS_PENDING:
        return &a->pending;
    default:
        return alias->state == PX_ALIAS_OVER ? &a->over : NULL;
    }
}

/* Whether it counts for its user. */
static bool is_awaited(const struct px_alias *alias)
{
    return alias->state == PX_ALIAS_PENDING || alias->state == PX_ALIAS_SPARE;
}

static void move(struct px_aliases *a, struct px_alias *alias, enum px_alias_state state)
{
    struct px_alias_list *list = list_of(a, alias);
    if (list)
        list_remove(a, list, alias);
    bool was_awaited = is_awaited(alias);
    alias->state = (uint8_t)state;
    if (was_awaited && !is_awaited(alias))
        px_asker_gives(&a->askers, alias->uid);
    list = list_of(a, alias);
    if (list)
        list_append(a, list, alias);
}

/* ---- the life of a row ---- */

struct px_alias *px_alias_find(const struct px_aliases *a, uint64_t cookie)
{
    uint32_t index = *head_of(a, cookie);
    while (index != PX_ALIAS_NONE && a->rows[index].cookie != cookie)
        index = a->rows[index].next;
    return index == PX_ALIAS_NONE ? NULL : &a->rows[index];
}

struct px_alias *px_alias_recent(const struct px_aliases *a, uint32_t address)
{
    uint32_t index = a->pending.newest;
    for (int i = 0; i < RECENT && index != PX_ALIAS_NONE; i++, index = a->rows[index].older)
        if (a->rows[index].address == address)
            return &a->rows[index];
    return NULL;
}

static void chain(struct px_aliases *a, struct px_alias *alias, uint64_t cookie)
{
    alias->cookie = cookie;
    alias->next = *head_of(a, cookie);
    *head_of(a, cookie) = index_of(a, alias);
}

static struct px_alias *new_row(struct px_aliases *a)
{
    if (a->unused.oldest != PX_ALIAS_NONE) {
        struct px_alias *unused = &a->rows[a->unused.oldest];
        move(a, unused, PX_ALIAS_FREE);
        return unused;
    }
    if (a->high < a->limit)
        return &a->rows[a->high++];
    if (a->over.oldest == PX_ALIAS_NONE)
        return NULL;
    struct px_alias *alias = &a->rows[a->over.oldest];
    move(a, alias, PX_ALIAS_FREE);
    unchain(a, alias);
    return alias;
}

struct px_alias *px_alias_grant(struct px_aliases *a, uint64_t cookie, uint32_t uid, bool wants_address, int64_t now)
{
    uint32_t address = wants_address ? draw_address(a, now) : 0;
    struct px_alias *alias = px_alias_find(a, cookie);
    if (wants_address && address == 0)
        return NULL;
    if (!alias) {
        alias = new_row(a);
        if (!alias)
            return NULL;
        *alias = (struct px_alias){ .uid = uid };
        chain(a, alias, cookie);
    }
    alias->address = address;
    alias->uid = uid;
    alias->serial = ++a->serial;
    alias->granted = now;
    move(a, alias, PX_ALIAS_PENDING);
    return alias;
}

struct px_alias *px_alias_spare(struct px_aliases *a, uint32_t uid, int64_t now)
{
    bool has_room = px_asker_takes(&a->askers, uid);
    uint32_t address = has_room ? draw_address(a, now) : 0;
    struct px_alias *alias = address ? new_row(a) : NULL;
    if (!alias) {
        if (has_room)
            px_asker_gives(&a->askers, uid);
        return NULL;
    }
    *alias = (struct px_alias){ .address = address, .uid = uid, .granted = now, .serial = ++a->serial };
    chain(a, alias, SPARE | address);
    move(a, alias, PX_ALIAS_SPARE);
    return alias;
}

struct px_alias *px_alias_find_spare(const struct px_aliases *a, uint32_t address)
{
    return px_alias_find(a, SPARE | address);
}

void px_alias_drop(struct px_aliases *a, struct px_alias *spare)
{
    unchain(a, spare);
    move(a, spare, PX_ALIAS_UNUSED);
}

struct px_alias *px_alias_claim(struct px_aliases *a, struct px_alias *spare, uint64_t cookie)
{
    struct px_alias *known = px_alias_find(a, cookie);
    if (known) { /* what the socket was led to before is forgotten */
        unchain(a, known);
        move(a, known, PX_ALIAS_UNUSED);
    }
    unchain(a, spare);
    chain(a, spare, cookie);
    move(a, spare, PX_ALIAS_PENDING);
    return spare;
}

void px_alias_taken(struct px_aliases *a, struct px_alias *alias)
{
    move(a, alias, PX_ALIAS_TAKEN);
}

void px_alias_over(struct px_aliases *a, uint64_t cookie, uint32_t serial)
{
    struct px_alias *alias = px_alias_find(a, cookie);
    if (alias && alias->serial == serial)
        move(a, alias, PX_ALIAS_OVER);
}

struct px_alias *px_aliases_oldest(const struct px_aliases *a)
{
    return a->pending.oldest == PX_ALIAS_NONE ? NULL : &a->rows[a->pending.oldest];
}

struct px_alias *px_aliases_oldest_spare(const struct px_aliases *a)
{
    return a->spare.oldest == PX_ALIAS_NONE ? NULL : &a->rows[a->spare.oldest];
}

struct px_alias *px_alias_newer(const struct px_aliases *a, const struct px_alias *alias)
{
    return alias->newer == PX_ALIAS_NONE ? NULL : &a->rows[alias->newer];
}
