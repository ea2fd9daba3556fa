/* Clients of which nothing has been sent up and whose server has no member that can be dialled. They wait in the order in
 * which they came, until `unavailable_wait` is over or a member can be tried. */
#include "brain.h"

static struct server *server_of(struct pol_brain *b, uint32_t client)
{
    return &b->servers[b->clients[client].server];
}

void pol_unavailable_enter(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    struct server *s = server_of(b, client);
    c->next = POL_NONE;
    c->previous = s->client_last;
    *(s->client_last == POL_NONE ? &s->client_first : &b->clients[s->client_last].next) = client;
    s->client_last = client;
    s->clients_waiting++;
    b->clients_waiting++;
}

void pol_unavailable_leave(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    struct server *s = server_of(b, client);
    *(c->previous == POL_NONE ? &s->client_first : &b->clients[c->previous].next) = c->next;
    *(c->next == POL_NONE ? &s->client_last : &b->clients[c->next].previous) = c->previous;
    s->clients_waiting--;
    b->clients_waiting--;
}

/* When the next member may be tried that cannot be now. */
static int64_t next_trial(const struct pol_brain *b, const struct server *s)
{
    int64_t at = POL_NEVER;
    bool wanted = !s->draining && !b->draining && (s->clients_waiting || s->waiting[LINE_PLAIN]);
    for (uint32_t i = 0; i < s->settings.member_count && wanted; i++) {
        const struct member *m = &b->members[s->settings.member_first + i];
        if (m->trial == POL_NONE && m->retry_at > b->now && m->retry_at < at)
            at = m->retry_at;
    }
    if (s->spare_at > b->now && s->spare_at < at && s->settings.spare)
        at = s->spare_at;
    return at;
}

void pol_server_wake(struct pol_brain *b, uint32_t server)
{
    uint32_t who = b->max_clients + b->max_links + 1 + b->max_calls + server;
    pol_deadline_set(&b->deadlines, who, next_trial(b, &b->servers[server]));
}

/* True when it does not wait any more. */
static bool serve(struct pol_brain *b, uint32_t server, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (c->learning && b->offers[c->learning - 1].known) {
        pol_unavailable_leave(b, client);
        pol_plain_answer(b, client);
        return true;
    }
    bool has_room = c->learning ? pol_pool_has_room(b, server) : pol_owned_has_room(b, server);
    if (!has_room) {
        pol_pool_make_room(b, server);
        return false;
    }
    uint32_t member = pol_member_pick(b, server, c->wanted, !c->crowded);
    if (member == POL_NONE)
        return false;
    pol_unavailable_leave(b, client);
    pol_client_dial(b, client, member);
    return true;
}

/* Clients wait for different things, so one that still waits does not hold up those behind it; but many of them are not
 * looked at again and again. */
#define LOOKED_AT 16

static bool sweep_server(struct pol_brain *b, uint32_t server)
{
    struct server *s = &b->servers[server];
    uint32_t client = s->client_first;
    for (unsigned stuck = 0; client != POL_NONE && stuck < LOOKED_AT;) {
        if (!pol_has_room(b))
            return true;
        uint32_t next = b->clients[client].next;
        stuck += !serve(b, server, client);
        client = next;
    }
    pol_server_wake(b, server);
    return false;
}

bool pol_unavailable_sweep(struct pol_brain *b)
{
    bool more = false;
    for (uint32_t i = 0; b->clients_waiting && i < b->server_count; i++)
        if (b->servers[i].clients_waiting)
            more = sweep_server(b, i) || more;
    return more;
}

uint32_t pol_clients_waiting(const struct pol_brain *b, uint32_t server)
{
    return b->servers[server].clients_waiting;
}
