/* The administrator at the control socket: asks, drains the server and resumes it, gives calls up, stops the proxy; and does not
 * always read what he is answered. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agenda.h"
#include "draw.h"
#include "fake_uv.h"
#include "promises.h"
#include "trace.h"
#include "world.h"

#define ROOM  16384u
#define ASKED 200u /* ms that an answer may take */

static struct host host = { .name = "operator", .address = (10u << 24) + (3u << 8) + 1 };

static struct operator
{
    struct endpoint *endpoint;
    char in[ROOM], call[48]; /* call: the name of one that was shown last */
    uint32_t length, asked, answered;
    bool drains, waits, stops; /* drains, stops: by what it asked last; waits: for what may not come */
    bool rude, gone;           /* rude: it may not read */
    int64_t asked_at;
}
one;

static void step(void *owner);

/* ---- asking ---- */

static void note_cancel(const char *name)
{
    const char *colon = strchr(name, ':');
    if (colon)
        world.cancels_asked |= 1ull << (strtoul(colon + 1, NULL, 10) & 63);
}

static void note_stop(void)
{
    if (!world.over)
        world.over_at = now;
    world.over = true;
}

static void ask(const char *words)
{
    char line[100];
    int n = snprintf(line, sizeof line, "%s\n", words);
    trace("operator asks: %s", words);
    if (net_send(one.endpoint, (const uint8_t *)line, (size_t)n) != (size_t)n) { /* there is no room: it gives up */
        one.gone = true;
        net_close(one.endpoint, false);
        return;
    }
    one.asked++;
    one.asked_at = now;
    one.waits = one.waits || strstr(line, "wait") || strcmp(words, "events") == 0;
    one.drains = strcmp(words, "drain s wait") == 0;
    if (strcmp(words, "resume s") == 0)
        world.drained = false;
    if (strncmp(line, "cancel", 6) == 0)
        note_cancel(line);
    one.stops = strncmp(line, "stop", 4) == 0;
    if (one.stops)
        note_stop();
}

static void ask_of_a_call(const char *what)
{
    char words[100];
    snprintf(words, sizeof words, "%s %s", what, one.call[0] ? one.call : "1:1");
    ask(words);
}

static void ask_something(void)
{
    static const char *const words[] = {
        "show servers", "show links",   "show clients",  "show calls", "show calls",
        "show calls",   "explain",      "show counters", "drain s",    "resume s",
        "resume s",     "drain s wait", "drain s wait",  "nonsense",   "show nothing"
    };
    static const char *const calls[] = { "cancel", "cancel", "cancel", "explain", "wait" };
    if (one.call[0] && chance(60))
        ask_of_a_call(calls[below(5)]);
    else if (chance(3) && !one.rude && one.answered == one.asked)
        ask(chance(50) ? "stop" : "stop wait");
    else if (chance(3))
        ask("events");
    else if (world.plan.reloads && chance(20))
        ask("reload");
    else
        ask(words[below(sizeof words / sizeof *words)]);
}

/* ---- answers ---- */

static void take_name(const char *line)
{
    const char *at = strstr(line, "\"call\":\"");
    if (!at || !strstr(line, "\"kind\":\"open-call\"") || chance(50))
        return;
    snprintf(one.call, sizeof one.call, "%.*s", (int)strcspn(at + 8, "\""), at + 8);
}

static void take_line(const char *line)
{
    size_t n = strlen(line);
    bool good = strcmp(line, "{\"end\":true}") == 0, bad = strncmp(line, "{\"error\":", 9) == 0;
    trace("operator reads: %s", line);
    if (n < 2 || line[0] != '{' || line[n - 1] != '}')
        broken(ANSWERS, "the control socket says what is no object: %s", line);
    take_name(line);
    if (!good && !bad)
        return;
    if (++one.answered > one.asked)
        broken(ANSWERS, "the control socket has answered %u requests of %u", one.answered, one.asked);
    if (one.answered == one.asked && one.drains && good)
        judge_drained();
}

static void read_lines(void)
{
    one.length += (uint32_t)net_read(one.endpoint, (uint8_t *)one.in + one.length, ROOM - 1 - one.length);
    one.in[one.length] = 0;
    char *at = one.in;
    for (char *newline; (newline = strchr(at, '\n')) != NULL; at = newline + 1) {
        *newline = 0;
        take_line(at);
    }
    one.length -= (uint32_t)(at - one.in);
    memmove(one.in, at, one.length);
}

/* Its last words may have come to nobody: there was no descriptor for its connection. */
static void stop_again(void *who, uint32_t number)
{
    (void)who;
    (void)number;
    trace("SIGTERM: nobody has heard the operator");
    world.over_at = now;
    fake_uv_signal(SIGTERM);
}

static void step(void *owner)
{
    (void)owner;
    if (one.gone || !one.endpoint->held || (one.rude && chance(50)))
        return;
    read_lines();
    if (!one.endpoint->dead && !(one.endpoint->fin_come && net_waiting(one.endpoint) == 0))
        return;
    one.gone = true;
    net_close(one.endpoint, false);
    if (one.stops && one.answered < one.asked)
        agenda_at(now + (world.plan.drain + 5000) * MS, stop_again, NULL, 0);
}

/* ---- coming and going ---- */

static void ask_job(void *who, uint32_t left)
{
    (void)who;
    if (one.gone || world.frozen || world.over || !one.endpoint->connected)
        return;
    one.waits = one.waits && one.answered < one.asked;
    if (!one.waits) /* what it asks behind that would come to pass when it has long gone */
        ask_something();
    if (left > 0)
        agenda_at(now + below(chance(50) ? 20 * MS : 300 * MS), ask_job, NULL, left - 1);
    else if (!world.over && chance(30)) {
        one.gone = true;
        net_close(one.endpoint, chance(50));
    }
}

static void connect_now(bool rude)
{
    one = (struct operator){ .rude = rude };
    one.endpoint = net_dial(&host, (10u << 24) + 1, CONTROL_PORT);
    one.endpoint->wake = step;
    one.endpoint->owner = &one;
}

static void come(void *who, uint32_t number)
{
    (void)who;
    (void)number;
    if (world.frozen || world.over)
        return;
    connect_now(chance(10));
    agenda_at(now + 40 * MS, ask_job, NULL, between(1, 12));
}

void operator_begin(void)
{
    one = (struct operator){ .gone = true };
    if (world.plan.control)
        agenda_at(now + below(500 * MS), come, NULL, 0);
}

/* What was drained goes on again. */
static void resume(void *who, uint32_t number)
{
    (void)who;
    (void)number;
    if (!world.over && one.endpoint->connected)
        ask("resume s");
}

void operator_settle(void)
{
    if (!world.plan.control || world.over)
        return;
    if (one.endpoint && !one.gone)
        net_close(one.endpoint, false);
    connect_now(false);
    agenda_at(now + 100 * MS, resume, NULL, 0);
}

void operator_judge(void)
{
    if (!world.plan.control || one.gone || world.over)
        return;
    if (one.answered < one.asked && now > one.asked_at + ASKED * MS)
        broken(ANSWERS, "the control socket has answered %u requests of %u", one.answered, one.asked);
}
