/* Schedules: settings, clients, servers and faults from one number; the loop turns until nothing is left. */
#include "sim.h"

#include <argp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/admin.h"
#include "proxy/call_rules.h"
#include "proxy/loop.h"
#include "proxy/settings_internal.h"

#define TURNS_AT_ONCE 10000u  /* without time going on: the loop spins */
#define LAST_TIME     4000000 /* ms: longer than any time-out, retransmissions included */

bool sim_verbose;
static uint64_t dice, seed;
static jmp_buf out;
static char what[300];

uint32_t sim_below(uint32_t limit)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (uint32_t)((dice >> 20) % limit);
}

bool sim_chance(uint32_t percent)
{
    return sim_below(100) < percent;
}

uint32_t sim_between(uint32_t least, uint32_t most)
{
    return least + sim_below(most - least + 1);
}

void sim_say(const char *format, ...)
{
    va_list arguments;
    if (!sim_verbose)
        return;
    va_start(arguments, format);
    printf("%7lld ", (long long)sim_now);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    va_end(arguments);
}

void sim_broken(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    longjmp(out, 1);
}

/* ---- settings ---- */

static uint32_t perhaps(uint32_t percent, uint32_t least, uint32_t most)
{
    return sim_chance(percent) ? sim_between(least, most) : 0;
}

static void draw_settings(void)
{
    struct sim_settings *s = &sim_settings;
    *s = (struct sim_settings){ .calls = perhaps(60, 1, 5),
                                .call_timeout = perhaps(50, 50, 800),
                                .com_timeout = perhaps(40, 50, 2000),
                                .deadline = perhaps(30, 200, 2000),
                                .waiting = sim_chance(30) ? sim_below(4) : 1000,
                                .longest = sim_between(20, 2000),
                                .abandoned = perhaps(30, 1, 4),
                                .bind_timeout = sim_between(100, 2000),
                                .client_timeout = sim_between(200, 3000),
                                .quiet = sim_chance(15) };
}

static size_t write_settings(char *text, size_t room)
{
    static const char *const farewells[] = { "abandon", "cancel", "orphan" };
    const struct sim_settings *s = &sim_settings;
    size_t n = (size_t)snprintf(
        text, room,
        "drain: 1s\nlog: { calls: /log }\nlisteners:\n"
        "  - { address: 127.0.0.1:1135, server: s, bind-timeout: %ums, client-timeout: %ums }\n"
        "servers:\n  s:\n    members: [ 127.0.0.1:5000, 127.0.0.1:5001 ]\n"
        "    waiting: { length: %u, longest: %ums }\n    unavailable-wait: %ums\n"
        "    connect-timeout: %ums\n    bind-timeout: %ums\n    on-timeout: %s\n"
        "    health: { failures: %u, backoff: 20ms, longest-backoff: 500ms }\n",
        s->bind_timeout, s->client_timeout, s->waiting, s->longest, perhaps(50, 1, 2000), sim_between(50, 1000),
        sim_between(50, 1000), farewells[sim_below(3)], sim_between(1, 4));
    const struct {
        const char *key, *unit;
        uint32_t value;
    } more[] = { { "calls", "", s->calls },
                 { "call-timeout", "ms", s->call_timeout },
                 { "com-timeout", "ms", s->com_timeout },
                 { "deadline", "ms", s->deadline },
                 { "abandoned", "", s->abandoned } };
    for (unsigned i = 0; i < sizeof more / sizeof *more; i++)
        if (more[i].value)
            n += (size_t)snprintf(text + n, room - n, "    %s: %u%s\n", more[i].key, more[i].value, more[i].unit);
    return n;
}

/* ---- a schedule ---- */

static struct px_loop loop;
static struct px_settings settings;

/* Turns the loop and lets time pass, up to `until`. */
static void run(int64_t until)
{
    unsigned turns = 0;
    while (!uv_is_stopped()) {
        net_run_due();
        if (uv_turn()) {
            if (++turns > TURNS_AT_ONCE)
                sim_broken("the loop spins");
            continue;
        }
        int64_t next = net_next() < uv_due() ? net_next() : uv_due();
        if (next > until)
            break;
        if (next > sim_now)
            turns = 0, sim_now = next;
        else if (net_next() > sim_now && ++turns > TURNS_AT_ONCE)
            sim_broken("the loop spins");
    }
    if (sim_now < until && !uv_is_stopped())
        sim_now = until;
}

static void begin(void)
{
    static const struct px_overrides none;
    static const struct px_source source = { NULL, &none };
    char text[2000];
    dice = seed * 0x9e3779b97f4a7c15u + 1;
    net_reset_world(sim_between(0, 10));
    kernel_reset_world();
    uv_reset_world();
    servers_reset_world();
    clients_reset_world();
    promises_reset_world();
    draw_settings();
    size_t length = write_settings(text, sizeof text);
    if (sim_verbose)
        fputs(text, stdout);
    if (px_settings_load_text("settings", text, length, &settings, stderr) != 0 ||
        px_loop_open(&loop, &settings, &source) != 0)
        abort();
}

static void fault_later(void *unused, intptr_t left)
{
    (void)unused;
    if (left > 0 && !sim_settings.quiet) {
        servers_fault();
        net_later(sim_between(100, 2000), fault_later, NULL, left - 1);
    }
}

/* Nobody waits for ever: not with time-outs, and without them not once the servers are dead. */
static void end(void)
{
    int64_t latest = sim_now + LAST_TIME;
    servers_end();
    run(latest);
    if (!clients_are_gone() && sim_verbose)
        sim_say("some clients are idle");
    promises_end();
    clients_leave();
    run(sim_now + LAST_TIME);
    px_loop_drain(&loop, NULL, "the end");
    run(sim_now + 100000);
    if (!uv_is_stopped())
        sim_broken("the drain does not end");
    for (uint32_t i = 0; i < loop.max_links; i++)
        if (loop.links[i] || loop.clients[i])
            sim_broken("a connection is left in the tables");
    if (pol_calls_inside(loop.brain, 0) || pol_calls_waiting(loop.brain, 0))
        sim_broken("a slot is lost");
    px_loop_close(&loop);
    if (kernel_open_files() > 0)
        sim_broken("a descriptor is left open");
}

/* True when all promises held. */
static bool schedule(uint64_t number)
{
    seed = number;
    begin();
    if (setjmp(out)) {
        printf("not ok - seed %llu at %lld ms: %s\n# replay: build/sim --seed %llu -v\n", (unsigned long long)number,
               (long long)sim_now, what, (unsigned long long)number);
        return false;
    }
    clients_begin(1 + sim_below(12));
    net_later(sim_between(100, 1500), fault_later, NULL, sim_below(4));
    run(sim_now + 8000);
    end();
    px_settings_free(&settings);
    return true;
}

/* ---- the command line ---- */

struct options {
    uint64_t seeds, first;
    bool one;
};

static error_t take_option(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case 'n':
        o->seeds = strtoull(arg, NULL, 10);
        return 0;
    case 'f':
        o->first = strtoull(arg, NULL, 10);
        return 0;
    case 's':
        o->first = strtoull(arg, NULL, 10);
        o->seeds = 1;
        return 0;
    case 'v':
        sim_verbose = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option table[] = { { "seeds", 'n', "N", 0, "How many schedules [1000]", 0 },
                                                { "first", 'f', "SEED", 0, "The first of them [1]", 0 },
                                                { "seed", 's', "SEED", 0, "Only this one", 0 },
                                                { NULL, 'v', NULL, 0, "Tell what happens", 0 },
                                                { 0 } };
    static const struct argp argp = { .options = table, .parser = take_option, .doc = "Random schedules." };
    struct options options = { .seeds = 1000, .first = 1 };
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    kernel_log(promises_line);
    for (uint64_t i = 0; i < options.seeds; i++)
        if (!schedule(options.first + i))
            return 1;
    printf("ok - %llu schedules\n", (unsigned long long)options.seeds);
    return 0;
}
