/* Plain clients: their binds are answered from what their server has answered before, and their calls go up on links that
 * they share. One that does what only a link of its own can serve (it authenticates, binds what may keep state, says what
 * cannot be understood) is given one: once it has no call inside, what it has bound is bound there again. */
#include "brain.h"

#define STATUS_TOO_BUSY 0x1c010014u /* nca_s_server_too_busy: 1723 */

/* ---- its binds ---- */

bool pol_plain_answer(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    const struct offer *offer = &b->offers[c->offer - 1];
    if (!offer->known)
        return false;
    if (c->binds == 0)
        c->multiplex = c->multiplex && offer->multiplex;
    c->offers[c->binds++] = c->offer;
    c->learning = 0;
    c->moving = false;
    c->front = FRONT_EMPTY;
    struct pol_action *a = pol_client_emit(b, POL_ANSWER_BIND, client);
    a->ack = true;
    a->offer = c->offer;
    a->group = pol_group_make(b, client, c->alter ? 0 : c->group);
    if (c->state != CLIENT_PLAIN)
        pol_client_move(b, client, CLIENT_PLAIN);
    pol_client_bound(b, client);
    return true;
}

void pol_plain_begin(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (pol_plain_answer(b, client))
        return;
    c->learning = c->offer;
    pol_client_seek(b, client, POL_NONE);
}

/* ---- a link of its own ---- */

bool pol_plain_stays(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (!c->moving || c->front != FRONT_EMPTY)
        return false;
    c->moving = false;
    if (c->state == CLIENT_WAITING)
        pol_unavailable_leave(b, client);
    if (c->state != CLIENT_PLAIN)
        pol_client_move(b, client, CLIENT_PLAIN);
    pol_patience_begin(b, client);
    if (b->draining)
        pol_client_drain(b, client);
    return true;
}

/* Not beside its calls: they are on other links, and their answers must not overtake what the new one says. */
static void go(struct pol_brain *b, uint32_t client)
{
    const struct client *c = &b->clients[client];
    if (c->calls > 0 || pol_plain_stays(b, client) || (c->learning && pol_plain_answer(b, client)))
        return;
    pol_client_seek(b, client, POL_NONE);
}

/* Or only to learn what its server says to an alter_context: then the link goes to the pool. */
static void move_to_own_link(struct pol_brain *b, uint32_t client, uint32_t learning)
{
    struct client *c = &b->clients[client];
    c->moving = true;
    c->learning = learning;
    pol_client_emit(b, POL_HOLD, client);
    if (c->front == FRONT_CALL)
        pol_call_stand(b, c->call);
    go(b, client);
}

static void bind_next(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    struct pol_action *a = pol_link_emit(b, POL_BIND, c->link);
    pol_link_asked_bind(b, c->link);
    a->client = pol_client_id(b, client);
    a->replay = c->learning == 0;
    a->offer = c->learning ? c->learning : c->offers[c->replayed];
    a->alter = c->learning == 0 && c->replayed > 0;
    if (a->replay && !a->alter)
        a->group = pol_group_of_server(b, client, b->links[c->link].member);
}

void pol_plain_connected(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    c->replayed = 0;
    pol_client_move(b, client, CLIENT_BINDING);
    pol_link_move(b, c->link, LINK_BINDING);
    bind_next(b, client);
}

/* The server has told what it offers: its link goes to the pool. */
static void learned(struct pol_brain *b, uint32_t client, const struct pol_event *e)
{
    struct client *c = &b->clients[client];
    struct offer *offer = &b->offers[c->learning - 1];
    uint32_t link = c->link;
    *offer = (struct offer){ .server = c->server, .known = true, .multiplex = e->multiplex };
    b->links[link].client = c->link = POL_NONE;
    b->links[link].carried = c->carried;
    pol_pool_serve(b, link, e->group);
    pol_plain_answer(b, client);
}

/* Whatever is wrong with it, the server says so on a link of its own. If it says something else than others were told who
 * still rely on that, it is asked again as the client does. */
static void not_learned(struct pol_brain *b, uint32_t client, bool accepted)
{
    struct client *c = &b->clients[client];
    c->offer = c->learning = 0;
    if (c->binds == 0 && !accepted) {
        pol_client_emit(b, POL_OWN, client)->link = pol_link_id(b, c->link);
        c->front = FRONT_EMPTY;
        pol_link_emit(b, POL_PASS, c->link);
        pol_client_emit(b, POL_SWALLOW, client);
        pol_client_owns(b, client);
    } else {
        uint32_t link = c->link;
        b->links[link].client = c->link = POL_NONE;
        pol_link_close(b, link, false, POL_NOW, POL_BY_NO_ROOM);
        pol_client_seek(b, client, POL_NONE);
    }
}

static void replayed(struct pol_brain *b, uint32_t client, const struct pol_event *e)
{
    struct client *c = &b->clients[client];
    uint32_t member = b->links[c->link].member;
    if (!e->accepted || e->differs) {
        pol_client_cut(b, client, true, POL_BY_BROKEN_PROMISE);
        return;
    }
    if (c->replayed == 0 && e->group != 0) {
        pol_group_granted(b, c->link, e->group, c->identity);
        pol_group_learned(b, client, member, e->group);
    }
    if (++c->replayed < c->binds) {
        bind_next(b, client);
        return;
    }
    pol_client_emit(b, POL_OWN, client)->link = pol_link_id(b, c->link);
    pol_client_owns(b, client);
}

void pol_plain_bound(struct pol_brain *b, uint32_t client, const struct pol_event *e)
{
    struct client *c = &b->clients[client];
    pol_link_set_deadline(b, c->link, POL_NEVER);
    if (c->learning && (!e->accepted || e->differs)) {
        not_learned(b, client, e->accepted);
        return;
    }
    pol_link_emit(b, POL_SWALLOW, c->link);
    if (c->learning)
        learned(b, client, e);
    else
        replayed(b, client, e);
}

/* ---- its calls ---- */

static void wait(struct pol_brain *b, uint32_t client)
{
    pol_client_emit(b, POL_HOLD, client);
    pol_call_wait(b, b->clients[client].call);
}

/* A client that was not granted concurrent multiplexing has its answers in the order of its requests. */
static void admit(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (pol_client_waits_for_drain(b, client) || (!c->multiplex && c->calls > 0)) {
        pol_client_emit(b, POL_HOLD, client);
        pol_call_stand(b, c->call);
        return;
    }
    enum admission admission = pol_admit(b, c->call);
    if (admission == ADMITTED)
        pol_call_lease(b, c->call);
    else if (admission == REFUSED)
        pol_client_refuse(b, client, POL_REFUSED, STATUS_TOO_BUSY);
    else
        wait(b, client);
}

static void answer_or_learn(struct pol_brain *b, uint32_t client)
{
    if (!pol_plain_answer(b, client))
        move_to_own_link(b, client, b->clients[client].offer);
}

void pol_plain_asked(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    const struct call *k = c->front == FRONT_CALL ? &b->calls[c->call] : NULL;
    c->moving = false; /* what it was to move for has been cancelled */
    if (k && k->presentation && !k->rules.pending && !k->maybe)
        admit(b, client);
    else if (c->front == FRONT_CONTROL)
        pol_client_pass(b, client);
    else if (c->front == FRONT_BIND && c->alter && c->offer && c->binds < POL_BINDS_MAX)
        answer_or_learn(b, client);
    else
        move_to_own_link(b, client, 0);
}

/* What it asked next has waited for this. */
void pol_plain_call_over(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    bool waits = c->front == FRONT_CALL && !c->moving && !b->calls[c->call].in_line;
    if (c->state == CLIENT_LEAVING && c->calls == 0)
        pol_client_close(b, client, false, POL_FLUSHED, POL_BY_CLIENT_FIN);
    else if (c->state == CLIENT_WAITING)
        pol_plain_stays(b, client);
    else if (c->state != CLIENT_PLAIN)
        return;
    else if (b->draining)
        pol_client_drain(b, client);
    else if (c->moving)
        go(b, client);
    else if (waits)
        admit(b, client);
}

/* ---- its end ---- */

static void leave(struct pol_brain *b, uint32_t call, enum pol_reason reason)
{
    const struct call *k = &b->calls[call];
    if (k->state == CALL_AGAIN) {
        pol_call_withdraw(b, call, reason);
        return;
    }
    pol_call_orphan(b, call, reason);
    pol_pool_open(b, k->link);
}

void pol_plain_left(struct pol_brain *b, uint32_t client, bool plain, enum pol_reason reason)
{
    while (plain && b->clients[client].first_call != POL_NONE)
        leave(b, b->clients[client].first_call, reason);
}
