/* Non-blocking I/O through uv_poll: recv and send are our own, because libuv's streams lose the count of bytes that
 * were written before an error. */
#include "socket.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unsent.h"

/* Reads after an error: what the peer sent before its reset is still in the kernel. */
#define LAST_READS 64

/* Bytes that the kernel takes beyond those on their way: more would hide for minutes whether a slow peer reads at all. */
#define NOTSENT_LOWAT (128 * 1024)

/* What to watch is computed from what is wanted, never kept beside it. */
static int wanted(const struct px_socket *s)
{
    if (s->broken)
        return 0;
    if (s->connecting)
        return UV_WRITABLE;
    if (s->unwritable)
        return UV_READABLE | UV_DISCONNECT;
    /* Errors are always told with something else; urgent data never comes, so asking for it asks for errors alone. */
    static const int wishes[] = { [PX_WATCH_NOTHING] = 0,
                                  [PX_WATCH_ERRORS] = UV_PRIORITIZED,
                                  [PX_WATCH_HANG_UP] = UV_DISCONNECT,
                                  [PX_WATCH_BYTES] = UV_READABLE };
    int events = wishes[s->wish];
    if (px_buffer_length(&s->out) > 0)
        events |= UV_WRITABLE;
    return events;
}

static void polled(uv_poll_t *poll, int status, int events);

static void watch(struct px_socket *s)
{
    int events = wanted(s);
    if (events == s->watched || s->fd < 0)
        return;
    s->watched = events;
    if (events)
        uv_poll_start(&s->poll, events, polled);
    else
        uv_poll_stop(&s->poll);
}

static void fail(struct px_socket *s, int error)
{
    if (s->broken)
        return;
    s->broken = true;
    s->end_input = false;
    px_buffer_clear(&s->out);
    watch(s);
    s->events->failed(s, error);
}

/* Whoever writes is in the middle of something, so the peer's last words are read in the next turn. */
static void fail_writing(struct px_socket *s, int error)
{
    if (error != ECONNRESET && error != EPIPE) {
        fail(s, error);
        return;
    }
    s->unwritable = true;
    s->end_input = false;
    px_buffer_clear(&s->out);
    watch(s);
}

/* Writes what the kernel takes; returns the bytes it took, or -1 after an error. */
static ssize_t push(struct px_socket *s, const uint8_t *bytes, size_t length)
{
    ssize_t n;
    do
        n = send(s->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
        return 0;
    if (n > 0)
        s->taken += (uint64_t)n;
    return n;
}

static void send_fin(struct px_socket *s)
{
    if (!s->end_input || px_buffer_length(&s->out) > 0)
        return;
    s->end_input = false;
    shutdown(s->fd, SHUT_WR);
}

static void write_waiting(struct px_socket *s)
{
    ssize_t n = push(s, px_buffer_front(&s->out), px_buffer_length(&s->out));
    if (n < 0) {
        fail_writing(s, errno);
        return;
    }
    px_buffer_consume(&s->out, (size_t)n);
    send_fin(s);
    watch(s);
    s->events->writable(s);
}

static int pending_error(const struct px_socket *s)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return error;
}

static void connected(struct px_socket *s)
{
    int error = pending_error(s);
    if (error) {
        fail(s, error);
        return;
    }
    s->connecting = false;
    watch(s);
    s->events->writable(s);
}

static void read_last_words(struct px_socket *s)
{
    for (int i = 0; i < LAST_READS && s->wish == PX_WATCH_BYTES && s->fd >= 0 && !s->broken; i++)
        s->events->readable(s);
}

/* libuv reports an error condition as UV_EBADF and stops watching; what it was must be asked of the socket. */
static void polled_error(struct px_socket *s)
{
    s->watched = 0;
    if (s->connecting) {
        int error = pending_error(s);
        fail(s, error ? error : ECONNREFUSED);
        return;
    }
    read_last_words(s);
    if (s->fd >= 0) {
        int error = pending_error(s);
        fail(s, error ? error : ECONNRESET);
    }
}

static void polled(uv_poll_t *poll, int status, int events)
{
    struct px_socket *s = poll->data;
    if (status < 0 || (events & UV_PRIORITIZED)) { /* libuv has two ways to say that there is an error */
        polled_error(s);
        return;
    }
    if (s->connecting) {
        connected(s);
        return;
    }
    if (s->unwritable) {
        read_last_words(s);
        if (s->fd >= 0)
            fail(s, ECONNRESET);
        return;
    }
    if ((events & UV_WRITABLE) && px_buffer_length(&s->out) > 0)
        write_waiting(s);
    if ((events & UV_READABLE) && s->wish == PX_WATCH_BYTES && s->fd >= 0)
        s->events->readable(s);
    if ((events & UV_DISCONNECT) && s->wish == PX_WATCH_HANG_UP && s->fd >= 0) {
        s->wish = PX_WATCH_ERRORS; /* level-triggered: once is enough */
        watch(s);
        s->events->hung_up(s);
    }
}

int px_socket_connect(const struct sockaddr *address, socklen_t length, int *fd)
{
    *fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return errno;
    if (connect(*fd, address, length) == 0 || errno == EINPROGRESS)
        return 0;
    int error = errno; /* a Unix socket with a full backlog says EAGAIN: too busy to be there */
    close(*fd);
    *fd = -1;
    return error;
}

int px_socket_open(struct px_socket *s, uv_loop_t *loop, int fd, bool connecting,
                   const struct px_socket_events *events)
{
    int error = uv_poll_init(loop, &s->poll, fd);
    if (error)
        return -error;
    s->poll.data = s;
    s->events = events;
    s->fd = fd;
    s->connecting = connecting;
    int on = 1; /* fails on Unix sockets, which need none of it */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    int unsent = NOTSENT_LOWAT;
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    watch(s);
    return 0;
}

ssize_t px_socket_read(struct px_socket *s, uint8_t *bytes, size_t room)
{
    ssize_t n;
    do
        n = recv(s->fd, bytes, room, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n == 0 && s->unwritable)
        return -ECONNRESET; /* the write has taken the error out of the socket */
    return n < 0 ? -errno : n;
}

bool px_socket_write(struct px_socket *s, const uint8_t *bytes, size_t length)
{
    if (s->broken || s->unwritable || s->fd < 0)
        return false;
    size_t done = 0;
    if (px_buffer_length(&s->out) == 0 && !s->connecting) {
        ssize_t n = push(s, bytes, length);
        if (n < 0) {
            fail_writing(s, errno);
            return false;
        }
        done = (size_t)n;
    }
    if (done == length)
        return true;
    if (!px_buffer_append(&s->out, bytes + done, length - done)) {
        fail(s, ENOMEM);
        return false;
    }
    watch(s);
    return true;
}

uint8_t *px_socket_queue(struct px_socket *s, const uint8_t *bytes, size_t length)
{
    if (s->broken || s->unwritable || s->fd < 0)
        return NULL;
    if (px_buffer_append(&s->out, bytes, length))
        return s->out.bytes + s->out.end - length;
    fail(s, ENOMEM);
    return NULL;
}

void px_socket_flush(struct px_socket *s)
{
    if (s->broken || s->unwritable || s->fd < 0 || s->connecting || px_buffer_length(&s->out) == 0)
        return;
    ssize_t n = push(s, px_buffer_front(&s->out), px_buffer_length(&s->out));
    if (n < 0) {
        fail_writing(s, errno);
        return;
    }
    px_buffer_consume(&s->out, (size_t)n);
    send_fin(s);
    watch(s);
}

void px_socket_watch(struct px_socket *s, enum px_watch wish)
{
    s->wish = (uint8_t)wish;
    watch(s);
}

void px_socket_end_input(struct px_socket *s)
{
    if (s->broken || s->unwritable || s->fd < 0)
        return;
    s->end_input = true;
    send_fin(s);
}

void px_socket_give_up(struct px_socket *s)
{
    if (s->fd >= 0)
        fail(s, ETIMEDOUT);
}

static void handle_closed(uv_handle_t *handle)
{
    struct px_socket *s = handle->data;
    s->events->closed(s);
}

void px_socket_dies_by_reset(int fd, bool reset)
{
    struct linger at_once = { .l_onoff = reset, .l_linger = 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void px_socket_close(struct px_socket *s, bool reset)
{
    if (s->fd < 0)
        return;
    px_socket_dies_by_reset(s->fd, reset);
    px_buffer_clear(&s->out);
    s->wish = PX_WATCH_NOTHING;
    uv_poll_stop(&s->poll);
    close(s->fd); /* the handle is stopped, so libuv does not look at the descriptor again */
    s->fd = -1;
    uv_close((uv_handle_t *)&s->poll, handle_closed);
}

/* uv_close() takes the descriptor out of epoll at once, so its next owner may begin to watch it before `closed`. */
int px_socket_release(struct px_socket *s)
{
    int fd = s->fd;
    s->wish = PX_WATCH_NOTHING;
    s->fd = -1;
    uv_poll_stop(&s->poll);
    uv_close((uv_handle_t *)&s->poll, handle_closed);
    return fd;
}

bool px_socket_is_acknowledged(const struct px_socket *s)
{
    int waiting = 0;
    if (s->broken || s->fd < 0)
        return true;
    if (px_buffer_length(&s->out) > 0)
        return false;
    return ioctl(s->fd, SIOCOUTQ, &waiting) != 0 || waiting == 0;
}

uint64_t px_socket_left(const struct px_socket *s)
{
    uint32_t unsent = 0;
    return s->fd >= 0 && px_unsent_of_dead(s->fd, &unsent) ? s->taken - unsent : s->taken;
}

bool px_socket_has_unsent(const struct px_socket *s)
{
    int unsent = 0;
    if (s->fd < 0)
        return false;
    return px_buffer_length(&s->out) > 0 || (ioctl(s->fd, SIOCOUTQNSD, &unsent) == 0 && unsent > 0);
}
