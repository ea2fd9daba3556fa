/* Association groups, guarded: a server lets anybody from one address join a group (MS-RPCE 3.3.1.5.7), and behind a
 * proxy everybody has one address. So we remember whom each group was granted to.
 *
 * A server is known by its address: other settings may give it other members, or two servers one and the same.
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

/* Groups are of the server that stands at an address. */
static uint32_t place_of(const struct pol_brain *b, uint32_t member)
{
    uint32_t twin = member < b->member_count ? b->members[member].settings.twin : 0;
    return twin ? twin - 1 : member;
}

enum group_verdict pol_group_ask(struct pol_brain *b, uint32_t first, uint32_t count, uint32_t id,
                                 struct pol_identity who, uint32_t *member)
{
    enum group_verdict verdict = GROUP_UNKNOWN;
    forget_old(b);
    for (uint32_t m = first; m < first + count; m++) {
        uint32_t row = find(b, place_of(b, m), id);
        if (row == POL_NONE)
            continue;
        if (pol_identity_equal(b->groups[row].identity, who)) {
            *member = m;
            return GROUP_OWN;
        }
        verdict = GROUP_FOREIGN;
    }
    return verdict;
}

/* Takes it up again, or a new row. A server that grants an id again has forgotten whoever held it before. */
static uint32_t enter(struct pol_brain *b, uint32_t member, uint32_t id, struct pol_identity who)
{
    forget_old(b);
    member = place_of(b, member);
    uint32_t row = find(b, member, id);
    if (row == POL_NONE) {
        row = new_row(b);
        uint32_t *head = &b->group_heads[bucket(b, member, id)];
        b->groups[row] = (struct group){ .member = member, .id = id, .next = *head };
        *head = row;
    } else if (b->groups[row].links == 0) {
        unlink_empty(b, &b->groups[row]);
    }
    b->groups[row].identity = who;
    b->groups[row].links++;
    return row;
}

static void leave(struct pol_brain *b, uint32_t row)
{
    struct group *g = &b->groups[row];
    if (--g->links > 0)
        return;
    g->released = b->now;
    g->newer = POL_NONE;
    g->older = b->group_newest;
    *(g->older == POL_NONE ? &b->group_oldest : &b->groups[g->older].newer) = row;
    b->group_newest = row;
}

void pol_group_granted(struct pol_brain *b, uint32_t link, uint32_t id, struct pol_identity who)
{
    struct link *l = &b->links[link];
    if (id != 0 && l->group_entry == POL_NONE)
        l->group_entry = enter(b, l->member, id, who);
}

void pol_group_left(struct pol_brain *b, uint32_t link)
{
    uint32_t row = b->links[link].group_entry;
    b->links[link].group_entry = POL_NONE;
    if (row != POL_NONE)
        leave(b, row);
}

/* ---- groups of plain clients ---- */

/* Servers count theirs from low numbers, or put the number of a process into the upper half: so not these. */
#define MADE_UP 0xe0000000u

uint32_t pol_group_make(struct pol_brain *b, uint32_t client, uint32_t id)
{
    struct client *c = &b->clients[client];
    uint32_t of_server = POL_OF_SERVER(c->server);
    if (c->group_entry == POL_NONE) {
        while (id == 0)
            if (find(b, of_server, id = MADE_UP + (++b->groups_made & 0xffffffu)) != POL_NONE)
                id = 0;
        c->group_entry = enter(b, of_server, id, c->identity);
    }
    return b->groups[c->group_entry].id;
}

enum group_verdict pol_group_ask_made(struct pol_brain *b, uint32_t client, uint32_t id)
{
    struct client *c = &b->clients[client];
    uint32_t member, of_server = POL_OF_SERVER(c->server);
    enum group_verdict verdict = pol_group_ask(b, of_server, 1, id, c->identity, &member);
    bool is_empty = verdict == GROUP_OWN && b->groups[find(b, of_server, id)].links == 0;
    return is_empty ? GROUP_UNKNOWN : verdict; /* a server forgets it with its last connection */
}

void pol_group_leave(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    uint32_t row = c->group_entry;
    c->group_entry = POL_NONE;
    if (row != POL_NONE)
        leave(b, row);
}

uint32_t pol_group_of_server(const struct pol_brain *b, uint32_t client, uint32_t member)
{
    uint32_t row = b->clients[client].group_entry;
    const struct group *g = row == POL_NONE ? NULL : &b->groups[row];
    uint32_t place = place_of(b, member);
    bool lives = g && g->granted != 0 && g->granted_by == member && find(b, place, g->granted) != POL_NONE &&
                 b->groups[find(b, place, g->granted)].links > 0;
    return lives ? g->granted : 0;
}

void pol_group_learned(struct pol_brain *b, uint32_t client, uint32_t member, uint32_t id)
{
    struct group *g = &b->groups[b->clients[client].group_entry];
    g->granted = id;
    g->granted_by = member;
}

uint32_t pol_group_member(const struct pol_brain *b, uint32_t client)
{
    const struct group *g = &b->groups[b->clients[client].group_entry];
    return g->granted && pol_group_of_server(b, client, g->granted_by) ? g->granted_by : POL_NONE;
}
