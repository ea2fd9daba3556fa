/* libuv for the proxy, over virtual time: what it uses of it, in the order of uv_run() of version 1.44. What it does not
 * use is not here, and missing from the link when it begins to. */
#include <uv.h>

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>

#include "agenda.h"
#include "draw.h"
#include "fake_uv.h"
#include "kernel.h"
#include "net.h"

#define HANDLES    256u
#define MOST_TURNS 200000u
#define ACTIVE     1u
#define CLOSING    2u

static uv_handle_t *handles[HANDLES]; /* not closed yet, oldest first */
static unsigned count;
static uint64_t starts;
static unsigned turns, turns_at_once; /* at once: since time last went on */
static int64_t last_turn;
static bool signalled; /* since it was last looked at */

void fake_uv_begin(void)
{
    count = 0;
    starts = 0;
    turns = turns_at_once = 0;
}

unsigned fake_uv_handles(void)
{
    return count;
}

static void init(uv_loop_t *loop, uv_handle_t *handle, uv_handle_type type)
{
    assert(count < HANDLES);
    handle->loop = loop;
    handle->type = type;
    handle->flags = 0;
    handle->close_cb = NULL;
    handles[count++] = handle;
}

static bool is_active(const uv_handle_t *handle)
{
    return handle->flags == ACTIVE;
}

static void update_time(uv_loop_t *loop)
{
    loop->time = (uint64_t)(now / MS);
}

uint64_t uv_now(const uv_loop_t *loop)
{
    return loop->time;
}

int uv_loop_init(uv_loop_t *loop)
{
    loop->stop_flag = 0;
    update_time(loop);
    return 0;
}

int uv_loop_close(uv_loop_t *loop)
{
    (void)loop;
    return count ? UV_EBUSY : 0;
}

void uv_stop(uv_loop_t *loop)
{
    loop->stop_flag = 1;
}

void uv_walk(uv_loop_t *loop, uv_walk_cb walk, void *arg)
{
    (void)loop;
    for (unsigned i = 0; i < count; i++)
        walk(handles[i], arg);
}

int uv_is_closing(const uv_handle_t *handle)
{
    return (handle->flags & CLOSING) != 0;
}

void uv_close(uv_handle_t *handle, uv_close_cb close_cb)
{
    assert(!(handle->flags & CLOSING));
    handle->flags = CLOSING;
    handle->close_cb = close_cb;
}

/* ---- timers ---- */

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
    init(loop, (uv_handle_t *)timer, UV_TIMER);
    return 0;
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
    assert(!(timer->flags & CLOSING));
    timer->flags = ACTIVE;
    timer->timer_cb = cb;
    timer->timeout = timer->loop->time + timeout;
    timer->repeat = repeat;
    timer->start_id = ++starts;
    return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
    timer->flags &= ~ACTIVE;
    return 0;
}

static uv_timer_t *first_timer(void)
{
    uv_timer_t *first = NULL;
    for (unsigned i = 0; i < count; i++) {
        uv_timer_t *t = (uv_timer_t *)handles[i];
        if (t->type != UV_TIMER || !is_active(handles[i]))
            continue;
        if (!first || t->timeout < first->timeout || (t->timeout == first->timeout && t->start_id < first->start_id))
            first = t;
    }
    return first;
}

static void run_timers(const uv_loop_t *loop)
{
    uv_timer_t *t;
    while ((t = first_timer()) != NULL && t->timeout <= loop->time) {
        uv_timer_stop(t);
        if (t->repeat)
            uv_timer_start(t, t->timer_cb, t->repeat, t->repeat);
        t->timer_cb(t);
    }
}

/* ---- checks and signals ---- */

int uv_check_init(uv_loop_t *loop, uv_check_t *check)
{
    init(loop, (uv_handle_t *)check, UV_CHECK);
    return 0;
}

int uv_check_start(uv_check_t *check, uv_check_cb cb)
{
    check->flags = ACTIVE;
    check->check_cb = cb;
    return 0;
}

static void run_checks(void)
{
    for (unsigned i = 0; i < count; i++)
        if (handles[i]->type == UV_CHECK && is_active(handles[i]))
            ((uv_check_t *)handles[i])->check_cb((uv_check_t *)handles[i]);
}

int uv_idle_init(uv_loop_t *loop, uv_idle_t *idle)
{
    init(loop, (uv_handle_t *)idle, UV_IDLE);
    return 0;
}

int uv_idle_start(uv_idle_t *idle, uv_idle_cb cb)
{
    idle->flags = ACTIVE;
    idle->idle_cb = cb;
    return 0;
}

int uv_idle_stop(uv_idle_t *idle)
{
    idle->flags &= ~ACTIVE;
    return 0;
}

static void run_idles(void)
{
    for (unsigned i = 0; i < count; i++)
        if (handles[i]->type == UV_IDLE && is_active(handles[i]))
            ((uv_idle_t *)handles[i])->idle_cb((uv_idle_t *)handles[i]);
}

int uv_signal_init(uv_loop_t *loop, uv_signal_t *signal)
{
    init(loop, (uv_handle_t *)signal, UV_SIGNAL);
    return 0;
}

int uv_signal_start(uv_signal_t *signal, uv_signal_cb cb, int number)
{
    signal->flags = ACTIVE;
    signal->signal_cb = cb;
    signal->signum = number;
    signal->caught_signals = signal->dispatched_signals = 0;
    return 0;
}

void fake_uv_signal(int number)
{
    for (unsigned i = 0; i < count; i++)
        if (handles[i]->type == UV_SIGNAL && ((uv_signal_t *)handles[i])->signum == number)
            ((uv_signal_t *)handles[i])->caught_signals++;
    signalled = true;
}

static bool is_pending(const uv_signal_t *s)
{
    return s->type == UV_SIGNAL && is_active((const uv_handle_t *)s) && s->caught_signals != s->dispatched_signals;
}

static void run_signals(void)
{
    for (unsigned i = 0; i < count; i++) {
        uv_signal_t *s = (uv_signal_t *)handles[i];
        if (s->type == UV_SIGNAL && is_pending(s)) {
            s->dispatched_signals++;
            s->signal_cb(s, s->signum);
        }
    }
}

/* ---- polling ---- */

int uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd)
{
    init(loop, (uv_handle_t *)poll, UV_POLL);
    poll->io_watcher.fd = fd;
    poll->io_watcher.pevents = 0;
    return 0;
}

int uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb cb)
{
    assert(!(poll->flags & CLOSING));
    poll->flags = events ? ACTIVE : 0;
    poll->poll_cb = cb;
    poll->io_watcher.pevents = (events & UV_READABLE ? (unsigned)EPOLLIN : 0) |
                               (events & UV_WRITABLE ? (unsigned)EPOLLOUT : 0) |
                               (events & UV_DISCONNECT ? (unsigned)EPOLLRDHUP : 0) |
                               (events & UV_PRIORITIZED ? (unsigned)EPOLLPRI : 0);
    return 0;
}

int uv_poll_stop(uv_poll_t *poll)
{
    poll->flags &= ~ACTIVE;
    poll->io_watcher.pevents = 0;
    return 0;
}

/* What epoll tells, as libuv merges it. */
static unsigned events_of(const uv_poll_t *p)
{
    const unsigned ends = EPOLLERR | EPOLLHUP;
    if (p->type != UV_POLL || p->flags != ACTIVE)
        return 0;
    unsigned events = kernel_ready(p->io_watcher.fd) & (p->io_watcher.pevents | ends);
    return events == EPOLLERR || events == EPOLLHUP ? events | p->io_watcher.pevents : events;
}

static void tell(uv_poll_t *p, unsigned events)
{
    if ((events & EPOLLERR) && !(events & EPOLLPRI)) {
        uv_poll_stop(p);
        p->poll_cb(p, UV_EBADF, 0);
        return;
    }
    p->poll_cb(p, 0,
               (events & EPOLLIN ? UV_READABLE : 0) | (events & EPOLLPRI ? UV_PRIORITIZED : 0) |
                   (events & EPOLLOUT ? UV_WRITABLE : 0) | (events & EPOLLRDHUP ? UV_DISCONNECT : 0));
}

static bool anything_ready(void)
{
    for (unsigned i = 0; i < count; i++)
        if (events_of((uv_poll_t *)handles[i]) || is_pending((uv_signal_t *)handles[i]))
            return true;
    return false;
}

/* Time goes on until something is ready, or `until`: then nothing is. */
static bool wait_until(int64_t until, bool *ready)
{
    *ready = anything_ready();
    while (!*ready) {
        int64_t next = agenda_next();
        if (next > until || next == NO_TIME) {
            if (until == NO_TIME)
                return false; /* nothing will ever happen */
            if (until > now)
                agenda_spend(until - now);
            return true;
        }
        agenda_run_one();
        bool changed = net_polled_changed() || signalled;
        signalled = false;
        *ready = changed && anything_ready();
    }
    return true;
}

/* A machine that has other work to do: the world goes on before anything of it is seen. */
static void be_late(void)
{
    int64_t until = now + below(chance(10) ? 50 * MS : 500);
    while (agenda_next() <= until)
        agenda_run_one();
    if (until > now)
        agenda_spend(until - now);
}

/* epoll_wait() told of all of them before the first callback ran. */
static void run_polls(void)
{
    uv_poll_t *told[HANDLES];
    unsigned events[HANDLES], n = 0, first = below(count);
    for (unsigned i = 0; i < count; i++) {
        uv_poll_t *p = (uv_poll_t *)handles[(first + i) % count];
        if ((events[n] = events_of(p)) != 0)
            told[n++] = p;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned still = told[i]->flags == ACTIVE ? events[i] & (told[i]->io_watcher.pevents | EPOLLERR | EPOLLHUP)
                                                  : 0;
        if (still)
            tell(told[i], still);
    }
}

static void run_closing(void)
{
    uv_handle_t *closed[HANDLES];
    unsigned n = 0, kept = 0;
    for (unsigned i = 0; i < count; i++)
        if (handles[i]->flags & CLOSING)
            closed[n++] = handles[i];
        else
            handles[kept++] = handles[i];
    count = kept;
    while (n-- > 0) /* the last one first, as libuv has it */
        if (closed[n]->close_cb)
            closed[n]->close_cb(closed[n]);
}

static bool is_alive(void)
{
    for (unsigned i = 0; i < count; i++)
        if (handles[i]->flags)
            return true;
    return false;
}

static int64_t poll_until(const uv_loop_t *loop)
{
    for (unsigned i = 0; i < count; i++)
        if (handles[i]->flags & CLOSING || (handles[i]->type == UV_IDLE && is_active(handles[i])))
            return now;
    const uv_timer_t *t = first_timer();
    if (loop->stop_flag || !is_alive())
        return now;
    return t ? (int64_t)t->timeout * MS : NO_TIME;
}

/* More turns than any schedule needs, or than any traffic does without time going on. */
static void count_turn(void)
{
    if (++turns > MOST_TURNS)
        fake_uv_stuck("the schedule does not end");
    turns_at_once = now == last_turn ? turns_at_once + 1 : 0;
    last_turn = now;
    if (turns_at_once > 2000)
        fake_uv_stuck("the loop turns and time does not go on");
}

int uv_run(uv_loop_t *loop, uv_run_mode mode)
{
    assert(mode == UV_RUN_DEFAULT);
    update_time(loop);
    while (is_alive() && !loop->stop_flag) {
        count_turn();
        update_time(loop);
        run_timers(loop);
        run_idles();
        bool ready, late = chance(20);
        if (!wait_until(poll_until(loop), &ready))
            fake_uv_stuck("the loop sleeps and nothing will ever wake it");
        if (late)
            be_late();
        update_time(loop);
        if (ready || late) {
            run_polls();
            run_signals();
        }
        run_checks();
        run_closing();
        fake_uv_turned();
    }
    loop->stop_flag = 0;
    return 0;
}
