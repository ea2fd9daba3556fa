/* A non-blocking socket with PDUs in and buffered bytes out. */
#include "wire.h"

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dissect/frame.h"

#define OUT_LIMIT (8u << 20) /* bytes; a peer that does not read is not read from beyond this */

static void end(struct wire *wire, enum wire_end how);
static void flush(struct wire *wire);

/* Runs after timers and before the loop sleeps, so all that was said in a turn leaves in one write. */
static void sweep(uv_prepare_t *prepare)
{
    struct wire_turn *turn = prepare->data;
    struct wire *wire;
    while ((wire = TAILQ_FIRST(&turn->dirty)) != NULL) {
        TAILQ_REMOVE(&turn->dirty, wire, link);
        wire->dirty = false;
        flush(wire);
    }
}

/* A descriptor per wire: as many as the system lets us have. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        err(1, "RLIMIT_NOFILE");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        warn("RLIMIT_NOFILE");
}

void wire_turn_start(struct wire_turn *turn, uv_loop_t *loop)
{
    raise_file_limit();
    turn->loop = loop;
    TAILQ_INIT(&turn->dirty);
    uv_prepare_init(loop, &turn->sweep);
    turn->sweep.data = turn;
    uv_prepare_start(&turn->sweep, sweep);
    uv_unref((uv_handle_t *)&turn->sweep);
}

/* Delivers the whole PDUs among n bytes; returns how many bytes they were. */
static size_t deliver(struct wire *wire, const uint8_t *data, size_t n)
{
    size_t used = 0;
    while (wire->state == WIRE_OPEN && used < n) {
        struct dis_frame frame = dis_frame_next(data + used, n - used);
        if (frame.status == DIS_FRAME_MORE)
            break;
        if (frame.status == DIS_FRAME_BAD) {
            end(wire, WIRE_BAD_FRAME);
            break;
        }
        used += frame.length;
        wire->events->pdu(wire, data + used - frame.length, frame.length);
    }
    return used;
}

static void take(struct wire *wire, const uint8_t *data, size_t n)
{
    if (wire->in.length == 0) {
        size_t used = deliver(wire, data, n);
        bytes_put(&wire->in, data + used, n - used);
        return;
    }
    bytes_put(&wire->in, data, n);
    bytes_drop(&wire->in, deliver(wire, wire->in.data, wire->in.length));
    if (wire->in.length == 0)
        bytes_clear(&wire->in);
}

/* Reads once; to the end where the loop has given up watching, so that no answer before a RST is lost. */
static void read_some(struct wire *wire, bool to_the_end)
{
    do {
        ssize_t n = recv(wire->fd, wire->turn->scratch, sizeof wire->turn->scratch, 0);
        if (n > 0)
            take(wire, wire->turn->scratch, (size_t)n);
        else if (n == 0)
            end(wire, WIRE_PEER_CLOSED);
        else if (to_the_end || (errno != EAGAIN && errno != EINTR))
            end(wire, WIRE_PEER_RESET);
    } while (to_the_end && wire->state != WIRE_CLOSED);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct wire *wire, int events)
{
    if (wire->watched == events)
        return;
    int error = uv_poll_start(&wire->poll, events, on_ready);
    if (error != 0)
        errx(1, "poll: %s", uv_strerror(error));
    wire->watched = events;
}

static void finish_connect(struct wire *wire)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) {
        end(wire, WIRE_NOT_CONNECTED);
        return;
    }
    wire->state = WIRE_OPEN;
    watch(wire, UV_READABLE);
    wire->events->opened(wire);
}

/* libuv stops watching and reports UV_EBADF on POLLERR. */
static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct wire *wire = poll->data;
    if (wire->state == WIRE_CONNECTING) {
        finish_connect(wire);
        return;
    }
    if (status < 0 || (events & UV_READABLE) != 0)
        read_some(wire, status < 0);
    if ((events & UV_WRITABLE) != 0)
        wire_touch(wire);
}

static void write_out(struct wire *wire)
{
    while (wire->out.length > 0) {
        ssize_t n = send(wire->fd, wire->out.data, wire->out.length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break; /* full, or broken: then the read side will say so */
        if ((size_t)n == wire->out.length)
            bytes_clear(&wire->out);
        else
            bytes_drop(&wire->out, (size_t)n);
    }
}

static void flush(struct wire *wire)
{
    if (wire->state == WIRE_CONNECTING)
        return;
    write_out(wire);
    if (wire->state == WIRE_RESETTING) {
        end(wire, WIRE_OWN_RESET);
    } else if (wire->state == WIRE_CLOSING && wire->out.length == 0) {
        end(wire, WIRE_OWN_CLOSE);
    } else {
        bool reads = wire->state == WIRE_OPEN && wire->out.length < OUT_LIMIT;
        watch(wire, (reads ? UV_READABLE : 0) | (wire->out.length > 0 ? UV_WRITABLE : 0));
    }
}

static void start(struct wire *wire, struct wire_turn *turn, const struct wire_events *events, int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* fails on Unix sockets, rightly */
    wire->turn = turn;
    wire->events = events;
    wire->fd = fd;
    wire->watched = 0;
    wire->dirty = false;
    int error = uv_poll_init(turn->loop, &wire->poll, fd);
    if (error != 0)
        errx(1, "poll: %s", uv_strerror(error));
    wire->poll.data = wire;
}

void wire_adopt(struct wire *wire, struct wire_turn *turn, const struct wire_events *events, int fd)
{
    start(wire, turn, events, fd);
    wire->state = WIRE_OPEN;
    watch(wire, UV_READABLE);
}

int wire_connect(struct wire *wire, struct wire_turn *turn, const struct wire_events *events,
                 const struct px_address *to)
{
    int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    if (connect(fd, &to->any, to->length) != 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        return error;
    }
    start(wire, turn, events, fd);
    wire->state = WIRE_CONNECTING;
    watch(wire, UV_WRITABLE);
    return 0;
}

void wire_touch(struct wire *wire)
{
    if (wire->dirty || wire->state == WIRE_CLOSED)
        return;
    wire->dirty = true;
    TAILQ_INSERT_TAIL(&wire->turn->dirty, wire, link);
}

static void leave(struct wire *wire, enum wire_state state)
{
    if (wire->state == WIRE_CLOSED)
        return;
    wire->state = state;
    wire_touch(wire);
}

void wire_close(struct wire *wire)
{
    leave(wire, WIRE_CLOSING);
}

void wire_reset(struct wire *wire)
{
    leave(wire, WIRE_RESETTING);
}

/* Unread bytes would turn the FIN of close() into a RST, and the peer could lose what was just written. */
static void discard_input(struct wire *wire)
{
    while (recv(wire->fd, wire->turn->scratch, sizeof wire->turn->scratch, 0) > 0)
        continue;
}

static void on_closed(uv_handle_t *handle)
{
    struct wire *wire = handle->data;
    bytes_free(&wire->in);
    bytes_free(&wire->out);
    wire->events->freed(wire);
}

static void end(struct wire *wire, enum wire_end how)
{
    wire->state = WIRE_CLOSED;
    if (wire->dirty)
        TAILQ_REMOVE(&wire->turn->dirty, wire, link);
    wire->dirty = false;
    uv_close((uv_handle_t *)&wire->poll, on_closed); /* also stops watching, before the fd goes */
    if (how == WIRE_OWN_RESET || how == WIRE_BAD_FRAME) {
        struct linger abortive = { .l_onoff = 1, .l_linger = 0 };
        setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &abortive, sizeof abortive);
    } else if (how == WIRE_OWN_CLOSE) {
        discard_input(wire);
    }
    close(wire->fd);
    wire->events->ended(wire, how);
}
