/* The life of a link: dialled, relaying for its client, orphaned, settled, closed. */
#include "brain.h"

static const struct pol_life life[] = {
    [LINK_FREE] = { "free", POL_MAY(LINK_DIALLING) },
    [LINK_DIALLING] = { "dialling", POL_MAY(LINK_RELAYING) | POL_MAY(LINK_SPARE) | POL_MAY(LINK_BINDING) |
                                        POL_MAY(LINK_CLOSING) },
    [LINK_SPARE] = { "spare", POL_MAY(LINK_RELAYING) | POL_MAY(LINK_BINDING) | POL_MAY(LINK_SETTLING) |
                                  POL_MAY(LINK_CLOSING) },
    [LINK_BINDING] = { "binding", POL_MAY(LINK_BINDING) | POL_MAY(LINK_POOLED) | POL_MAY(LINK_RELAYING) |
                                      POL_MAY(LINK_SETTLING) | POL_MAY(LINK_CLOSING) },
    [LINK_POOLED] = { "pooled", POL_MAY(LINK_BINDING) | POL_MAY(LINK_SETTLING) | POL_MAY(LINK_CLOSING) },
    [LINK_RELAYING] = { "relaying", POL_MAY(LINK_ORPHANED) | POL_MAY(LINK_SETTLING) | POL_MAY(LINK_CLOSING) },
    [LINK_ORPHANED] = { "orphaned", POL_MAY(LINK_SETTLING) | POL_MAY(LINK_CLOSING) },
    [LINK_SETTLING] = { "settling", POL_MAY(LINK_CLOSING) },
    [LINK_CLOSING] = { "closing", POL_MAY(LINK_FREE) },
};

void pol_link_move(struct pol_brain *b, uint32_t link, enum link_state to)
{
    struct link *l = &b->links[link];
    struct server *s = &b->servers[b->members[l->member].server];
    s->serving += (uint32_t)(to == LINK_POOLED) - (uint32_t)(l->state == LINK_POOLED);
    pol_move(life, &l->state, to);
    assert(to != LINK_CLOSING || l->calls == 0);
    assert(to != LINK_ORPHANED || (l->calls > 0 && l->client == POL_NONE));
}

static struct link *find(struct pol_brain *b, struct pol_id id)
{
    struct link *l = id.index < b->max_links ? &b->links[id.index] : NULL;
    return l && l->state != LINK_FREE && l->generation == id.generation ? l : NULL;
}

struct pol_action *pol_link_emit(struct pol_brain *b, enum pol_action_kind kind, uint32_t link)
{
    struct pol_action *a = pol_emit(b, kind);
    a->link = pol_link_id(b, link);
    return a;
}

void pol_link_set_deadline(struct pol_brain *b, uint32_t link, int64_t at)
{
    pol_deadline_set(&b->deadlines, b->max_clients + link, at);
}

/* ---- dialling ---- */

/* Rows that were never used come after all that were. */
static uint32_t new_link(struct pol_brain *b)
{
    if (b->link_free != POL_NONE) {
        uint32_t link = b->link_free;
        b->link_free = b->links[link].next;
        return link;
    }
    return b->links_high < b->max_links ? b->links_high++ : POL_NONE;
}

uint32_t pol_link_dial(struct pol_brain *b, uint32_t client, uint32_t member)
{
    uint32_t server = b->members[member].server;
    uint32_t link = new_link(b);
    if (link == POL_NONE)
        return POL_NONE;
    struct link *l = &b->links[link];
    *l = (struct link){
        .generation = l->generation + 1,
        .client = client,
        .member = member,
        .group_entry = POL_NONE,
        .first_call = POL_NONE,
        .idle_since = b->now,
    };
    pol_link_move(b, link, LINK_DIALLING);
    b->links_alive++;
    b->members[member].links++;
    b->servers[server].links++;
    pol_member_dialled(b, link);
    pol_link_set_deadline(b, link, b->now + b->servers[server].settings.connect_timeout);
    struct pol_action *a = pol_link_emit(b, POL_DIAL, link);
    bool will_own = client != POL_NONE && b->clients[client].learning == 0 && b->clients[client].binds == 0;
    a->client = will_own ? pol_client_id(b, client) : a->client;
    a->member = member;
    return link;
}

static void dial_failed(struct pol_brain *b, uint32_t link, bool ours)
{
    struct link *l = &b->links[link];
    uint32_t client = l->client;
    l->client = POL_NONE;
    if (!ours)
        pol_member_failed(b, l->member);
    uint32_t server = b->members[l->member].server;
    b->servers[server].unbound_at = POL_NEVER;
    pol_pool_end(b, link);
    pol_link_close(b, link, true, POL_NOW, POL_BY_UNAVAILABLE);
    if (client != POL_NONE)
        pol_client_undialled(b, client, ours);
    else
        pol_pool_failed(b, server);
}

void pol_link_dialled(struct pol_brain *b, const struct pol_event *e)
{
    struct link *l = find(b, e->link);
    if (!l || l->state != LINK_DIALLING)
        return;
    if (e->error) {
        dial_failed(b, e->link.index, e->ours);
        return;
    }
    pol_link_set_deadline(b, e->link.index, POL_NEVER);
    if (l->client != POL_NONE)
        pol_client_connected(b, l->client);
    else
        pol_pool_connected(b, e->link.index);
}

/* ---- what comes down beside answers ---- */

void pol_link_stray(struct pol_brain *b, const struct pol_event *e)
{
    struct link *l = find(b, e->link);
    if (!l)
        return;
    pol_link_fault(l, e);
    pol_member_well(b, l->member);
    pol_link_emit(b, l->client == POL_NONE ? POL_SWALLOW : POL_PASS, e->link.index);
}

#define STATUS_PROTO_ERROR   0x1c01000bu /* nca_s_proto_error (C706 appendix E) */
#define STATUS_SEC_PKG_ERROR 0x00000721u /* 1825: a signature did not verify */

/* These two are told under one call's id and mean the connection, which the server then closes. So the server itself
 * has told the truth about all its calls, and we add nothing to it. */
bool pol_is_about_connection(const struct pol_event *e)
{
    return e->fault && (e->status == STATUS_PROTO_ERROR || e->status == STATUS_SEC_PKG_ERROR);
}

void pol_link_fault(struct link *l, const struct pol_event *e)
{
    l->condemned = l->condemned || pol_is_about_connection(e);
}

/* A callback that nobody will answer holds its call, and the call's slot, for ever. */
void pol_link_callback(struct pol_brain *b, const struct pol_event *e)
{
    struct link *l = find(b, e->link);
    if (!l)
        return;
    if (l->shared) { /* nobody there could answer it */
        pol_link_emit(b, POL_SWALLOW, e->link.index);
        if (l->state == LINK_POOLED)
            pol_link_settle(b, e->link.index, true, POL_BY_SERVER_BAD);
        return;
    }
    bool answerable = l->client != POL_NONE && b->clients[l->client].state == CLIENT_RELAYING;
    l->callbacks++;
    pol_link_emit(b, answerable ? POL_PASS : POL_SWALLOW, e->link.index);
    if (l->state == LINK_ORPHANED)
        pol_link_settle(b, e->link.index, true, (enum pol_reason)l->reason);
    else if (!answerable && l->client != POL_NONE)
        pol_client_close(b, l->client, true, POL_NOW, POL_BY_CLIENT_FIN);
    else if (answerable)
        pol_client_called_back(b, l->client);
}

void pol_link_asked_bind(struct pol_brain *b, uint32_t link)
{
    int64_t time = b->servers[b->members[b->links[link].member].server].settings.bind_timeout;
    if (time)
        pol_link_set_deadline(b, link, b->now + time);
}

/* When the bind that asked for it was let through, nobody had been granted it yet. */
static bool is_let_into_foreign_group(struct pol_brain *b, const struct link *l, const struct pol_event *e)
{
    uint32_t member = POL_NONE;
    const struct client *c = l->client == POL_NONE ? NULL : &b->clients[l->client];
    return c && e->accepted && e->group != 0 && c->group == e->group && l->group_entry == POL_NONE &&
           pol_group_ask(b, l->member, 1, e->group, c->identity, &member) == GROUP_FOREIGN;
}

/* Its client is in a group that we made up, and is told that one. */
static void regroup(struct pol_brain *b, const struct link *l, uint32_t granted, struct pol_action *a)
{
    uint32_t entry = b->clients[l->client].group_entry;
    if (entry == POL_NONE)
        return;
    pol_group_learned(b, l->client, l->member, granted);
    a->regroup = true;
    a->group = b->groups[entry].id;
}

void pol_link_bound(struct pol_brain *b, const struct pol_event *e)
{
    struct link *l = find(b, e->link);
    if (!l)
        return;
    if (l->state == LINK_BINDING) {
        pol_member_well(b, l->member);
        pol_pool_bound(b, e);
        return;
    }
    if (l->state == LINK_RELAYING)
        pol_link_set_deadline(b, e->link.index, POL_NEVER);
    l->keeps = l->keeps || e->keeps;
    if (is_let_into_foreign_group(b, l, e)) {
        pol_client_close(b, l->client, true, POL_ACKED, POL_BY_GROUP_GUARD);
        pol_link_emit(b, POL_SWALLOW, e->link.index);
        return;
    }
    if (l->client != POL_NONE && e->accepted) {
        pol_client_bound(b, l->client);
        pol_group_granted(b, e->link.index, e->group, b->clients[l->client].identity);
    }
    pol_member_well(b, l->member);
    struct pol_action *a = pol_link_emit(b, l->client == POL_NONE ? POL_SWALLOW : POL_PASS, e->link.index);
    if (l->client != POL_NONE && e->accepted && e->group != 0)
        regroup(b, l, e->group, a);
}

/* ---- ends ---- */

void pol_link_close(struct pol_brain *b, uint32_t link, bool reset, enum pol_when when, enum pol_reason reason)
{
    pol_link_move(b, link, LINK_CLOSING);
    pol_pool_end(b, link);
    pol_probe_link_over(b, link);
    pol_member_link_over(b, link);
    struct pol_action *a = pol_link_emit(b, POL_CLOSE, link);
    a->reset = reset;
    a->when = (uint8_t)when;
    a->reason = (uint8_t)reason;
    pol_link_set_deadline(b, link,
                          when == POL_NOW ? POL_NEVER : b->now + (b->drain_over ? POL_LAST_TIME : POL_LINGER_TIME));
}

void pol_link_cut(struct pol_brain *b, uint32_t link)
{
    uint8_t state = b->links[link].state;
    if (state == LINK_RELAYING || state == LINK_ORPHANED || state == LINK_POOLED || state == LINK_BINDING)
        pol_link_settle(b, link, true, POL_BY_DRAIN);
    else if (state == LINK_CLOSING)
        pol_deadline_hasten(&b->deadlines, b->max_clients + link, b->now + POL_LAST_TIME);
}

static bool is_by_server(enum pol_reason reason)
{
    return reason == POL_BY_SERVER_FIN || reason == POL_BY_SERVER_RESET || reason == POL_BY_SERVER_BAD;
}

void pol_link_settle(struct pol_brain *b, uint32_t link, bool reset, enum pol_reason reason)
{
    struct link *l = &b->links[link];
    bool was_binding = l->state == LINK_BINDING;
    pol_link_move(b, link, LINK_SETTLING);
    if (was_binding)
        b->servers[b->members[l->member].server].unbound_at = b->now;
    if (was_binding && is_by_server(reason))
        pol_pool_unbound(b, link);
    pol_pool_end(b, link);
    pol_link_set_deadline(b, link, POL_NEVER);
    l->reset = reset;
    l->reason = (uint8_t)reason;
    l->condemned = l->condemned && is_by_server(reason); /* else it is we who end it */
    l->next = POL_NONE;
    *(b->settling_last == POL_NONE ? &b->settling_first : &b->links[b->settling_last].next) = link;
    b->settling_last = link;
}

static bool settle_step(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    if (l->first_call != POL_NONE) {
        pol_call_lost(b, l->first_call);
        return false;
    }
    uint32_t client = l->client;
    l->client = POL_NONE;
    if (client != POL_NONE)
        pol_client_link_lost(b, client, l);
    pol_link_close(b, link, l->reset, POL_NOW, l->reason);
    return true;
}

bool pol_links_sweep(struct pol_brain *b)
{
    while (b->settling_first != POL_NONE) {
        if (!pol_has_room(b))
            return true;
        uint32_t link = b->settling_first;
        if (!settle_step(b, link))
            continue;
        b->settling_first = b->links[link].next;
        if (b->settling_first == POL_NONE)
            b->settling_last = POL_NONE;
    }
    return false;
}

/* Will the server be done with all of them? Not with a request that was not written whole by now (leased in the turn in
 * which its client went, it never will be), nor with one in which it waits for the answer to a callback; and
 * one that was orphaned need not be answered (C706 12.6.4.8). */
static bool disown_calls(struct pol_brain *b, struct link *l)
{
    bool can_end = l->callbacks == 0;
    for (uint32_t k = l->first_call; k != POL_NONE; k = b->calls[k].next) {
        pol_call_orphan(b, k, (enum pol_reason)l->left_by);
        can_end = can_end && b->calls[k].last_done && !b->calls[k].orphaned;
    }
    return can_end;
}

/* Its client may have stopped reading; nobody else does. Whether its member is well it may never tell. */
static void orphan(struct pol_brain *b, uint32_t link)
{
    pol_link_move(b, link, LINK_ORPHANED);
    pol_member_link_over(b, link);
    pol_link_emit(b, POL_RESUME, link);
}

/* Where calls are limited, a call whose client has gone still holds its slot until the server is done with it.
 * Elsewhere the server learns at once that its client has gone, as it would without us. */
void pol_link_orphan(struct pol_brain *b, uint32_t link, bool reset, enum pol_reason reason)
{
    struct link *l = &b->links[link];
    l->left_by = (uint8_t)reason;
    if (l->state == LINK_SETTLING) { /* what was due in the same moment ended both */
        l->client = POL_NONE;
        disown_calls(b, l);
    }
    if (l->state != LINK_DIALLING && l->state != LINK_RELAYING && l->state != LINK_BINDING)
        return;
    bool limited = b->servers[b->clients[l->client].server].settings.calls != 0;
    l->client = POL_NONE;
    bool can_end = disown_calls(b, l);
    l->reason = (uint8_t)reason;
    if (l->calls == 0)
        pol_link_close(b, link, reset, reset || l->state != LINK_RELAYING ? POL_NOW : POL_FLUSHED, reason);
    else if (limited && can_end)
        orphan(b, link);
    else
        pol_link_settle(b, link, reset, reason);
}

void pol_link_end(struct pol_brain *b, const struct pol_event *e)
{
    static const enum pol_reason reasons[] = { POL_BY_SERVER_FIN, POL_BY_SERVER_RESET, POL_BY_SERVER_BAD };
    struct link *l = find(b, e->link);
    if (!l || l->state == LINK_DIALLING || l->state == LINK_SETTLING || l->state == LINK_CLOSING)
        return;
    bool is_idle = l->state == LINK_SPARE || (l->state == LINK_POOLED && l->calls == 0);
    bool follows_client = e->how == POL_FIN && l->calls == 0 && l->client != POL_NONE &&
                          b->clients[l->client].state == CLIENT_LEAVING;
    bool took_no_alter = l->state == LINK_BINDING && l->altering;
    if ((e->how != POL_FIN || l->calls > 0 || l->state == LINK_BINDING) && !is_idle && !took_no_alter)
        pol_member_failed(b, l->member);
    pol_link_settle(b, e->link.index, e->how != POL_FIN, follows_client ? POL_BY_CLIENT_FIN : reasons[e->how]);
}

void pol_link_gone(struct pol_brain *b, const struct pol_event *e)
{
    struct link *l = find(b, e->link);
    if (!l)
        return;
    pol_link_set_deadline(b, e->link.index, POL_NEVER);
    pol_group_left(b, e->link.index);
    pol_credit_gone(b, e->link.index);
    b->members[l->member].links--;
    struct server *s = &b->servers[b->members[l->member].server];
    s->links--;
    s->retiring -= l->retiring;
    s->pool_changed = b->pool_changed = s->settings.spare > 0 || b->pool_changed;
    pol_pool_unshare(b, e->link.index);
    b->links_alive--;
    pol_link_move(b, e->link.index, LINK_FREE);
    l->next = b->link_free;
    b->link_free = e->link.index;
}

static void force_close(struct pol_brain *b, uint32_t link)
{
    struct pol_action *a = pol_link_emit(b, POL_CLOSE, link);
    a->reset = true;
    a->reason = POL_BY_LINGER;
}

static void bind_unanswered(struct pol_brain *b, uint32_t link)
{
    pol_member_failed(b, b->links[link].member);
    pol_link_settle(b, link, true, POL_BY_BIND_TIMEOUT);
}

void pol_link_due(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    if (l->state == LINK_DIALLING)
        dial_failed(b, link, false);
    else if (l->state == LINK_RELAYING || l->state == LINK_BINDING)
        bind_unanswered(b, link);
    else if (l->state == LINK_SPARE || l->state == LINK_POOLED)
        pol_pool_due(b, link);
    else if (l->state == LINK_CLOSING)
        force_close(b, link);
}
