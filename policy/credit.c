/* Readers that have stopped: nothing is read that cannot be passed on to them. Between a client and its own link that is all there
 * is to it. A shared link is not read while the client is stopped that it is answering; and when the link is stopped, only the
 * client is not read whose request flows onto it, and no other call comes to it. */
#include "brain.h"

static void flow(struct pol_brain *b, struct pol_id client, struct pol_id link, bool room)
{
    struct pol_action *a = pol_emit(b, room ? POL_RESUME : POL_PAUSE);
    a->client = client;
    a->link = link;
}

static const struct pol_id nobody = { POL_NONE, 0 };

/* ---- clients that do not read ---- */

/* One client may hold up more links than there is room for actions. */
static void changed(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    if (l->state == LINK_POOLED)
        pol_pool_open(b, link);
    if (l->credit_changed)
        return;
    l->credit_changed = true;
    l->credit_next = b->credit_first;
    b->credit_first = link;
}

static void stop_answer(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    if (k->pauses || b->links[k->link].state != LINK_POOLED)
        return;
    k->pauses = true;
    b->links[k->link].pauses++;
    changed(b, k->link);
}

void pol_credit_answering(struct pol_brain *b, uint32_t call)
{
    const struct call *k = &b->calls[call];
    if (k->presentation && k->client != POL_NONE && b->clients[k->client].stopped)
        stop_answer(b, call);
}

void pol_credit_read_again(struct pol_brain *b, uint32_t call)
{
    struct call *k = &b->calls[call];
    if (!k->pauses)
        return;
    k->pauses = false;
    b->links[k->link].pauses--;
    b->links[k->link].held_until = b->now;
    changed(b, k->link);
}

void pol_credit_gone(struct pol_brain *b, uint32_t link)
{
    uint32_t *at = &b->credit_first;
    while (b->links[link].credit_changed && *at != link)
        at = &b->links[*at].credit_next;
    if (b->links[link].credit_changed)
        *at = b->links[link].credit_next;
}

bool pol_credit_sweep(struct pol_brain *b)
{
    while (b->credit_first != POL_NONE) {
        if (!pol_has_room(b))
            return true;
        uint32_t link = b->credit_first;
        struct link *l = &b->links[link];
        b->credit_first = l->credit_next;
        l->credit_changed = false;
        bool held = l->pauses > 0;
        if (l->state == LINK_POOLED && l->held != held)
            flow(b, nobody, pol_link_id(b, link), !(l->held = held));
    }
    return false;
}

static void of_client(struct pol_brain *b, uint32_t client, bool room)
{
    struct client *c = &b->clients[client];
    c->stopped = !room;
    if (c->link != POL_NONE)
        flow(b, nobody, pol_link_id(b, c->link), room);
    for (uint32_t next, k = c->link == POL_NONE ? c->first_call : POL_NONE; k != POL_NONE; k = next) {
        next = b->calls[k].client_next;
        if (room)
            pol_credit_read_again(b, k);
        else if (b->calls[k].state == CALL_ANSWERING)
            stop_answer(b, k);
    }
}

void pol_credit_owned(struct pol_brain *b, uint32_t client)
{
    const struct client *c = &b->clients[client];
    if (c->stopped)
        flow(b, nobody, pol_link_id(b, c->link), false);
}

/* ---- servers that do not read ---- */

void pol_credit_sent(struct pol_brain *b, uint32_t client)
{
    struct client *c = &b->clients[client];
    if (!c->paused)
        return;
    c->paused = false;
    flow(b, pol_client_id(b, client), nobody, true);
}

static void of_shared_link(struct pol_brain *b, uint32_t link, bool room)
{
    struct link *l = &b->links[link];
    const struct call *k = l->first_call == POL_NONE ? NULL
                                                     : &b->calls[l->first_call]; /* alone, if its request flows */
    l->stopped = !room;
    if (k && k->alone && !k->last_done && k->client != POL_NONE && !room && !b->clients[k->client].paused) {
        b->clients[k->client].paused = true;
        flow(b, pol_client_id(b, k->client), nobody, false);
    } else if (k && k->alone && k->client != POL_NONE && room) {
        pol_credit_sent(b, k->client);
    }
    pol_pool_open(b, link);
}

void pol_credit(struct pol_brain *b, const struct pol_event *e)
{
    uint32_t client = e->client.index, link = e->link.index;
    bool is_client = client < b->clients_high && pol_id_equal(e->client, pol_client_id(b, client));
    bool is_link = link < b->links_high && pol_id_equal(e->link, pol_link_id(b, link));
    if (is_client)
        of_client(b, client, e->room);
    else if (is_link && b->links[link].shared)
        of_shared_link(b, link, e->room);
    else if (is_link && b->links[link].client != POL_NONE)
        flow(b, pol_client_id(b, b->links[link].client), nobody, e->room);
}
