/* TCP as far as a proxy can tell: see tcp(7) for the time-outs and tcp_poll(), tcp_reset() of Linux for the ends. */
#include "net.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agenda.h"
#include "draw.h"
#include "trace.h"

#define DOORS          8u
#define RETRANSMISSION (924 * (int64_t)SECOND) /* tcp_retries2 of 15 */
#define SYN_RETRIES    (127 * (int64_t)SECOND) /* tcp_syn_retries of 6 */
#define FIN_WAIT       (60 * (int64_t)SECOND)  /* tcp_fin_timeout */

static struct endpoint endpoints[NET_ENDPOINTS];
static uint32_t endpoint_count, dialled;
static struct door doors[DOORS];
static uint32_t door_count;
static bool wide;
static bool polled_changed;
static uint32_t slowest; /* µs that a segment takes at most, in this schedule */

void net_begin(void)
{
    static const uint32_t paces[] = { 100, 500, 3000, 20000 };
    endpoint_count = door_count = dialled = 0;
    slowest = paces[below(4)];
    wide = chance(4);
}

bool net_is_wide(void)
{
    return wide;
}

bool net_polled_changed(void)
{
    bool changed = polled_changed;
    polled_changed = false;
    return changed;
}

static int64_t later(void)
{
    return now + 10 + below(slowest);
}

/* ---- entries of the agenda about an endpoint ---- */

static void plan(int64_t when, agenda_job *what, struct endpoint *e, uint32_t number)
{
    agenda_at(when, what, e, e->generation << 8 | number);
}

static bool is_void(const struct endpoint *e, uint32_t number)
{
    return (number >> 8) != (e->generation & 0xffffff);
}

/* ---- bytes ---- */

static uint32_t length_of(const struct bytes *b)
{
    return b->end - b->begin;
}

static void drop(struct bytes *b)
{
    b->begin = b->end = 0;
}

static void append(struct bytes *b, const uint8_t *bytes, size_t length)
{
    if (b->begin > 0 && b->end + length > NET_ROOM) {
        memmove(b->at, b->at + b->begin, length_of(b));
        b->end -= b->begin;
        b->begin = 0;
    }
    assert(b->end + length <= NET_ROOM);
    memcpy(b->at + b->end, bytes, length);
    b->end += (uint32_t)length;
}

static void consume(struct bytes *b, size_t length)
{
    b->begin += (uint32_t)length;
    if (b->begin == b->end)
        drop(b);
}

static void wake(struct endpoint *e)
{
    if (e->held && e->wake)
        e->wake(e->owner);
    else
        polled_changed = true;
}

/* ---- ends ---- */

static void die(struct endpoint *e, int error)
{
    if (e->dead)
        return;
    trace("  %s#%u: %s", e->host->name, e->number, error == ETIMEDOUT ? "timed out" : "reset");
    e->unsent = net_window_is_closed(e) ? length_of(&e->out) : below(length_of(&e->out) + 1);
    e->dead = true;
    e->error = error;
    drop(&e->out);
    e->timer++;
    wake(e);
}

static void reset_comes(void *who, uint32_t number)
{
    struct endpoint *e = who;
    if (is_void(e, number) || e->host->silent || e->peer->host->silent)
        return; /* lost; it hears of it when it asks */
    die(e, !e->connected ? ECONNREFUSED : e->fin_come ? EPIPE : ECONNRESET);
}

static void send_reset(struct endpoint *to)
{
    if (!to->dead)
        plan(later(), reset_comes, to, 0);
}

/* ---- time-outs ---- */

/* When this side will give its peer up, as things are now; NO_TIME: never. */
static int64_t gives_up(const struct endpoint *e)
{
    bool unacked = net_unacked(e) > 0;
    int64_t idle = (int64_t)e->idle * SECOND, interval = (int64_t)e->interval * SECOND;
    if (!e->connected || e->dead)
        return NO_TIME;
    if (unacked)
        return net_is_mute(e) ? e->moved + RETRANSMISSION : NO_TIME;
    if (!e->keepalive)
        return NO_TIME;
    if (net_is_mute(e))
        return e->heard + idle + interval * e->count;
    if (e->fin_come && !e->peer->held) /* it has closed, and forgets the connection */
        return e->fin_at + (idle > FIN_WAIT ? idle : FIN_WAIT);
    return NO_TIME;
}

static void check(void *who, uint32_t number)
{
    struct endpoint *e = who;
    if (number != e->timer)
        return;
    int64_t at = gives_up(e);
    if (at > now)
        net_options_changed(e);
    else
        die(e, net_is_mute(e) || net_unacked(e) ? ETIMEDOUT : ECONNRESET);
}

void net_options_changed(struct endpoint *e)
{
    int64_t at = gives_up(e);
    e->timer++;
    if (at != NO_TIME)
        agenda_at(at, check, e, e->timer);
}

/* ---- delivery ---- */

static void deliver(void *who, uint32_t number);

static void deliver_later(struct endpoint *e, int64_t when, uint32_t attempt)
{
    if (e->delivering)
        return;
    e->delivering = true;
    plan(when, deliver, e, attempt);
}

static void fin_arrives(struct endpoint *e)
{
    e->fin_taken = true;
    e->peer->fin_come = true;
    e->peer->fin_at = now;
    if (!e->held)
        net_options_changed(e->peer);
    trace("  %s#%u has sent a FIN", e->host->name, e->number);
}

/* Bytes that nobody will read are answered by a reset. */
static void arrive(struct endpoint *from, struct endpoint *to)
{
    uint32_t room = to->in_room - length_of(&to->in), ready = length_of(&from->out);
    uint32_t n = ready < room ? ready : room;
    if ((!to->held && ready) || to->dead) {
        send_reset(from);
        return;
    }
    if (n > 1 && chance(20))
        n = between(1, n);
    if (n) {
        append(&to->in, from->out.at + from->out.begin, n);
        consume(&from->out, n);
        from->moved = from->heard = to->heard = now;
    }
    if (length_of(&from->out) == 0 && from->closing && !from->fin_taken)
        fin_arrives(from);
    else if (length_of(&from->out) > 0 && length_of(&to->in) < to->in_room)
        deliver_later(from, later(), 0);
    wake(to);
    if (n)
        wake(from);
}

#define LONGEST_BACKOFF 9 /* doublings of 200 ms: two minutes, as TCP_RTO_MAX */

static void deliver(void *who, uint32_t number)
{
    struct endpoint *e = who;
    uint32_t attempt = number & 0xff;
    if (is_void(e, number))
        return;
    e->delivering = false;
    if (e->dead || !e->connected)
        return;
    if (net_is_mute(e))
        deliver_later(e, now + ((int64_t)200 * MS << attempt), attempt < LONGEST_BACKOFF ? attempt + 1 : attempt);
    else if (e->peer->connected)
        arrive(e, e->peer);
    else
        deliver_later(e, later(), 0);
}

void net_set_silent(struct host *host, bool silent)
{
    for (uint32_t i = 0; i < endpoint_count; i++) {
        struct endpoint *e = &endpoints[i];
        if (e->host == host || (e->peer && e->peer->host == host))
            e->heard = now - (e->keepalive && !net_is_mute(e) && now - e->heard > (int64_t)e->idle * SECOND
                                  ? below(e->idle + 1) * (int64_t)SECOND
                                  : now - e->heard);
    }
    host->silent = silent;
    trace("host %s %s", host->name, silent ? "falls silent" : "is heard again");
    for (uint32_t i = 0; i < endpoint_count; i++) {
        struct endpoint *e = &endpoints[i];
        if (e->host != host && (!e->peer || e->peer->host != host))
            continue;
        if (!silent && e->peer && e->peer->dead)
            send_reset(e);
        net_options_changed(e);
    }
}

/* ---- connecting ---- */

static bool is_gone(const struct endpoint *e)
{
    return !e->held && (e->dead || (e->closing && e->fin_taken));
}

/* Checks of members connect again and again: the place of a connection that is over is used again. */
static struct endpoint *free_endpoint(void)
{
    if (endpoint_count < NET_ENDPOINTS)
        return &endpoints[endpoint_count++];
    struct endpoint *e = endpoints;
    while (e < endpoints + NET_ENDPOINTS && !(is_gone(e) && (!e->peer || is_gone(e->peer))))
        e++;
    assert(e < endpoints + NET_ENDPOINTS);
    if (e->peer) {
        e->peer->peer = NULL;
        e->peer->generation++;
        e->peer->timer++;
        e->peer->dead = true;
    }
    return e;
}

static struct endpoint *new_endpoint(struct host *host)
{
    static const uint32_t rooms[] = { 512, 2048, 8192, 16384 };
    struct endpoint *e = free_endpoint();
    uint32_t generation = e->generation + 1, timer = e->timer + 1;
    memset(e, 0, offsetof(struct endpoint, out));
    drop(&e->out);
    drop(&e->in);
    e->host = host;
    e->generation = generation;
    e->timer = timer;
    e->number = dialled++;
    e->port = (uint16_t)(40000 + e->number);
    e->out_room = wide ? NET_ROOM : rooms[below(4)];
    e->in_room = wide ? NET_ROOM : rooms[below(4)];
    e->idle = 7200; /* tcp_keepalive_time, _intvl, _probes */
    e->interval = 75;
    e->count = 9;
    e->heard = e->moved = now;
    e->held = true;
    return e;
}

static struct door *find_door(uint32_t address, uint16_t port)
{
    for (uint32_t i = 0; i < door_count; i++)
        if (doors[i].host->address == address && doors[i].port == port)
            return &doors[i];
    return NULL;
}

struct door *net_door(struct host *host, uint16_t port)
{
    struct door *door = find_door(host->address, port);
    assert(door || door_count < DOORS);
    if (!door)
        door = &doors[door_count++];
    *door = (struct door){ .host = host, .port = port, .open = true };
    return door;
}

static void syn_answered(void *who, uint32_t number)
{
    struct endpoint *e = who;
    if (is_void(e, number) || e->dead || e->connected || !e->peer->held)
        return;
    e->connected = true;
    e->heard = e->moved = now;
    wake(e);
    if (e->closing || length_of(&e->out))
        deliver_later(e, later(), 0);
}

static void syn_lost(void *who, uint32_t number)
{
    struct endpoint *e = who;
    if (!is_void(e, number) && !e->connected)
        die(e, ETIMEDOUT);
}

static void refused(void *who, uint32_t number)
{
    if (!is_void(who, number))
        die(who, ECONNREFUSED);
}

static void syn_comes(void *who, uint32_t number)
{
    struct endpoint *e = who;
    struct door *door = &doors[number & 0xff];
    if (is_void(e, number) || !e->held || e->dead)
        return;
    if (door->host->silent || e->host->silent || door->deaf) {
        plan(now + SYN_RETRIES, syn_lost, e, 0);
        return;
    }
    if (!door->open) {
        plan(later(), refused, e, 0);
        return;
    }
    struct endpoint *inner = new_endpoint(door->host);
    inner->peer = e;
    inner->connected = true;
    e->peer = inner;
    plan(later(), syn_answered, e, 0);
    polled_changed = true;
    door->knock(door->owner, inner);
}

struct endpoint *net_dial(struct host *from, uint32_t address, uint16_t port)
{
    struct endpoint *e = new_endpoint(from);
    struct door *door = find_door(address, port);
    assert(door);
    e->to = address;
    plan(later(), syn_comes, e, (uint32_t)(door - doors));
    return e;
}

/* ---- what a process does ---- */

uint32_t net_room(const struct endpoint *e)
{
    return e->dead || e->closing || !e->connected ? 0 : e->out_room - length_of(&e->out);
}

uint32_t net_unacked(const struct endpoint *e)
{
    return length_of(&e->out) + (e->closing && !e->fin_taken);
}

size_t net_send(struct endpoint *e, const uint8_t *bytes, size_t length)
{
    size_t n = length < net_room(e) ? length : net_room(e);
    if (n == 0)
        return 0;
    bool first = net_unacked(e) == 0;
    append(&e->out, bytes, n);
    if (first) {
        e->moved = now;
        if (net_is_mute(e))
            net_options_changed(e);
    }
    deliver_later(e, later(), 0);
    return n;
}

size_t net_read(struct endpoint *e, uint8_t *bytes, size_t room)
{
    size_t n = net_waiting(e) < room ? net_waiting(e) : room;
    if (n == 0)
        return 0;
    memcpy(bytes, e->in.at + e->in.begin, n);
    consume(&e->in, n);
    if (e->peer && !e->peer->dead && length_of(&e->peer->out))
        deliver_later(e->peer, later(), 0);
    return n;
}

void net_end(struct endpoint *e)
{
    if (e->dead || e->closing)
        return;
    if (net_unacked(e) == 0)
        e->moved = now;
    e->closing = true;
    if (e->connected)
        deliver_later(e, later(), 0);
    if (net_is_mute(e))
        net_options_changed(e);
}

/* Those that are on their way come before the reset does. */
static void last_bytes(struct endpoint *e)
{
    struct endpoint *to = e->peer;
    uint32_t room = to->in_room > length_of(&to->in) ? to->in_room - length_of(&to->in) : 0;
    uint32_t n = below(length_of(&e->out) + 1);
    if (n == 0 || n > room || net_is_mute(e) || !to->connected || !to->held || to->dead)
        return;
    append(&to->in, e->out.at + e->out.begin, n);
    wake(to);
}

/* Unread bytes make a close a reset (RFC 2525 2.17). */
void net_close(struct endpoint *e, bool reset)
{
    if (!e->held)
        return;
    e->held = false;
    if (e->dead)
        return;
    if (!e->connected) { /* SYN_SENT: it just goes; what the peer made of it is reset */
        e->dead = true;
        if (e->peer)
            send_reset(e->peer);
        return;
    }
    if (reset || net_waiting(e) > 0) {
        last_bytes(e);
        e->dead = true;
        drop(&e->out);
        send_reset(e->peer);
        return;
    }
    net_end(e);
    if (e->fin_taken && e->peer->keepalive)
        net_options_changed(e->peer);
}
