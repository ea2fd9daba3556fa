/* Small limits and short times, so that a few clients reach them. */
#include "plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../proxy/settings_internal.h"
#include "draw.h"
#include "promises.h"
#include "trace.h"
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
    put(p, "%son-timeout: %s\n", indent, farewells[__builtin_ctz(r->farewells)]);
}

static void write_server(struct page *p, const struct plan *plan)
{
    if (plan->control)
        put(p, "control: /simulated/control\n");
    put(p, "drain: %ldms\nlog: { calls: %s, format: json }\nservers:\n  s:\n    members:\n", (long)plan->drain,
        KERNEL_LOG_PATH);
    for (uint32_t i = 0; i < plan->members; i++)
        put(p, "      - { address: 10.0.1.%u:%u, version: %s }\n", i + 1, MEMBER_PORT,
            plan->retry.versions[i] ? "new" : "old");
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
        (long)plan->longest_backoff, checks[__builtin_ctz(plan->checks)], (long)plan->check_every);
}

static void write_pool(struct page *p, const struct plan *plan)
{
    put_limit(p, "connections", plan->connections);
    put(p, "    calls-per-connection: %u\n    idle: { keep: %ldms, validate-after: %ldms, spare: %u }\n",
        plan->calls_per_connection, (long)plan->idle_keep, (long)plan->validate_after, plan->spare);
}

static void write_retry(struct page *p, const struct retry *r)
{
    put(p, "    retry: { attempts: %u, budget: %u, floor: %u, backoff: %ldms, longest-backoff: %ldms, ", r->attempts,
        r->budget, r->floor, (long)r->backoff, (long)r->longest);
    put(p, "across-versions: %s }\n    starts-calls-after: %s-fragment\n", r->across ? "yes" : "no",
        r->starts_last ? "last" : "first");
}

static void write_listener(struct page *p, const struct plan *plan)
{
    put(p, "listeners:\n  - server: s\n    buffer: 80KiB\n");
    if (plan->local)
        put(p, "    address: unix:%s\n", KERNEL_LOCAL_PATH);
    else
        put(p, "    address: 10.0.0.1:%u\n", PROXY_PORT);
    put_time(p, "    ", "bind-timeout", plan->bind_timeout);
    put_time(p, "    ", "client-timeout", plan->client_timeout);
    put_time(p, "    ", "idle-timeout", plan->idle_timeout);
    put_limit(p, "clients", plan->clients);
    put_limit(p, "clients-per-address", plan->clients_per_address);
}

static void write_interface(struct page *p, const struct plan *plan)
{
    put(p, "interfaces:\n  - uuid: %s\n    version: \"1.0\"\n    stateless: %s\n    pipes: %s\n    operations:\n",
        WIRE_INTERFACE, plan->shares ? "yes" : "no", plan->retry.pipes ? "yes" : "no");
    for (uint32_t op = 1; op < OPS; op++) {
        put(p, "      %u:\n", op);
        put_rules(p, "        ", &plan->rules[op]);
        put(p, "        pending: %s\n        idempotent: %s\n", plan->rules[op].pending ? "yes" : "no",
            plan->rules[op].idempotent ? "yes" : "no");
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
    r->farewells = 1u << below(3);
}

static void draw_retry(struct retry *r)
{
    *r = (struct retry){ .attempts = between(1, 4),
                         .budget = chance(50) ? 100 : below(30),
                         .floor = chance(50) ? RETRY_AT_WILL : below(4),
                         .backoff = ONE_OF(1, 20, 50),
                         .longest = ONE_OF(50, 500),
                         .across = chance(30),
                         .starts_last = chance(60),
                         .pipes = chance(30) };
    for (uint32_t i = 0; i < MEMBERS_MOST; i++)
        r->versions[i] = chance(30);
}

static void draw_plan(struct plan *plan)
{
    *plan = (struct plan){ .calls = chance(70) ? between(1, 4) : 0,
                           .abandoned = chance(30) ? between(1, 3) : 0,
                           .waiting_length = chance(45) ? below(5) : 1000,
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
                           .checks = 1u << (chance(20) ? between(CHECK_CONNECT, CHECK_LISTENING) : CHECK_NONE),
                           .check_every = ONE_OF(1000, 5000),
                           .refuses = chance(20),
                           .control = chance(30),
                           .reloads = chance(10),
                           .local = chance(20),
                           .shares = chance(55),
                           .connections = chance(25) ? between(1, 6) : 0,
                           .calls_per_connection = between(1, 3),
                           .spare = chance(20) ? between(1, 2) : 0,
                           .idle_keep = ONE_OF(100, 1000, 60000),
                           .validate_after = ONE_OF(20, 500, 5000) };
    plan->binds_end = plan->bind_timeout != 0;
    plan->crowds = plan->connections != 0;
    for (uint32_t op = 0; op < OPS; op++)
        draw_rules(&plan->rules[op]);
    plan->rules[2].pending = chance(30);
    plan->rules[1].idempotent = chance(40);
    plan->rules[3].idempotent = chance(40);
    draw_retry(&plan->retry);
}

static unsigned load(const struct plan *plan, struct px_settings *settings, FILE *errors)
{
    struct page p = { .length = 0 };
    write_server(&p, plan);
    write_health(&p, plan);
    write_pool(&p, plan);
    write_retry(&p, &plan->retry);
    write_listener(&p, plan);
    write_interface(&p, plan);
    return px_settings_load_text("plan", p.text, p.length, settings, errors);
}

static void draw_and_load(uint64_t number, struct plan *plan, struct px_settings *settings)
{
    draw_begin(number);
    draw_plan(plan);
    if (load(plan, settings, stderr) == 0)
        return;
    fprintf(stderr, "plan %lu cannot be read\n", (unsigned long)number);
    exit(2);
}

void plan_prepare(uint64_t number)
{
    number %= PLANS;
    if (!plans[number].loaded)
        draw_and_load(number, &plans[number].plan, &plans[number].settings);
    plans[number].loaded = true;
}

struct px_settings *plan_take(uint64_t number, struct plan *plan)
{
    static struct px_settings own;
    number %= PLANS;
    *plan = plans[number].plan;
    if (!plan->reloads)
        return &plans[number].settings;
    load(plan, &own, stderr);
    return &own;
}

void plan_give_back(struct px_settings *settings)
{
    bool is_own = (char *)settings < (char *)plans || (char *)settings >= (char *)(plans + PLANS);
    if (is_own)
        px_settings_free(settings);
}

void plan_free_all(void)
{
    for (uint32_t i = 0; i < PLANS; i++)
        if (plans[i].loaded)
            px_settings_free(&plans[i].settings);
}

/* ---- reloading ---- */

static int64_t longer(int64_t a, int64_t b)
{
    return a == 0 || b == 0 ? 0 : a > b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
    return (uint32_t)longer(a, b);
}

static void relax_rules(struct rules *r, const struct rules *other)
{
    r->com_timeout = longer(r->com_timeout, other->com_timeout);
    r->call_timeout = longer(r->call_timeout, other->call_timeout);
    r->deadline = longer(r->deadline, other->deadline);
    r->farewells |= other->farewells;
    r->pending |= other->pending;
    r->idempotent |= other->idempotent;
}

/* What is there keeps what held when it began, so only what both promise is promised. */
static void relax(struct plan *plan, const struct plan *other)
{
    struct plan *p = plan;
    p->calls = most(p->calls, other->calls);
    p->clients = most(p->clients, other->clients);
    p->clients_per_address = most(p->clients_per_address, other->clients_per_address);
    p->waiting_longest = longer(p->waiting_longest, other->waiting_longest);
    p->connect_timeout = longer(p->connect_timeout, other->connect_timeout);
    p->bind_timeout = longer(p->bind_timeout, other->bind_timeout);
    p->member_bind_timeout = longer(p->member_bind_timeout, other->member_bind_timeout);
    p->drain = p->drain > other->drain ? p->drain : other->drain;
    p->unavailable_wait = p->unavailable_wait > other->unavailable_wait ? p->unavailable_wait
                                                                        : other->unavailable_wait;
    p->keepalive_every = longer(p->keepalive_every, other->keepalive_every);
    p->keepalive_losses = most(p->keepalive_losses, other->keepalive_losses);
    p->members = p->members < other->members ? p->members : other->members;
    p->connections = most(p->connections, other->connections);
    p->calls_per_connection = most(p->calls_per_connection, other->calls_per_connection);
    p->shares |= other->shares;
    p->spare |= other->spare;
    p->checks |= other->checks;
    p->binds_end |= other->binds_end;
    p->crowds |= other->crowds;
    for (uint32_t op = 0; op < OPS; op++)
        relax_rules(&p->rules[op], &other->rules[op]);
}

unsigned __wrap_px_settings_load(const char *file, const struct px_overrides *overrides, struct px_settings *settings,
                                 FILE *errors);

/* What the proxy reads when it reloads; the path of the control socket cannot change, and it says so. */
unsigned __wrap_px_settings_load(const char *file, const struct px_overrides *overrides, struct px_settings *settings,
                                 FILE *errors)
{
    static const char nonsense[] = "servers: { s: { calls: many } }\n";
    struct plan fresh;
    uint64_t state = draw_state;
    (void)file;
    (void)overrides;
    draw_begin(draw());
    draw_plan(&fresh);
    fresh.control = chance(90) ? world.plan.control : fresh.control;
    fresh.local = world.plan.local;
    fresh.retry = world.plan.retry; /* what is declared of the members is true of those that there are */
    bool good = chance(85);
    draw_state = state;
    draw();
    if (!good)
        return px_settings_load_text("plan", nonsense, sizeof nonsense - 1, settings, errors);
    relax(&world.plan, &fresh);
    health_reloaded();
    trace("the settings are read again");
    return load(&fresh, settings, errors);
}
