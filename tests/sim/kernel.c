/* Sockets as Linux has them, where the proxy can tell: what a read after a reset says, which error write() takes away,
 * what poll(2) answers (tcp_poll(), tcp_recvmsg(), sk_stream_error()). */
#include "kernel.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agenda.h"
#include "draw.h"
#include "promises.h"
#include "trace.h"
#include "wrapped.h"

#define FIRST_FD 100000 /* the real kernel has none of these: a call that is not simulated fails with EBADF */
#define FDS      256
#define BACKLOG  64

enum kind { FREE, NEW, LISTENING, CONNECTION, OTHER };

struct descriptor {
    enum kind kind;
    bool by_reset, accepted; /* accepted: a client's */
    bool is_control;
    uint16_t port;
    struct endpoint *endpoint;
    struct door *door;
    struct endpoint *backlog[BACKLOG];
    unsigned waiting;
};

static struct descriptor table[FDS];
static int high; /* descriptors from here on were never used */
static struct host *proxy;

void kernel_begin(struct host *host)
{
    for (int i = 0; i < high; i++)
        table[i].kind = FREE;
    high = 0;
    proxy = host;
}

static struct descriptor *at(int fd)
{
    if (fd < FIRST_FD || fd >= FIRST_FD + high || table[fd - FIRST_FD].kind == FREE)
        return NULL;
    return &table[fd - FIRST_FD];
}

static int new_fd(enum kind kind)
{
    int i = 0;
    while (i < high && table[i].kind != FREE)
        i++;
    assert(i < FDS);
    if (i == high)
        high++;
    table[i] = (struct descriptor){ .kind = kind };
    return FIRST_FD + i;
}

static int fails(int error)
{
    errno = error;
    return -1;
}

unsigned kernel_open_count(void)
{
    unsigned count = 0;
    for (int i = 0; i < high; i++)
        count += table[i].kind != FREE && !table[i].is_control;
    return count;
}

bool kernel_is_listening(void)
{
    for (int i = 0; i < high; i++)
        if (table[i].kind == LISTENING && table[i].port == PROXY_PORT)
            return true;
    return false;
}

unsigned kernel_accepted_count(uint32_t address)
{
    unsigned count = 0;
    for (int i = 0; i < high; i++)
        count += table[i].kind == CONNECTION && table[i].accepted &&
                 (!address || table[i].endpoint->peer->host->address == address);
    return count;
}

void kernel_close_all(void)
{
    for (int i = 0; i < high; i++)
        if (table[i].kind != FREE)
            __wrap_close(FIRST_FD + i);
}

/* ---- poll ---- */

static unsigned ready(const struct endpoint *e)
{
    unsigned events = 0;
    if (e->dead || (e->closing && e->fin_come))
        events |= EPOLLHUP;
    if (e->dead || e->fin_come)
        events |= EPOLLIN | EPOLLRDHUP;
    if (e->connected || e->dead) {
        if (net_waiting(e))
            events |= EPOLLIN;
        if (e->dead || e->closing || net_room(e) * 3 >= e->out_room)
            events |= EPOLLOUT;
    }
    if (e->error)
        events |= EPOLLERR;
    return events;
}

unsigned kernel_ready(int fd)
{
    const struct descriptor *d = at(fd);
    if (d && d->kind == LISTENING)
        return d->waiting ? EPOLLIN : 0;
    return d && d->kind == CONNECTION ? ready(d->endpoint) : 0;
}

/* ---- opening ---- */

int __wrap_socket(int domain, int type, int protocol)
{
    (void)protocol;
    if ((domain != AF_INET && domain != AF_UNIX) || !(type & SOCK_STREAM))
        return fails(EAFNOSUPPORT);
    return new_fd(NEW);
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length)
{
    struct descriptor *d = at(fd);
    (void)length;
    assert(d && d->kind == NEW);
    bool is_local = address->sa_family == AF_UNIX;
    bool is_control = is_local && strcmp(((const struct sockaddr_un *)address)->sun_path, KERNEL_LOCAL_PATH) != 0;
    d->port = is_control ? CONTROL_PORT
              : is_local ? PROXY_PORT
                         : ntohs(((const struct sockaddr_in *)address)->sin_port);
    return 0;
}

static void knocked(void *owner, struct endpoint *inner)
{
    struct descriptor *d = owner;
    assert(d->waiting < BACKLOG);
    d->backlog[d->waiting++] = inner;
}

int __wrap_listen(int fd, int backlog)
{
    struct descriptor *d = at(fd);
    (void)backlog;
    assert(d && d->kind == NEW);
    d->kind = LISTENING;
    d->door = net_door(proxy, d->port);
    d->door->knock = knocked;
    d->door->owner = d;
    return 0;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    struct descriptor *d = at(fd);
    const struct sockaddr_in *to = (const struct sockaddr_in *)address;
    (void)length;
    assert(d && d->kind == NEW);
    if (below(200) == 0 && !world.well)
        return fails(ENETUNREACH);
    d->kind = CONNECTION;
    d->endpoint = net_dial(proxy, ntohl(to->sin_addr.s_addr), ntohs(to->sin_port));
    health_dialled(d->endpoint);
    return fails(EINPROGRESS);
}

static void put_name(struct sockaddr *address, socklen_t *length, uint32_t ip, uint16_t port)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(ip) } };
    if (address)
        memcpy(address, &name, *length < sizeof name ? *length : sizeof name);
    if (length)
        *length = sizeof name;
}

static void put_no_name(struct sockaddr *address, socklen_t *length)
{
    if (address)
        address->sa_family = AF_UNIX;
    if (length)
        *length = sizeof address->sa_family;
}

static struct endpoint *first_of_backlog(struct descriptor *d)
{
    struct endpoint *e = d->backlog[0];
    memmove(d->backlog, d->backlog + 1, --d->waiting * sizeof *d->backlog);
    return e;
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    struct descriptor *d = at(fd);
    (void)flags;
    assert(d && d->kind == LISTENING);
    if (d->waiting == 0)
        return fails(EAGAIN);
    if (below(300) == 0 && !world.well)
        return fails(below(2) ? EMFILE : ECONNABORTED);
    struct endpoint *e = first_of_backlog(d);
    int accepted = new_fd(CONNECTION);
    struct descriptor *c = at(accepted);
    c->endpoint = e;
    c->accepted = d->port == PROXY_PORT;
    c->is_control = !c->accepted;
    c->by_reset = d->by_reset;
    if (world.plan.local)
        put_no_name(address, length);
    else
        put_name(address, length, e->peer->host->address, e->peer->port);
    return accepted;
}

/* ---- bytes ---- */

static int take_error(struct endpoint *e)
{
    int error = e->error;
    e->error = 0;
    return error;
}

ssize_t __wrap_recv(int fd, void *bytes, size_t room, int flags)
{
    struct descriptor *d = at(fd);
    (void)flags;
    if (!d || d->kind != CONNECTION)
        return fails(EBADF);
    struct endpoint *e = d->endpoint;
    if (!kernel_has_room(bytes, room))
        broken(IN_BOUNDS, "%zu bytes are to be read to where there is no room for them", room);
    if (below(200) == 0)
        return fails(EINTR);
    size_t most = net_waiting(e) && chance(20) ? between(1, net_waiting(e)) : room;
    if (net_waiting(e) > 0 && !d->accepted)
        health_heard(e);
    if (net_waiting(e) > 0)
        return (ssize_t)net_read(e, bytes, most < room ? most : room);
    if (e->fin_come)
        return 0;
    if (e->error)
        return fails(take_error(e));
    return e->dead ? 0 : fails(EAGAIN);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
    struct descriptor *d = at(fd);
    (void)flags;
    if (!d || d->kind != CONNECTION)
        return fails(EBADF);
    struct endpoint *e = d->endpoint;
    if (e->error)
        return fails(take_error(e));
    if (e->dead || e->closing)
        return fails(EPIPE);
    if (below(200) == 0)
        return fails(EINTR);
    if (below(100) == 0)
        return fails(below(2) ? EAGAIN : ENOBUFS);
    size_t most = length > 1 && chance(5) ? between(1, (uint32_t)length) : length;
    size_t n = net_send(e, bytes, most);
    return n ? (ssize_t)n : fails(EAGAIN);
}

int __wrap_shutdown(int fd, int how)
{
    struct descriptor *d = at(fd);
    assert(d && d->kind == CONNECTION && how == SHUT_WR);
    if (d->endpoint->dead)
        return fails(ENOTCONN);
    net_end(d->endpoint);
    return 0;
}

static void close_listener(struct descriptor *d)
{
    world.shut = !world.over && d->port == PROXY_PORT;
    d->door->open = false;
    while (d->waiting)
        net_close(first_of_backlog(d), true);
}

int __wrap_close(int fd)
{
    struct descriptor *d = at(fd);
    if (!d)
        return fails(EBADF);
    if (d->kind == LISTENING)
        close_listener(d);
    if (d->kind == CONNECTION)
        net_close(d->endpoint, d->by_reset);
    d->kind = FREE;
    return 0;
}

/* ---- options ---- */

static void set_tcp(struct endpoint *e, int name, int value)
{
    if (name == TCP_KEEPIDLE)
        e->idle = (uint32_t)value;
    else if (name == TCP_KEEPINTVL)
        e->interval = (uint32_t)value;
    else if (name == TCP_KEEPCNT)
        e->count = (uint32_t)value;
    else
        assert(name == TCP_NODELAY || name == TCP_NOTSENT_LOWAT);
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    struct descriptor *d = at(fd);
    int number = 0;
    if (!d)
        return fails(EBADF);
    memcpy(&number, value, length < sizeof number ? length : sizeof number);
    if (level == SOL_SOCKET && name == SO_LINGER) /* l_onoff stands first; l_linger is always 0 here */
        d->by_reset = number != 0;
    if (d->kind != CONNECTION || name == SO_LINGER)
        return 0;
    if (level == SOL_SOCKET && name == SO_KEEPALIVE)
        d->endpoint->keepalive = number != 0;
    else if (level == IPPROTO_TCP)
        set_tcp(d->endpoint, name, number);
    net_options_changed(d->endpoint);
    return 0;
}

static int get_number(struct endpoint *e, int level, int name)
{
    if (level == SOL_SOCKET && name == SO_ERROR && !e->error &&
        ((world.plan.checks >> CHECK_CONNECT & 1) || world.plan.spare))
        health_heard(e);
    if (level == SOL_SOCKET && name == SO_ERROR)
        return take_error(e);
    assert(level == IPPROTO_TCP && (name == TCP_KEEPIDLE || name == TCP_KEEPINTVL || name == TCP_KEEPCNT));
    return (int)(name == TCP_KEEPIDLE ? e->idle : name == TCP_KEEPINTVL ? e->interval : e->count);
}

/* Who is at one address is one user here; the log tells its processes apart. */
static void put_user(const struct endpoint *peer, void *value)
{
    const struct ucred who = { .pid = peer->port, .uid = peer->host->address & 0xff, .gid = 0 };
    memcpy(value, &who, sizeof who);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    struct descriptor *d = at(fd);
    assert(d && d->kind == CONNECTION);
    if (level == SOL_SOCKET && name == SO_PEERCRED) {
        put_user(d->endpoint->peer, value);
        return 0;
    }
    if (level == IPPROTO_TCP && name == TCP_INFO) {
        kernel_put_info(d->endpoint, value, length);
        return 0;
    }
    int number = get_number(d->endpoint, level, name);
    memcpy(value, &number, sizeof number);
    return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    struct descriptor *d = at(fd);
    va_list rest;
    va_start(rest, request);
    int *out = va_arg(rest, int *);
    va_end(rest);
    assert(d && d->kind == CONNECTION && (request == SIOCOUTQ || request == SIOCOUTQNSD));
    bool all_sent = request == SIOCOUTQNSD && net_in_flight(d->endpoint);
    *out = all_sent ? 0 : (int)net_unacked(d->endpoint);
    return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    struct descriptor *d = at(fd);
    assert(d);
    put_name(address, length, proxy->address, d->port);
    return 0;
}

int kernel_other_fd(void)
{
    return new_fd(OTHER);
}
