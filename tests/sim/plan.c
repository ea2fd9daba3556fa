/* Small limits and short times, so that a few clients reach them. */
#include "plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../proxy/settings_internal.h"
#include "draw.h"
#include "kernel.h"
#include "wire.h"
#include "world.h"

struct page {
    size_t length;
    char text[4096];
};

static struct {
    bool loaded;
    struct plan plan;
    struct px_settings settings;
} plans[PLANS];

static void put(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct page *p, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    p->length += (size_t)vsnprintf(p->text + p->length, sizeof p->text - p->length, format, rest);
    va_end(rest);
}

static void put_time(struct page *p, const char *indent, const char *key, int64_t ms)
{
    if (ms)
        put(p, "%s%s: %ldms\n", indent, key, (long)ms);
    else
        put(p, "%s%s: never\n", indent, key);
}

static void put_limit(struct page *p, const char *key, uint32_t limit)
{
    if (limit)
        put(p, "    %s: %u\n", key, limit);
}

static void put_rules(struct page *p, const char *indent, const struct rules *r)
{
    put_time(p, indent, "com-timeout", r->com_timeout);
    put_time(p, indent, "call-timeout", r->call_timeout);
    put_time(p, indent, "deadline", r->deadline);
    static const char *const farewells[] = { "abandon", "cancel", "orphan" };
    put(p, "%son-timeout: %s\n", indent, farewells[r->farewell]);
}

static void write_server(struct page *p, const struct plan *plan)
{
    if (plan->control)
        put(p, "control: /simulated/control\n");
    put(p, "drain: %ldms\nlog: { calls: %s, format: json }\nservers:\n  s:\n    members:\n", (long)plan->drain,
        KERNEL_LOG_PATH);
    for (uint32_t i = 0; i < plan->members; i++)
        put(p, "      - 10.0.1.%u:%u\n", i + 1, MEMBER_PORT);
    put_limit(p, "calls", plan->calls);
    put_limit(p, "abandoned", plan->abandoned);
    put(p, "    waiting: { length: %u, longest: %ldms }\n", plan->waiting_length, (long)plan->waiting_longest);
    put_time(p, "    ", "connect-timeout", plan->connect_timeout);
    put(p, "    keepalive: { every: %lds, lost-after: %u }\n", (long)plan->keepalive_every / 1000,
        plan->keepalive_losses);
    put_time(p, "    ", "bind-timeout", plan->member_bind_timeout);
    put_rules(p, "    ", &plan->rules[0]);
}

static void write_health(struct page *p, const struct plan *plan)
{
    static const char *const checks[] = { "none", "connect", "bind", "listening" };
    put(p, "    unavailable-wait: %ldms\n    when-down: %s\n    health: { failures: ", (long)plan->unavailable_wait,
        plan->refuses ? "refuse" : "answer");
    put(p, plan->failures ? "%u" : "never", plan->failures);
    put(p, ", backoff: %ldms, longest-backoff: %ldms, check: %s, every: %ldms }\n", (long)plan->backoff,
        (long)plan->longest_backoff, checks[plan->check], (long)plan->check_every);
}

static void write_listener(struct page *p, const struct plan *plan)
{
    put(p, "listeners:\n  - address: 10.0.0.1:%u\n    server: s\n    buffer: 80KiB\n", PROXY_PORT);
    put_time(p, "    ", "bind-timeout", plan->bind_timeout);
    put_time(p, "    ", "client-timeout", plan->client_timeout);
    put_time(p, "    ", "idle-timeout", plan->idle_timeout);
    put_limit(p, "clients", plan->clients);
    put_limit(p, "clients-per-address", plan->clients_per_address);
}

static void write_interface(struct page *p, const struct plan *plan)
{
    put(p, "interfaces:\n  - uuid: %s\n    version: \"1.0\"\n    operations:\n", WIRE_INTERFACE);
    for (uint32_t op = 1; op < OPS; op++) {
        put(p, "      %u:\n", op);
        put_rules(p, "        ", &plan->rules[op]);
        put(p, "        pending: %s\n", plan->rules[op].pending ? "yes" : "no");
    }
}

static int64_t one_of(const int64_t *values, uint32_t count)
{
    return values[below(count)];
}
#define ONE_OF(...) \
    one_of((const int64_t[]){ __VA_ARGS__ }, sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

static void draw_rules(struct rules *r)
{
    r->com_timeout = ONE_OF(0, 300, 1000, 5000);
    r->call_timeout = ONE_OF(0, 0, 150, 500, 2000);
    r->deadline = ONE_OF(0, 0, 400, 3000);
    r->farewell = (enum farewell)below(3);
}

static void draw_plan(struct plan *plan)
{
    *plan = (struct plan){ .calls = chance(70) ? between(1, 4) : 0,
                           .abandoned = chance(30) ? between(1, 3) : 0,
                           .waiting_length = chance(60) ? below(5) : 1000,
                           .waiting_longest = ONE_OF(100, 1000, 5000),
                           .connect_timeout = ONE_OF(100, 1000, 3000),
                           .bind_timeout = ONE_OF(0, 300, 2000, 10000),
                           .clients = chance(20) ? between(2, 5) : 0,
                           .clients_per_address = chance(20) ? between(1, 3) : 0,
                           .drain = ONE_OF(200, 2000, 10000),
                           .keepalive_every = ONE_OF(1000, 2000),
                           .keepalive_losses = between(1, 4),
                           .members = chance(60) ? 1 : between(2, MEMBERS_MOST),
                           .member_bind_timeout = ONE_OF(0, 200, 1000, 10000),
                           .client_timeout = ONE_OF(0, 300, 2000),
                           .idle_timeout = ONE_OF(0, 0, 100, 1000),
                           .unavailable_wait = ONE_OF(0, 50, 500, 5000),
                           .failures = chance(20) ? 0 : between(1, 3),
                           .backoff = ONE_OF(20, 100, 500),
                           .longest_backoff = ONE_OF(500, 2000),
                           .check = chance(20) ? (enum check)between(1, 3) : CHECK_NONE,
                           .check_every = ONE_OF(1000, 5000),
                           .refuses = chance(20),
                           .control = chance(20) };
    for (uint32_t op = 0; op < OPS; op++)
        draw_rules(&plan->rules[op]);
    plan->rules[2].pending = chance(50);
}

static void load(uint64_t number)
{
    struct page p = { .length = 0 };
    struct plan *plan = &plans[number].plan;
    draw_begin(number);
    draw_plan(plan);
    write_server(&p, plan);
    write_health(&p, plan);
    write_listener(&p, plan);
    write_interface(&p, plan);
    if (px_settings_load_text("plan", p.text, p.length, &plans[number].settings, stderr) != 0) {
        fprintf(stderr, "plan %lu cannot be read:\n%s", (unsigned long)number, p.text);
        exit(2);
    }
    plans[number].loaded = true;
}

struct px_settings *plan_take(uint64_t number, struct plan *plan)
{
    number %= PLANS;
    if (!plans[number].loaded)
        load(number);
    *plan = plans[number].plan;
    return &plans[number].settings;
}

void plan_free_all(void)
{
    for (uint32_t i = 0; i < PLANS; i++)
        if (plans[i].loaded)
            px_settings_free(&plans[i].settings);
}
