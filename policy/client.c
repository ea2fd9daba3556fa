/* The life of a client: accepted, dialled for, relayed, leaving, closed. */
#include "brain.h"

#define STATUS_UNAVAILABLE     0x000006bau /* 1722; no nca code exists */
#define STATUS_CALL_FAILED_DNE 0x000006bfu /* 1727 */
#define STATUS_TOO_BUSY        0x1c010014u /* nca_s_server_too_busy: 1723 */
#define STATUS_CANCELLED       0x1c00000du /* nca_s_fault_cancel: 1818 */

#define LEVEL_NONE 1 /* 0 is "default": nothing was said of authentication */

static const struct pol_life life[] = {
    [CLIENT_FREE] = { "free", POL_MAY(CLIENT_OPENED) },
    [CLIENT_OPENED] = { "opened", POL_MAY(CLIENT_WAITING) | POL_MAY(CLIENT_DIALLING) | POL_MAY(CLIENT_UNAVAILABLE) |
                                      POL_MAY(CLIENT_PLAIN) | POL_MAY(CLIENT_CLOSING) },
    [CLIENT_WAITING] = { "waiting", POL_MAY(CLIENT_DIALLING) | POL_MAY(CLIENT_UNAVAILABLE) | POL_MAY(CLIENT_PLAIN) |
                                        POL_MAY(CLIENT_CLOSING) },
    [CLIENT_DIALLING] = { "dialling", POL_MAY(CLIENT_DIALLING) | POL_MAY(CLIENT_WAITING) | POL_MAY(CLIENT_RELAYING) |
                                          POL_MAY(CLIENT_BINDING) | POL_MAY(CLIENT_PLAIN) |
                                          POL_MAY(CLIENT_UNAVAILABLE) | POL_MAY(CLIENT_CLOSING) },
    [CLIENT_BINDING] = { "binding", POL_MAY(CLIENT_WAITING) | POL_MAY(CLIENT_DIALLING) | POL_MAY(CLIENT_PLAIN) |
                                        POL_MAY(CLIENT_RELAYING) | POL_MAY(CLIENT_UNAVAILABLE) |
                                        POL_MAY(CLIENT_CLOSING) },
    [CLIENT_PLAIN] = { "plain", POL_MAY(CLIENT_DIALLING) | POL_MAY(CLIENT_WAITING) | POL_MAY(CLIENT_UNAVAILABLE) |
                                    POL_MAY(CLIENT_LEAVING) | POL_MAY(CLIENT_CLOSING) },
    [CLIENT_RELAYING] = { "relaying", POL_MAY(CLIENT_LEAVING) | POL_MAY(CLIENT_CLOSING) },
    [CLIENT_UNAVAILABLE] = { "unavailable", POL_MAY(CLIENT_CLOSING) },
    [CLIENT_LEAVING] = { "leaving", POL_MAY(CLIENT_CLOSING) },
    [CLIENT_CLOSING] = { "closing", POL_MAY(CLIENT_FREE) },
};

void pol_client_move(struct pol_brain *b, uint32_t client, enum client_state to)
{
    struct client *c = &b->clients[client];
    pol_move(life, &c->state, to);
    bool has_link = to == CLIENT_DIALLING || to == CLIENT_BINDING || to == CLIENT_RELAYING;
    assert(!has_link || c->link != POL_NONE);
    assert(to != CLIENT_PLAIN || c->link == POL_NONE);
    assert(to != CLIENT_CLOSING || c->front == FRONT_EMPTY);
}

static struct client *find(struct pol_brain *b, struct pol_id id)
{
    struct client *c = id.index < b->max_clients ? &b->clients[id.index] : NULL;
    return c && c->state != CLIENT_FREE && c->generation == id.generation ? c : NULL;
}

struct pol_action *pol_client_emit(struct pol_brain *b, enum pol_action_kind kind, uint32_t client)
{
    struct pol_action *a = pol_emit(b, kind);
    a->client = pol_client_id(b, client);
    return a;
}

/* ---- ends ---- */

/* Ends what stands at its front; a bind or another PDU just goes. */
static void drop_front(struct pol_brain *b, uint32_t client, enum pol_ending ending)
{
    struct client *c = &b->clients[client];
    if (c->front == FRONT_CALL)
        pol_call_end(b, c->call, ending);
    c->front = FRONT_EMPTY;
}

static bool by_client(enum pol_reason reason)
{
    return reason == POL_BY_CLIENT_FIN || reason == POL_BY_CLIENT_RESET || reason == POL_BY_CLIENT_BAD;
}

/* After a fault of ours on a signed connection it is reset, one second after it has the fault: impacket spins for
 * ever on a FIN, and nothing may follow the gap in the sequence. */
#define SIGNED_DELAY 1000 /* ms */

static void close_after(struct pol_brain *b, uint32_t client, bool reset, enum pol_when when, uint32_t delay,
                        enum pol_reason reason)
{
    struct client *c = &b->clients[client];
    drop_front(b, client, by_client(reason) ? POL_WITHDRAWN : POL_NOT_SENT);
    if (c->state == CLIENT_WAITING)
        pol_unavailable_leave(b, client);
    uint32_t link = c->link;
    c->link = POL_NONE;
    pol_client_move(b, client, CLIENT_CLOSING);
    pol_plain_left(b, client, link == POL_NONE, reason);
    struct pol_action *a = pol_client_emit(b, POL_CLOSE, client);
    a->reset = reset;
    a->when = (uint8_t)when;
    a->delay = delay;
    a->reason = (uint8_t)reason;
    int64_t time = b->drain_over ? POL_LAST_TIME : delay + POL_CLOSING_TIME;
    pol_deadline_set(&b->deadlines, client, when == POL_NOW ? POL_NEVER : b->now + time);
    if (link != POL_NONE)
        pol_link_orphan(b, link, reset, reason);
}

void pol_client_close(struct pol_brain *b, uint32_t client, bool reset, enum pol_when when, enum pol_reason reason)
{
    close_after(b, client, reset, when, 0, reason);
}

/* Its front provably has not run and will not be sent. Returns whether that broke its security context. */
static bool refuse_front(struct pol_brain *b, uint32_t client, enum pol_ending ending, uint32_t status)
{
    struct client *c = &b->clients[client];
    bool is_signed = b->calls[c->call].level >= POL_LEVEL_PACKET;
    pol_call_refuse(b, c->call, ending, status);
    return is_signed;
}

static void refuse_and_go_on(struct pol_brain *b, uint32_t client, enum pol_ending ending, uint32_t status)
{
    if (refuse_front(b, client, ending, status))
        close_after(b, client, true, POL_ACKED, SIGNED_DELAY, POL_BY_REFUSAL);
    else
        pol_client_call_over(b, client);
}

/* While a server waits for this client's answer to a callback, no request of the client may wait for a slot: the answer
 * stands behind it, and the call that would free the slot may be the one that called back. */
static void refuse_instead_of_waiting(struct pol_brain *b, uint32_t client)
{
    refuse_and_go_on(b, client, POL_REFUSED, STATUS_TOO_BUSY);
}

void pol_client_refuse(struct pol_brain *b, uint32_t client, enum pol_ending ending, uint32_t status)
{
    refuse_and_go_on(b, client, ending, status);
}

/* What its link ended in the same moment is told it by what follows from that. */
static bool can_be_told(const struct pol_brain *b, const struct client *c)
{
    bool relays = c->state == CLIENT_RELAYING && b->links[c->link].state == LINK_RELAYING;
    return c->state == CLIENT_PLAIN || c->moving || relays;
}

void pol_client_cut(struct pol_brain *b, uint32_t client, bool reset, enum pol_reason reason)
{
    if (b->clients[client].state != CLIENT_CLOSING)
        close_after(b, client, reset, reset ? POL_ACKED : POL_FLUSHED, 0, reason); /* no reset overtakes an answer */
}

void pol_client_cancel(struct pol_brain *b, uint32_t client)
{
    const struct client *c = &b->clients[client];
    if (can_be_told(b, c))
        refuse_and_go_on(b, client, POL_CANCELLED, STATUS_CANCELLED);
}

void pol_client_timed_out(struct pol_brain *b, uint32_t client)
{
    if (b->clients[client].front == FRONT_CALL)
        refuse_front(b, client, POL_NOT_SENT, STATUS_CALL_FAILED_DNE);
    close_after(b, client, true, POL_ACKED, SIGNED_DELAY, POL_BY_CALL_TIMEOUT);
}

void pol_client_waited_enough(struct pol_brain *b, uint32_t client)
{
    const struct client *c = &b->clients[client];
    if (!can_be_told(b, c))
        return;
    if (b->calls[c->call].is_away)
        refuse_and_go_on(b, client, POL_UNAVAILABLE, STATUS_UNAVAILABLE);
    else
        refuse_instead_of_waiting(b, client);
}

void pol_client_called_back(struct pol_brain *b, uint32_t client)
{
    if (b->clients[client].front == FRONT_CALL)
        refuse_instead_of_waiting(b, client);
}

/* Its link has ended and its calls with it. */
void pol_client_link_lost(struct pol_brain *b, uint32_t client, const struct link *l)
{
    struct client *c = &b->clients[client];
    bool signed_fault = l->told_signed, told = l->told, reset = l->reset || l->untold;
    c->link = POL_NONE;
    if (c->state == CLIENT_BINDING) { /* nothing of its own has gone up */
        pol_client_wait(b, client, false);
        return;
    }
    if (c->front == FRONT_CALL && !l->condemned)
        *(refuse_front(b, client, POL_NOT_SENT, STATUS_CALL_FAILED_DNE) ? &signed_fault : &told) = true;
    if (signed_fault)
        close_after(b, client, true, POL_ACKED, SIGNED_DELAY, l->reason);
    else if (l->untold || (reset && !told))
        close_after(b, client, true, POL_ACKED, 0, l->reason);
    else
        close_after(b, client, false, POL_FLUSHED, 0, l->reason);
}

void pol_client_end(struct pol_brain *b, const struct pol_event *e)
{
    static const enum pol_reason reasons[] = { POL_BY_CLIENT_FIN, POL_BY_CLIENT_RESET, POL_BY_CLIENT_BAD,
                                               POL_BY_TABLE_FULL };
    struct client *c = find(b, e->client);
    if (!c || c->state == CLIENT_CLOSING)
        return;
    uint32_t client = e->client.index;
    bool may_listen = c->state == CLIENT_PLAIN || (c->state == CLIENT_RELAYING && b->links[c->link].callbacks == 0);
    if (e->how != POL_FIN || e->cut || !may_listen) {
        pol_client_close(b, client, e->how != POL_FIN, POL_NOW, reasons[e->how]);
        return;
    }
    drop_front(b, client, POL_WITHDRAWN);
    pol_client_move(b, client, CLIENT_LEAVING);
    pol_client_call_over(b, client);
}

void pol_client_gone(struct pol_brain *b, const struct pol_event *e)
{
    struct client *c = find(b, e->client);
    if (!c)
        return;
    pol_deadline_set(&b->deadlines, e->client.index, POL_NEVER);
    pol_address_leave(b, e->client.index);
    pol_group_leave(b, e->client.index);
    b->listeners[c->listener].clients--;
    b->clients_alive--;
    pol_client_move(b, e->client.index, CLIENT_FREE);
}

/* All that it asked is answered; it waits for the server to close, and no longer for a bind. */
static bool lingers(const struct pol_brain *b, const struct client *c)
{
    return c->state == CLIENT_LEAVING && c->link != POL_NONE && b->links[c->link].calls == 0;
}

static void force_close(struct pol_brain *b, uint32_t client)
{
    struct pol_action *a = pol_client_emit(b, POL_CLOSE, client);
    a->reset = true;
    a->reason = POL_BY_LINGER;
}

static void waited_in_vain(struct pol_brain *b, uint32_t client);

void pol_client_due(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (c->state == CLIENT_CLOSING)
        force_close(b, client);
    else if (c->state == CLIENT_WAITING)
        waited_in_vain(b, client);
    else if (pol_patience_applies(b, client))
        pol_patience_due(b, client);
    else if (lingers(b, c))
        pol_client_close(b, client, true, POL_NOW, POL_BY_LINGER);
    else
        pol_client_close(b, client, true, POL_NOW, POL_BY_BIND_TIMEOUT);
}

/* ---- beginnings ---- */

static void begin_bind_time(struct pol_brain *b, uint32_t client)
{
    int64_t time = b->listeners[b->clients[client].listener].settings.bind_timeout;
    pol_deadline_set(&b->deadlines, client, time ? b->now + time : POL_NEVER);
}

void pol_client_opened(struct pol_brain *b, const struct pol_event *e)
{
    uint32_t client = e->client.index;
    struct client *c = &b->clients[client];
    struct listener *listener = &b->listeners[e->listener];
    const struct pol_listener *limits = &listener->settings;
    uint8_t state = c->state;
    *c = (struct client){
        .generation = e->client.generation,
        .state = state,
        .link = POL_NONE,
        .first_call = POL_NONE,
        .group_entry = POL_NONE,
        .listener = e->listener,
        .server = listener->settings.server,
        .identity = e->identity,
        .carried = e->carried,
    };
    pol_client_move(b, client, CLIENT_OPENED);
    if (client >= b->clients_high)
        b->clients_high = client + 1;
    b->clients_alive++;
    listener->clients++;
    pol_address_enter(b, client);
    if (b->draining)
        pol_client_close(b, client, true, POL_NOW, POL_BY_DRAIN);
    else if (limits->clients && listener->clients > limits->clients)
        pol_client_close(b, client, true, POL_NOW, POL_BY_CLIENTS_LIMIT);
    else if (limits->clients_per_address && b->addresses[c->address].clients > limits->clients_per_address)
        pol_client_close(b, client, true, POL_NOW, POL_BY_ADDRESS_LIMIT);
    else
        begin_bind_time(b, client);
}

/* ---- its front ---- */

/* A drain lets calls in flight end and begins no new ones: what comes beside them waits for the end. */
bool pol_client_waits_for_drain(const struct pol_brain *b, uint32_t client)
{
    return b->draining && b->clients[client].calls > 0;
}

/* Not while its server waits for the answer to a callback. */
static void wait(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (b->links[c->link].callbacks > 0) {
        refuse_instead_of_waiting(b, client);
        return;
    }
    pol_client_emit(b, POL_HOLD, client);
    pol_call_wait(b, c->call);
}

void pol_client_pass(struct pol_brain *b, uint32_t client)
{
    b->clients[client].front = FRONT_EMPTY;
    pol_client_emit(b, POL_PASS, client);
}

static void release(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (c->front != FRONT_CALL) {
        if (c->front == FRONT_BIND)
            pol_link_asked_bind(b, c->link);
        struct pol_action *a = pol_client_emit(b, POL_PASS, client);
        if (c->front == FRONT_BIND && !c->alter && c->group_entry != POL_NONE) {
            a->regroup = true;
            a->group = pol_group_of_server(b, client, b->links[c->link].member);
        }
        c->front = FRONT_EMPTY;
    } else if (pol_client_waits_for_drain(b, client) || b->links[c->link].abandoned > 0) {
        wait(b, client);
    } else {
        enum admission admission = pol_admit(b, c->call);
        if (admission == ADMITTED)
            pol_call_lease(b, c->call);
        else if (admission == REFUSED)
            refuse_instead_of_waiting(b, client);
        else
            wait(b, client);
    }
}

/* bind_nak reasons (C706 12.6.3.1). Local limit exceeded is 1723 to Windows and Wine. */
#define NAK_NOT_SPECIFIED 0
#define NAK_LOCAL_LIMIT   2

static void a_nak(struct pol_brain *b, uint32_t client, uint32_t reason)
{
    struct pol_action *a = pol_client_emit(b, POL_ANSWER_BIND, client);
    a->ack = false;
    a->status = reason;
}

/* A plain bind is accepted although there is no server: only a request can be told 1722. */
static void tell_unavailable(struct pol_brain *b, uint32_t client, enum pol_reason reason)
{
    struct client *c = &b->clients[client];
    bool fresh = c->state != CLIENT_UNAVAILABLE;
    uint32_t status = c->crowded ? STATUS_TOO_BUSY : STATUS_UNAVAILABLE;
    if (fresh) {
        pol_client_move(b, client, CLIENT_UNAVAILABLE);
        begin_bind_time(b, client);
    }
    if (c->front == FRONT_BIND && c->level <= LEVEL_NONE && !(fresh && c->alter)) {
        c->front = FRONT_EMPTY;
        pol_client_emit(b, POL_ANSWER_BIND, client)->ack = true;
    } else if (c->front == FRONT_CALL && (!fresh || c->bound)) {
        pol_call_refuse(b, c->call, c->crowded ? POL_REFUSED : POL_UNAVAILABLE, status);
        pol_client_close(b, client, false, POL_FLUSHED, reason);
    } else if (c->front == FRONT_BIND && c->crowded && !c->alter) {
        c->front = FRONT_EMPTY;
        a_nak(b, client, NAK_LOCAL_LIMIT);
        pol_client_close(b, client, false, POL_FLUSHED, reason);
    } else {
        drop_front(b, client, POL_UNAVAILABLE);
        pol_client_close(b, client, true, c->bound ? POL_ACKED : POL_NOW, reason); /* no reset overtakes an answer */
    }
}

/* Ids are each member's own: once it has a link, only that link's member counts. A group that we made up leads a plain
 * client nowhere, and one that is not to the member that has granted one in its place. Whoever wants to join a group that a
 * server has granted is not plain: its context handles may be meant. */
static bool is_foreign_group(struct pol_brain *b, uint32_t client, uint32_t *member)
{
    struct client *c = &b->clients[client];
    const struct pol_server *s = &b->servers[c->server].settings;
    uint32_t first = c->link == POL_NONE ? s->member_first : b->links[c->link].member;
    uint32_t count = c->link == POL_NONE ? s->member_count : 1;
    if (c->front != FRONT_BIND || c->alter || c->group == 0)
        return false;
    enum group_verdict made = pol_group_ask_made(b, client, c->group);
    if (made == GROUP_OWN && c->group_entry == POL_NONE) {
        pol_group_make(b, client, c->group);
        *member = pol_group_member(b, client);
    }
    if (made != GROUP_UNKNOWN)
        return made == GROUP_FOREIGN;
    c->offer = 0;
    return pol_group_ask(b, first, count, c->group, c->identity, member) == GROUP_FOREIGN;
}

static void refuse_group(struct pol_brain *b, uint32_t client)
{
    b->clients[client].front = FRONT_EMPTY;
    a_nak(b, client, NAK_NOT_SPECIFIED);
    pol_client_close(b, client, false, POL_FLUSHED, POL_BY_GROUP_GUARD);
}

/* ---- a member for it ---- */

/* What was not sent may be sent later: it waits for its server as long as it may. */
void pol_client_wait(struct pol_brain *b, uint32_t client, bool crowded)
{
    struct client *c = &b->clients[client];
    const struct pol_server *s = &b->servers[c->server].settings;
    if (pol_plain_stays(b, client))
        return;
    int64_t longest = s->waiting_longest ? c->wait_since + s->waiting_longest : POL_NEVER;
    c->crowded = crowded;
    c->wait_until = crowded ? longest : c->wait_since + s->unavailable_wait;
    if (b->draining || b->now >= c->wait_until) {
        waited_in_vain(b, client);
        return;
    }
    if (c->state == CLIENT_OPENED)
        pol_client_emit(b, POL_HOLD, client);
    pol_client_move(b, client, CLIENT_WAITING);
    pol_unavailable_enter(b, client);
    pol_deadline_set(&b->deadlines, client, c->wait_until);
}

static void waited_in_vain(struct pol_brain *b, uint32_t client)
{
    bool crowded = b->clients[client].crowded;
    if (b->clients[client].state == CLIENT_WAITING)
        pol_unavailable_leave(b, client);
    tell_unavailable(b, client, crowded ? POL_BY_CONNECTIONS_LIMIT : POL_BY_UNAVAILABLE);
}

/* A link that was dialled ahead. */
static bool take_spare(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    uint32_t link = c->wanted == POL_NONE ? pol_pool_take_spare(b, c->server, c->carried) : POL_NONE;
    if (link == POL_NONE)
        return false;
    if (c->state == CLIENT_OPENED)
        pol_client_emit(b, POL_HOLD, client);
    c->link = link;
    b->links[link].client = client;
    pol_client_move(b, client, CLIENT_DIALLING);
    pol_client_connected(b, client);
    return true;
}

void pol_client_dial(struct pol_brain *b, uint32_t client, uint32_t member)
{
    struct client *c = &b->clients[client];
    bool first = c->state == CLIENT_OPENED;
    pol_deadline_set(&b->deadlines, client, POL_NEVER); /* the link has one, while it is dialled */
    c->dials++;
    c->link = pol_link_dial(b, client, member);
    if (c->link == POL_NONE) {
        tell_unavailable(b, client, POL_BY_LINKS_LIMIT);
        return;
    }
    pol_client_move(b, client, CLIENT_DIALLING);
    if (c->learning)
        pol_pool_share(b, c->link);
    if (first)
        pol_client_emit(b, POL_HOLD, client);
}

static bool has_room_for(const struct pol_brain *b, const struct client *c)
{
    return c->learning ? pol_pool_has_room(b, c->server) : pol_owned_has_room(b, c->server);
}

void pol_client_seek(struct pol_brain *b, uint32_t client, uint32_t wanted)
{
    struct client *c = &b->clients[client];
    c->wanted = wanted;
    c->wait_since = b->now;
    c->dials = 0;
    if (!b->servers[c->server].draining && take_spare(b, client))
        return;
    uint32_t member = pol_member_pick(b, c->server, wanted, false);
    if (member == POL_NONE)
        pol_client_wait(b, client, false);
    else if (!has_room_for(b, c))
        pol_client_wait(b, client, true);
    else
        pol_client_dial(b, client, member);
}

/* Something new stands at its front: a client's first PDU makes us dial. */
static void asked(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    uint32_t member = POL_NONE;
    if (c->state == CLIENT_LEAVING) {
        drop_front(b, client, POL_WITHDRAWN); /* it came before the FIN, but behind what was withdrawn by it */
    } else if (is_foreign_group(b, client, &member)) {
        refuse_group(b, client);
    } else if (c->state == CLIENT_RELAYING) {
        release(b, client);
    } else if (c->state == CLIENT_PLAIN) {
        pol_plain_asked(b, client);
    } else if (c->state == CLIENT_UNAVAILABLE) {
        tell_unavailable(b, client, c->crowded ? POL_BY_CONNECTIONS_LIMIT : POL_BY_UNAVAILABLE);
    } else if (c->state == CLIENT_OPENED && c->front == FRONT_BIND && c->offer) {
        pol_plain_begin(b, client);
    } else if (c->state == CLIENT_OPENED) {
        pol_client_seek(b, client, member);
    } else if (c->front == FRONT_CALL && c->moving) { /* the one that it moves for was refused */
        pol_call_stand(b, c->call);
    }
}

/* What it asked next has waited behind the abandoned call, and not in line. */
void pol_client_unblocked(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (c->state == CLIENT_RELAYING && c->front == FRONT_CALL && !b->calls[c->call].in_line &&
        !pol_client_waits_for_drain(b, client) && b->links[c->link].state == LINK_RELAYING)
        release(b, client);
}

/* What stands at its front is not plain any more. */
void pol_client_owns(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    begin_bind_time(b, client);
    c->binds = 0;
    c->moving = false;
    if (c->front == FRONT_CALL)
        b->calls[c->call].presentation = 0;
    pol_pool_unshare(b, c->link);
    pol_link_move(b, c->link, LINK_RELAYING);
    pol_client_move(b, client, CLIENT_RELAYING);
    pol_credit_owned(b, client);
    if (c->bound)
        pol_patience_begin(b, client);
    uint32_t member = POL_NONE;
    if (is_foreign_group(b, client, &member)) /* granted since, or by a member that the server did not have */
        refuse_group(b, client);
    else if (c->front != FRONT_EMPTY)
        release(b, client);
}

/* The time that it waited for its server is not its own. */
void pol_client_connected(struct pol_brain *b, uint32_t client)
{
    const struct client *c = &b->clients[client];
    if (c->learning || c->binds > 0) {
        begin_bind_time(b, client);
        pol_plain_connected(b, client);
        return;
    }
    if (b->links[c->link].state == LINK_SPARE)
        pol_client_emit(b, POL_OWN, client)->link = pol_link_id(b, c->link);
    pol_client_owns(b, client);
}

/* Another member that may be tried is tried at once, however long its client may wait, unless it has tried as many as there are;
 * what we lack would be lacking again. The link that failed still counts until it is gone: its place may have to be waited for. */
void pol_client_undialled(struct pol_brain *b, uint32_t client, bool ours)
{
    struct client *c = &b->clients[client];
    c->link = POL_NONE;
    if (pol_plain_stays(b, client))
        return;
    uint32_t member = b->draining || ours ? POL_NONE : pol_member_pick(b, c->server, c->wanted, true);
    bool goes_on = member != POL_NONE &&
                   (b->members[member].failures == 0 || c->dials < b->servers[c->server].settings.member_count);
    if (goes_on && has_room_for(b, c))
        pol_client_dial(b, client, member);
    else
        pol_client_wait(b, client, goes_on);
}

void pol_client_bind(struct pol_brain *b, const struct pol_event *e)
{
    struct client *c = find(b, e->client);
    if (!c)
        return;
    c->front = FRONT_BIND;
    c->alter = e->alter;
    c->group = e->group;
    c->offer = e->offer <= b->max_offers ? e->offer : 0;
    if (c->offer && e->unlearned)
        b->offers[c->offer - 1].known = false;
    c->multiplex = e->alter ? c->multiplex : e->multiplex;
    if (e->level > c->level)
        c->level = e->level;
    asked(b, e->client.index);
}

static void ask_about(struct pol_brain *b, const struct pol_event *e, enum client_front front)
{
    struct client *c = find(b, e->client);
    if (!c)
        return;
    c->front = (uint8_t)front;
    asked(b, e->client.index);
}

void pol_client_pdu(struct pol_brain *b, const struct pol_event *e)
{
    ask_about(b, e, FRONT_PDU);
}

void pol_client_control(struct pol_brain *b, const struct pol_event *e)
{
    const struct client *c = find(b, e->client);
    if (e->orphaned)
        pol_call_orphaned(b, e);
    ask_about(b, e, FRONT_CONTROL);
    if (c && e->orphaned && c->calls == 0)
        pol_client_call_over(b, e->client.index);
}

void pol_client_call(struct pol_brain *b, const struct pol_event *e)
{
    struct client *c = find(b, e->client);
    if (!c || e->call.index >= b->max_calls)
        return;
    pol_call_begin(b, e);
    c->front = FRONT_CALL;
    c->call = e->call.index;
    asked(b, e->client.index);
}

void pol_client_callback(struct pol_brain *b, const struct pol_event *e)
{
    struct client *c = find(b, e->client);
    if (c && c->link != POL_NONE && b->links[c->link].callbacks > 0)
        b->links[c->link].callbacks--;
    pol_client_pdu(b, e);
}

void pol_client_bound(struct pol_brain *b, uint32_t client)
{
    b->clients[client].bound = true;
    b->clients[client].touched = b->now;
    pol_patience_begin(b, client);
}

/* ---- drain ---- */

/* When the time is over, no line moves any more; what is inside is ended with its link. */
static bool is_in_flight(const struct pol_brain *b, const struct client *c)
{
    bool in_line = c->front == FRONT_CALL && b->calls[c->call].in_line;
    return (in_line && !(b->drain_over && c->state == CLIENT_PLAIN)) || c->calls > 0;
}

/* Nothing is sent up any more. */
static void give_up_repeats(struct pol_brain *b, uint32_t client)
{
    for (uint32_t k = b->clients[client].first_call; k != POL_NONE; k = b->calls[k].client_next)
        if (b->calls[k].state == CALL_AGAIN)
            pol_call_hasten(b, k);
}

void pol_client_drain(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (b->drain_over && c->calls > 0)
        give_up_repeats(b, client);
    if (c->state == CLIENT_CLOSING && b->drain_over)
        pol_deadline_hasten(&b->deadlines, client, b->now + POL_LAST_TIME);
    if (c->state == CLIENT_FREE || c->state == CLIENT_CLOSING || is_in_flight(b, c))
        return;
    if (c->front == FRONT_CALL && refuse_front(b, client, POL_NOT_SENT, STATUS_CALL_FAILED_DNE))
        close_after(b, client, true, POL_ACKED, SIGNED_DELAY, POL_BY_DRAIN);
    else
        pol_client_close(b, client, false, POL_FLUSHED, POL_BY_DRAIN);
}

void pol_client_call_over(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    c->touched = c->owes ? c->touched : b->now;
    bool is_plain = c->state == CLIENT_PLAIN || (c->state == CLIENT_WAITING && c->moving);
    if (is_plain || (c->state == CLIENT_LEAVING && c->link == POL_NONE)) {
        pol_plain_call_over(b, client);
        return;
    }
    if (c->link == POL_NONE || b->links[c->link].state != LINK_RELAYING)
        return; /* the link is being settled: it closes its client itself */
    if (c->state == CLIENT_LEAVING && c->calls == 0 && b->links[c->link].abandoned > 0) {
        pol_client_close(b, client, false, POL_FLUSHED, POL_BY_CLIENT_FIN);
    } else if (lingers(b, c)) {
        pol_emit(b, POL_END_INPUT)->link = pol_link_id(b, c->link);
        pol_deadline_set(&b->deadlines, client, b->now + POL_LINGER_TIME);
    } else if (b->draining) {
        pol_client_drain(b, client);
    }
}
