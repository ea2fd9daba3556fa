/* Ends a socket in order: a FIN is followed by reading on until the peer's own, because closing with unread bytes
 * makes the kernel send a reset, which can destroy what the peer has not read yet. */
#include "closing.h"

#include <errno.h>
#include <stdlib.h>

#define ACK_CHECK 10u /* ms between two looks at the kernel's send queue */

/* Allocated only for the few sockets that must wait; `owner_events` is what the socket had before. */
struct px_closing {
    const struct px_socket_events *owner_events;
    bool reset;
    bool wait_for_ack;
    bool ticking;
    bool fin_seen;  /* the peer's; once ours is sent too, nothing is left to wait for */
    uint32_t delay; /* ms */
    uv_timer_t timer;
};

static void timer_closed(uv_handle_t *timer)
{
    struct px_socket *s = timer->data;
    struct px_closing *closing = s->closing;
    const struct px_socket_events *events = closing->owner_events;
    s->closing = NULL;
    free(closing);
    events->closed(s);
}

static void closed(struct px_socket *s)
{
    uv_close((uv_handle_t *)&s->closing->timer, timer_closed);
}

static void close_now(struct px_socket *s, bool reset)
{
    uv_timer_stop(&s->closing->timer);
    px_socket_close(s, reset);
}

static void delay_over(uv_timer_t *timer)
{
    struct px_socket *s = timer->data;
    close_now(s, s->closing->reset);
}

static void check_acknowledged(uv_timer_t *timer)
{
    struct px_socket *s = timer->data;
    if (!px_socket_is_acknowledged(s))
        return;
    if (s->closing->delay)
        uv_timer_start(timer, delay_over, s->closing->delay, 0);
    else
        close_now(s, s->closing->reset);
}

static void flushed(struct px_socket *s)
{
    struct px_closing *closing = s->closing;
    if (closing->wait_for_ack) {
        if (!closing->ticking)
            uv_timer_start(&closing->timer, check_acknowledged, 0, ACK_CHECK);
        closing->ticking = true;
    } else if (closing->reset || closing->fin_seen) {
        close_now(s, closing->reset);
    } else {
        px_socket_end_input(s);
    }
}

static void writable(struct px_socket *s)
{
    if (px_buffer_length(&s->out) == 0)
        flushed(s);
}

static void discard(struct px_socket *s)
{
    static uint8_t nowhere[65536];
    ssize_t n = px_socket_read(s, nowhere, sizeof nowhere);
    bool wanted = px_buffer_length(&s->out) > 0 || s->closing->wait_for_ack; /* it may only be half closed */
    if (n == 0 && wanted) {
        s->closing->fin_seen = true;
        px_socket_watch(s, PX_WATCH_ERRORS);
    } else if (n == 0)
        close_now(s, s->closing->reset);
    else if (n < 0 && n != -EAGAIN)
        close_now(s, true);
}

static void failed(struct px_socket *s, int error)
{
    (void)error;
    close_now(s, true);
}

static void ignored(struct px_socket *s)
{
    (void)s;
}

static const struct px_socket_events closing_events = {
    .readable = discard,
    .writable = writable,
    .hung_up = ignored,
    .failed = failed,
    .closed = closed,
};

void px_closing_begin(struct px_socket *s, bool reset, enum pol_when when, uint32_t delay)
{
    if (s->fd < 0)
        return;
    if (s->closing) {
        /* Out of time. What the kernel has it goes on delivering after a close, but not after a reset. */
        close_now(s, s->closing->reset || px_buffer_length(&s->out) > 0);
        return;
    }
    if (when == POL_NOW || s->broken || !(s->closing = calloc(1, sizeof *s->closing))) {
        px_socket_close(s, reset);
        return;
    }
    *s->closing = (struct px_closing){
        .owner_events = s->events, .reset = reset, .wait_for_ack = when == POL_ACKED, .delay = delay
    };
    uv_timer_init(s->poll.loop, &s->closing->timer);
    s->closing->timer.data = s;
    s->events = &closing_events;
    px_socket_watch(s, PX_WATCH_BYTES);
    writable(s);
}
