/* Two things of the kernel's are needed for one purpose: keep-alive probes are sent only while nothing is un-ACKed, and
 * TCP_USER_TIMEOUT covers the rest; where both are set, the latter also decides for the former (tcp(7)). */
#include "keepalive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#define SECOND 1000 /* ms */

struct px_keepalive {
    uv_timer_t timer;
    struct px_loop *loop;
    struct px_socket *socket;
    struct pol_id link;
    uint32_t patience; /* ms without an answer */
    int user_timeout;  /* ms */
    unsigned losses;
    bool silent; /* as the brain knows it */
};

static void set(int fd, int level, int option, int value)
{
    setsockopt(fd, level, option, &value, sizeof value);
}

void px_keepalive_set(struct px_socket *s, const struct px_server *server, bool on)
{
    int every = (int)(server->keepalive_every / SECOND), losses = (int)server->keepalive_losses;
    if (s->fd < 0)
        return;
    if (on) {
        set(s->fd, IPPROTO_TCP, TCP_KEEPIDLE, every);
        set(s->fd, IPPROTO_TCP, TCP_KEEPINTVL, every);
        set(s->fd, IPPROTO_TCP, TCP_KEEPCNT, losses);
    }
    set(s->fd, SOL_SOCKET, SO_KEEPALIVE, on);
}

/* Bytes that are not acknowledged, while which the kernel sends no probes. */
static void set_user_timeout(struct px_keepalive *k, bool on)
{
    if (k->socket->fd >= 0)
        set(k->socket->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, on ? k->user_timeout : 0);
}

/* The peer's window is closed and its kernel answers the probes of that: its process is busy, and not gone. But
 * TCP_USER_TIMEOUT counts such a time too (tcp(7)). */
static bool is_only_busy(const struct px_keepalive *k, const struct tcp_info *info)
{
    return info->tcpi_unacked == 0 && info->tcpi_probes < k->losses && !px_socket_is_acknowledged(k->socket);
}

static void look(uv_timer_t *timer)
{
    struct px_keepalive *k = timer->data;
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (k->socket->fd < 0 || getsockopt(k->socket->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return;
    bool busy = is_only_busy(k, &info), silent = !busy && info.tcpi_last_ack_recv >= k->patience;
    set_user_timeout(k, !busy);
    if (silent == k->silent)
        return;
    k->silent = silent;
    struct pol_event e = {
        .kind = POL_LIVENESS, .client = { POL_NONE, 0 }, .link = k->link, .call = { POL_NONE, 0 }
    };
    e.silent = silent;
    px_loop_clock(k->loop);
    px_loop_inform(k->loop, &e);
    px_loop_settle(k->loop);
}

struct px_keepalive *px_keepalive_watch(struct px_loop *loop, struct px_socket *s, struct pol_id link,
                                        const struct px_server *server)
{
    struct px_keepalive *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->loop = loop;
    k->socket = s;
    k->link = link;
    k->patience = (uint32_t)(2 * server->keepalive_every); /* one was not answered before the next was due */
    k->losses = server->keepalive_losses;
    k->user_timeout = (int)((server->keepalive_losses + 1) * server->keepalive_every);
    set_user_timeout(k, true);
    uv_timer_init(&loop->uv, &k->timer);
    k->timer.data = k;
    uv_timer_start(&k->timer, look, (uint64_t)server->keepalive_every, (uint64_t)server->keepalive_every);
    return k;
}

static void timer_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void px_keepalive_unwatch(struct px_keepalive *k)
{
    if (!k)
        return;
    set_user_timeout(k, false);
    uv_close((uv_handle_t *)&k->timer, timer_closed);
}
