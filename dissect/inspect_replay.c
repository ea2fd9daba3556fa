/* Each thing that the brain is told stands on an agenda first, so that nothing is told within a step. */
#include "inspect_replay.h"

#include <stdlib.h>
#include <string.h>

#include "inspect_agenda.h"

#define MS         1000000
#define MOST_CALLS 65536u /* at one time */
#define MOST_PEERS 65536u /* clients, and links */

enum what {
    CALL_DUE,
    NEXT,
    DIALLED,
    BOUND,
    ACCEPTED,
    FIRST,
    LAST,
    LOST,
    LEFT,
    DONE,
    LINK_FIN,
    CHECKED,
    CLIENT_GONE,
    LINK_GONE
};

enum front { FRONT_NOTHING, FRONT_BIND, FRONT_CALL };

struct client {
    struct pol_id id;
    uint32_t session;
    uint32_t link;
    uint32_t call; /* at its front */
    enum front front;
    bool used, open, bound, paused;
};

struct link {
    struct pol_id id;
    uint32_t client;
    bool open, ended;
};

/* A connection of the capture. */
struct session {
    uint32_t first; /* of its calls */
    uint32_t past;
    uint32_t client; /* its connection now; REPLAY_NONE: it has none */
    uint32_t queue;  /* calls that are due */
    uint32_t queue_last;
    uint32_t opened;
    uint32_t finished; /* calls */
};

struct run {
    struct replay *r;
    struct pol_brain *brain;
    struct agenda agenda;
    struct client *clients;
    struct link *links;
    struct session *sessions;
    uint32_t *session_of; /* by call */
    struct pol_id *slots; /* the brain's calls: which they are now */
    uint32_t *call_in;
    uint32_t session_count;
    uint32_t peers;
    uint32_t slot_count;
    int64_t now;
};

static const struct pol_id none = { POL_NONE, 0 };

static void put(struct run *w, int64_t time, enum what what, uint32_t index, uint32_t generation)
{
    agenda_put(&w->agenda,
               (struct agenda_item){ .time = time, .what = (uint8_t)what, .index = index, .generation = generation });
}

static struct replay_call *call_of(const struct run *w, struct pol_id id)
{
    return &w->r->calls[w->call_in[id.index]];
}

static uint32_t index_of(const struct run *w, const struct replay_call *k)
{
    return (uint32_t)(k - w->r->calls);
}

/* ---- ends of calls ---- */

/* Those that began behind it can be due now. */
static void free_followers(struct run *w, uint32_t index)
{
    const struct session *s = &w->sessions[w->session_of[index]];
    for (uint32_t i = index + 1; i < s->past; i++) {
        struct replay_call *k = &w->r->calls[i];
        if (k->before != REPLAY_NONE && k->before > index)
            return;
        if (k->due && k->before == index) {
            k->due = false;
            put(w, w->now + (k->begun - w->r->calls[index].over), CALL_DUE, i, 0);
        }
    }
}

static void finish(struct run *w, struct replay_call *k, uint8_t ending)
{
    if (k->finished)
        return;
    k->finished = true;
    k->ending = ending;
    k->ended = w->now;
    free_followers(w, index_of(w, k));
    struct session *s = &w->sessions[w->session_of[index_of(w, k)]];
    if (++s->finished == s->past - s->first)
        put(w, w->now, DONE, w->session_of[index_of(w, k)], 0);
}

static void release(struct run *w, struct replay_call *k)
{
    w->call_in[k->slot] = REPLAY_NONE;
    k->slot = REPLAY_NONE;
}

/* ---- actions ---- */

static void on_pass(struct run *w, const struct pol_action *a)
{
    if (a->client.index == POL_NONE)
        return;
    struct client *c = &w->clients[a->client.index];
    if (c->front != FRONT_BIND)
        return;
    c->front = FRONT_NOTHING;
    put(w, w->now, BOUND, c->link, w->links[c->link].id.generation);
}

static void on_lease(struct run *w, const struct pol_action *a)
{
    struct replay_call *k = call_of(w, a->call);
    uint32_t index = index_of(w, k);
    struct client *c = &w->clients[a->client.index];
    k->sent = w->now;
    k->link = a->link.index;
    k->link_generation = a->link.generation;
    c->front = FRONT_NOTHING;
    put(w, w->now, ACCEPTED, index, 0);
    if (k->first >= 0)
        put(w, w->now + k->first, FIRST, index, 0);
    if (k->last >= 0)
        put(w, w->now + k->last, LAST, index, 0);
    if (k->lost >= 0)
        put(w, w->now + k->lost, LOST, index, 0);
    put(w, w->now, NEXT, c->session, 0);
}

static void on_dial(struct run *w, const struct pol_action *a)
{
    w->links[a->link.index] = (struct link){ .id = a->link, .client = a->client.index, .open = true };
    w->clients[a->client.index].link = a->link.index;
    put(w, w->now, DIALLED, a->link.index, a->link.generation);
}

static void turn_away(struct run *w, uint32_t session);

static void on_answer_bind(struct run *w, const struct pol_action *a)
{
    struct client *c = &w->clients[a->client.index];
    c->front = FRONT_NOTHING;
    c->bound = a->ack;
    if (!a->ack)
        turn_away(w, c->session);
    put(w, w->now, NEXT, c->session, 0);
}

static void on_fault(struct run *w, const struct pol_action *a)
{
    call_of(w, a->call)->told = a->status;
}

static void on_probe(struct run *w, const struct pol_action *a)
{
    if (a->link.index == POL_NONE || !a->on)
        return;
    for (uint32_t slot = 0; slot < w->slot_count; slot++) {
        struct replay_call *k = w->call_in[slot] != REPLAY_NONE ? &w->r->calls[w->call_in[slot]] : NULL;
        if (k == NULL || k->sent < 0 || k->link != a->link.index)
            continue;
        k->probed = true;
        if (k->silent)
            put(w, w->now + w->r->servers[k->server].dead_after, LOST, index_of(w, k), 0);
    }
}

static void close_client(struct run *w, struct client *c, int64_t delay)
{
    struct session *s = &w->sessions[c->session];
    c->open = false;
    c->front = FRONT_NOTHING;
    put(w, w->now + delay * MS, CLIENT_GONE, c->id.index, c->id.generation);
    if (s->client != c->id.index)
        return;
    s->client = REPLAY_NONE;
    if (!c->bound)
        turn_away(w, c->session);
    put(w, w->now, NEXT, c->session, 0);
}

static void on_close(struct run *w, const struct pol_action *a)
{
    if (a->client.index != POL_NONE) {
        close_client(w, &w->clients[a->client.index], a->delay);
        return;
    }
    w->links[a->link.index].open = false;
    put(w, w->now, LINK_GONE, a->link.index, a->link.generation);
}

static void on_end(struct run *w, const struct pol_action *a)
{
    struct replay_call *k = call_of(w, a->call);
    struct session *s = &w->sessions[w->session_of[index_of(w, k)]];
    finish(w, k, a->ending);
    if (s->client != REPLAY_NONE && w->clients[s->client].front == FRONT_CALL &&
        w->clients[s->client].call == index_of(w, k))
        w->clients[s->client].front = FRONT_NOTHING;
    release(w, k);
    put(w, w->now, NEXT, w->session_of[index_of(w, k)], 0);
}

static void set_paused(struct run *w, const struct pol_action *a, bool paused)
{
    if (a->client.index == POL_NONE)
        return;
    w->clients[a->client.index].paused = paused;
    put(w, w->now, NEXT, w->clients[a->client.index].session, 0);
}

static void apply(struct run *w, const struct pol_action *a)
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
        put(w, w->now, LINK_FIN, a->link.index, a->link.generation);
        break;
    case POL_CLOSE:
        on_close(w, a);
        break;
    case POL_END:
        on_end(w, a);
        break;
    case POL_ABANDON:
        finish(w, call_of(w, a->call), a->ending);
        break;
    case POL_RELEASE:
        release(w, call_of(w, a->call));
        break;
    case POL_CHECK:
        if (a->on)
            put(w, w->now, CHECKED, a->member, 0);
        break;
    default:
        break;
    }
}

static struct pol_event event(enum pol_event_kind kind)
{
    return (struct pol_event){ .kind = (uint8_t)kind, .client = none, .link = none, .call = none };
}

static void tell(struct run *w, struct pol_event e)
{
    struct pol_actions actions = { .more = true };
    while (actions.more) {
        pol_step(w->brain, &e, w->now / MS, &actions);
        for (unsigned i = 0; i < actions.count; i++)
            apply(w, &actions.item[i]);
        e = event(POL_TICK);
    }
}

/* ---- clients ---- */

static uint32_t pop(struct run *w, struct session *s)
{
    uint32_t index = s->queue;
    s->queue = w->r->calls[index].behind;
    return index;
}

/* The call for which a connection was opened that came to nothing. */
static void turn_away(struct run *w, uint32_t session)
{
    struct session *s = &w->sessions[session];
    if (s->queue == REPLAY_NONE)
        return;
    struct replay_call *k = &w->r->calls[pop(w, s)];
    k->turned_away = true;
    k->began = w->now;
    finish(w, k, POL_REFUSED);
}

static uint32_t free_client(const struct run *w)
{
    for (uint32_t i = 0; i < w->peers; i++)
        if (!w->clients[i].used)
            return i;
    return REPLAY_NONE;
}

static void open_client(struct run *w, uint32_t session)
{
    struct session *s = &w->sessions[session];
    const struct replay_call *k = &w->r->calls[s->queue];
    uint32_t index = free_client(w);
    if (index == REPLAY_NONE)
        return;
    struct client *c = &w->clients[index];
    *c = (struct client){ .id = { index, c->id.generation + 1 }, .session = session, .used = true, .open = true };
    s->client = index;
    w->r->reconnects += s->opened++ > 0;
    struct pol_event e = event(POL_CLIENT_OPENED);
    e.client = c->id;
    e.listener = w->r->servers[k->server].listener;
    e.identity = k->client;
    tell(w, e);
    if (!c->open || s->client != index)
        return;
    e = event(POL_CLIENT_BIND);
    e.client = c->id;
    e.level = k->level;
    c->front = FRONT_BIND;
    tell(w, e);
}

static uint32_t free_slot(const struct run *w)
{
    for (uint32_t i = 0; i < w->slot_count; i++)
        if (w->call_in[i] == REPLAY_NONE)
            return i;
    return REPLAY_NONE;
}

static void begin_call(struct run *w, struct client *c, struct session *s)
{
    uint32_t slot = free_slot(w);
    if (slot == REPLAY_NONE)
        return;
    uint32_t index = pop(w, s);
    struct replay_call *k = &w->r->calls[index];
    w->call_in[slot] = index;
    w->slots[slot].generation++;
    k->slot = slot;
    k->began = w->now;
    c->front = FRONT_CALL;
    c->call = index;
    if (k->left >= 0)
        put(w, w->now + k->left, LEFT, index, c->id.generation);
    struct pol_event e = event(POL_CALL_BEGIN);
    e.client = c->id;
    e.call = w->slots[slot];
    e.level = k->level;
    e.maybe = k->maybe;
    e.rule = k->rule;
    tell(w, e);
}

static void next(struct run *w, uint32_t session)
{
    struct session *s = &w->sessions[session];
    if (s->queue == REPLAY_NONE)
        return;
    if (s->client == REPLAY_NONE) {
        open_client(w, session);
        return;
    }
    struct client *c = &w->clients[s->client];
    if (c->bound && c->front == FRONT_NOTHING && !c->paused)
        begin_call(w, c, s);
}

static void call_due(struct run *w, uint32_t index)
{
    struct replay_call *k = &w->r->calls[index];
    struct session *s = &w->sessions[w->session_of[index]];
    const struct replay_call *before = k->before != REPLAY_NONE ? &w->r->calls[k->before] : NULL;
    if (before != NULL && !before->finished) {
        k->due = true;
        return;
    }
    int64_t soonest = before != NULL ? before->ended + (k->begun - before->over) : 0;
    if (soonest > w->now) {
        put(w, soonest, CALL_DUE, index, 0);
        return;
    }
    k->behind = REPLAY_NONE;
    *(s->queue == REPLAY_NONE ? &s->queue : &w->r->calls[s->queue_last].behind) = index;
    s->queue_last = index;
    put(w, w->now, NEXT, w->session_of[index], 0);
}

static void client_ends(struct run *w, const struct session *s, enum pol_how how)
{
    struct pol_event e = event(POL_CLIENT_END);
    if (s->client == REPLAY_NONE)
        return;
    e.client = w->clients[s->client].id;
    e.how = (uint8_t)how;
    tell(w, e);
}

/* Its client has waited as long as it did. The call stays inside the server. */
static void client_leaves(struct run *w, struct replay_call *k, uint32_t generation)
{
    const struct session *s = &w->sessions[w->session_of[index_of(w, k)]];
    if (!k->finished && s->client != REPLAY_NONE && w->clients[s->client].id.generation == generation)
        client_ends(w, s, POL_RESET);
    finish(w, k, POL_CLIENT_LEFT);
}

/* ---- servers ---- */

static struct link *link_at(struct run *w, uint32_t index, uint32_t generation)
{
    struct link *l = &w->links[index];
    return l->open && l->id.generation == generation ? l : NULL;
}

static void link_ends(struct run *w, struct link *l, enum pol_how how)
{
    struct pol_event e = event(POL_LINK_END);
    if (l == NULL || l->ended)
        return;
    l->ended = true;
    e.link = l->id;
    e.how = (uint8_t)how;
    tell(w, e);
}

/* What the server does with a call that it was given. */
static void about_call(struct run *w, const struct replay_call *k, enum what what)
{
    struct link *l = k->sent >= 0 ? link_at(w, k->link, k->link_generation) : NULL;
    if (k->slot == REPLAY_NONE || l == NULL || l->ended)
        return;
    if (what == LOST) {
        link_ends(w, l, POL_RESET);
        return;
    }
    struct pol_event e = event(what == ACCEPTED ? POL_ACCEPTED : what == FIRST ? POL_ANSWER_BEGIN : POL_ANSWER_END);
    e.call = w->slots[k->slot];
    e.first_done = e.last_done = what == ACCEPTED;
    e.fault = what != ACCEPTED && k->fault;
    e.status = e.fault ? k->status : 0;
    e.dne = e.fault && k->dne;
    tell(w, e);
}

static void dialled(struct run *w, struct link *l)
{
    struct pol_event e = event(POL_DIALLED);
    if (l == NULL)
        return;
    e.link = l->id;
    tell(w, e);
}

static void bound(struct run *w, struct link *l)
{
    struct pol_event e = event(POL_BOUND);
    if (l == NULL)
        return;
    struct client *c = &w->clients[l->client];
    e.link = l->id;
    e.accepted = true;
    c->bound = true;
    tell(w, e);
    put(w, w->now, NEXT, c->session, 0);
}

/* ---- from the first call to the last ---- */

static void gone(struct run *w, enum pol_event_kind kind, struct pol_id id)
{
    struct pol_event e = event(kind);
    if (kind == POL_CLIENT_GONE) {
        w->clients[id.index].used = false;
        e.client = id;
    } else {
        e.link = id;
    }
    tell(w, e);
}

static void checked(struct run *w, uint32_t member)
{
    struct pol_event e = event(POL_CHECKED);
    e.member = member;
    tell(w, e);
}

static void happen(struct run *w, const struct agenda_item *i)
{
    struct pol_id id = { i->index, i->generation };
    switch ((enum what)i->what) {
    case CALL_DUE:
        call_due(w, i->index);
        break;
    case NEXT:
        next(w, i->index);
        break;
    case DIALLED:
        dialled(w, link_at(w, i->index, i->generation));
        break;
    case BOUND:
        bound(w, link_at(w, i->index, i->generation));
        break;
    case LEFT:
        client_leaves(w, &w->r->calls[i->index], i->generation);
        break;
    case DONE:
        client_ends(w, &w->sessions[i->index], POL_FIN);
        break;
    case LINK_FIN:
        link_ends(w, link_at(w, i->index, i->generation), POL_FIN);
        break;
    case CHECKED:
        checked(w, i->index);
        break;
    case CLIENT_GONE:
        gone(w, POL_CLIENT_GONE, id);
        break;
    case LINK_GONE:
        gone(w, POL_LINK_GONE, id);
        break;
    default:
        about_call(w, &w->r->calls[i->index], (enum what)i->what);
        break;
    }
}

/* Behind the end of the capture only what was put off by waiting still happens. */
static void run_all(struct run *w)
{
    for (;;) {
        struct agenda_item item;
        int64_t wake = pol_next_wake(w->brain);
        int64_t tick = wake < INT64_MAX / MS ? wake * MS : INT64_MAX;
        if (tick < agenda_next(&w->agenda) && (tick <= w->r->end || w->agenda.count > 0)) {
            w->now = tick > w->now ? tick : w->now;
            tell(w, event(POL_TICK));
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

static void prepare_call(struct run *w, uint32_t index)
{
    struct replay_call *k = &w->r->calls[index];
    bool is_first = index == 0 || w->r->calls[index - 1].connection != k->connection;
    if (is_first)
        w->sessions[w->session_count++] = (struct session){ .first = index,
                                                            .client = REPLAY_NONE,
                                                            .queue = REPLAY_NONE };
    struct session *s = &w->sessions[w->session_count - 1];
    w->session_of[index] = w->session_count - 1;
    s->past = index + 1;
    k->before = k->slot = k->behind = REPLAY_NONE;
    k->began = k->sent = k->ended = -1;
    k->ending = REPLAY_OPEN;
    for (uint32_t i = index; i-- > s->first && k->before == REPLAY_NONE && index - i < 64;)
        if (w->r->calls[i].over <= k->begun)
            k->before = i;
    put(w, k->begun, CALL_DUE, index, 0);
}

static bool make_tables(struct run *w)
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
    w->brain = pol_create(&settings);
    return w->clients != NULL && w->links != NULL && w->sessions != NULL && w->session_of != NULL &&
           w->slots != NULL && w->call_in != NULL && w->brain != NULL;
}

static void free_tables(struct run *w)
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
    struct run w = { .r = r };
    bool ready = make_tables(&w);
    if (r->count > 1)
        qsort(r->calls, r->count, sizeof(*r->calls), by_connection);
    if (ready) {
        memset(w.call_in, 0xff, w.slot_count * sizeof(*w.call_in));
        for (uint32_t i = 0; i < w.slot_count; i++)
            w.slots[i].index = i;
        for (uint32_t i = 0; i < r->count; i++)
            prepare_call(&w, i);
        run_all(&w);
    }
    free_tables(&w);
    return ready;
}
