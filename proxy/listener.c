/* Binds, listens and accepts; tells who it is that has connected. */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "downstream.h"
#include "shim.h"

#define ACCEPTS_A_TURN 64 /* so that a flood of connects does not starve calls */
#define BACKLOG        4096

#define LOCAL_IDENTITY UINT64_MAX /* no IPv6 address begins with 64 one bits and is a peer (ff00::/8 is multicast) */

/* ---- who it is ---- */

static struct pol_identity identity_of_v6(const struct in6_addr *address)
{
    struct pol_identity id = { 0, 0 };
    for (unsigned i = 0; i < 8; i++) {
        id.high = id.high << 8 | address->s6_addr[i];
        id.low = id.low << 8 | address->s6_addr[8 + i];
    }
    return id;
}

static struct pol_identity identity_of_v4(const struct in_addr *address)
{
    return (struct pol_identity){ 0, 0xffff00000000u | ntohl(address->s_addr) }; /* RFC 4291 2.5.5.2 */
}

struct pol_identity px_identity_of_uid(uint32_t uid)
{
    return (struct pol_identity){ LOCAL_IDENTITY, uid };
}

static struct pol_identity identity_of_peer(int fd, const struct px_address *peer, char text[PX_ADDRESS_TEXT])
{
    if (peer->any.sa_family == AF_UNIX) {
        struct ucred who = { .uid = (uid_t)-1 };
        socklen_t length = sizeof who;
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length);
        snprintf(text, PX_ADDRESS_TEXT, "unix:%u:%d", who.uid, who.pid);
        return px_identity_of_uid(who.uid);
    }
    px_address_format(peer, text);
    return peer->any.sa_family == AF_INET6 ? identity_of_v6(&peer->v6.sin6_addr) : identity_of_v4(&peer->v4.sin_addr);
}

/* ---- accepting ---- */

/* Without a descriptor the connection would stay in the backlog and wake us for ever: give up the spare one, take it,
 * refuse it. */
void px_listener_refuse(struct px_loop *loop, int listening)
{
    close(loop->spare_fd);
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    loop->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void refuse_one(struct px_listener_socket *l)
{
    px_listener_refuse(l->loop, l->fd);
    px_log_notice(&l->loop->log, l->bound, "a client was refused: no file descriptors left (raise ulimit -n)");
}

static bool accept_one(struct px_listener_socket *l)
{
    struct px_address peer = { .length = sizeof peer.local };
    char text[PX_ADDRESS_TEXT];
    int fd = accept4(l->fd, &peer.any, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE)
            refuse_one(l);
        return errno == EINTR || errno == ECONNABORTED;
    }
    struct pol_identity identity = identity_of_peer(fd, &peer, text), nothing = { 0, 0 };
    struct px_target target = px_target_fixed(l->loop->settings, l->index);
    bool is_local = peer.any.sa_family == AF_UNIX; /* a service of this host may judge its callers by who they are */
    px_downstream_open(l->loop, fd, &target, identity, is_local ? identity : nothing, text);
    return true;
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct px_listener_socket *l = poll->data;
    (void)status;
    (void)events;
    px_loop_clock(l->loop);
    for (int i = 0; i < ACCEPTS_A_TURN && l->fd >= 0 && accept_one(l); i++)
        ;
}

/* ---- opening and closing ---- */

/* What is no socket refuses a connection too, and stays. */
void px_listener_remove_stale(const struct px_address *address, int type)
{
    struct stat st;
    if (lstat(address->local.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, &address->any, address->length) != 0 && errno == ECONNREFUSED)
        unlink(address->local.sun_path);
    close(fd);
}

int px_listener_socket(const struct px_address *address, int type, bool only_loopback, int *fd)
{
    int on = 1;
    *fd = socket(address->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return errno;
    if (address->any.sa_family == AF_UNIX)
        px_listener_remove_stale(address, type);
    else
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->any.sa_family == AF_INET6)
        setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    /* If this process is killed its clients are reset. A FIN would look like an orderly end, in the middle of a call, and
     * impacket waits for ever after one. */
    px_socket_dies_by_reset(*fd, true);
    if (only_loopback)
        setsockopt(*fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo");
    if (bind(*fd, &address->any, address->length) == 0 && listen(*fd, BACKLOG) == 0)
        return 0;
    int error = errno;
    close(*fd);
    return error;
}

/* One that was closed and comes back may have a handle that libuv has not let go of yet, so each has its own memory. */
static struct px_listener_socket *new_listener(struct px_loop *loop, uint32_t index, const struct px_address *address)
{
    struct px_listener_socket *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->loop = loop;
    l->index = index;
    l->address = *address;
    return l;
}

static int open_shim(struct px_loop *loop, uint32_t index, const struct px_address *address, const char *path)
{
    struct px_shim *shim;
    int error = px_shim_open(loop, index, path, &shim);
    if (error)
        return error;
    struct px_listener_socket *l = new_listener(loop, index, address);
    l->fd = -1;
    l->shim = shim;
    snprintf(l->bound, sizeof l->bound, "shim:%s", path);
    loop->listeners[index] = l;
    return 0;
}

int px_listener_open(struct px_loop *loop, uint32_t index, const struct px_address *address, const char *shim)
{
    struct px_address bound = { .length = sizeof bound.local };
    if (shim)
        return open_shim(loop, index, address, shim);
    int fd, error = px_listener_socket(address, SOCK_STREAM, false, &fd);
    if (error)
        return error;
    struct px_listener_socket *l = new_listener(loop, index, address);
    l->fd = fd;
    getsockname(fd, &bound.any, &bound.length);
    px_address_format(&bound, l->bound);
    error = uv_poll_init(&loop->uv, &l->poll, fd);
    if (error) {
        close(fd);
        free(l);
        return -error;
    }
    l->poll.data = l;
    loop->listeners[index] = l;
    loop->bound[index] = bound;
    return -uv_poll_start(&l->poll, UV_READABLE, readable);
}

void px_listener_tell(const struct px_loop *loop, const struct px_settings *settings, uint32_t index)
{
    const struct px_listener *l = &settings->listeners[index];
    fprintf(stderr, "rpcward: ready: %s -> %s\n", loop->listeners[index]->bound,
            l->shim ? "any" : settings->servers[l->server].name);
}

static void closed(uv_handle_t *handle)
{
    free(handle->data);
}

void px_listener_close(struct px_listener_socket *l)
{
    if (!l)
        return;
    l->loop->listeners[l->index] = NULL;
    if (l->shim) {
        px_shim_close(l->shim);
        free(l);
        return;
    }
    if (l->address.any.sa_family == AF_UNIX)
        unlink(l->address.local.sun_path);
    uv_poll_stop(&l->poll);
    close(l->fd);
    l->fd = -1;
    uv_close((uv_handle_t *)&l->poll, closed);
}
