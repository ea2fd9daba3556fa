/* Two sockets and what goes between them. Nothing in here is known of DCE/RPC but how its first PDU begins. */
#include "passage.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../dissect/pdu.h"
#include "downstream.h"
#include "socket.h"
#include "upstream.h"

#define QUIET 1000 /* ms after which it is the server's turn to speak, where none was dialled before */

struct side {
    struct px_socket socket;
    struct px_passage *passage;
    uint64_t bytes; /* that came from it */
    bool open;      /* it has a socket */
    bool ended;     /* its FIN has come */
};

struct px_passage {
    struct side client, server;
    struct px_shim *shim;
    struct px_passage *next, **back;
    struct px_target target;
    struct pol_identity identity;
    char name[PX_ADDRESS_TEXT];
    unsigned handles;
    int64_t opened; /* µs */
    bool decided;   /* it is not DCE/RPC: relay */
    bool over;      /* its sockets are being closed */
};

static struct side *side_of(struct px_socket *s)
{
    return (struct side *)s; /* its first member */
}

static struct side *other(struct side *side)
{
    struct px_passage *p = side->passage;
    return side == &p->client ? &p->server : &p->client;
}

static const struct px_listener *settings_of(const struct px_passage *p)
{
    return &p->shim->loop->settings->listeners[p->target.listener];
}

/* ---- ends ---- */

static void unlink_from_shim(struct px_passage *p)
{
    *p->back = p->next;
    if (p->next)
        p->next->back = p->back;
}

static void log_passage(struct px_passage *p, const char *reason)
{
    char server[PX_ADDRESS_TEXT];
    struct px_log *log = &p->shim->loop->log;
    px_log_begin(log, "passage");
    px_log_word(log, PX_LOG_KEY("client"), p->name);
    px_log_text(log, PX_LOG_KEY("server"), px_address_format(&p->target.meant, server));
    px_log_word(log, PX_LOG_KEY("reason"), reason);
    px_log_time(log, PX_LOG_KEY("age_us"), p->opened, p->shim->loop->now);
    px_log_number(log, PX_LOG_KEY("bytes_in"), p->client.bytes);
    px_log_number(log, PX_LOG_KEY("bytes_out"), p->server.bytes);
    px_log_end(log);
}

/* Ends both sides; the client's target is left to it. */
static void detach(struct px_passage *p, bool reset)
{
    p->over = true;
    unlink_from_shim(p);
    px_socket_close(&p->client.socket, reset);
    if (p->server.open)
        px_socket_close(&p->server.socket, reset);
}

static void end(struct px_passage *p, bool reset, const char *reason)
{
    if (p->over)
        return;
    log_passage(p, reason);
    px_shim_leave(p->shim->loop, &p->target);
    detach(p, reset);
}

static void closed(struct px_socket *s)
{
    struct px_passage *p = side_of(s)->passage;
    if (--p->handles == 0)
        free(p);
}

/* ---- relaying ---- */

static const struct px_socket_events socket_events;

/* A reader that has stopped stops its writer. A socket that is closed in both directions would count as broken. */
static void choose_reading(struct side *side)
{
    struct side *to = other(side);
    bool full = to->open && px_buffer_length(&to->socket.out) >= settings_of(side->passage)->buffer;
    if (!side->open || side->passage->over)
        return;
    if (side->ended)
        px_socket_watch(&side->socket, to->ended ? PX_WATCH_NOTHING : PX_WATCH_ERRORS);
    else
        px_socket_watch(&side->socket, full ? PX_WATCH_NOTHING : PX_WATCH_BYTES);
}

static bool is_flushed(const struct side *side)
{
    return px_buffer_length(&side->socket.out) == 0;
}

static void end_if_done(struct px_passage *p)
{
    if (p->client.ended && p->server.ended && is_flushed(&p->client) && is_flushed(&p->server))
        end(p, false, "client-fin");
}

static int open_side(struct px_passage *p, struct side *side, int fd, bool connecting)
{
    side->passage = p;
    int error = px_socket_open(&side->socket, &p->shim->loop->uv, fd, connecting, &socket_events);
    if (error)
        return error;
    side->open = true;
    p->handles++;
    return 0;
}

static bool dial(struct px_passage *p)
{
    int fd;
    if (p->server.open)
        return p->server.socket.fd >= 0 && !p->server.socket.broken;
    if (px_socket_connect(&p->target.meant.any, p->target.meant.length, &fd) != 0) {
        px_shim_distrust(p->shim->loop, p->target.destination);
        return false;
    }
    if (open_side(p, &p->server, fd, true) == 0)
        return true;
    close(fd);
    return false;
}

static bool hear_server(struct px_passage *p)
{
    bool dialled = dial(p);
    if (dialled)
        px_socket_watch(&p->server.socket, PX_WATCH_BYTES);
    return dialled;
}

/* What comes from a client after it is known that it is no DCE/RPC, or from a server that speaks first. */
static void relay(struct side *from)
{
    struct px_passage *p = from->passage;
    struct side *to = other(from);
    uint8_t *bytes = p->shim->loop->scratch;
    ssize_t n = px_socket_read(&from->socket, bytes, PX_READ_SIZE);
    if (n == -EAGAIN)
        return;
    if (n < 0) {
        end(p, true, from == &p->client ? "client-reset" : "server-reset");
    } else if (n == 0) {
        from->ended = true;
        if (!to->socket.connecting)
            px_socket_end_input(&to->socket);
        choose_reading(from);
        choose_reading(to);
        end_if_done(p);
    } else {
        from->bytes += (uint64_t)n;
        px_socket_write(&to->socket, bytes, (size_t)n);
        choose_reading(from);
    }
}

/* ---- deciding ---- */

/* An association begins with a bind (C706 12.6.3.1), and that with these bytes. */
static bool is_bind(const uint8_t *bytes, size_t length)
{
    return bytes[0] == 5 && (length < 2 || bytes[1] <= 1) && (length < 3 || bytes[2] == DIS_BIND);
}

static void become_downstream(struct px_passage *p)
{
    const struct pol_identity nobody = { 0, 0 }; /* for the server it is us, whoever it is */
    struct px_shim *s = p->shim;
    bool has_server = p->server.open && p->server.socket.fd >= 0 && !p->server.socket.broken;
    int fd = px_socket_release(&p->client.socket);
    p->target.dialled = has_server ? px_socket_release(&p->server.socket) : -1;
    struct px_target target = p->target;
    p->over = true;
    unlink_from_shim(p);
    if (p->server.open && p->server.socket.fd >= 0)
        px_socket_close(&p->server.socket, true);
    px_downstream_open(s->loop, fd, &target, p->identity, nobody, p->name);
}

static bool passes(const struct px_passage *p)
{
    return settings_of(p)->other == PX_OTHER_PASS;
}

static void decide_other(struct px_passage *p)
{
    if (!passes(p)) {
        end(p, true, "refused");
        return;
    }
    p->decided = true;
    if (!dial(p))
        end(p, true, "unavailable");
}

static void decide(struct px_passage *p)
{
    uint8_t first[3];
    ssize_t n = recv(p->client.socket.fd, first, sizeof first, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        end(p, n < 0, n < 0 ? "client-reset" : "client-fin");
    else if (is_bind(first, (size_t)n))
        become_downstream(p);
    else
        decide_other(p);
}

/* ---- the sockets' events ---- */

static void readable(struct px_socket *s)
{
    struct side *side = side_of(s);
    struct px_passage *p = side->passage;
    px_loop_clock(p->shim->loop);
    if (p->over)
        return;
    if (!p->decided && side == &p->client)
        decide(p);
    else if (!p->decided) /* its server speaks first, or has gone */
        decide_other(p);
    if (p->decided && !p->over)
        relay(side);
}

static void writable(struct px_socket *s)
{
    struct side *side = side_of(s), *from = other(side);
    struct px_passage *p = side->passage;
    px_loop_clock(p->shim->loop);
    if (p->over)
        return;
    if (from->ended)
        px_socket_end_input(s);
    choose_reading(side);
    choose_reading(from);
    end_if_done(p);
}

static void hung_up(struct px_socket *s)
{
    (void)s;
}

/* A client whose destination could not be reached is let go on to its bind, which can be told so. */
static void failed(struct px_socket *s, int error)
{
    struct side *side = side_of(s);
    struct px_passage *p = side->passage;
    if (side == &p->server && s->connecting && error)
        px_shim_distrust(p->shim->loop, p->target.destination);
    if (p->over || (side == &p->server && s->connecting && !p->decided))
        return;
    end(p, true, side == &p->client ? "client-reset" : s->connecting ? "unavailable" : "server-reset");
}

static const struct px_socket_events socket_events = {
    .readable = readable, .writable = writable, .hung_up = hung_up, .failed = failed, .closed = closed
};

/* ---- beginnings ---- */

void px_passage_open(struct px_shim *s, int fd, const struct px_target *target, struct pol_identity identity,
                     const char *name)
{
    struct px_passage *p = calloc(1, sizeof *p);
    if (p)
        p->shim = s;
    if (!p || open_side(p, &p->client, fd, false) != 0) {
        free(p);
        close(fd);
        px_shim_leave(s->loop, target);
        return;
    }
    p->target = *target;
    p->identity = identity;
    p->opened = s->loop->now;
    snprintf(p->name, sizeof p->name, "%s", name);
    p->next = s->passages;
    p->back = &s->passages;
    if (p->next)
        p->next->back = &p->next;
    s->passages = p;
    if (target->dialled >= 0 && open_side(p, &p->server, target->dialled, true) != 0)
        close(target->dialled);
    p->target.dialled = -1;
    px_socket_watch(&p->client.socket, PX_WATCH_BYTES);
    if (p->server.open || (passes(p) && !target->destination->is_server_own))
        hear_server(p);
}

/* Of one that neither side has said anything on: whether there is anything left to wait for with a clock in hand. Its
 * server may be one that speaks first, and slowly; and the client may still bind. */
static bool look_at_silent(struct px_passage *p, int64_t now)
{
    int64_t patience = settings_of(p)->bind_timeout, since = now - p->opened / 1000;
    bool late = patience && since >= patience;
    bool hears = (late || since >= QUIET) && passes(p) && hear_server(p);
    if (!late || hears)
        return true;
    end(p, true, "bind-timeout");
    return false;
}

bool px_passage_tidy(struct px_shim *s, int64_t now)
{
    bool waits = false;
    for (struct px_passage *p = s->passages, *next; p; p = next) {
        next = p->next;
        waits = (!p->decided && look_at_silent(p, now)) || waits;
    }
    return waits;
}

void px_passage_end(struct px_shim *s, bool all)
{
    for (struct px_passage *p = s->passages, *next; p; p = next) {
        next = p->next;
        if (all || !p->decided)
            end(p, true, "drain");
    }
}
