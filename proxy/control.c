/* What a connection is doing, and whose turn it is. */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "origin.h"
#include "reload.h"

static struct px_control *of(struct px_socket *s)
{
    return (struct px_control *)s; /* its first member */
}

/* ---- doing ---- */

static void set_doing(struct px_control *c, enum px_doing doing)
{
    c->admin->doing[c->doing]--;
    c->admin->doing[doing]++;
    c->doing = (uint8_t)doing;
}

void px_control_close(struct px_control *c)
{
    for (unsigned i = 0; i < PX_CONTROLS; i++)
        if (c->admin->controls[i] == c)
            c->admin->controls[i] = NULL;
    set_doing(c, PX_DOING_LEAVE);
    px_socket_close(&c->socket, false);
}

void px_control_send(struct px_control *c)
{
    struct px_log *lines = &c->admin->lines;
    px_socket_write(&c->socket, (const uint8_t *)lines->text, lines->length);
    lines->length = 0;
}

void px_control_send_end(struct px_control *c, const char *error)
{
    set_doing(c, PX_DOING_NOTHING);
    px_answer_end(&c->admin->lines, error);
    px_control_send(c);
}

/* What was said wrong is answered before the connection ends. */
static void send_away(struct px_control *c, const char *error)
{
    px_control_send_end(c, error);
    set_doing(c, PX_DOING_LEAVE);
    if (px_buffer_length(&c->socket.out) == 0)
        px_control_close(c);
}

static size_t request_length(const struct px_control *c)
{
    const char *end = memchr(c->request, '\n', c->length);
    return end ? (size_t)(end - c->request) + 1 : 0;
}

/* It has something to do that does not wait for anybody. */
static bool is_busy(const struct px_control *c)
{
    if (!c || px_buffer_length(&c->socket.out) > 0)
        return false;
    return c->doing == PX_DOING_ANSWER ||
           (c->doing == PX_DOING_NOTHING && (c->ended || request_length(c) || c->length == PX_REQUEST));
}

static void idle(uv_idle_t *handle);

void px_control_drive(struct px_admin *admin)
{
    bool busy = false;
    for (unsigned i = 0; i < PX_CONTROLS; i++)
        busy = busy || is_busy(admin->controls[i]);
    if (busy)
        uv_idle_start(&admin->idle, idle);
    else
        uv_idle_stop(&admin->idle);
}

/* While something is being done, at most one more buffer of requests is read. */
static void choose_reading(struct px_control *c)
{
    bool reads = !c->ended && c->length < PX_REQUEST;
    px_socket_watch(&c->socket, reads ? PX_WATCH_BYTES : PX_WATCH_ERRORS);
}

/* ---- requests ---- */

static const char *peer_of(const struct px_control *c, char text[PX_ADDRESS_TEXT])
{
    struct ucred who = { .uid = (uid_t)-1 };
    socklen_t length = sizeof who;
    getsockopt(c->socket.fd, SOL_SOCKET, SO_PEERCRED, &who, &length);
    snprintf(text, PX_ADDRESS_TEXT, "unix:%u:%d", who.uid, who.pid);
    return text;
}

static uint32_t sum(const struct px_loop *loop, uint32_t server,
                    uint32_t count(const struct pol_brain *brain, uint32_t server))
{
    return px_origin_sum(&loop->roster, loop->brain, server, count);
}

/* The drain may end the turn, and the whole process after it: what is to be said is said before. */
static void begin_stop(struct px_control *c)
{
    struct px_loop *loop = c->admin->loop;
    struct px_log *lines = &c->admin->lines;
    char peer[PX_ADDRESS_TEXT];
    uint64_t calls = 0;
    for (uint32_t i = 0; i < loop->settings->server_count; i++)
        calls += sum(loop, i, pol_calls_inside) + sum(loop, i, pol_calls_waiting);
    px_log_begin(lines, "stop");
    px_log_number(lines, PX_LOG_KEY("clients"), loop->clients_high - loop->free_count);
    px_log_number(lines, PX_LOG_KEY("calls"), calls);
    px_log_end(lines);
    peer_of(c, peer);
    if (!c->answer.command.waits) {
        px_control_send_end(c, NULL);
    } else {
        set_doing(c, PX_DOING_STOP);
        px_control_send(c);
    }
    px_loop_drain(loop, peer, "control: draining");
}

/* PX_CONTROLS: there is none of that name. */
static uint32_t server_of(const struct px_settings *settings, const char *name)
{
    for (uint32_t i = 0; i < settings->server_count; i++)
        if (strcmp(settings->servers[i].name, name) == 0)
            return i;
    return POL_NONE;
}

static void drain_server(struct px_control *c, bool on)
{
    struct px_loop *loop = c->admin->loop;
    struct px_log *lines = &c->admin->lines;
    char peer[PX_ADDRESS_TEXT];
    c->server = server_of(loop->settings, c->answer.command.server);
    if (c->server == POL_NONE) {
        px_control_send_end(c, "there is no server of that name: `show servers` has them");
        return;
    }
    px_loop_drain_server(loop, c->server, on, peer_of(c, peer));
    px_log_begin(lines, on ? "drain" : "resume");
    px_log_text(lines, PX_LOG_KEY("name"), loop->settings->servers[c->server].name);
    px_log_number(lines, PX_LOG_KEY("inside"), sum(loop, c->server, pol_calls_inside));
    px_log_number(lines, PX_LOG_KEY("waiting"), sum(loop, c->server, pol_calls_waiting));
    px_log_end(lines);
    set_doing(c, PX_DOING_DRAIN);
    if (!c->answer.command.waits)
        px_control_send_end(c, NULL);
    else
        px_control_send(c);
    px_control_drained(c);
}

void px_control_drained(struct px_control *c)
{
    const struct px_loop *loop = c->admin->loop;
    if (c->doing != PX_DOING_DRAIN)
        return;
    if (!pol_server_draining(loop->brain, c->server))
        px_control_send_end(c, "it was resumed before all its calls had ended");
    else if (sum(loop, c->server, pol_calls_inside) == 0)
        px_control_send_end(c, NULL);
    px_control_drive(c->admin);
}

/* What is wrong may be many lines; an answer's error is one. */
static void reload(struct px_control *c)
{
    struct px_loop *loop = c->admin->loop;
    char peer[PX_ADDRESS_TEXT], *why;
    bool good = px_reload(loop, peer_of(c, peer), &why);
    for (char *at = why; *at; at++)
        if (*at == '\n')
            *at = at[1] ? ';' : 0;
    if (good) {
        px_log_begin(&c->admin->lines, "reload");
        px_log_number(&c->admin->lines, PX_LOG_KEY("servers"), loop->settings->server_count);
        px_log_number(&c->admin->lines, PX_LOG_KEY("listeners"), loop->settings->listener_count);
        px_log_end(&c->admin->lines);
    }
    px_control_send_end(c, good ? NULL : why);
    free(why);
}

static void begin_following(struct px_control *c)
{
    px_log_begin(&c->admin->lines, "following");
    px_log_end(&c->admin->lines);
    set_doing(c, PX_DOING_FOLLOW);
    px_control_send(c);
}

static void execute(struct px_control *c, size_t length)
{
    char why[PX_COMMAND_WHY];
    c->answer = (struct px_answer){ .history = &c->admin->history };
    if (!px_command_parse(c->request, length, &c->answer.command, why))
        px_control_send_end(c, why);
    else if (c->answer.command.kind == PX_COMMAND_STOP)
        begin_stop(c);
    else if (c->answer.command.kind == PX_COMMAND_RELOAD)
        reload(c);
    else if (c->answer.command.kind == PX_COMMAND_DRAIN || c->answer.command.kind == PX_COMMAND_RESUME)
        drain_server(c, c->answer.command.kind == PX_COMMAND_DRAIN);
    else if (c->answer.command.kind == PX_COMMAND_EVENTS)
        begin_following(c);
    else
        set_doing(c, PX_DOING_ANSWER);
}

static void take_request(struct px_control *c)
{
    size_t length = request_length(c);
    if (length == 0 && c->length == PX_REQUEST) {
        send_away(c, "the request is longer than 4096 bytes");
        return;
    }
    if (length == 0) {
        px_control_close(c);
        return;
    }
    execute(c, length - 1);
    memmove(c->request, c->request + length, c->length - length);
    c->length -= length;
}

/* ---- slices ---- */

/* Its end is told to those who wait for it, and this connection is one of them. */
static void cancel_call(struct px_control *c, struct px_call *k)
{
    char peer[PX_ADDRESS_TEXT];
    c->waits = k->id;
    set_doing(c, PX_DOING_WAIT);
    px_loop_cancel(c->admin->loop, k, peer_of(c, peer));
    if (c->doing == PX_DOING_WAIT)
        px_control_send_end(c, "nobody waits for it any more: it keeps its place until the server is done with it");
}

/* All is said but the last line; a call that is waited for ends later. */
static void finish(struct px_control *c)
{
    static const char none[] = "no such call: none of that name is open, nor among the last 256 that have ended";
    static const char not_open[] = "no call of that name is open: `show calls` has those that are";
    const struct px_answer *answer = &c->answer;
    bool cancels = answer->command.kind == PX_COMMAND_CANCEL;
    struct px_call *k = cancels || answer->command.kind == PX_COMMAND_WAIT ? px_answer_awaited(c->admin->loop, answer)
                                                                           : NULL;
    if (k && answer->found > 1) {
        px_control_send_end(c, "several open calls have that name: add the number, as `show calls` has it");
    } else if (k && cancels) {
        cancel_call(c, k);
    } else if (k) {
        c->waits = answer->waits;
        set_doing(c, PX_DOING_WAIT);
    } else {
        px_control_send_end(c, answer->found > 0 || !answer->command.has_call ? NULL : cancels ? not_open : none);
    }
}

static void make_slice(struct px_control *c)
{
    bool done = px_answer_slice(c->admin->loop, &c->answer, &c->admin->lines);
    if (done)
        finish(c);
    else
        px_control_send(c);
}

static void step(struct px_control *c)
{
    px_loop_clock(c->admin->loop);
    if (c->doing == PX_DOING_ANSWER)
        make_slice(c);
    else
        take_request(c);
    if (c->socket.fd >= 0)
        choose_reading(c);
}

/* One slice a turn, whoever asks. */
static void idle(uv_idle_t *handle)
{
    struct px_admin *admin = handle->data;
    for (unsigned i = 1; i <= PX_CONTROLS; i++) {
        unsigned next = (admin->turn + i) % PX_CONTROLS;
        if (is_busy(admin->controls[next])) {
            admin->turn = next;
            step(admin->controls[next]);
            break;
        }
    }
    px_control_drive(admin);
}

/* ---- the socket's events ---- */

static void readable(struct px_socket *s)
{
    struct px_control *c = of(s);
    ssize_t n = px_socket_read(s, (uint8_t *)c->request + c->length, PX_REQUEST - c->length);
    if (n == -EAGAIN)
        return;
    if (n < 0) {
        px_control_close(c);
        return;
    }
    c->ended = c->ended || n == 0;
    c->length += (size_t)n;
    choose_reading(c);
    px_control_drive(c->admin);
}

static void writable(struct px_socket *s)
{
    struct px_control *c = of(s);
    if (px_buffer_length(&s->out) > 0)
        return;
    if (c->doing == PX_DOING_LEAVE)
        px_control_close(c);
    px_control_drive(c->admin);
}

static void hung_up(struct px_socket *s)
{
    (void)s; /* never asked for */
}

static void failed(struct px_socket *s, int error)
{
    (void)error;
    px_control_close(of(s));
}

static void closed(struct px_socket *s)
{
    struct px_control *c = of(s);
    c->admin->doing[c->doing]--;
    free(c);
}

static const struct px_socket_events socket_events = {
    .readable = readable, .writable = writable, .hung_up = hung_up, .failed = failed, .closed = closed
};

bool px_control_open(struct px_admin *admin, struct px_control **place, int fd)
{
    struct px_control *c = calloc(1, sizeof *c);
    if (!c || px_socket_open(&c->socket, &admin->loop->uv, fd, false, &socket_events) != 0) {
        free(c);
        return false;
    }
    c->admin = admin;
    admin->doing[c->doing]++;
    *place = c;
    choose_reading(c);
    return true;
}
