/* Connections as byte pipes with a delay, and what is to happen later. */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int64_t sim_now;
int64_t net_latency;

/* ---- what happens later: a heap, in the order of time and then of its coming ---- */

struct later {
    int64_t at;
    uint64_t order;
    void (*act)(void *, intptr_t);
    void *a;
    intptr_t b;
};

static struct later *heap;
static size_t heap_count, heap_room;
static uint64_t orders;

static bool is_before(const struct later *a, const struct later *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void swap(size_t i, size_t j)
{
    struct later t = heap[i];
    heap[i] = heap[j];
    heap[j] = t;
}

void net_later(int64_t delay, void (*act)(void *, intptr_t), void *a, intptr_t b)
{
    if (heap_count == heap_room) {
        heap_room = heap_room ? 2 * heap_room : 256;
        heap = realloc(heap, heap_room * sizeof *heap);
        if (!heap)
            abort();
    }
    size_t i = heap_count++;
    heap[i] = (struct later){ sim_now + delay, orders++, act, a, b };
    for (; i > 0 && is_before(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(i, (i - 1) / 2);
}

static struct later take_first(void)
{
    struct later first = heap[0];
    heap[0] = heap[--heap_count];
    for (size_t i = 0, child; (child = 2 * i + 1) < heap_count; i = child) {
        if (child + 1 < heap_count && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &heap[i]))
            break;
        swap(i, child);
    }
    return first;
}

int64_t net_next(void)
{
    return heap_count ? heap[0].at : INT64_MAX;
}

void net_run_due(void)
{
    while (heap_count && heap[0].at <= sim_now) {
        struct later l = take_first();
        l.act(l.a, l.b);
    }
}

/* ---- connections: they last as long as the schedule ---- */

static struct net_conn **conns;
static size_t conn_count, conn_room;

struct net_conn *net_new(void)
{
    struct net_conn *c = calloc(1, sizeof *c);
    if (conn_count == conn_room) {
        conn_room = conn_room ? 2 * conn_room : 64;
        conns = realloc(conns, conn_room * sizeof *conns);
    }
    if (!c || !conns)
        abort();
    conns[conn_count++] = c;
    c->number = (int)conn_count;
    c->heard = sim_now;
    for (unsigned e = 0; e < 2; e++)
        c->end[e].capacity = sim_chance(20) ? sim_between(16, 300) : sim_between(1000, 20000);
    return c;
}

void net_end_world(void)
{
    for (size_t i = 0; i < conn_count; i++) {
        free(conns[i]->half[0].bytes);
        free(conns[i]->half[1].bytes);
        free(conns[i]);
    }
    conn_count = heap_count = 0;
}

void net_reset_world(int64_t latency)
{
    net_end_world();
    sim_now = 1000;
    orders = 0;
    net_latency = latency;
}

static void notify(struct net_conn *c, unsigned e)
{
    if (c->end[e].notify && !c->end[e].closed)
        c->end[e].notify(c->end[e].owner);
}

/* ---- bytes ---- */

static void doom(struct net_conn *c, unsigned e);

static size_t held(const struct net_half *h)
{
    return h->end - h->begin;
}

size_t net_readable(const struct net_conn *c, unsigned e)
{
    return c->half[1 - e].arrived;
}

bool net_fin_seen(const struct net_conn *c, unsigned e)
{
    return c->half[1 - e].fin_arrived && c->half[1 - e].arrived == 0;
}

size_t net_room(const struct net_conn *c, unsigned e)
{
    size_t used = held(&c->half[e]);
    return used < c->end[e].capacity ? c->end[e].capacity - used : 0;
}

size_t net_unacknowledged(const struct net_conn *c, unsigned e)
{
    return c->end[e].dead ? 0 : held(&c->half[e]) - c->half[e].arrived;
}

static void rst_arrives(void *conn, intptr_t to)
{
    struct net_conn *c = conn;
    struct net_end *e = &c->end[to];
    if (c->silent || e->dead || e->closed)
        return;
    e->dead = true;
    e->error = ECONNRESET;
    notify(c, (unsigned)to);
}

/* What comes to an end that is closed is answered by a reset. */
static void arrives(void *conn, intptr_t packed)
{
    struct net_conn *c = conn;
    unsigned from = packed & 1;
    size_t length = (size_t)packed >> 1;
    struct net_half *h = &c->half[from];
    if (c->silent || c->end[from].dead)
        return;
    if (c->end[1 - from].closed || c->end[1 - from].dead) {
        net_later(net_latency, rst_arrives, c, from);
        return;
    }
    c->heard = sim_now;
    h->arrived += length;
    notify(c, 1 - from);
}

size_t net_write(struct net_conn *c, unsigned e, const void *bytes, size_t length)
{
    struct net_half *h = &c->half[e];
    size_t room = net_room(c, e), n = length < room ? length : room;
    if (c->end[e].dead || c->end[e].closed || h->fin || n == 0)
        return 0;
    if (n > 1 && sim_chance(3))
        n = 1 + sim_below((uint32_t)n);
    if (h->begin > 0 && h->end + n > h->room) {
        memmove(h->bytes, h->bytes + h->begin, held(h));
        h->end -= h->begin;
        h->begin = 0;
    }
    if (h->end + n > h->room) {
        h->room = 2 * (h->end + n);
        h->bytes = realloc(h->bytes, h->room);
        if (!h->bytes)
            abort();
    }
    memcpy(h->bytes + h->end, bytes, n);
    h->end += n;
    if (c->silent && held(h) == n)
        doom(c, e);
    net_later(net_latency, arrives, c, (intptr_t)(n << 1 | e));
    return n;
}

static void room_again(void *conn, intptr_t e)
{
    notify(conn, (unsigned)e);
}

size_t net_read(struct net_conn *c, unsigned e, void *bytes, size_t length)
{
    struct net_half *h = &c->half[1 - e];
    size_t n = length < h->arrived ? length : h->arrived;
    if (n > 1 && sim_chance(10))
        n = 1 + sim_below((uint32_t)n);
    if (n == 0)
        return 0;
    memcpy(bytes, h->bytes + h->begin, n);
    h->begin += n;
    h->arrived -= n;
    if (c->end[1 - e].notify)
        net_later(net_latency, room_again, c, 1 - e);
    return n;
}

/* ---- ends ---- */

static void fin_arrives(void *conn, intptr_t from)
{
    struct net_conn *c = conn;
    if (c->silent || c->end[from].dead)
        return;
    c->half[from].fin_arrived = true;
    notify(c, 1 - (unsigned)from);
}

void net_fin(struct net_conn *c, unsigned e)
{
    if (c->half[e].fin || c->end[e].dead)
        return;
    c->half[e].fin = true;
    net_later(net_latency, fin_arrives, c, e);
}

void net_reset(struct net_conn *c, unsigned e)
{
    if (c->end[e].dead)
        return;
    c->end[e].dead = true;
    net_later(net_latency, rst_arrives, c, 1 - e);
}

/* With bytes unread, or when it was asked for, by a reset (RFC 1122 4.2.2.13; socket(7) SO_LINGER). */
void net_close(struct net_conn *c, unsigned e)
{
    if (c->end[e].closed)
        return;
    if (c->end[e].dies_by_reset || c->half[1 - e].arrived > 0)
        net_reset(c, e);
    else
        net_fin(c, e);
    c->end[e].closed = true;
}

/* ---- silence, and who finds it out ---- */

#define RETRANSMISSIONS 924000 /* ms; tcp_retries2 of 15 */

static void lost(void *conn, intptr_t e)
{
    struct net_conn *c = conn;
    struct net_end *end = &c->end[e];
    bool wanted = end->keepalive || net_unacknowledged(c, (unsigned)e) > 0;
    if (!wanted || end->dead || end->closed || sim_now < end->lost_at)
        return;
    end->dead = true;
    end->error = ETIMEDOUT;
    notify(c, (unsigned)e);
}

static void doom(struct net_conn *c, unsigned e)
{
    struct net_end *end = &c->end[e];
    bool unacknowledged = net_unacknowledged(c, e) > 0;
    int64_t time = end->user_timeout > 0 ? end->user_timeout
                   : unacknowledged      ? RETRANSMISSIONS
                                         : (end->keep_idle + end->keep_interval * end->keep_count) * 1000;
    if (!c->silent || (!unacknowledged && !end->keepalive) || (end->lost_in == time && end->lost_at > sim_now))
        return;
    end->lost_in = time;
    end->lost_at = sim_now + time;
    net_later(time, lost, c, e);
}

void net_go_silent(struct net_conn *c)
{
    c->silent = true;
    doom(c, 0);
    doom(c, 1);
}

void net_keepalive(struct net_conn *c, unsigned e)
{
    doom(c, e);
}
