/* Who may be inside a server, and who waits: RpcServerListen's MaxCalls, in turns. And how many
 * clients one address may have. */
#include "brain.h"

/* ---- the lines ---- */

/* Addresses with waiting calls take turns, and each has its calls served in the order in which they came: whoever has a
 * thousand does not starve whoever has one. The ring runs from the one whose turn it is. */
static void join_ring(struct pol_brain *b, struct server *s, enum line line, uint32_t row)
{
    struct address *a = &b->addresses[row];
    if (s->turn[line] == POL_NONE) {
        a->turn_next[line] = a->turn_previous[line] = row;
        s->turn[line] = row;
        return;
    }
    a->turn_next[line] = s->turn[line];
    a->turn_previous[line] = b->addresses[s->turn[line]].turn_previous[line];
    b->addresses[a->turn_previous[line]].turn_next[line] = row;
    b->addresses[s->turn[line]].turn_previous[line] = row;
}

static void leave_ring(struct pol_brain *b, struct server *s, enum line line, uint32_t row)
{
    struct address *a = &b->addresses[row];
    b->addresses[a->turn_previous[line]].turn_next[line] = a->turn_next[line];
    b->addresses[a->turn_next[line]].turn_previous[line] = a->turn_previous[line];
    if (s->turn[line] == row)
        s->turn[line] = a->turn_next[line] == row ? POL_NONE : a->turn_next[line];
}

static enum line line_of(const struct call *k)
{
    return k->presentation ? LINE_PLAIN : LINE_OWNED;
}

static void join_line(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct server *s = &b->servers[k->server];
    enum line line = line_of(k);
    uint32_t row = b->clients[k->client].address;
    struct address *a = &b->addresses[row];
    if (a->line_first[line] == POL_NONE)
        join_ring(b, s, line, row);
    k->in_line = true;
    k->line_next = POL_NONE;
    k->line_previous = a->line_last[line];
    *(a->line_last[line] == POL_NONE ? &a->line_first[line] : &b->calls[a->line_last[line]].line_next) = call;
    a->line_last[line] = call;
    s->waiting[line]++;
    b->line_total++;
}

static void leave_line(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    struct server *s = &b->servers[k->server];
    enum line line = line_of(k);
    uint32_t row = b->clients[k->client].address;
    struct address *a = &b->addresses[row];
    k->in_line = false;
    *(k->line_previous == POL_NONE ? &a->line_first[line] : &b->calls[k->line_previous].line_next) = k->line_next;
    *(k->line_next == POL_NONE ? &a->line_last[line] : &b->calls[k->line_next].line_previous) = k->line_previous;
    s->waiting[line]--;
    b->line_total--;
    if (a->line_first[line] == POL_NONE)
        leave_ring(b, s, line, row);
}

static bool has_slot(const struct pol_brain *b, const struct server *s)
{
    return !s->draining && (s->settings.calls == 0 || s->inside < s->settings.calls) && s->inside < pol_takes(b, s);
}

/* A call of a plain client also needs a link. */
static bool has_link(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    if (k->presentation)
        k->link = pol_reuse(b, call);
    return !k->presentation || k->link != POL_NONE;
}

/* It waits for a link and not for a place, if one is being prepared for it, or can be. */
static bool is_expected(const struct pol_brain *b, const struct call *k)
{
    const struct server *s = &b->servers[k->server];
    uint32_t slots = s->settings.calls ? s->settings.calls - s->inside : UINT32_MAX;
    uint32_t waiting = s->waiting[LINE_PLAIN];
    return k->presentation && has_slot(b, s) && waiting < slots && waiting < pol_pool_prospects(b, k->server);
}

enum admission pol_admit(struct pol_brain *b, uint32_t call)
{
    struct server *s = &b->servers[b->calls[call].server];
    enum line line = line_of(&b->calls[call]);
    if (b->calls[call].rules.pending)
        return s->draining ? REFUSED : ADMITTED;
    if (has_slot(b, s) && s->waiting[line] == 0 && has_link(b, call)) {
        s->inside++;
        return ADMITTED;
    }
    if (s->settings.calls && s->abandoned >= s->settings.calls) {
        pol_server_suspect(b, b->calls[call].server);
        return REFUSED;
    }
    if (s->waiting[LINE_OWNED] + s->waiting[LINE_PLAIN] >= s->settings.waiting_length &&
        !is_expected(b, &b->calls[call]))
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
    else if (k->state != CALL_WAITING && k->state != CALL_AGAIN && !k->rules.pending)
        b->servers[k->server].inside--;
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

/* The call whose turn it is goes, if it can; the turn passes on. */
static bool serve(struct pol_brain *b, struct server *s, enum line line)
{
    uint32_t row = s->turn[line];
    if (row == POL_NONE || !has_slot(b, s))
        return false;
    uint32_t call = b->addresses[row].line_first[line];
    if (!has_link(b, call)) {
        pol_pool_prepare(b, call);
        return false;
    }
    s->turn[line] = b->addresses[row].turn_next[line];
    leave_line(b, call);
    s->inside++;
    pol_call_lease(b, call);
    return true;
}

/* Neither line starves the other. */
static bool sweep_server(struct pol_brain *b, struct server *s)
{
    unsigned stuck = 0;
    while (stuck < LINES) {
        if (!pol_has_room(b))
            return true;
        stuck = serve(b, s, s->next_line) ? 0 : stuck + 1;
        s->next_line = (uint8_t)((s->next_line + 1) % LINES);
    }
    return false;
}

bool pol_admit_sweep(struct pol_brain *b)
{
    bool more = false;
    for (uint32_t i = 0; b->line_total && i < b->server_count; i++)
        if (b->servers[i].waiting[LINE_OWNED] + b->servers[i].waiting[LINE_PLAIN] > 0)
            more = sweep_server(b, &b->servers[i]) || more;
    return more;
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
        if (a->listener == listener && pol_identity_equal(a->identity, who))
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
                                              .line_first = { POL_NONE, POL_NONE },
                                              .line_last = { POL_NONE, POL_NONE } };
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
