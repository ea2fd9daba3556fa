/* Who may be inside a server, and who waits: RpcServerListen's MaxCalls, in turns. And how many
 * clients one address may have. */
#include "brain.h"

/* ---- the line ---- */

/* Addresses with waiting calls take turns, and each has its calls served in the order in which they came: whoever has a
 * thousand does not starve whoever has one. The ring runs from the one whose turn it is. */
static void join_ring(struct pol_brain *b, struct server *s, uint32_t row)
{
    struct address *a = &b->addresses[row];
    if (s->turn == POL_NONE) {
        a->turn_next = a->turn_previous = row;
        s->turn = row;
        return;
    }
    a->turn_next = s->turn;
    a->turn_previous = b->addresses[s->turn].turn_previous;
    b->addresses[a->turn_previous].turn_next = row;
    b->addresses[s->turn].turn_previous = row;
}

static void leave_ring(struct pol_brain *b, struct server *s, uint32_t row)
{
    struct address *a = &b->addresses[row];
    b->addresses[a->turn_previous].turn_next = a->turn_next;
    b->addresses[a->turn_next].turn_previous = a->turn_previous;
    if (s->turn == row)
        s->turn = a->turn_next == row ? POL_NONE : a->turn_next;
}

static void join_line(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct server *s = &b->servers[k->server];
    uint32_t row = b->clients[k->client].address;
    struct address *a = &b->addresses[row];
    if (a->line_first == POL_NONE)
        join_ring(b, s, row);
    k->in_line = true;
    k->line_next = POL_NONE;
    k->line_previous = a->line_last;
    *(a->line_last == POL_NONE ? &a->line_first : &b->calls[a->line_last].line_next) = call;
    a->line_last = call;
    s->waiting++;
    b->line_total++;
}

static void leave_line(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct server *s = &b->servers[k->server];
    uint32_t row = b->clients[k->client].address;
    struct address *a = &b->addresses[row];
    k->in_line = false;
    *(k->line_previous == POL_NONE ? &a->line_first : &b->calls[k->line_previous].line_next) = k->line_next;
    *(k->line_next == POL_NONE ? &a->line_last : &b->calls[k->line_next].line_previous) = k->line_previous;
    s->waiting--;
    b->line_total--;
    if (a->line_first == POL_NONE)
        leave_ring(b, s, row);
}

static bool has_slot(const struct server *s)
{
    return !s->draining && (s->settings.calls == 0 || s->inside < s->settings.calls);
}

enum admission pol_admit(struct pol_brain *b, uint32_t call)
{
    struct server *s = &b->servers[b->calls[call].server];
    if (b->calls[call].rules.pending)
        return s->draining ? REFUSED : ADMITTED;
    if (has_slot(s) && s->waiting == 0) {
        s->inside++;
        return ADMITTED;
    }
    if (s->settings.calls && s->abandoned >= s->settings.calls) {
        pol_server_suspect(b, b->calls[call].server);
        return REFUSED;
    }
    if (s->waiting >= s->settings.waiting_length)
        return REFUSED;
    join_line(b, call);
    return IN_LINE;
}

void pol_admit_leave(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    b->servers[k->server].abandoned -= k->state == CALL_ABANDONED;
    if (k->in_line)
        leave_line(b, call);
    else if (k->state != CALL_WAITING && !k->rules.pending)
        b->servers[k->server].inside--;
}

/* The call whose turn it is leaves the line; the turn passes on. */
static uint32_t next_in_line(struct pol_brain *b, struct server *s)
{
    uint32_t row = s->turn;
    uint32_t call = b->addresses[row].line_first;
    s->turn = b->addresses[row].turn_next;
    leave_line(b, call);
    return call;
}

void pol_admit_drain(struct pol_brain *b, const struct pol_event *e)
{
    if (e->server < b->server_count)
        b->servers[e->server].draining = e->on;
}

bool pol_server_draining(const struct pol_brain *b, uint32_t server)
{
    return b->servers[server].draining;
}

bool pol_admit_sweep(struct pol_brain *b)
{
    for (uint32_t i = 0; b->line_total && i < b->server_count; i++) {
        struct server *s = &b->servers[i];
        while (s->waiting && has_slot(s)) {
            if (!pol_has_room(b))
                return true;
            uint32_t call = next_in_line(b, s);
            s->inside++;
            pol_call_lease(b, call);
        }
    }
    return false;
}

/* ---- clients by address ---- */

static uint32_t bucket(const struct pol_brain *b, uint32_t listener, struct pol_identity who)
{
    uint64_t h = (b->seed ^ who.high ^ listener) * 0x9e3779b97f4a7c15u;
    h = ((h >> 29) ^ h ^ who.low) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)(h >> 32) & b->hash_mask;
}

static uint32_t find(const struct pol_brain *b, uint32_t row, uint32_t listener, struct pol_identity who)
{
    while (row != POL_NONE) {
        const struct address *a = &b->addresses[row];
        if (a->listener == listener && a->identity.high == who.high && a->identity.low == who.low)
            break;
        row = a->next;
    }
    return row;
}

void pol_address_enter(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    uint32_t *head = &b->address_heads[bucket(b, c->listener, c->identity)];
    uint32_t row = find(b, *head, c->listener, c->identity);
    if (row == POL_NONE) { /* there are as many rows as clients */
        row = b->address_free;
        if (row == POL_NONE)
            row = b->address_high++;
        else
            b->address_free = b->addresses[row].next;
        b->addresses[row] = (struct address){ .identity = c->identity,
                                              .listener = c->listener,
                                              .next = *head,
                                              .line_first = POL_NONE,
                                              .line_last = POL_NONE };
        *head = row;
    }
    b->addresses[row].clients++;
    c->address = row;
}

void pol_address_leave(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    uint32_t row = c->address;
    if (--b->addresses[row].clients > 0)
        return;
    uint32_t *at = &b->address_heads[bucket(b, c->listener, c->identity)];
    while (*at != row)
        at = &b->addresses[*at].next;
    *at = b->addresses[row].next;
    b->addresses[row].next = b->address_free;
    b->address_free = row;
}
