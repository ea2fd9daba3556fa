/* A function for each action that matters to a body without bytes. */
#include "inspect_body.h"

static const struct pol_id none = { POL_NONE, 0 };

#define LATEST (100 * (int64_t)REPLAY_LONGEST) /* waiting upon waiting ends there */

void body_put(struct body *w, int64_t time, enum body_what what, uint32_t index, uint32_t generation)
{
    if (time > LATEST)
        time = LATEST;
    agenda_put(&w->agenda,
               (struct agenda_item){ .time = time, .what = (uint8_t)what, .index = index, .generation = generation });
}

static struct replay_call *call_of(const struct body *w, struct pol_id id)
{
    return &w->r->calls[w->call_in[id.index]];
}

struct body_link *body_link(struct body *w, uint32_t index, uint32_t generation)
{
    struct body_link *l = &w->links[index];
    return l->open && l->id.generation == generation ? l : NULL;
}

uint32_t body_index_of(const struct body *w, const struct replay_call *k)
{
    return (uint32_t)(k - w->r->calls);
}

/* ---- ends of calls ---- */

/* Those that began behind it can be due now. */
static void free_followers(struct body *w, uint32_t index)
{
    const struct body_session *s = &w->sessions[w->session_of[index]];
    for (uint32_t i = index + 1; i < s->past; i++) {
        struct replay_call *k = &w->r->calls[i];
        if (k->before != REPLAY_NONE && k->before > index)
            return;
        if (k->due && k->before == index) {
            k->due = false;
            body_put(w, w->now + (k->begun - w->r->calls[index].over), CALL_DUE, i, 0);
        }
    }
}

void body_owe(struct body *w, struct replay_call *k, bool unsent)
{
    w->unsent += (uint32_t)unsent - (uint32_t)k->unsent;
    k->unsent = unsent;
}

void body_finish(struct body *w, struct replay_call *k, uint8_t ending)
{
    if (k->finished)
        return;
    body_owe(w, k, false);
    k->finished = true;
    k->ending = ending;
    k->ended = w->now;
    free_followers(w, body_index_of(w, k));
    struct body_session *s = &w->sessions[w->session_of[body_index_of(w, k)]];
    if (++s->finished == s->past - s->first)
        body_put(w, w->now, DONE, w->session_of[body_index_of(w, k)], 0);
}

static void release(struct body *w, struct replay_call *k)
{
    w->call_in[k->slot] = REPLAY_NONE;
    k->slot = REPLAY_NONE;
}

uint32_t body_pop(struct body *w, struct body_session *s)
{
    uint32_t index = s->queue;
    s->queue = w->r->calls[index].behind;
    return index;
}

/* The call for which a connection was opened that came to nothing. */
static void turn_away(struct body *w, uint32_t session)
{
    struct body_session *s = &w->sessions[session];
    if (s->queue == REPLAY_NONE)
        return;
    struct replay_call *k = &w->r->calls[body_pop(w, s)];
    k->turned_away = true;
    k->began = w->now;
    body_finish(w, k, POL_REFUSED);
}

/* ---- actions ---- */

static void on_pass(struct body *w, const struct pol_action *a)
{
    if (a->client.index == POL_NONE)
        return;
    struct body_client *c = &w->clients[a->client.index];
    if (c->front != FRONT_BIND)
        return;
    struct body_link *l = &w->links[c->link];
    c->front = FRONT_NOTHING;
    l->offer = l->presentation = 0;
    body_put(w, w->now, BOUND, c->link, l->id.generation);
}

static void on_bind(struct body *w, const struct pol_action *a)
{
    struct body_link *l = &w->links[a->link.index];
    l->offer = a->offer;
    l->presentation = a->presentation;
    body_put(w, w->now, BOUND, a->link.index, a->link.generation);
}

/* The first time as in the capture. Later it depends on how its server was then. */
static void put_answer(struct body *w, struct replay_call *k)
{
    uint32_t index = body_index_of(w, k);
    bool again = k->attempts > 1;
    int64_t expected = again ? past_expected(w->r->past, k->server, k->operation) : -1;
    k->busy = again && past_at(w->r->past, w->links[k->link].member, w->now) == PAST_BUSY;
    if (k->busy && expected < 0)
        expected = 0;
    int64_t first = again ? expected : k->first;
    int64_t last = again ? expected : k->last;
    body_put(w, w->now, ACCEPTED, index, k->attempts);
    if (first >= 0)
        body_put(w, w->now + first, FIRST, index, k->attempts);
    if (last >= 0)
        body_put(w, w->now + last, LAST, index, k->attempts);
    if (!again && k->lost >= 0)
        body_put(w, w->now + k->lost, LOST, index, k->attempts);
    if (!again && k->dropped >= 0)
        body_put(w, w->now + k->dropped, DROPPED, index, k->attempts);
}

static void on_lease(struct body *w, const struct pol_action *a)
{
    struct replay_call *k = call_of(w, a->call);
    struct body_client *c = &w->clients[a->client.index];
    k->sent = w->now;
    k->leased = k->leased < 0 ? w->now : k->leased;
    k->link = a->link.index;
    k->link_generation = a->link.generation;
    body_owe(w, k, false);
    k->attempts++;
    w->links[k->link].calls++;
    if (c->front == FRONT_CALL && c->call == body_index_of(w, k))
        c->front = FRONT_NOTHING;
    put_answer(w, k);
    body_put(w, w->now, NEXT, c->session, 0);
}

/* Where nobody answers, the brain's time-out does. */
static void on_dial(struct body *w, const struct pol_action *a)
{
    w->links[a->link.index] = (struct body_link){
        .id = a->link, .client = a->client.index, .member = a->member, .open = true
    };
    if (++w->links_open > w->r->links)
        w->r->links = w->links_open;
    if (a->client.index != POL_NONE)
        w->clients[a->client.index].link = a->link.index;
    if (past_at(w->r->past, a->member, w->now) != PAST_SILENT)
        body_put(w, w->now, DIALLED, a->link.index, a->link.generation);
}

/* One that was dialled before anybody needed it, or for a client that is not served call by call any more. */
static void on_own(struct body *w, const struct pol_action *a)
{
    w->clients[a->client.index].plain = false;
    w->links[a->link.index].client = a->client.index;
    w->clients[a->client.index].link = a->link.index;
}

static void on_answer_bind(struct body *w, const struct pol_action *a)
{
    struct body_client *c = &w->clients[a->client.index];
    c->front = FRONT_NOTHING;
    c->bound = a->ack;
    c->plain = a->ack && a->offer != 0;
    c->binds += a->ack;
    if (!a->ack)
        turn_away(w, c->session);
    body_put(w, w->now, NEXT, c->session, 0);
}

static void on_fault(struct body *w, const struct pol_action *a)
{
    call_of(w, a->call)->told = a->status;
}

static void on_probe(struct body *w, const struct pol_action *a)
{
    if (a->link.index == POL_NONE || !a->on)
        return;
    for (uint32_t slot = 0; slot < w->slot_count; slot++) {
        struct replay_call *k = w->call_in[slot] != REPLAY_NONE ? &w->r->calls[w->call_in[slot]] : NULL;
        if (k == NULL || k->sent < 0 || k->link != a->link.index)
            continue;
        k->probed = true;
        if (k->silent && k->attempts == 1)
            body_put(w, w->now + w->r->servers[k->server].dead_after, LOST, body_index_of(w, k), k->attempts);
    }
}

static void close_client(struct body *w, struct body_client *c, int64_t delay)
{
    struct body_session *s = &w->sessions[c->session];
    c->open = false;
    c->front = FRONT_NOTHING;
    body_put(w, w->now + delay * BODY_MS, CLIENT_GONE, c->id.index, c->id.generation);
    if (s->client != c->id.index)
        return;
    s->client = REPLAY_NONE;
    if (!c->bound)
        turn_away(w, c->session);
    body_put(w, w->now, NEXT, c->session, 0);
}

static void on_close(struct body *w, const struct pol_action *a)
{
    if (a->client.index != POL_NONE) {
        close_client(w, &w->clients[a->client.index], a->delay);
        return;
    }
    w->links_open -= w->links[a->link.index].open;
    w->links[a->link.index].open = false;
    body_put(w, w->now, LINK_GONE, a->link.index, a->link.generation);
}

/* It is not with its server any more. */
static void leave_link(struct body *w, struct replay_call *k)
{
    if (k->sent >= 0)
        w->links[k->link].calls--;
    k->sent = -1;
}

static void on_again(struct body *w, const struct pol_action *a)
{
    struct replay_call *k = call_of(w, a->call);
    leave_link(w, k);
    k->proof = a->proof;
    body_owe(w, k, true);
}

static void on_release(struct body *w, const struct pol_action *a)
{
    struct replay_call *k = call_of(w, a->call);
    leave_link(w, k);
    release(w, k);
}

static void on_end(struct body *w, const struct pol_action *a)
{
    struct replay_call *k = call_of(w, a->call);
    struct body_session *s = &w->sessions[w->session_of[body_index_of(w, k)]];
    body_finish(w, k, a->ending);
    if (s->client != REPLAY_NONE && w->clients[s->client].front == FRONT_CALL &&
        w->clients[s->client].call == body_index_of(w, k))
        w->clients[s->client].front = FRONT_NOTHING;
    leave_link(w, k);
    release(w, k);
    body_put(w, w->now, NEXT, w->session_of[body_index_of(w, k)], 0);
}

static void set_paused(struct body *w, const struct pol_action *a, bool paused)
{
    if (a->client.index == POL_NONE)
        return;
    w->clients[a->client.index].paused = paused;
    body_put(w, w->now, NEXT, w->clients[a->client.index].session, 0);
}

static void apply(struct body *w, const struct pol_action *a)
{
    switch (a->kind) {
    case POL_PASS:
        on_pass(w, a);
        break;
    case POL_LEASE:
        on_lease(w, a);
        break;
    case POL_PAUSE:
    case POL_RESUME:
        set_paused(w, a, a->kind == POL_PAUSE);
        break;
    case POL_DIAL:
        on_dial(w, a);
        break;
    case POL_OWN:
        on_own(w, a);
        break;
    case POL_ANSWER_BIND:
        on_answer_bind(w, a);
        break;
    case POL_FAULT:
        on_fault(w, a);
        break;
    case POL_PROBE:
        on_probe(w, a);
        break;
    case POL_END_INPUT:
        body_put(w, w->now, LINK_FIN, a->link.index, a->link.generation);
        break;
    case POL_CLOSE:
        on_close(w, a);
        break;
    case POL_END:
        on_end(w, a);
        break;
    case POL_ABANDON:
        body_finish(w, call_of(w, a->call), a->ending);
        break;
    case POL_RELEASE:
        on_release(w, a);
        break;
    case POL_BIND:
        on_bind(w, a);
        break;
    case POL_AGAIN:
        on_again(w, a);
        break;
    case POL_CHECK:
        if (a->on)
            body_put(w, w->now, CHECKED, a->member, 0);
        break;
    default:
        break;
    }
}

struct pol_event body_event(enum pol_event_kind kind)
{
    return (struct pol_event){ .kind = (uint8_t)kind, .client = none, .link = none, .call = none };
}

void body_tell(struct body *w, struct pol_event e)
{
    struct pol_actions actions = { .more = true };
    while (actions.more) {
        pol_step(w->brain, &e, w->now / BODY_MS, &actions);
        for (unsigned i = 0; i < actions.count; i++)
            apply(w, &actions.item[i]);
        e = body_event(POL_TICK);
    }
}
