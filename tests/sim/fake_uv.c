/* libuv's loop as far as the proxy uses it: timers, level-triggered polls, checks, closing. What is ready is told in random
 * order, and not always all of it in one turn. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define MOST 512u

enum kind { TIMER, POLL, OTHER };

struct row {
    uv_handle_t *handle;
    enum kind kind;
    bool active, closing;
    int fd, events;
    int64_t due, repeat;
    void (*call)(void);
    uv_close_cb closed;
};

static struct row *rows[MOST];
static unsigned row_count;
static uv_check_t *check;
static uv_check_cb on_check;
static bool stopped;

static struct row *row_of(const void *handle)
{
    return ((const uv_handle_t *)handle)->u.reserved[0];
}

static struct row *add(uv_handle_t *handle, enum kind kind)
{
    struct row *r = calloc(1, sizeof *r);
    if (!r || row_count == MOST)
        abort();
    r->handle = handle;
    r->kind = kind;
    handle->u.reserved[0] = r;
    rows[row_count++] = r;
    return r;
}

void uv_reset_world(void)
{
    while (row_count > 0)
        free(rows[--row_count]);
    check = NULL;
    stopped = false;
}

bool uv_is_stopped(void)
{
    return stopped;
}

int uv_loop_init(uv_loop_t *loop)
{
    (void)loop;
    return 0;
}

int uv_loop_close(uv_loop_t *loop)
{
    (void)loop;
    return 0;
}

void uv_stop(uv_loop_t *loop)
{
    (void)loop;
    stopped = true;
}

void uv_walk(uv_loop_t *loop, uv_walk_cb walk, void *argument)
{
    (void)loop;
    for (unsigned i = 0; i < row_count; i++)
        walk(rows[i]->handle, argument);
}

int uv_is_closing(const uv_handle_t *handle)
{
    return row_of(handle)->closing;
}

void uv_close(uv_handle_t *handle, uv_close_cb closed)
{
    struct row *r = row_of(handle);
    r->active = false;
    r->closing = true;
    r->closed = closed;
}

/* ---- handles that the schedule never moves ---- */

int uv_check_init(uv_loop_t *loop, uv_check_t *handle)
{
    handle->loop = loop;
    add((uv_handle_t *)handle, OTHER);
    return 0;
}

int uv_check_start(uv_check_t *handle, uv_check_cb call)
{
    check = handle;
    on_check = call;
    return 0;
}

int uv_idle_init(uv_loop_t *loop, uv_idle_t *handle)
{
    handle->loop = loop;
    add((uv_handle_t *)handle, OTHER);
    return 0;
}

int uv_idle_start(uv_idle_t *handle, uv_idle_cb call)
{
    (void)handle;
    (void)call;
    abort(); /* the control socket is not part of this */
}

int uv_idle_stop(uv_idle_t *handle)
{
    (void)handle;
    return 0;
}

int uv_signal_init(uv_loop_t *loop, uv_signal_t *handle)
{
    handle->loop = loop;
    add((uv_handle_t *)handle, OTHER);
    return 0;
}

int uv_signal_start(uv_signal_t *handle, uv_signal_cb call, int number)
{
    (void)handle;
    (void)call;
    (void)number;
    return 0;
}

/* ---- timers ---- */

int uv_timer_init(uv_loop_t *loop, uv_timer_t *handle)
{
    handle->loop = loop;
    add((uv_handle_t *)handle, TIMER);
    return 0;
}

int uv_timer_start(uv_timer_t *handle, uv_timer_cb call, uint64_t timeout, uint64_t repeat)
{
    struct row *r = row_of(handle);
    r->active = true;
    r->due = sim_now + (int64_t)timeout;
    r->repeat = (int64_t)repeat;
    r->call = (void (*)(void))call;
    return 0;
}

int uv_timer_stop(uv_timer_t *handle)
{
    row_of(handle)->active = false;
    return 0;
}

int64_t uv_due(void)
{
    int64_t due = INT64_MAX;
    for (unsigned i = 0; i < row_count; i++)
        if (rows[i]->kind == TIMER && rows[i]->active && rows[i]->due < due)
            due = rows[i]->due;
    return due;
}

static bool run_timers(void)
{
    bool done = false;
    for (unsigned i = 0; i < row_count; i++) {
        struct row *r = rows[i];
        if (r->kind != TIMER || !r->active || r->due > sim_now)
            continue;
        r->active = r->repeat > 0;
        r->due = sim_now + r->repeat;
        done = true;
        ((uv_timer_cb)r->call)((uv_timer_t *)r->handle);
    }
    return done;
}

/* ---- polls ---- */

int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd)
{
    handle->loop = loop;
    add((uv_handle_t *)handle, POLL)->fd = fd;
    return 0;
}

int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb call)
{
    struct row *r = row_of(handle);
    r->active = true;
    r->events = events;
    r->call = (void (*)(void))call;
    return 0;
}

int uv_poll_stop(uv_poll_t *handle)
{
    row_of(handle)->active = false;
    return 0;
}

/* As libuv on epoll: an error stops the handle and is told as UV_EBADF, unless urgent data is watched, which then is told. */
static bool poll_one(struct row *r)
{
    if (r->kind != POLL || !r->active)
        return false;
    int ready = kernel_poll(r->fd);
    uv_poll_t *handle = (uv_poll_t *)r->handle;
    if (ready < 0) {
        bool urgent = r->events & UV_PRIORITIZED;
        r->active = urgent;
        ((uv_poll_cb)r->call)(handle, urgent ? 0 : UV_EBADF, urgent ? UV_PRIORITIZED : 0);
        return true;
    }
    ready &= r->events;
    if (ready)
        ((uv_poll_cb)r->call)(handle, 0, ready);
    return ready != 0;
}

static bool run_polls(void)
{
    struct row *order[MOST];
    unsigned count = row_count;
    bool done = false, some = sim_chance(30);
    memcpy(order, rows, count * sizeof *order);
    for (unsigned i = count; i > 1; i--) {
        unsigned j = sim_below(i);
        struct row *t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
    for (unsigned i = 0; i < count && !(done && some); i++)
        done = poll_one(order[i]) || done;
    return done;
}

/* ---- turns ---- */

static bool run_closing(void)
{
    bool done = false;
    for (unsigned i = 0; i < row_count;) {
        struct row *r = rows[i];
        if (!r->closing) {
            i++;
            continue;
        }
        rows[i] = rows[--row_count];
        done = true;
        if (r->closed)
            r->closed(r->handle);
        free(r);
    }
    return done;
}

bool uv_turn(void)
{
    bool done = run_timers();
    done = run_polls() || done;
    if (done && check)
        on_check(check);
    return run_closing() || done;
}

/* The proxy calls it to let go of its handles. */
int uv_run(uv_loop_t *loop, uv_run_mode mode)
{
    (void)loop;
    (void)mode;
    while (run_closing())
        ;
    return 0;
}

uint64_t uv_now(const uv_loop_t *loop)
{
    (void)loop;
    return (uint64_t)sim_now;
}
