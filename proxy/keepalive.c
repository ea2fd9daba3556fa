/* The kernel sends keep-alive probes only while nothing else waits for an acknowledgement, and what is sent instead it
 * repeats ever more rarely. TCP_USER_TIMEOUT covers that too late, and too well: it also ends the connection of a peer
 * that is alive and reads nothing. So we judge ourselves. */
#include "keepalive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#define SECOND 1000 /* ms */

/* SO_KEEPALIVE itself is on from the begin (px_socket_open), as often as the system has it. */
static const int options[] = { TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT };
enum { OPTIONS = sizeof options / sizeof *options };

struct px_keepalive {
    uv_timer_t timer;
    struct px_loop *loop;
    struct px_socket *socket;
    struct pol_id link;
    int before[OPTIONS]; /* the options as the system had them */
    uint64_t began;      /* as the timer counts */
    uint32_t every;
    uint32_t losses;
    bool silent; /* as the brain knows it */
};

static void set(const struct px_keepalive *k, const int values[OPTIONS])
{
    for (int i = 0; i < OPTIONS && k->socket->fd >= 0; i++)
        setsockopt(k->socket->fd, IPPROTO_TCP, options[i], &values[i], sizeof values[i]);
}

static void tell(const struct px_keepalive *k)
{
    struct pol_event e = {
        .kind = POL_LIVENESS, .client = { POL_NONE, 0 }, .link = k->link, .call = { POL_NONE, 0 }
    };
    e.silent = k->silent;
    if (k->link.index != POL_NONE)
        px_loop_inform(k->loop, &e);
}

/* A peer whose window is closed is asked more and more rarely, and answers; so the time alone says nothing. */
static void judge(const struct px_keepalive *k, const struct tcp_info *info, bool *silent, bool *lost)
{
    uint32_t quiet = info->tcpi_last_ack_recv;
    uint32_t patience = 2 * k->every; /* what was asked was not answered before the next was due */
    bool unanswered = info->tcpi_unacked > 0 && quiet > info->tcpi_last_data_sent;
    bool may_be_new = uv_now(&k->loop->uv) - k->began < patience; /* what was sent, after a long quiet */
    *silent = quiet >= patience && (unanswered || info->tcpi_probes > 0);
    *lost = quiet >= (k->losses + 1) * k->every && !may_be_new && (unanswered || info->tcpi_probes >= k->losses);
}

static void look(uv_timer_t *timer)
{
    struct px_keepalive *k = timer->data;
    struct tcp_info info = { 0 };
    socklen_t length = sizeof info;
    bool silent, lost;
    if (k->socket->fd < 0 || getsockopt(k->socket->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return;
    judge(k, &info, &silent, &lost);
    if (silent == k->silent && !lost)
        return;
    k->silent = silent;
    px_loop_clock(k->loop);
    if (lost)
        px_socket_give_up(k->socket);
    else
        tell(k);
    px_loop_settle(k->loop);
}

struct px_keepalive *px_keepalive_begin(struct px_loop *loop, struct px_socket *s, struct pol_id link,
                                        const struct px_server *server)
{
    struct px_keepalive *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->loop = loop;
    k->socket = s;
    k->link = link;
    k->every = (uint32_t)server->keepalive_every;
    k->losses = server->keepalive_losses;
    int seconds = (int)(k->every / SECOND);
    for (int i = 0; i < OPTIONS; i++)
        getsockopt(s->fd, IPPROTO_TCP, options[i], &k->before[i], &(socklen_t){ sizeof k->before[i] });
    set(k, (int[OPTIONS]){ seconds, seconds, (int)k->losses });
    uv_timer_init(&loop->uv, &k->timer);
    k->timer.data = k;
    k->began = uv_now(&loop->uv);
    uv_timer_start(&k->timer, look, k->every, k->every);
    return k;
}

static void timer_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void px_keepalive_end(struct px_keepalive *k)
{
    if (!k)
        return;
    set(k, k->before);
    uv_close((uv_handle_t *)&k->timer, timer_closed);
}
