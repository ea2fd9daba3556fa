/* Association groups, guarded: a server lets anybody from one address join a group (MS-RPCE 3.3.1.5.7), and behind a
 * proxy everybody has one address. So we remember whom each group was granted to.
 *
 * A group without links is remembered for a while: the server may not have noticed yet that it is empty. */
#include "brain.h"

#define REMEMBERED 60000 /* ms */

static uint32_t bucket(const struct pol_brain *b, uint32_t member, uint32_t id)
{
    uint64_t h = (b->seed ^ id ^ ((uint64_t)member << 32)) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32) & b->hash_mask;
}

static uint32_t find(const struct pol_brain *b, uint32_t member, uint32_t id)
{
    uint32_t row = b->group_heads[bucket(b, member, id)];
    while (row != POL_NONE && (b->groups[row].member != member || b->groups[row].id != id))
        row = b->groups[row].next;
    return row;
}

static void unlink_empty(struct pol_brain *b, struct group *g)
{
    *(g->older == POL_NONE ? &b->group_oldest : &b->groups[g->older].newer) = g->newer;
    *(g->newer == POL_NONE ? &b->group_newest : &b->groups[g->newer].older) = g->older;
}

static void forget(struct pol_brain *b, uint32_t row)
{
    struct group *g = &b->groups[row];
    uint32_t *at = &b->group_heads[bucket(b, g->member, g->id)];
    while (*at != row)
        at = &b->groups[*at].next;
    *at = g->next;
    unlink_empty(b, g);
    g->next = b->group_free;
    b->group_free = row;
}

static void forget_old(struct pol_brain *b)
{
    while (b->group_oldest != POL_NONE && b->groups[b->group_oldest].released + REMEMBERED <= b->now)
        forget(b, b->group_oldest);
}

/* There are twice as many rows as links, so one is free or empty. */
static uint32_t new_row(struct pol_brain *b)
{
    if (b->group_free == POL_NONE && b->group_high < b->group_rows)
        return b->group_high++;
    if (b->group_free == POL_NONE)
        forget(b, b->group_oldest);
    uint32_t row = b->group_free;
    b->group_free = b->groups[row].next;
    return row;
}

enum group_verdict pol_group_ask(struct pol_brain *b, uint32_t first, uint32_t count, uint32_t id,
                                 struct pol_identity who, uint32_t *member)
{
    enum group_verdict verdict = GROUP_UNKNOWN;
    forget_old(b);
    for (uint32_t m = first; m < first + count; m++) {
        uint32_t row = find(b, m, id);
        if (row == POL_NONE)
            continue;
        if (b->groups[row].identity.high == who.high && b->groups[row].identity.low == who.low) {
            *member = m;
            return GROUP_OWN;
        }
        verdict = GROUP_FOREIGN;
    }
    return verdict;
}

/* A server that grants an id again has forgotten whoever held it before. */
void pol_group_granted(struct pol_brain *b, uint32_t link, uint32_t id, struct pol_identity who)
{
    struct link *l = &b->links[link];
    if (id == 0 || l->group_entry != POL_NONE)
        return;
    forget_old(b);
    uint32_t row = find(b, l->member, id);
    if (row == POL_NONE) {
        row = new_row(b);
        uint32_t *head = &b->group_heads[bucket(b, l->member, id)];
        b->groups[row] = (struct group){ .member = l->member, .id = id, .next = *head };
        *head = row;
    } else if (b->groups[row].links == 0) {
        unlink_empty(b, &b->groups[row]);
    }
    b->groups[row].identity = who;
    b->groups[row].links++;
    l->group_entry = row;
}

void pol_group_left(struct pol_brain *b, uint32_t link)
{
    uint32_t row = b->links[link].group_entry;
    if (row == POL_NONE)
        return;
    b->links[link].group_entry = POL_NONE;
    struct group *g = &b->groups[row];
    if (--g->links > 0)
        return;
    g->released = b->now;
    g->newer = POL_NONE;
    g->older = b->group_newest;
    *(g->older == POL_NONE ? &b->group_oldest : &b->groups[g->older].newer) = row;
    b->group_newest = row;
}
