/* Who may be inside a server, and who waits: RpcServerListen's MaxCalls, first come first served. And how many
 * clients one address may have. */
#include "brain.h"

static void join_line(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct server *s = &b->servers[k->server];
    k->in_line = true;
    k->line_next = POL_NONE;
    k->line_previous = s->line_last;
    *(s->line_last == POL_NONE ? &s->line_first : &b->calls[s->line_last].line_next) = call;
    s->line_last = call;
    s->waiting++;
    b->line_total++;
}

static void leave_line(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct server *s = &b->servers[k->server];
    k->in_line = false;
    *(k->line_previous == POL_NONE ? &s->line_first : &b->calls[k->line_previous].line_next) = k->line_next;
    *(k->line_next == POL_NONE ? &s->line_last : &b->calls[k->line_next].line_previous) = k->line_previous;
    s->waiting--;
    b->line_total--;
}

static bool has_slot(const struct server *s)
{
    return s->settings.calls == 0 || s->inside < s->settings.calls;
}

bool pol_admit(struct pol_brain *b, uint32_t call)
{
    struct server *s = &b->servers[b->calls[call].server];
    if (has_slot(s) && s->line_first == POL_NONE) {
        s->inside++;
        return true;
    }
    join_line(b, call);
    return false;
}

void pol_admit_leave(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    if (k->in_line)
        leave_line(b, call);
    else if (k->state != CALL_WAITING)
        b->servers[k->server].inside--;
}

bool pol_admit_sweep(struct pol_brain *b)
{
    for (uint32_t i = 0; b->line_total && i < b->server_count; i++) {
        struct server *s = &b->servers[i];
        while (s->line_first != POL_NONE && has_slot(s)) {
            if (!pol_has_room(b))
                return true;
            uint32_t call = s->line_first;
            leave_line(b, call);
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
        b->addresses[row] = (struct address){ .identity = c->identity, .listener = c->listener, .next = *head };
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
