/* The system calls that the proxy makes; the linker leads them here (ld(1), --wrap). Descriptors are indices; the real kernel never
 * sees them. */
#include "sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

int __wrap_socket(int domain, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_listen(int fd, int count);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t size);
int __wrap_shutdown(int fd, int how);
int __wrap_close(int fd);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *length);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *bytes, size_t length);
int __wrap_clock_gettime(clockid_t which, struct timespec *now);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags);
int __wrap_getrlimit(__rlimit_resource_t which, struct rlimit *limit);
int __wrap_setrlimit(__rlimit_resource_t which, const struct rlimit *limit);

#define FIRST   1000 /* no descriptor of the real kernel's */
#define MOST    1024
#define BACKLOG 512
#define PORT    1135

enum kind { FREE, SOCKET, LISTENING, STREAM, FILE_ };

struct file {
    enum kind kind;
    struct net_conn *conn;
    unsigned end;
    unsigned client; /* whose connection it is */
};

static struct file files[MOST];
static struct {
    struct net_conn *conn;
    unsigned client;
} backlog[BACKLOG];
static unsigned backlog_count;
static void (*log_line)(const char *, size_t);

void kernel_reset_world(void)
{
    memset(files, 0, sizeof files);
    backlog_count = 0;
}

void kernel_log(void (*line)(const char *, size_t))
{
    log_line = line;
}

static struct file *file_of(int fd)
{
    return fd >= FIRST && fd < FIRST + MOST && files[fd - FIRST].kind != FREE ? &files[fd - FIRST] : NULL;
}

static int new_file(enum kind kind)
{
    for (int i = 0; i < MOST; i++) {
        if (files[i].kind != FREE)
            continue;
        files[i] = (struct file){ .kind = kind };
        return FIRST + i;
    }
    errno = EMFILE;
    return -1;
}

int kernel_open_files(void)
{
    int count = 0;
    for (int i = 0; i < MOST; i++)
        count += files[i].kind == STREAM || files[i].kind == SOCKET;
    return count;
}

bool kernel_is_listening(void)
{
    for (int i = 0; i < MOST; i++)
        if (files[i].kind == LISTENING)
            return true;
    return false;
}

static void comes(void *conn, intptr_t client)
{
    struct net_conn *c = conn;
    if (!kernel_is_listening() || backlog_count == BACKLOG) {
        c->end[NET_PROXY_DOWN].closed = true;
        net_reset(c, NET_PROXY_DOWN);
        return;
    }
    backlog[backlog_count].conn = c;
    backlog[backlog_count++].client = (unsigned)client;
}

void kernel_connects(struct net_conn *c, unsigned client)
{
    c->established = true;
    net_later(net_latency, comes, c, client);
}

int kernel_poll(int fd)
{
    const struct file *f = file_of(fd);
    if (!f || f->kind == SOCKET)
        return 0;
    if (f->kind == LISTENING)
        return backlog_count ? UV_READABLE : 0;
    const struct net_conn *c = f->conn;
    const struct net_end *e = &c->end[f->end];
    if (e->error)
        return -1;
    bool over = net_fin_seen(c, f->end) || c->half[1 - f->end].fin_arrived || e->dead;
    return (net_readable(c, f->end) || over ? UV_READABLE : 0) | (over ? UV_DISCONNECT : 0) |
           (c->established && net_room(c, f->end) ? UV_WRITABLE : 0);
}

/* ---- sockets ---- */

static int fail(int error)
{
    errno = error;
    return -1;
}

int __wrap_socket(int domain, int type, int protocol)
{
    (void)domain;
    (void)type;
    (void)protocol;
    bool lacks = kernel_is_listening() && sim_chance(1) && sim_chance(30);
    return lacks ? fail(EMFILE) : new_file(SOCKET);
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length)
{
    (void)fd;
    (void)address;
    (void)length;
    return 0;
}

int __wrap_listen(int fd, int count)
{
    (void)count;
    file_of(fd)->kind = LISTENING;
    return 0;
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    (void)fd;
    (void)flags;
    if (backlog_count == 0)
        return fail(EAGAIN);
    int new = new_file(STREAM);
    if (new < 0)
        return -1;
    struct file *f = file_of(new);
    f->conn = backlog[0].conn;
    f->end = NET_PROXY_DOWN;
    f->client = backlog[0].client;
    f->conn->end[f->end].dies_by_reset = true; /* as its listening socket */
    memmove(&backlog[0], &backlog[1], --backlog_count * sizeof backlog[0]);
    if (address) {
        struct sockaddr_in in = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)f->conn->number),
                                  .sin_addr = { htonl(0x0a000000u + f->client % 5) } };
        memcpy(address, &in, sizeof in);
        *length = sizeof in;
    }
    return new;
}

static void connected(void *conn, intptr_t error)
{
    struct net_conn *c = conn;
    if (error)
        c->end[NET_PROXY_UP].error = (int)error;
    else
        c->established = true;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    struct file *f = file_of(fd);
    int error = 0;
    (void)length;
    struct net_conn *c = servers_dial((unsigned)(ntohs(in->sin_port) - 5000), &error);
    f->kind = STREAM;
    f->end = NET_PROXY_UP;
    f->conn = c ? c : net_new();
    if (c || error)
        net_later(2 * net_latency, connected, f->conn, error);
    return fail(EINPROGRESS);
}

ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags)
{
    struct file *f = file_of(fd);
    struct net_end *e = &f->conn->end[f->end];
    (void)flags;
    size_t n = net_read(f->conn, f->end, bytes, length);
    if (n > 0)
        return (ssize_t)n;
    if (e->error) {
        errno = e->error;
        e->error = 0;
        return -1;
    }
    return net_fin_seen(f->conn, f->end) || e->dead ? 0 : fail(EAGAIN);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
    struct file *f = file_of(fd);
    struct net_end *e = &f->conn->end[f->end];
    (void)flags;
    if (e->error) {
        errno = e->error;
        e->error = 0;
        return -1;
    }
    if (e->dead || f->conn->half[f->end].fin)
        return fail(EPIPE);
    size_t n = net_write(f->conn, f->end, bytes, length);
    return n ? (ssize_t)n : fail(EAGAIN);
}

ssize_t __wrap_sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t size)
{
    (void)to;
    (void)size;
    return __wrap_send(fd, bytes, length, flags);
}

int __wrap_shutdown(int fd, int how)
{
    struct file *f = file_of(fd);
    (void)how;
    net_fin(f->conn, f->end);
    return 0;
}

int __wrap_close(int fd)
{
    struct file *f = file_of(fd);
    if (!f)
        return fail(EBADF);
    if (f->kind == STREAM)
        net_close(f->conn, f->end);
    f->kind = FREE;
    return 0;
}

static void set_option(struct net_end *e, int level, int option, const void *value)
{
    int number;
    memcpy(&number, value, sizeof number);
    if (level == SOL_SOCKET && option == SO_LINGER)
        e->dies_by_reset = number;
    else if (level == SOL_SOCKET && option == SO_KEEPALIVE)
        e->keepalive = number;
    else if (level == IPPROTO_TCP && option == TCP_KEEPIDLE)
        e->keep_idle = number;
    else if (level == IPPROTO_TCP && option == TCP_KEEPINTVL)
        e->keep_interval = number;
    else if (level == IPPROTO_TCP && option == TCP_KEEPCNT)
        e->keep_count = number;
    else if (level == IPPROTO_TCP && option == TCP_USER_TIMEOUT)
        e->user_timeout = number;
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    struct file *f = file_of(fd);
    (void)length;
    if (!f || f->kind != STREAM)
        return 0;
    struct net_end *e = &f->conn->end[f->end];
    if (e->keep_idle == 0) /* tcp(7): 2 h, 75 s, 9 */
        e->keep_idle = 7200, e->keep_interval = 75, e->keep_count = 9;
    set_option(e, level, option, value);
    net_keepalive(f->conn, f->end);
    return 0;
}

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
    struct file *f = file_of(fd);
    if (!f || f->kind != STREAM)
        return fail(EOPNOTSUPP);
    struct net_end *e = &f->conn->end[f->end];
    if (level == SOL_SOCKET && option == SO_ERROR) {
        memcpy(value, &e->error, sizeof e->error);
        e->error = 0;
        return 0;
    }
    const struct {
        int option, value;
    } kept[] = { { TCP_KEEPIDLE, e->keep_idle },
                 { TCP_KEEPINTVL, e->keep_interval },
                 { TCP_KEEPCNT, e->keep_count } };
    for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (level != IPPROTO_TCP || option != kept[i].option)
            continue;
        memcpy(value, &kept[i].value, sizeof kept[i].value);
        return 0;
    }
    if (level != IPPROTO_TCP || option != TCP_INFO)
        return fail(ENOPROTOOPT);
    struct tcp_info info = { .tcpi_unacked = net_unacknowledged(f->conn, f->end) > 0,
                             .tcpi_probes = e->keepalive && f->conn->silent ? 9 : 0,
                             .tcpi_last_data_sent = 0,
                             .tcpi_last_ack_recv = f->conn->silent ? (uint32_t)(sim_now - f->conn->heard) : 0 };
    memcpy(value, &info, *length < sizeof info ? *length : sizeof info);
    return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    int *value = va_arg(arguments, int *);
    va_end(arguments);
    struct file *f = file_of(fd);
    if (!f || f->kind != STREAM)
        return fail(EBADF);
    *value = (int)net_unacknowledged(f->conn, f->end);
    return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_port = htons(PORT),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    (void)fd;
    memcpy(address, &in, sizeof in);
    *length = sizeof in;
    return 0;
}

/* ---- the rest ---- */

/* Only the log is written. */
int __wrap_open(const char *path, int flags, ...)
{
    (void)path;
    (void)flags;
    return new_file(FILE_);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
    (void)fd;
    for (const char *at = bytes, *end = at + length; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        log_line(at, (size_t)(stop - at));
        at = stop + 1;
    }
    return (ssize_t)length;
}

int __wrap_clock_gettime(clockid_t which, struct timespec *now)
{
    (void)which;
    *now = (struct timespec){ sim_now / 1000, sim_now % 1000 * 1000000 };
    return 0;
}

ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags)
{
    (void)flags;
    memset(bytes, 7, length);
    return (ssize_t)length;
}

int __wrap_getrlimit(__rlimit_resource_t which, struct rlimit *limit)
{
    (void)which;
    *limit = (struct rlimit){ 64 + 2 * 24, 64 + 2 * 24 };
    return 0;
}

int __wrap_setrlimit(__rlimit_resource_t which, const struct rlimit *limit)
{
    (void)which;
    (void)limit;
    return 0;
}
