/* Random schedules of clients, servers and faults through the proxy's own code, over a network and a clock that are
 * made here. A seed is a schedule; it can be replayed. */
#include "sim.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agenda.h"
#include "draw.h"
#include "fake_uv.h"
#include "kernel.h"
#include "lines.h"
#include "promises.h"
#include "trace.h"

struct world world;
uint64_t draw_state;
bool tracing;

static struct host proxy_host = { .name = "proxy", .address = (10u << 24) + 1 };
static const char *looked_for; /* the only promise that counts, or NULL */
static const char *program;

void trace_line(const char *format, ...)
{
    va_list rest;
    printf("%10.3f  ", (double)(now - 1000 * (int64_t)SECOND) / MS);
    va_start(rest, format);
    vprintf(format, rest);
    va_end(rest);
    putchar('\n');
}

static void give_up(int status)
{
    printf("# replay: %s --seed %lu -v\n", program, (unsigned long)world.seed);
    fflush(stdout);
    _Exit(status);
}

void broken(enum promise which, const char *format, ...)
{
    va_list rest;
    if (looked_for && strcmp(looked_for, promise_names[which]) != 0)
        return;
    printf("not ok - %s: seed %lu: ", promise_names[which], (unsigned long)world.seed);
    va_start(rest, format);
    vprintf(format, rest);
    va_end(rest);
    putchar('\n');
    give_up(1);
}

void fake_uv_stuck(const char *why)
{
    printf("not ok - %s: seed %lu: %s\n", promise_names[NO_ENDLESS_WAIT], (unsigned long)world.seed, why);
    give_up(1);
}

void fake_uv_turned(void)
{
    judge_turn();
}

/* ---- the phases of a schedule ---- */

static void stop(void *who, uint32_t number)
{
    (void)who;
    trace("SIGTERM");
    if (!world.over)
        world.over_at = now;
    world.over = true;
    fake_uv_signal(SIGTERM);
    if (number > 0)
        agenda_at(now + below(100 * MS), stop, NULL, number - 1);
}

static void all_leave(void *who, uint32_t number)
{
    (void)who;
    (void)number;
    for (uint32_t i = 0; i < world.client_count; i++)
        client_leave(&world.clients[i]);
    agenda_at(now + 2 * SECOND, stop, NULL, chance(10));
}

static void look_at_the_dead(void *who, uint32_t number)
{
    (void)who;
    if (!world.over)
        judge_dead();
    all_leave(NULL, number);
}

static void look_at_com_timeout(void *who, uint32_t seconds)
{
    (void)who;
    if (!world.over)
        judge_com_timeout(now - seconds * (int64_t)SECOND);
}

/* Of one client: they may wait one after another. */
static uint32_t calls_at_once(void)
{
    uint32_t calls = 1;
    for (uint32_t i = 0; i < world.client_count; i++)
        calls = world.clients[i].most_open > calls ? world.clients[i].most_open : calls;
    return calls;
}

/* Everything that could answer is gone: by a reset, by a FIN, or without a word. */
static void kill_servers(void)
{
    const struct plan *p = &world.plan;
    bool redials = p->refuses || p->spare || p->shares ||
                   (p->checks & ~(1u << CHECK_NONE)); /* for hours, and that is all */
    bool silent = chance(20) && !redials, was_silent = false;
    for (uint32_t i = 0; i < world.member_count; i++) {
        struct member *m = &world.members[i];
        m->frozen = true;
        was_silent = was_silent || m->host.silent;
        net_set_silent(&m->host, silent);
        if (!silent)
            member_die(m, chance(50));
    }
    uint32_t seconds = 2 * ((uint32_t)world.plan.keepalive_every / 1000) * (world.plan.keepalive_losses + 4) + 20;
    if (silent)
        agenda_at(now + seconds * (int64_t)SECOND, look_at_com_timeout, NULL, seconds);
    int64_t last = 60 * (int64_t)SECOND + (calls_at_once() + 1) * world.plan.unavailable_wait * MS;
    last += was_silent ? 120 * (int64_t)SECOND : 0; /* TCP_RTO_MAX: its last words come when it repeats them */
    agenda_at(now + (silent ? 10000 * (int64_t)SECOND : last), look_at_the_dead, NULL, 0);
}

static void kill_or_leave(void)
{
    if (chance(60))
        kill_servers();
    else
        all_leave(NULL, 0);
}

static void look_at_newcomer(void *who, uint32_t number)
{
    (void)number;
    if (world.over)
        return;
    judge_newcomer(who);
    kill_or_leave();
}

static void look_at_patience(void *who, uint32_t number)
{
    (void)who;
    (void)number;
    if (world.over)
        return;
    judge_patience();
    operator_judge();
    if (!world.well || world.plan.crowds || world.plan.shares) {
        kill_or_leave();
        return;
    }
    struct client *c = &world.clients[world.client_count++];
    client_come(c);
    agenda_at(now + 20 * SECOND, look_at_newcomer, c, 0);
}

static int64_t longest_wait(void)
{
    int64_t most = 0;
    for (uint32_t op = 0; op < OPS; op++) {
        const struct rules *r = &world.plan.rules[op];
        most = r->call_timeout > most ? r->call_timeout : most;
        most = r->deadline > most ? r->deadline : most;
    }
    return (calls_at_once() + 1) * (most + world.plan.waiting_longest) + 20000;
}

/* Nobody begins anything any more; servers finish what they do, or do nothing any more at all. */
static void freeze(void *who, uint32_t number)
{
    bool hang = chance(50);
    (void)who;
    (void)number;
    trace("nothing new begins%s", hang ? ", and servers hang" : "");
    for (uint32_t i = 0; i < world.member_count; i++)
        if (hang)
            world.members[i].frozen = true;
        else
            member_recover(&world.members[i]);
    operator_settle();
    world.frozen = true;
    world.well = !hang;
    for (uint32_t i = 0; i < world.client_count; i++)
        client_freeze(&world.clients[i]);
    agenda_at(now + longest_wait() * MS, look_at_patience, NULL, 0);
}

/* ---- faults ---- */

static void go_on(void *who, uint32_t number)
{
    (void)number;
    member_stop(who, false);
}

static void stop_member(void *who, uint32_t number)
{
    (void)number;
    member_stop(who, true);
    agenda_at(now + below(4 * SECOND), go_on, who, 0);
}

static void lose_client(void *who, uint32_t number)
{
    struct client *c = who;
    (void)number;
    c->host_died = true;
    net_set_silent(&c->host, true);
}

static void hang_up(void *who, uint32_t number)
{
    (void)who;
    (void)number;
    fake_uv_signal(SIGHUP);
}

static void plan_faults(int64_t length)
{
    uint32_t us = (uint32_t)length;
    if (chance(10))
        agenda_at(now + below(us), stop_member, &world.members[below(world.member_count)], 0);
    if (chance(6) && !world.plan.local)
        agenda_at(now + below(us), lose_client, &world.clients[below(world.client_count)], 0);
    for (uint32_t i = below(4); world.plan.reloads && i > 0; i--)
        agenda_at(now + below(us), hang_up, NULL, 0);
    if (chance(12))
        agenda_at(now + below(us), stop, NULL, chance(30));
}

/* ---- a schedule ---- */

static void begin(void)
{
    static const int64_t lengths[] = { 30 * MS, 300 * MS, 1500 * MS, 6 * SECOND };
    int64_t length = lengths[below(4)];
    world.link_count = world.call_count = 0;
    world.cancels_asked = 0;
    world.keeps = chance(50);
    world.simple = world.plan.shares && chance(60);
    world.frozen = world.over = world.well = world.shut = world.drained = world.reloaded = false;
    world.member_count = world.plan.reloads ? MEMBERS_MOST : world.plan.members;
    world.client_count = between(1, chance(world.simple ? 30 : 70) ? 4 : CLIENTS - 1);
    for (uint32_t i = 0; i < world.member_count; i++)
        member_begin(&world.members[i], i);
    for (uint32_t i = 0; i < world.client_count; i++)
        client_begin(&world.clients[i], i);
    plan_faults(length);
    operator_begin();
    agenda_at(now + length, freeze, NULL, 0);
}

static void at_end(void)
{
    judge_end();
}

static void judge_rest(int64_t allocations)
{
    if (kernel_allocations != allocations)
        broken(ALL_FREE, "%ld pieces of memory were not freed", (long)(kernel_allocations - allocations));
    if (kernel_open_count())
        broken(ALL_FREE, "%u descriptors are open", kernel_open_count());
    if (fake_uv_handles())
        broken(ALL_FREE, "%u handles are open", fake_uv_handles());
}

static void schedule(uint64_t seed)
{
    world.seed = seed;
    plan_prepare(seed);
    int64_t allocations = kernel_allocations;
    struct px_settings *settings = plan_take(seed, &world.plan);
    draw_begin(seed);
    agenda_begin();
    net_begin();
    kernel_begin(&proxy_host);
    fake_uv_begin();
    lines_begin();
    begin();
    bool ran = proxy_run(settings, at_end);
    counts.calls += world.call_count;
    if (!ran)
        broken(ALL_FREE, "it does not start");
    plan_give_back(settings);
    judge_rest(allocations);
}

/* ---- the command line ---- */

static void crashed(int number)
{
    printf("not ok - crash by signal %d: seed %lu\n", number, (unsigned long)world.seed);
    give_up(2);
}

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void run(uint64_t first, uint64_t count)
{
    double from = seconds();
    for (uint64_t i = 0; i < count; i++)
        schedule(first + i);
    for (unsigned i = 0; i < PROMISES; i++)
        printf("ok - %s\n", promise_names[i]);
    counts_print();
    printf("# %lu schedules, %.0f a second\n", (unsigned long)count, (double)count / (seconds() - from + 1e-9));
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "seeds", required_argument, NULL, 'n' }, { "first", required_argument, NULL, 'f' },
        { "seed", required_argument, NULL, 's' },  { "promise", required_argument, NULL, 'p' },
        { "verbose", no_argument, NULL, 'v' },     { 0 },
    };
    uint64_t count = 1000, first = 1;
    int option;
    program = argv[0];
    while ((option = getopt_long(argc, argv, "v", options, NULL)) != -1) {
        if (option == 'n')
            count = strtoull(optarg, NULL, 10);
        else if (option == 'f' || option == 's')
            first = strtoull(optarg, NULL, 10);
        else if (option == 'p')
            looked_for = optarg;
        else if (option == 'v')
            tracing = true;
        else
            return 2;
        count = option == 's' ? 1 : count;
    }
    mallopt(M_MMAP_THRESHOLD, 128 * 1024); /* large tables are fresh pages, not cleared ones */
    if (!tracing)
        stderr = fopen("/dev/null", "w"); /* for what the proxy says of settings that it cannot take */
    signal(SIGABRT, crashed);
    signal(SIGSEGV, crashed);
    run(first, count);
    plan_free_all();
    return 0;
}
