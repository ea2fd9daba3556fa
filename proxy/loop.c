/* Turns: tell the brain what happened, carry out what it says, and sleep until something is due. */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "apply.h"
#include "check.h"
#include "downstream.h"
#include "listener.h"
#include "notify.h"
#include "origin.h"
#include "pooled.h"
#include "reload.h"
#include "shim.h"
#include "translate.h"
#include "upstream.h"

#define OTHER_DESCRIPTORS 64u        /* listeners, log, epoll, control, and what the libraries open */
#define LOG_PAUSE         100u       /* ms between two tries to write what the log's reader did not take */
#define MOST_CLIENTS      (1u << 18) /* bounds the tables where the descriptor limit is huge */
#define MOST_CALLS        (1u << 20)

/* ---- time and the brain ---- */

void px_loop_clock(struct px_loop *loop)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    loop->now = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void px_loop_tell(struct px_loop *loop, const struct pol_event *event)
{
    static const struct pol_event tick = { .kind = POL_TICK };
    struct pol_actions actions;
    for (const struct pol_event *e = event; e; e = actions.more ? &tick : NULL) {
        pol_step(loop->brain, e, loop->now / 1000, &actions);
        for (unsigned i = 0; i < actions.count; i++)
            px_apply(loop, &actions.item[i]);
    }
}

void px_loop_inform(struct px_loop *loop, const struct pol_event *event)
{
    if (loop->queue_length == loop->queue_capacity) {
        size_t capacity = loop->queue_capacity ? 2 * loop->queue_capacity : 256;
        struct pol_event *queue = realloc(loop->queue, capacity * sizeof *queue);
        if (!queue)
            abort(); /* an event that is lost would leave the brain wrong for ever */
        loop->queue = queue;
        loop->queue_capacity = capacity;
    }
    loop->queue[loop->queue_length++] = *event;
}

static void tell_queue(struct px_loop *loop)
{
    for (size_t i = 0; i < loop->queue_length; i++) {
        struct pol_event e = loop->queue[i]; /* the queue may move while this one is dealt with */
        px_loop_tell(loop, &e);
    }
    loop->queue_length = 0;
}

/* Ends are left to the end of the turn: what else has come in it still counts. */
static bool is_end(const struct pol_event *event)
{
    return event->kind == POL_CLIENT_END || event->kind == POL_LINK_END;
}

void px_loop_catch_up(struct px_loop *loop)
{
    size_t kept = 0;
    for (size_t i = 0; i < loop->queue_length; i++) {
        struct pol_event e = loop->queue[i];
        if (is_end(&e))
            loop->queue[kept++] = e;
        else
            px_loop_tell(loop, &e);
    }
    loop->queue_length = kept;
}

static void go_on_ready(struct px_loop *loop)
{
    while (loop->ready) {
        struct px_downstream *d = loop->ready;
        loop->ready = d->next_ready;
        px_downstream_go_on(d);
    }
}

/* What all clients have given to it in this turn goes with one write. */
static void flush_shared(struct px_loop *loop)
{
    while (loop->flush) {
        struct px_upstream *u = loop->flush;
        loop->flush = u->next_flush;
        px_pooled_flush(u);
    }
}

static void timer_due(uv_timer_t *timer);

static void set_timer(struct px_loop *loop)
{
    int64_t wake = pol_next_wake(loop->brain);
    int64_t log_due = loop->log.length ? loop->now / 1000 + LOG_PAUSE : INT64_MAX;
    if (log_due < wake)
        wake = log_due;
    if (wake == loop->wake)
        return;
    loop->wake = wake;
    int64_t in = wake - loop->now / 1000;
    if (wake == INT64_MAX)
        uv_timer_stop(&loop->timer);
    else
        uv_timer_start(&loop->timer, timer_due, in > 0 ? (uint64_t)in : 0, 0);
}

void px_loop_settle(struct px_loop *loop)
{
    px_loop_clock(loop); /* what was queued is judged by the time at which it is told, and the timer set by it */
    while (loop->queue_length || loop->ready || loop->flush) {
        tell_queue(loop);
        go_on_ready(loop);
        flush_shared(loop);
    }
    px_admin_flush(loop);
    px_log_flush(&loop->log);
    set_timer(loop);
    if (!loop->stopping && pol_drained(loop->brain)) {
        loop->stopping = true;
        uv_stop(&loop->uv);
    }
}

static void timer_due(uv_timer_t *timer)
{
    struct px_loop *loop = timer->data;
    struct pol_event tick = { .kind = POL_TICK };
    px_loop_clock(loop);
    loop->wake = INT64_MAX;
    px_loop_tell(loop, &tick);
    px_loop_settle(loop);
}

static void turn_ended(uv_check_t *check)
{
    px_loop_settle(check->data);
}

static void tell_drain(struct px_loop *loop, const char *who, const char *why)
{
    struct pol_event drain = { .kind = POL_DRAIN };
    loop->draining = true;
    px_log_notice(&loop->log, who, why);
    px_notify("STOPPING=1");
    px_loop_inform(loop, &drain);
    px_loop_settle(loop);
}

void px_loop_drain(struct px_loop *loop, const char *who, const char *why)
{
    if (!loop->draining)
        tell_drain(loop, who, why);
}

void px_loop_drain_server(struct px_loop *loop, uint32_t server, bool on, const char *who)
{
    struct pol_event e = { .kind = POL_SERVER_DRAIN, .on = on };
    char text[128];
    snprintf(text, sizeof text, "control: %s %s", on ? "draining" : "resuming", loop->settings->servers[server].name);
    px_log_notice(&loop->log, who, text);
    for (uint32_t at = POL_NONE; px_origin_next(&loop->roster, server, &at);) {
        e.server = at;
        px_loop_tell(loop, &e);
    }
}

void px_loop_cancel(struct px_loop *loop, const struct px_call *k, const char *who)
{
    struct pol_event e = { .kind = POL_CALL_CANCEL, .call = k->id };
    px_log_notice(&loop->log, who, "control: cancelling a call");
    px_loop_tell(loop, &e);
}

/* The first signal drains, the second ends at once; either way every open call leaves its line. A drain that was asked
 * for by the control socket is no signal: a service manager's SIGTERM after it does not cut calls. */
static void signalled(uv_signal_t *handle, int number)
{
    struct px_loop *loop = handle->data;
    bool again = loop->signalled;
    loop->signalled = true;
    px_loop_clock(loop);
    if (again)
        tell_drain(loop, NULL, "second signal: ending at once");
    else
        px_loop_drain(loop, NULL, "signal: draining");
    if (again) {
        loop->stopping = true;
        uv_stop(&loop->uv);
    }
    (void)number;
}

static void hung_up(uv_signal_t *handle, int number)
{
    char *why;
    struct px_loop *loop = handle->data;
    px_loop_clock(loop);
    px_reload(loop, NULL, &why);
    free(why);
    (void)number;
}

/* ---- clients' indices ---- */

/* A client needs a descriptor, and one more for its link: all but those that share links. */
static bool has_descriptors(const struct px_loop *loop)
{
    uint32_t clients = loop->clients_high - loop->free_count;
    return 2 * (clients + 1) - loop->plain_clients <= loop->descriptors;
}

bool px_loop_client_new(struct px_loop *loop, struct px_downstream *d, struct pol_id *id)
{
    if (!has_descriptors(loop))
        return false;
    if (loop->free_count == 0 && loop->clients_high == loop->max_clients)
        return false;
    uint32_t index = loop->free_count ? loop->free_clients[--loop->free_count] : loop->clients_high++;
    loop->clients[index] = d;
    *id = (struct pol_id){ index, ++loop->client_generations[index] };
    return true;
}

void px_loop_client_free(struct px_loop *loop, struct pol_id id)
{
    loop->clients[id.index] = NULL;
    loop->free_clients[loop->free_count++] = id.index;
}

/* ---- opening ---- */

/* As many descriptors as we may have, for clients and links. */
static uint32_t descriptors_that_fit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t most = limit.rlim_cur > OTHER_DESCRIPTORS + 2 ? limit.rlim_cur - OTHER_DESCRIPTORS : 2;
    return most > 2 * MOST_CLIENTS ? 2 * MOST_CLIENTS : (uint32_t)most;
}

/* Enough that a few clients cannot take it all; what is not used costs address space alone. */
static uint32_t calls_that_fit(uint32_t clients)
{
    return clients < MOST_CALLS / PX_CALLS_PER_CLIENT ? clients * PX_CALLS_PER_CLIENT : MOST_CALLS;
}

bool px_loop_choose(struct px_loop *loop, uint32_t listener, const struct px_address *destination,
                    struct px_target *target)
{
    struct pol_event e = { .kind = POL_TICK };
    struct pol_listener described;
    struct pol_server own;
    bool is_new;
    if (!px_target_chosen(&loop->roster, loop->settings, listener, destination, loop->now / 1000, target, &is_new))
        return false;
    uint32_t index = (uint32_t)(target->destination - loop->roster.destinations);
    if (!is_new)
        return true;
    bool has_own = px_roster_describe_destination(&loop->roster, loop->settings, index, &described, &own);
    pol_place(loop->brain, target->row, &described, has_own ? &own : NULL);
    if (has_own && pol_server_draining(loop->brain, target->server))
        e = (struct pol_event){ .kind = POL_SERVER_DRAIN, .server = described.server, .on = true };
    px_loop_tell(loop, &e); /* or its server may be down */
    return true;
}

static bool make_brain(struct px_loop *loop)
{
    struct pol_settings settings;
    px_roster_describe(&loop->roster, loop->settings, &settings);
    settings.max_clients = loop->max_clients;
    settings.max_links = loop->max_links;
    settings.max_calls = loop->calls.limit;
    settings.max_offers = PX_OFFERS_MOST;
    if (getrandom(&settings.seed, sizeof settings.seed, 0) != (ssize_t)sizeof settings.seed)
        settings.seed ^= (uint64_t)loop->now;
    loop->brain = pol_create(&settings);
    px_roster_forget(&settings);
    return loop->brain != NULL;
}

static bool make_tables(struct px_loop *loop)
{
    loop->descriptors = descriptors_that_fit();
    loop->max_clients = loop->max_links = loop->descriptors < MOST_CLIENTS ? loop->descriptors : MOST_CLIENTS;
    loop->checks = calloc(PX_MOST_MEMBERS + PX_MOST_DESTINATIONS, sizeof *loop->checks);
    loop->listeners = calloc(PX_MOST_LISTENERS, sizeof *loop->listeners);
    loop->bound = calloc(PX_MOST_LISTENERS, sizeof *loop->bound);
    loop->shims = calloc(PX_MOST_LISTENERS, sizeof *loop->shims);
    loop->server_links = calloc(PX_MOST_SERVERS, sizeof *loop->server_links);
    loop->clients = calloc(loop->max_clients, sizeof *loop->clients);
    loop->client_generations = calloc(loop->max_clients, sizeof *loop->client_generations);
    loop->free_clients = calloc(loop->max_clients, sizeof *loop->free_clients);
    loop->links = calloc(loop->max_links, sizeof *loop->links);
    loop->scratch = malloc(PX_SCRATCH_SIZE);
    if (!loop->checks || !loop->listeners || !loop->bound || !loop->shims || !loop->server_links || !loop->clients ||
        !loop->client_generations || !loop->free_clients || !loop->links || !loop->scratch ||
        !px_roster_init(&loop->roster) || !px_offers_init(&loop->offers) ||
        !px_calls_init(&loop->calls, calls_that_fit(loop->max_clients)))
        return false;
    loop->calls.rules = loop->settings->call_rules;
    loop->calls.offers = &loop->offers;
    px_roster_take(&loop->roster, loop->settings);
    return make_brain(loop);
}

static void open_handles(struct px_loop *loop)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
    signal(SIGPIPE, SIG_IGN); /* the log's reader may go */
    uv_loop_init(&loop->uv);
    uv_check_init(&loop->uv, &loop->turn_end);
    loop->turn_end.data = loop;
    uv_check_start(&loop->turn_end, turn_ended);
    uv_timer_init(&loop->uv, &loop->timer);
    loop->timer.data = loop;
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uv_signal_init(&loop->uv, &loop->signals[i]);
        loop->signals[i].data = loop;
        uv_signal_start(&loop->signals[i], numbers[i] == SIGHUP ? hung_up : signalled, numbers[i]);
    }
    loop->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int open_listeners(struct px_loop *loop)
{
    int failures = 0;
    for (unsigned i = 0; i < loop->settings->listener_count; i++) {
        const struct px_listener *l = &loop->settings->listeners[i];
        int error = px_listener_open(loop, i, &l->address, l->shim);
        if (error)
            fprintf(stderr, "rpcward: cannot listen on %s: %s\n", l->text, strerror(error));
        failures += error != 0;
    }
    return failures;
}

int px_loop_open(struct px_loop *loop, struct px_settings *settings, const struct px_source *source)
{
    *loop = (struct px_loop){ .settings = settings, .source = source, .wake = INT64_MAX, .spare_fd = -1 };
    px_loop_clock(loop);
    open_handles(loop);
    int error = px_log_open(&loop->log, settings);
    if (error) {
        fprintf(stderr, "rpcward: cannot write the call log to %s: %s\n", settings->log_calls, strerror(error));
        return 1;
    }
    if (!make_tables(loop)) {
        fprintf(stderr, "rpcward: not enough memory for %u clients: lower ulimit -n\n", loop->max_clients);
        return 1;
    }
    return open_listeners(loop) || px_admin_open(loop) ? 1 : 0;
}

void px_loop_run(struct px_loop *loop)
{
    for (unsigned i = 0; i < loop->settings->listener_count; i++)
        px_listener_tell(loop, loop->settings, i);
    px_notify("READY=1");
    px_loop_settle(loop);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

/* ---- closing ---- */

static void close_handle(uv_handle_t *handle, void *loop)
{
    (void)loop;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* What a second signal left open: the process ends, and the kernel closes its sockets. Their memory goes with it. */
void px_loop_close(struct px_loop *loop)
{
    for (unsigned i = 0; loop->listeners && i < loop->settings->listener_count; i++)
        px_listener_close(loop->listeners[i]);
    px_shims_end(loop);
    for (uint32_t i = 0; loop->checks && i < loop->roster.member_count; i++)
        px_check_stop(loop, i);
    px_admin_close(loop);
    px_log_close(&loop->log);
    if (loop->brain && !pol_drained(loop->brain) && loop->stopping)
        return;
    uv_walk(&loop->uv, close_handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_loop_close(&loop->uv);
    px_admin_free(loop);
    px_shims_free(loop);
    pol_destroy(loop->brain);
    px_calls_free(&loop->calls);
    px_offers_free(&loop->offers);
    close(loop->spare_fd);
    px_roster_free(&loop->roster);
    void *tables[] = { loop->shims,        loop->bound,   loop->checks,
                       loop->listeners,    loop->clients, loop->client_generations,
                       loop->free_clients, loop->links,   loop->server_links,
                       loop->scratch,      loop->queue };
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++)
        free(tables[i]);
}
