/* What is promised (design: at most once, no false did-not-execute, no endless wait, never more than the limit, no identity
 * crosses, bytes of signed calls untouched, nothing lost silently), held against what both sides saw and what the log says. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST  600u
#define SLACK 5u /* ms: the brain's clock has whole ones */

struct sim_settings sim_settings;
static struct own owns[MOST];
static uint32_t count;

void promises_reset_world(void)
{
    count = 0;
}

uint32_t promises_count(void)
{
    return count;
}

uint32_t promises_new(unsigned client, unsigned conn, uint32_t call_id, bool maybe)
{
    if (count == MOST)
        abort();
    owns[count] = (struct own){
        .client = client, .conn = conn, .call_id = call_id, .maybe = maybe, .begun = sim_now
    };
    return ++count;
}

struct own *promises_of(uint32_t own_id)
{
    if (own_id == 0 || own_id > count)
        sim_broken("a request or an answer with an id that nobody has given: %u", own_id);
    return &owns[own_id - 1];
}

/* ---- both sides ---- */

void promises_received(uint32_t own_id, unsigned link_client)
{
    struct own *o = promises_of(own_id);
    if (o->client != link_client)
        sim_broken("call %u of client %u came on a link of client %u", own_id, o->client, link_client);
    if (++o->received > 1)
        sim_broken("call %u was sent twice", own_id);
    if (o->answers && o->fault && o->dne)
        sim_broken("call %u came to its server after its client was told that it did not execute", own_id);
}

void promises_executed(uint32_t own_id)
{
    struct own *o = promises_of(own_id);
    sim_say("a server executes %u", own_id);
    if (++o->executed > 1)
        sim_broken("call %u was executed twice", own_id);
    if (o->answers && o->dne)
        sim_broken("call %u was executed after its client was told that it was not", own_id);
}

void promises_answered(uint32_t own_id, bool fault, uint32_t status, bool dne)
{
    struct own *o = promises_of(own_id);
    sim_say("call %u: the client hears %s %08x%s", own_id, fault ? "fault" : "response", status, dne ? " dne" : "");
    if (++o->answers > 1)
        sim_broken("call %u was answered twice", own_id);
    if (o->maybe)
        sim_broken("call %u wanted no answer, and got one", own_id);
    if (!fault && o->executed == 0)
        sim_broken("call %u was answered and never executed", own_id);
    if (dne && o->executed)
        sim_broken("call %u was executed, and its client is told that it was not", own_id);
    o->fault = fault;
    o->status = status;
    o->dne = dne;
}

void promises_inside(uint32_t inside)
{
    if (sim_settings.calls && inside > sim_settings.calls)
        sim_broken("%u calls are inside, and calls is %u", inside, sim_settings.calls);
}

/* ---- the log ---- */

static bool value(const char *line, size_t length, const char *key, char *out, size_t room)
{
    char wanted[40];
    snprintf(wanted, sizeof wanted, "\"%s\":", key);
    const char *at = memmem(line, length, wanted, strlen(wanted));
    if (!at)
        return false;
    at += strlen(wanted);
    at += *at == '"';
    size_t n = strcspn(at, "\",}");
    snprintf(out, room, "%.*s", (int)n, at);
    return true;
}

static struct own *own_of(unsigned conn, uint32_t call_id)
{
    for (uint32_t i = 0; i < count; i++)
        if (owns[i].conn == conn && owns[i].call_id == call_id && owns[i].lines == 0)
            return &owns[i];
    sim_broken("a line of the log tells of a call that nobody made, or twice of one: connection %u, call_id %u", conn,
               call_id);
    return NULL;
}

/* Nobody waits for ever: what is measured of a call is within what the settings give it. */
static void check_time(const char *line, size_t length, const char *key, uint32_t most)
{
    char text[30];
    if (most && value(line, length, key, text, sizeof text) && strtoul(text, NULL, 10) > (most + SLACK) * 1000ul)
        sim_broken("%s is %s, and no more than %u ms are allowed: %.*s", key, text, most, (int)length, line);
}

void promises_line(const char *line, size_t length)
{
    char client[60], call_id[20];
    if (sim_verbose)
        sim_say("log: %.*s", (int)length, line);
    if (!memmem(line, length, "\"kind\":\"call\"", 13))
        return;
    value(line, length, "client", client, sizeof client);
    value(line, length, "call_id", call_id, sizeof call_id);
    if (!memmem(line, length, "\"client-left\"", 13) && !memmem(line, length, "\"cut-off\"", 9))
        check_time(line, length, "total_us", sim_settings.deadline); /* else nobody waits for it any more */
    check_time(line, length, "waited_us", sim_settings.longest);
    struct own *o = own_of((unsigned)strtoul(strrchr(client, ':') + 1, NULL, 10),
                           (uint32_t)strtoul(call_id, NULL, 10));
    o->lines++;
    value(line, length, "end", o->ending, sizeof o->ending);
    value(line, length, "proof", o->proof, sizeof o->proof);
    if (o->proof[0] == 'P' && strcmp(o->proof, "P5") != 0 && o->received && o->executed)
        sim_broken("call %u has a proof (%s) that it did not run, and it did", (unsigned)(o - owns) + 1, o->proof);
}

/* What its client heard, and what the log says of it. */
static void check_line(uint32_t own_id, const struct own *o)
{
    static const struct {
        uint32_t status;
        const char *ending, *other, *third;
    } told[] = { { 0x1c010014, "refused", "fault", NULL },
                 { 0x1c00000d, "timed-out", "fault", "cancelled" },
                 { 0x6ba, "unavailable", NULL, NULL },
                 { 0x6bf, "not-sent", "drained", NULL },
                 { 0x1c000012, "server-lost", "drained", "cut-off" } };
    if (o->received && o->lines == 0)
        sim_broken("call %u has no line in the log", own_id);
    if (o->answers == 0)
        return;
    if (o->lines == 0)
        sim_broken("call %u was answered, and has no line in the log", own_id);
    if (!o->fault && strcmp(o->ending, "answered") != 0)
        sim_broken("call %u was answered, and the log says %s", own_id, o->ending);
    for (unsigned i = 0; i < sizeof told / sizeof *told && o->fault && !o->server_fault; i++)
        if (o->status == told[i].status && strcmp(o->ending, told[i].ending) != 0 &&
            (!told[i].other || strcmp(o->ending, told[i].other) != 0) &&
            (!told[i].third || strcmp(o->ending, told[i].third) != 0))
            sim_broken("call %u was told %08x, and the log says %s", own_id, o->status, o->ending);
}

void promises_end(void)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct own *o = &owns[i];
        check_line(i + 1, o);
        if (!o->answers && !o->gone && !o->maybe && o->received)
            sim_broken("call %u has neither an answer nor an end", i + 1);
        if (o->dne && !o->server_fault && o->executed)
            sim_broken("call %u was executed in the end, and its client was told that it was not", i + 1);
    }
}
