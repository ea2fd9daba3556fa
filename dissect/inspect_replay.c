/* Each thing that the brain is told stands on an agenda first. */
#include "inspect_replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inspect_body.h"

#define STATUS_TOO_BUSY 0x1c010014u /* nca_s_server_too_busy */

#define MOST_CALLS 65536u /* at one time */
#define MOST_PEERS 65536u /* clients, and links */

/* ---- clients ---- */

static uint32_t free_client(const struct body *w)
{
    for (uint32_t i = 0; i < w->peers; i++)
        if (!w->clients[i].used)
            return i;
    return REPLAY_NONE;
}

/* What it had bound at this point in the capture; where that was not seen, something that is not plain. */
static void bind_next(struct body *w, struct body_client *c)
{
    const struct replay_call *k = &w->r->calls[w->sessions[c->session].queue];
    struct replay_bind bind = { 0 };
    if (c->binds < k->from->bind_count)
        bind = k->from->binds[c->binds];
    struct pol_event e = body_event(POL_CLIENT_BIND);
    e.client = c->id;
    e.level = k->level;
    e.alter = c->binds > 0;
    e.offer = c->binds == 0 || c->plain ? bind.offer : 0;
    e.multiplex = bind.multiplex;
    c->front = FRONT_BIND;
    body_tell(w, e);
}

static void open_client(struct body *w, uint32_t session)
{
    struct body_session *s = &w->sessions[session];
    const struct replay_call *k = &w->r->calls[s->queue];
    uint32_t index = free_client(w);
    if (index == REPLAY_NONE)
        return;
    struct body_client *c = &w->clients[index];
    *c = (struct body_client){
        .id = { index, c->id.generation + 1 }, .session = session, .used = true, .open = true
    };
    s->client = index;
    w->r->reconnects += s->opened++ > 0;
    struct pol_event e = body_event(POL_CLIENT_OPENED);
    e.client = c->id;
    e.listener = w->r->servers[k->server].listener;
    e.identity = k->client;
    body_tell(w, e);
    if (c->open && s->client == index)
        bind_next(w, c);
}

static uint32_t free_slot(const struct body *w)
{
    for (uint32_t i = 0; i < w->slot_count; i++)
        if (w->call_in[i] == REPLAY_NONE)
            return i;
    return REPLAY_NONE;
}

static void begin_call(struct body *w, struct body_client *c, struct body_session *s)
{
    uint32_t slot = free_slot(w);
    if (slot == REPLAY_NONE)
        return;
    uint32_t index = body_pop(w, s);
    struct replay_call *k = &w->r->calls[index];
    w->call_in[slot] = index;
    w->slots[slot].generation++;
    k->slot = slot;
    k->began = w->now;
    c->front = FRONT_CALL;
    c->call = index;
    if (k->left >= 0)
        body_put(w, w->now + k->left, LEFT, index, c->id.generation);
    struct pol_event e = body_event(POL_CALL_BEGIN);
    e.client = c->id;
    e.call = w->slots[slot];
    e.level = k->level;
    e.maybe = k->maybe;
    e.rule = k->rule;
    k->shared = c->plain && k->presentation != 0;
    e.presentation = k->shared ? k->presentation : 0;
    e.alone = k->alone;
    e.kept = k->kept;
    e.idempotent = k->idempotent;
    e.whole_only = k->whole_only;
    body_tell(w, e);
}

static void next(struct body *w, uint32_t session)
{
    struct body_session *s = &w->sessions[session];
    if (s->queue == REPLAY_NONE)
        return;
    if (s->client == REPLAY_NONE) {
        open_client(w, session);
        return;
    }
    struct body_client *c = &w->clients[s->client];
    if (!c->bound || c->front != FRONT_NOTHING || c->paused)
        return;
    if (c->binds < w->r->calls[s->queue].binds)
        bind_next(w, c);
    else
        begin_call(w, c, s);
}

static void call_due(struct body *w, uint32_t index)
{
    struct replay_call *k = &w->r->calls[index];
    struct body_session *s = &w->sessions[w->session_of[index]];
    const struct replay_call *before = k->before != REPLAY_NONE ? &w->r->calls[k->before] : NULL;
    if (before != NULL && !before->finished) {
        k->due = true;
        return;
    }
    int64_t soonest = before != NULL ? before->ended + (k->begun - before->over) : 0;
    if (soonest > w->now) {
        body_put(w, soonest, CALL_DUE, index, 0);
        return;
    }
    k->behind = REPLAY_NONE;
    body_owe(w, k, true);
    *(s->queue == REPLAY_NONE ? &s->queue : &w->r->calls[s->queue_last].behind) = index;
    s->queue_last = index;
    body_put(w, w->now, NEXT, w->session_of[index], 0);
}

static void client_ends(struct body *w, const struct body_session *s, enum pol_how how)
{
    struct pol_event e = body_event(POL_CLIENT_END);
    if (s->client == REPLAY_NONE)
        return;
    e.client = w->clients[s->client].id;
    e.how = (uint8_t)how;
    body_tell(w, e);
}

/* Its client has waited as long as it did. The call stays inside the server. */
static void client_leaves(struct body *w, struct replay_call *k, uint32_t generation)
{
    const struct body_session *s = &w->sessions[w->session_of[body_index_of(w, k)]];
    if (!k->finished && s->client != REPLAY_NONE && w->clients[s->client].id.generation == generation)
        client_ends(w, s, POL_RESET);
    body_finish(w, k, POL_CLIENT_LEFT);
}

/* ---- servers ---- */

static void link_ends(struct body *w, struct body_link *l, enum pol_how how)
{
    struct pol_event e = body_event(POL_LINK_END);
    if (l == NULL || l->ended)
        return;
    l->ended = true;
    e.link = l->id;
    e.how = (uint8_t)how;
    body_tell(w, e);
}

/* What the server does with a call that it was given. */
static void about_call(struct body *w, const struct replay_call *k, enum body_what what, uint32_t attempt)
{
    bool is_there = k->slot != REPLAY_NONE && k->sent >= 0 && k->attempts == attempt;
    struct body_link *l = is_there ? body_link(w, k->link, k->link_generation) : NULL;
    if (l == NULL || l->ended)
        return;
    if (what == LOST) {
        link_ends(w, l, POL_RESET);
        return;
    }
    struct pol_event e = body_event(what == ACCEPTED                   ? POL_ACCEPTED
                                    : what == FIRST || what == DROPPED ? POL_ANSWER_BEGIN
                                                                       : POL_ANSWER_END);
    e.call = w->slots[k->slot];
    e.first_done = e.last_done = what == ACCEPTED;
    e.fault = what != ACCEPTED && (attempt > 1 ? k->busy : k->fault || what == DROPPED);
    e.status = !e.fault ? 0 : attempt > 1 ? STATUS_TOO_BUSY : k->status;
    e.dne = e.fault && (attempt > 1 || k->dne);
    body_tell(w, e);
    if (what == DROPPED) /* nobody waits for it any more: its server is done with it */
        body_put(w, w->now, LAST, body_index_of(w, k), attempt);
}

static void dialled(struct body *w, const struct body_link *l)
{
    struct pol_event e = body_event(POL_DIALLED);
    if (l == NULL)
        return;
    e.link = l->id;
    e.error = past_at(w->r->past, l->member, w->now) == PAST_REFUSED ? ECONNREFUSED : 0;
    body_tell(w, e);
}

static uint32_t server_of(const struct body *w, const struct body_link *l)
{
    uint32_t i = 0;
    while (l->member - w->r->settings->servers[i].member_first >= w->r->settings->servers[i].member_count)
        i++;
    return i;
}

static void present(struct body *w, const struct body_link *l, uint32_t presentation)
{
    struct pol_event e = body_event(POL_PRESENTS);
    e.link = l->id;
    e.presentation = presentation;
    if (presentation != 0)
        body_tell(w, e);
}

/* All that was accepted in the capture. */
static void present_all(struct body *w, const struct body_link *l)
{
    uint32_t presentation;
    present(w, l, l->presentation);
    for (unsigned i = 0; l->offer != 0 && (presentation = w->r->presents(w->r->plain, l->offer, i)) != POL_NONE; i++)
        present(w, l, presentation);
}

static void bound(struct body *w, struct body_link *l)
{
    if (l == NULL || l->ended)
        return;
    bool of_client = l->offer == 0 && l->presentation == 0;
    struct body_client *c = of_client && l->client != POL_NONE ? &w->clients[l->client] : NULL;
    if (c != NULL) {
        c->bound = true;
        c->binds++;
    }
    present_all(w, l);
    struct pol_event e = body_event(POL_BOUND);
    e.link = l->id;
    e.accepted = true;
    e.multiplex = w->r->servers[server_of(w, l)].multiplexes;
    body_tell(w, e);
    if (c != NULL)
        body_put(w, w->now, NEXT, c->session, 0);
}

/* Who refuses connections has none any more, and those without a call did not end with one. */
static void away(struct body *w, uint32_t member)
{
    for (uint32_t i = 0; i < w->peers; i++)
        if (w->links[i].open && w->links[i].member == member && w->links[i].calls == 0)
            link_ends(w, &w->links[i], POL_RESET);
}

/* ---- from the first call to the last ---- */

static void gone(struct body *w, enum pol_event_kind kind, struct pol_id id)
{
    struct pol_event e = body_event(kind);
    if (kind == POL_CLIENT_GONE) {
        w->clients[id.index].used = false;
        e.client = id;
    } else {
        e.link = id;
    }
    body_tell(w, e);
}

static void checked(struct body *w, uint32_t member)
{
    struct pol_event e = body_event(POL_CHECKED);
    e.member = member;
    e.error = past_at(w->r->past, member, w->now) == PAST_REFUSED ? ECONNREFUSED : 0;
    body_tell(w, e);
}

static void happen(struct body *w, const struct agenda_item *i)
{
    struct pol_id id = { i->index, i->generation };
    switch ((enum body_what)i->what) {
    case CALL_DUE:
        call_due(w, i->index);
        break;
    case NEXT:
        next(w, i->index);
        break;
    case DIALLED:
        dialled(w, body_link(w, i->index, i->generation));
        break;
    case BOUND:
        bound(w, body_link(w, i->index, i->generation));
        break;
    case LEFT:
        client_leaves(w, &w->r->calls[i->index], i->generation);
        break;
    case DONE:
        client_ends(w, &w->sessions[i->index], POL_FIN);
        break;
    case LINK_FIN:
        link_ends(w, body_link(w, i->index, i->generation), POL_FIN);
        break;
    case CHECKED:
        checked(w, i->index);
        break;
    case AWAY:
        away(w, i->index);
        break;
    case CLIENT_GONE:
        gone(w, POL_CLIENT_GONE, id);
        break;
    case LINK_GONE:
        gone(w, POL_LINK_GONE, id);
        break;
    default:
        about_call(w, &w->r->calls[i->index], (enum body_what)i->what, i->generation);
        break;
    }
}

#define BEHIND_MOST 3600000000000 /* ns behind the end of the capture */

/* Behind the end of the capture only what was put off still happens: calls that wait, or are repeated. Time alone may pass
 * there as long as a call waits for it. */
static bool may_pass(const struct body *w, int64_t time)
{
    return time <= w->r->end || w->agenda.count > 0 || (w->unsent > 0 && time <= w->r->end + BEHIND_MOST);
}

static void run_all(struct body *w)
{
    for (;;) {
        struct agenda_item item;
        int64_t wake = pol_next_wake(w->brain);
        int64_t tick = wake < INT64_MAX / BODY_MS ? wake * BODY_MS : INT64_MAX;
        if (tick < agenda_next(&w->agenda) && may_pass(w, tick)) {
            w->now = tick > w->now ? tick : w->now;
            body_tell(w, body_event(POL_TICK));
        } else if (agenda_take(&w->agenda, &item)) {
            w->now = item.time > w->now ? item.time : w->now;
            happen(w, &item);
        } else {
            return;
        }
    }
}

/* ---- getting ready ---- */

static int by_connection(const void *a, const void *b)
{
    const struct replay_call *x = a;
    const struct replay_call *y = b;
    if (x->connection != y->connection)
        return x->connection < y->connection ? -1 : 1;
    return x->begun != y->begun ? (x->begun < y->begun ? -1 : 1) : (x->number > y->number) - (x->number < y->number);
}

static void prepare_call(struct body *w, uint32_t index)
{
    struct replay_call *k = &w->r->calls[index];
    bool is_first = index == 0 || w->r->calls[index - 1].connection != k->connection;
    if (is_first)
        w->sessions[w->session_count++] = (struct body_session){ .first = index,
                                                                 .client = REPLAY_NONE,
                                                                 .queue = REPLAY_NONE };
    struct body_session *s = &w->sessions[w->session_count - 1];
    w->session_of[index] = w->session_count - 1;
    s->past = index + 1;
    k->before = k->slot = k->behind = REPLAY_NONE;
    k->began = k->leased = k->sent = k->ended = -1;
    k->ending = REPLAY_OPEN;
    for (uint32_t i = index; i-- > s->first && k->before == REPLAY_NONE && index - i < 64;)
        if (w->r->calls[i].over <= k->begun)
            k->before = i;
    body_put(w, k->begun, CALL_DUE, index, 0);
}

static bool make_tables(struct body *w)
{
    struct replay *r = w->r;
    w->peers = r->count < MOST_PEERS ? r->count + 1 : MOST_PEERS;
    w->slot_count = r->count < MOST_CALLS ? r->count + 1 : MOST_CALLS;
    w->clients = calloc(w->peers, sizeof(*w->clients));
    w->links = calloc(w->peers, sizeof(*w->links));
    w->sessions = calloc(r->count + 1, sizeof(*w->sessions));
    w->session_of = calloc(r->count + 1, sizeof(*w->session_of));
    w->slots = calloc(w->slot_count, sizeof(*w->slots));
    w->call_in = calloc(w->slot_count, sizeof(*w->call_in));
    struct pol_settings settings = *r->settings;
    settings.max_clients = settings.max_links = w->peers;
    settings.max_calls = w->slot_count;
    settings.max_offers = r->offers;
    w->brain = pol_create(&settings);
    return w->clients != NULL && w->links != NULL && w->sessions != NULL && w->session_of != NULL &&
           w->slots != NULL && w->call_in != NULL && w->brain != NULL;
}

static void free_tables(struct body *w)
{
    if (w->brain != NULL)
        pol_destroy(w->brain);
    agenda_free(&w->agenda);
    free(w->clients);
    free(w->links);
    free(w->sessions);
    free(w->session_of);
    free(w->slots);
    free(w->call_in);
}

bool replay_run(struct replay *r)
{
    struct body w = { .r = r };
    bool ready = make_tables(&w);
    if (r->count > 1)
        qsort(r->calls, r->count, sizeof(*r->calls), by_connection);
    if (ready) {
        memset(w.call_in, 0xff, w.slot_count * sizeof(*w.call_in));
        for (uint32_t i = 0; i < w.slot_count; i++)
            w.slots[i].index = i;
        for (uint32_t i = 0; i < r->count; i++)
            prepare_call(&w, i);
        for (uint32_t i = 0; i < r->past->count; i++)
            if (past_goes_away(r->past, i))
                body_put(&w, r->past->sights[i].time, AWAY, r->past->sights[i].member, 0);
        r->sessions = w.session_count;
        run_all(&w);
    }
    free_tables(&w);
    return ready;
}
