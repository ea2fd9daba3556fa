/* Lines of JSON, one an event; of a call's only what is held against what its client and its server know. */
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agenda.h"
#include "promises.h"
#include "trace.h"
#include "world.h"

#define MOST 4096u

static char line[MOST];
static size_t length;

void lines_begin(void)
{
    length = 0;
}

/* What stands behind `key`, which has its quotes and colon; "" where it is null. */
static void value_of(const char *key, char *out, size_t room)
{
    const char *at = strstr(line, key);
    size_t n = 0;
    if (at && (at += strlen(key)) && *at == '"')
        for (at++; *at && *at != '"' && n + 1 < room; at++)
            out[n++] = *at;
    out[n] = 0;
}

static uint32_t number_of(const char *key)
{
    const char *at = strstr(line, key);
    return at ? (uint32_t)strtoul(at + strlen(key), NULL, 10) : 0;
}

static struct client *client_of(void)
{
    char name[64];
    value_of("\"client\":", name, sizeof name);
    const char *colon = strrchr(name, ':');
    uint16_t port = colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
    for (struct client *c = world.clients; c < world.clients + world.client_count; c++)
        if (c->port == port && c->endpoint)
            return c;
    return NULL;
}

/* Of several of one call_id the first that has no line: before it is told, and has one, none may follow. */
static struct call *meant(void)
{
    const struct client *c = client_of();
    uint32_t call_id = number_of("\"call_id\":");
    for (uint32_t i = 0; i < world.call_count; i++) {
        struct call *k = &world.calls[i];
        if (&world.clients[k->client] == c && k->call_id == call_id && k->lines == 0)
            return k;
    }
    return NULL;
}

static void take_call(void)
{
    struct call *k = meant();
    if (!k) {
        broken(ONE_LINE, "a line tells of a call that nobody made, or of one again: %s", line);
        return;
    }
    char tries[512];
    value_of("\"tries\":", tries, sizeof tries);
    counts_tries(tries);
    k->lines++;
    k->line_at = now;
    value_of("\"end\":", k->ending, sizeof k->ending);
    value_of("\"proof\":", k->proof, sizeof k->proof);
    value_of("\"evidence\":", k->evidence, sizeof k->evidence);
    k->waited = number_of("\"waited_us\":");
    k->took = number_of("\"total_us\":");
    k->attempts = number_of("\"attempts\":");
}

static void take_connection(void)
{
    struct client *c = client_of();
    if (!c)
        return;
    char server[64];
    value_of("\"reason\":", c->reason, sizeof c->reason);
    value_of("\"server\":", server, sizeof server);
    health_left(server);
    c->over_at = now;
}

/* "10.0.1.2:5000 of s is down: …" */
static void take_notice(void)
{
    char message[100];
    value_of("\"message\":", message, sizeof message);
    if (strstr(message, " of s is "))
        health_said(message, strstr(message, " is up ") != NULL);
}

static void take_line(void)
{
    line[length] = 0;
    trace("log %s", line);
    if (strstr(line, "\"kind\":\"call\""))
        take_call();
    if (strstr(line, "\"kind\":\"connection\",\"side\":\"client\""))
        take_connection();
    if (strstr(line, "\"kind\":\"notice\""))
        take_notice();
}

void lines_take(const char *bytes, size_t count)
{
    while (count > 0) {
        const char *newline = memchr(bytes, '\n', count);
        size_t n = newline ? (size_t)(newline - bytes) : count, room = MOST - 1 - length;
        memcpy(line + length, bytes, n < room ? n : room);
        length += n < room ? n : room;
        if (!newline)
            return;
        take_line();
        length = 0;
        bytes += n + 1;
        count -= n + 1;
    }
}
