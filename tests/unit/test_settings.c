/* Settings: defaults, every error with its place, several errors in one run, the command line, and the way back. */
#include "settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "settings_internal.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

/* A server and a listener in the first two lines, so that what a test adds starts in line 3. */
#define GOOD                                           \
    "servers: { a: { members: [ 10.0.0.5:5000 ] } }\n" \
    "listeners: [ { address: 127.0.0.1:1135, server: a } ]\n"
#define TEN "0123456789"

struct outcome {
    unsigned errors;
    struct px_settings settings;
    char *said; /* what went to the stream of errors */
};

static struct outcome load(const char *text, size_t length)
{
    struct outcome outcome;
    size_t size;
    FILE *out = open_memstream(&outcome.said, &size);
    outcome.errors = px_settings_load_text("f", text, length, &outcome.settings, out);
    fclose(out);
    return outcome;
}

static struct outcome load_from(const char *file, const struct px_overrides *overrides)
{
    struct outcome outcome;
    size_t size;
    FILE *out = open_memstream(&outcome.said, &size);
    outcome.errors = px_settings_load(file, overrides, &outcome.settings, out);
    fclose(out);
    return outcome;
}

static void drop(struct outcome *outcome)
{
    px_settings_free(&outcome->settings);
    free(outcome->said);
}

static void expect(struct outcome outcome, const char *said)
{
    unsigned errors = 0;
    for (const char *at = said; (at = strstr(at, ": error: ")) != NULL; at++)
        errors++;
    assert_string_equal(outcome.said, said);
    assert_int_equal(outcome.errors, errors);
    drop(&outcome);
}

static void test_defaults(void **state)
{
    struct outcome outcome = load(GOOD, strlen(GOOD));
    const struct px_settings *s = &outcome.settings;
    (void)state;
    assert_string_equal(outcome.said, "");
    assert_int_equal(outcome.errors, 0);
    assert_int_equal(s->drain, 30000);
    assert_string_equal(s->control, "none");
    assert_string_equal(s->log_calls, "stderr");
    assert_int_equal(s->log_format, PX_LOG_JSON);
    assert_int_equal(s->server_count, 1);
    assert_string_equal(s->servers[0].name, "a");
    assert_int_equal(s->servers[0].member_count, 1);
    assert_string_equal(s->servers[0].members[0].text, "10.0.0.5:5000");
    assert_int_equal(ntohs(s->servers[0].members[0].address.v4.sin_port), 5000);
    assert_int_equal(s->servers[0].calls, 0);
    assert_int_equal(s->servers[0].connect_timeout, 3000);
    assert_int_equal(s->servers[0].bind_timeout, 10000);
    assert_int_equal(s->servers[0].unavailable_wait, 10000);
    assert_int_equal(s->servers[0].failures, 3);
    assert_int_equal(s->servers[0].check, PX_CHECK_NONE);
    assert_int_equal(s->servers[0].rules.com_timeout, 720000);
    assert_true(s->servers[0].rules.call_timeout == PX_NEVER);
    assert_true(s->servers[0].rules.deadline == PX_NEVER);
    assert_int_equal(s->servers[0].rules.on_timeout, PX_ON_TIMEOUT_ABANDON);
    assert_false(s->servers[0].rules.pending);
    assert_int_equal(s->servers[0].abandoned, 0);
    assert_int_equal(s->servers[0].waiting_length, 1000);
    assert_int_equal(s->servers[0].waiting_longest, 30000);
    assert_int_equal(s->servers[0].keepalive_every, 1000);
    assert_int_equal(s->servers[0].keepalive_losses, 3);
    assert_int_equal(s->listener_count, 1);
    assert_string_equal(s->listeners[0].text, "127.0.0.1:1135");
    assert_int_equal(ntohs(s->listeners[0].address.v4.sin_port), 1135);
    assert_int_equal(s->listeners[0].server, 0);
    assert_int_equal(s->listeners[0].bind_timeout, 10000);
    assert_int_equal(s->listeners[0].clients, 0);
    assert_int_equal(s->listeners[0].clients_per_address, 0);
    assert_int_equal(s->listeners[0].contexts, 256);
    assert_int_equal(s->listeners[0].buffer, 262144);
    drop(&outcome);
}

/* Every key away from its default, the listeners before the servers that they name. */
static const char all_set[] =
    "listeners:\n"
    "  - address: \"[::1]:0\"\n"
    "    server: second\n"
    "    bind-timeout: never\n"
    "    client-timeout: never\n"
    "    idle-timeout: 1h\n"
    "    clients: 10000\n"
    "    clients-per-address: 500\n"
    "    contexts: 8\n"
    "    buffer: 1MB\n"
    "  - { address: 'unix:/run/a \"b\"\\c', server: first }\n"
    "drain: 0s\n"
    "log: { calls: \"/var/log/\\x01 \\u00e9\\n\", format: logfmt }\n"
    "servers:\n"
    "  first: { members: [ 10.0.0.5:1, { address: unix:/s } ], calls: unlimited }\n"
    "  second:\n"
    "    members:\n"
    "    - \"[fe80::1%1]:7\"\n"
    "    calls: 16\n"
    "    connect-timeout: 250ms\n"
    "    bind-timeout: never\n    unavailable-wait: 0s\n    when-down: refuse\n"
    "    health: { failures: never, backoff: 1ms, longest-backoff: 1d, check: listening, every: 1m }\n"
    "    com-timeout: 10\n"
    "    call-timeout: 30s\n"
    "    deadline: 2m\n"
    "    on-timeout: cancel\n"
    "    abandoned: 4\n"
    "    keepalive: { lost-after: 127, every: 32767s }\n"
    "    waiting: { length: 0, longest: 1ms }\n"
    "interfaces:\n"
    "  - uuid: 60a15ec5-4de8-11d7-a637-005056a20182\n"
    "    operations:\n"
    "      65535: { pending: yes, deadline: never }\n"
    "      7: {}\n"
    "      06: { name: TestSleep, call-timeout: 2m, on-timeout: cancel, com-timeout: 0, idempotent: yes }\n"
    "  - { uuid: 60A15EC5-4de8-11d7-a637-005056a20182, version: 1.65535, name: echo, com-timeout: 10,\n"
    "      call-timeout: never, deadline: 1s, on-timeout: abandon, pending: no, stateless: yes,\n"
    "      pipes: no, operations: {} }\n"
    "control: /run/a\n";

static void test_all_set(void **state)
{
    struct outcome outcome = load(all_set, strlen(all_set));
    const struct px_settings *s = &outcome.settings;
    (void)state;
    assert_string_equal(outcome.said, "");
    assert_int_equal(s->drain, 0);
    assert_string_equal(s->control, "/run/a");
    assert_string_equal(s->log_calls, "/var/log/\x01 \xc3\xa9\n");
    assert_int_equal(s->log_format, PX_LOG_LOGFMT);
    assert_int_equal(s->server_count, 2);
    assert_string_equal(s->servers[0].members[1].text, "unix:/s");
    assert_int_equal(s->servers[1].calls, 16);
    assert_int_equal(s->servers[1].connect_timeout, 250);
    assert_int_equal(s->servers[1].bind_timeout, 0);
    assert_int_equal(s->servers[1].unavailable_wait, 0);
    assert_int_equal(s->servers[1].failures, 0);
    assert_int_equal(s->servers[1].when_down, PX_WHEN_DOWN_REFUSE);
    assert_int_equal(s->servers[1].backoff, 1);
    assert_int_equal(s->servers[1].longest_backoff, 86400000);
    assert_int_equal(s->servers[1].check, PX_CHECK_LISTENING);
    assert_int_equal(s->servers[1].check_every, 60000);
    assert_true(s->servers[1].rules.com_timeout == PX_NEVER);
    assert_int_equal(s->servers[1].rules.call_timeout, 30000);
    assert_int_equal(s->servers[1].rules.deadline, 120000);
    assert_int_equal(s->servers[1].rules.on_timeout, PX_ON_TIMEOUT_CANCEL);
    assert_int_equal(s->servers[1].abandoned, 4);
    assert_int_equal(s->servers[1].waiting_length, 0);
    assert_int_equal(s->servers[1].waiting_longest, 1);
    assert_int_equal(s->servers[1].keepalive_every, 32767000);
    assert_int_equal(s->servers[1].keepalive_losses, 127);
    assert_int_equal(s->listeners[0].server, 1);
    assert_int_equal(s->listeners[0].bind_timeout, 0);
    assert_int_equal(s->listeners[0].clients, 10000);
    assert_int_equal(s->listeners[0].clients_per_address, 500);
    assert_int_equal(s->listeners[0].contexts, 8);
    assert_int_equal(s->listeners[0].buffer, 1000000);
    assert_int_equal(s->listeners[1].server, 0);
    assert_string_equal(s->listeners[1].text, "unix:/run/a \"b\"\\c");
    drop(&outcome);
}

static void test_interfaces(void **state)
{
    struct outcome outcome = load(all_set, strlen(all_set));
    const struct px_interface *any = &outcome.settings.interfaces[0], *one = any + 1;
    const struct px_operation *o = any->operations;
    (void)state;
    assert_int_equal(outcome.settings.interface_count, 2);
    assert_true(dis_uuid_equal(&any->uuid, &one->uuid));
    assert_null(any->version_text);
    assert_false(any->origins[PX_RULE_PENDING].given);
    assert_int_equal(any->operation_count, 3);
    assert_int_equal(o[0].opnum, 6);
    assert_string_equal(o[0].name, "TestSleep");
    assert_int_equal(o[0].rules.com_timeout, 120000);
    assert_int_equal(o[0].rules.call_timeout, 120000);
    assert_int_equal(o[0].rules.on_timeout, PX_ON_TIMEOUT_CANCEL);
    assert_true(o[0].origins[PX_RULE_ON_TIMEOUT].given);
    assert_false(o[0].origins[PX_RULE_DEADLINE].given);
    assert_int_equal(o[1].opnum, 7);
    assert_int_equal(o[2].opnum, 65535);
    assert_true(o[2].rules.pending && o[2].rules.deadline == PX_NEVER);
    assert_string_equal(one->name, "echo");
    assert_int_equal(one->major, 1);
    assert_int_equal(one->minor, 65535);
    assert_int_equal(one->operation_count, 0);
    assert_true(one->origins[PX_RULE_PENDING].given && !one->rules.pending);
    assert_true(one->stateless.origin.given && one->stateless.holds);
    assert_true(one->pipes.origin.given && !one->pipes.holds);
    assert_false(any->stateless.origin.given || any->pipes.origin.given);
    assert_true(o[0].idempotent.origin.given && o[0].idempotent.holds);
    assert_false(o[1].idempotent.origin.given);
    drop(&outcome);
}

/* Where each value was given; a default was given nowhere. */
static void test_origins(void **state)
{
    static const char *const members[] = { "1.1.1.1:1" }, *const set[] = { "deadline=5s" };
    static const struct px_overrides overrides = { members, 1, members, 1, set, 1, NULL };
    struct outcome outcome = load(all_set, strlen(all_set));
    const struct px_settings *s = &outcome.settings;
    (void)state;
    assert_false(s->servers[0].origins[PX_RULE_COM_TIMEOUT].given);
    assert_int_equal(s->servers[1].origins[PX_RULE_COM_TIMEOUT].line, 25);
    assert_int_equal(s->servers[1].origins[PX_RULE_ON_TIMEOUT].line, 28);
    assert_int_equal(s->interfaces[0].operations[2].origins[PX_RULE_PENDING].line, 35);
    assert_int_equal(s->interfaces[1].origins[PX_RULE_DEADLINE].line, 39);
    drop(&outcome);
    outcome = load_from(NULL, &overrides);
    assert_true(outcome.settings.servers[0].origins[PX_RULE_DEADLINE].given);
    assert_int_equal(outcome.settings.servers[0].origins[PX_RULE_DEADLINE].line, 0);
    drop(&outcome);
}

static char *printed(const struct px_settings *settings)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    px_settings_print(settings, out);
    fclose(out);
    return text;
}

static void test_print(void **state)
{
    static const char shown[] = "drain: 30s\n"
                                "control: none\n"
                                "log:\n"
                                "  calls: stderr\n"
                                "  format: json\n"
                                "servers:\n"
                                "  a:\n"
                                "    members:\n"
                                "      - address: 10.0.0.5:5000\n"
                                "        connections: unlimited\n"
                                "    connections: unlimited\n"
                                "    sharing: stateless\n"
                                "    calls-per-connection: 1\n"
                                "    idle:\n"
                                "      keep: 1m\n"
                                "      validate-after: 5s\n"
                                "      spare: 0\n"
                                "    retry:\n"
                                "      attempts: 3\n"
                                "      budget: 20\n"
                                "      floor: 3\n"
                                "      backoff: 50ms\n"
                                "      longest-backoff: 2s\n"
                                "      across-versions: no\n"
                                "    starts-calls-after: first-fragment\n"
                                "    calls: unlimited\n"
                                "    connect-timeout: 3s\n"
                                "    bind-timeout: 10s\n"
                                "    unavailable-wait: 10s\n"
                                "    when-down: answer\n"
                                "    com-timeout: 12m\n"
                                "    call-timeout: never\n"
                                "    deadline: never\n"
                                "    on-timeout: abandon\n"
                                "    waiting:\n"
                                "      length: 1000\n"
                                "      longest: 30s\n"
                                "    keepalive:\n"
                                "      every: 1s\n"
                                "      lost-after: 3\n"
                                "    health:\n"
                                "      failures: 3\n"
                                "      backoff: 100ms\n"
                                "      longest-backoff: 5s\n"
                                "      check: none\n"
                                "      every: 10s\n"
                                "listeners:\n"
                                "  - address: 127.0.0.1:1135\n"
                                "    server: a\n"
                                "    bind-timeout: 10s\n"
                                "    client-timeout: 1m\n"
                                "    idle-timeout: never\n"
                                "    clients: unlimited\n"
                                "    clients-per-address: unlimited\n"
                                "    contexts: 256\n"
                                "    buffer: 256KiB\n";
    struct outcome outcome = load(GOOD, strlen(GOOD));
    char *text = printed(&outcome.settings);
    (void)state;
    assert_string_equal(text, shown);
    free(text);
    drop(&outcome);
}

static void assert_same_members(const struct px_server *a, const struct px_server *b)
{
    assert_int_equal(a->member_count, b->member_count);
    for (unsigned i = 0; i < a->member_count; i++) {
        assert_string_equal(a->members[i].text, b->members[i].text);
        assert_memory_equal(&a->members[i].address, &b->members[i].address, sizeof a->members[i].address);
    }
}

static void assert_same_rules(const struct px_call_rules *a, const struct px_call_rules *b)
{
    assert_int_equal(a->com_timeout, b->com_timeout);
    assert_int_equal(a->call_timeout, b->call_timeout);
    assert_int_equal(a->deadline, b->deadline);
    assert_int_equal(a->on_timeout, b->on_timeout);
    assert_int_equal(a->pending, b->pending);
}

static void assert_same_server(const struct px_server *a, const struct px_server *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->calls, b->calls);
    assert_int_equal(a->connect_timeout, b->connect_timeout);
    assert_int_equal(a->bind_timeout, b->bind_timeout);
    assert_int_equal(a->unavailable_wait, b->unavailable_wait);
    assert_int_equal(a->failures, b->failures);
    assert_int_equal(a->when_down, b->when_down);
    assert_int_equal(a->backoff, b->backoff);
    assert_int_equal(a->longest_backoff, b->longest_backoff);
    assert_int_equal(a->check, b->check);
    assert_int_equal(a->check_every, b->check_every);
    assert_int_equal(a->abandoned, b->abandoned);
    assert_int_equal(a->waiting_length, b->waiting_length);
    assert_int_equal(a->waiting_longest, b->waiting_longest);
    assert_int_equal(a->keepalive_every, b->keepalive_every);
    assert_int_equal(a->keepalive_losses, b->keepalive_losses);
    assert_same_rules(&a->rules, &b->rules);
    assert_same_members(a, b);
}

static void assert_same_origins(const struct px_origin a[], const struct px_origin b[])
{
    for (unsigned i = 0; i < PX_CALL_RULES; i++)
        assert_int_equal(a[i].given, b[i].given);
}

static void assert_same_fact(struct px_given_fact a, struct px_given_fact b)
{
    assert_int_equal(a.origin.given, b.origin.given);
    assert_int_equal(a.holds, b.holds);
}

static void assert_same_interface(const struct px_interface *a, const struct px_interface *b)
{
    assert_true(dis_uuid_equal(&a->uuid, &b->uuid));
    assert_string_equal(a->version_text != NULL ? a->version_text : "",
                        b->version_text != NULL ? b->version_text : "");
    assert_string_equal(a->name != NULL ? a->name : "", b->name != NULL ? b->name : "");
    assert_same_rules(&a->rules, &b->rules);
    assert_same_origins(a->origins, b->origins);
    assert_same_fact(a->stateless, b->stateless);
    assert_same_fact(a->pipes, b->pipes);
    assert_int_equal(a->operation_count, b->operation_count);
    for (unsigned i = 0; i < a->operation_count; i++) {
        const struct px_operation *o = &a->operations[i], *p = &b->operations[i];
        assert_int_equal(o->opnum, p->opnum);
        assert_string_equal(o->name != NULL ? o->name : "", p->name != NULL ? p->name : "");
        assert_same_rules(&o->rules, &p->rules);
        assert_same_origins(o->origins, p->origins);
        assert_same_fact(o->idempotent, p->idempotent);
    }
}

static void assert_same(const struct px_settings *a, const struct px_settings *b)
{
    assert_int_equal(a->drain, b->drain);
    assert_string_equal(a->control, b->control);
    assert_string_equal(a->log_calls, b->log_calls);
    assert_int_equal(a->log_format, b->log_format);
    assert_int_equal(a->server_count, b->server_count);
    assert_int_equal(a->listener_count, b->listener_count);
    for (unsigned i = 0; i < a->server_count; i++)
        assert_same_server(&a->servers[i], &b->servers[i]);
    assert_int_equal(a->interface_count, b->interface_count);
    for (unsigned i = 0; i < a->interface_count; i++)
        assert_same_interface(&a->interfaces[i], &b->interfaces[i]);
    for (unsigned i = 0; i < a->listener_count; i++) {
        const struct px_listener *l = &a->listeners[i], *m = &b->listeners[i];
        assert_string_equal(l->text, m->text);
        assert_memory_equal(&l->address, &m->address, sizeof l->address);
        assert_int_equal(l->server, m->server);
        assert_int_equal(l->bind_timeout, m->bind_timeout);
        assert_int_equal(l->clients, m->clients);
        assert_int_equal(l->clients_per_address, m->clients_per_address);
        assert_int_equal(l->contexts, m->contexts);
        assert_int_equal(l->buffer, m->buffer);
    }
}

static void test_round_trip(void **state)
{
    static const char *const texts[] = { GOOD, all_set };
    (void)state;
    for (size_t i = 0; i < ROWS(texts); i++) {
        struct outcome before = load(texts[i], strlen(texts[i]));
        char *text = printed(&before.settings);
        struct outcome after = load(text, strlen(text));
        assert_string_equal(after.said, "");
        assert_same(&before.settings, &after.settings);
        free(text);
        drop(&before);
        drop(&after);
    }
}

static const struct {
    const char *text, *said;
} bad[] = {
    /* keys */
    { GOOD "drian: 5s\n", "f:3:1: error: unknown key 'drian'; did you mean 'drain'?\n" },
    { GOOD "frequency: 5s\n", "f:3:1: error: unknown key 'frequency'\n" },
    { GOOD "log.calls: none\n", "f:3:1: error: unknown key 'log.calls'\n" },
    { GOOD "'*': none\n", "f:3:1: error: unknown key '*'\n" },
    { GOOD "'': none\n", "f:3:1: error: unknown key ''\n" },
    { GOOD "log: { call: none }\n", "f:3:8: error: unknown key 'call'; did you mean 'calls'?\n" },
    { GOOD "drain: 5s\n\n\"drain\": 5s\n", "f:5:1: error: 'drain' was given before, in line 3\n" },
    { GOOD "log: { calls: none, calls: none }\n", "f:3:21: error: 'calls' was given before, in line 3\n" },
    { GOOD "log: { }\nlog: { }\n", "f:4:1: error: 'log' was given before, in line 3\n" },
    /* types */
    { GOOD "drain: [ 5s ]\n", "f:3:8: error: a single value is expected here, not a list\n" },
    { GOOD "drain: { a: 5s }\n", "f:3:8: error: a single value is expected here, not a mapping\n" },
    { GOOD "log: stderr\n", "f:3:6: error: a mapping is expected here, not a single value\n" },
    { GOOD "log:\n", "f:3:1: error: a mapping is expected here, and nothing is given\n" },
    { "[ a ]\n", "f:1:1: error: a mapping is expected here, not a list\n" },
    { "hello\n", "f:1:1: error: a mapping is expected here, not a single value\n" },
    /* durations */
    { GOOD "drain: 5\n", "f:3:8: error: '5' is not a duration: it needs one of the units ms, s, m, h, d\n" },
    { GOOD "drain:\n", "f:3:1: error: '' is not a duration: it does not start with a digit\n" },
    { GOOD "control: nine\n", "f:3:10: error: 'nine' is neither none nor a path with a slash\n" },
    { GOOD "control: /" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "1234567\n",
      "f:3:10: error: '/" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
      "1234567' is longer than the 107 bytes that a Unix socket may have\n" },
    { GOOD "control: [ /a ]\n", "f:3:10: error: a single value is expected here, not a list\n" },
    { GOOD "drain: never\n", "f:3:8: error: 'never' is not a duration: it does not start with a digit\n" },
    { GOOD "drain: 3651d\n", "f:3:8: error: '3651d' is not between 0s and 3650d\n" },
    { GOOD "drain: 99999999999999999999s\n",
      "f:3:8: error: '99999999999999999999s' is not a duration: the number is too large\n" },
    /* log */
    { GOOD "log:\n  format: xml\n", "f:4:11: error: 'xml' is not json or logfmt\n" },
    { GOOD "log:\n  format: [json]\n", "f:4:11: error: a single value is expected here, not a list\n" },
    { GOOD "log:\n  calls: sterr\n", "f:4:10: error: 'sterr' is neither stderr nor none nor a path with a slash\n" },
    { GOOD "log:\n  calls: {}\n", "f:4:10: error: a single value is expected here, not a mapping\n" },
    /* what is needed */
    { "", "f:1:1: error: the key 'servers' is missing\nf:1:1: error: the key 'listeners' is missing\n" },
    { "# nothing\n", "f:1:1: error: the key 'servers' is missing\nf:1:1: error: the key 'listeners' is missing\n" },
    { "servers: { a: { members: [ 10.0.0.5:1 ] } }\n", "f:1:1: error: the key 'listeners' is missing\n" },
    { "servers: { a: { members: [ 10.0.0.5:1 ] } }\nlisteners: []\n",
      "f:2:12: error: at least one listener is needed\n" },
    { "servers: {}\nlisteners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:1:10: error: at least one server is needed\nf:2:45: error: there is no server 'a'\n" },
    { "servers: [ a ]\nlisteners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:1:10: error: a mapping is expected here, not a list\nf:2:45: error: there is no server 'a'\n" },
    { "servers: { a: { calls: 1 } }\nlisteners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:1:15: error: the key 'members' is missing\n" },
    { "servers: { a: { members: [] } }\nlisteners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:1:26: error: at least one member is needed\n" },
    /* servers */
    { GOOD "servers: {}\n", "f:3:1: error: 'servers' was given before, in line 1\n" },
    { "servers:\n  a: { members: [ 10.0.0.5:1 ] }\n  a: { members: [ 10.0.0.6:1 ] }\n"
      "listeners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:3:3: error: there is already a server 'a'\n" },
    { "servers: { 'a b': { members: [ 10.0.0.5:1 ] } }\n"
      "listeners: [ { address: 10.0.0.5:1, server: a b } ]\n",
      "f:1:12: error: 'a b' is not a name: up to 63 letters, digits, '.', '_', '-', a letter or digit first\n" },
    { "servers: { a: b }\nlisteners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:1:15: error: a mapping is expected here, not a single value\n" },
    { "servers:\n  a:\n    members: 10.0.0.5:1\nlisteners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:3:14: error: a list is expected here, not a single value\n" },
    { "servers:\n  a:\n    members:\n    - host:1\n    - 10.0.0.5:0\n    - [ b ]\n    - { addres: 10.0.0.5:1 }\n"
      "listeners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:4:7: error: 'host:1' is not an address: it has no numeric IPv4 address (names are not resolved)\n"
      "f:5:7: error: '10.0.0.5:0' has port 0, which only a listener may have\n"
      "f:6:7: error: a single value is expected here, not a list\n"
      "f:7:7: error: the key 'address' is missing\n"
      "f:7:9: error: unknown key 'addres'; did you mean 'address'?\n" },
    { "servers:\n  a:\n    members: [ 10.0.0.5:1 ]\n    calls: 0\n    connect-timeout: 0s\n"
      "listeners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:4:12: error: '0' is not between 1 and 1000000, nor unlimited\n"
      "f:5:22: error: '0s' is not between 1ms and 3650d\n" },
    { "servers:\n  a:\n    members: [ 10.0.0.5:1 ]\n    com-timeout: 11\n    call-timeout: 30\n    deadline: 0s\n"
      "    on-timeout: wait\n    abandoned: 0\n    waiting: { length: unlimited, longest: 0s, lengt: 1 }\n"
      "    keepalive: { every: 1500ms, lost-after: 128 }\n"
      "listeners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:4:18: error: '11' is not between 0 and 10, and a duration needs one of the units ms, s, m, h, d\n"
      "f:5:19: error: '30' is not a duration or never: it needs one of the units ms, s, m, h, d\n"
      "f:6:15: error: '0s' is not between 1ms and 3650d, nor never\n"
      "f:7:17: error: 'wait' is not abandon, cancel or orphan\n"
      "f:8:16: error: '0' is not between 1 and 1000000\n"
      "f:9:24: error: 'unlimited' is not a count: it does not start with a digit\n"
      "f:9:44: error: '0s' is not between 1ms and 3650d\n"
      "f:9:48: error: unknown key 'lengt'; did you mean 'length'?\n"
      "f:10:25: error: '1500ms' is not a multiple of 1s\n"
      "f:10:45: error: '128' is not between 1 and 127\n" },
    { "servers: { a: { members: [ 10.0.0.5:1 ], com-timeout: [ 5 ] },\n  b: { members: [ 10.0.0.5:1 ], com-timeout: "
      "soon },\n"
      "  c: { members: [ 10.0.0.5:1 ], com-timeout: -1, waiting: 5, keepalive: { every: 32768s } } }\n"
      "listeners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:1:55: error: a single value is expected here, not a list\n"
      "f:2:46: error: 'soon' is not a level, duration or never: it does not start with a digit\n"
      "f:3:46: error: '-1' is not a level, duration or never: it does not start with a digit\n"
      "f:3:59: error: a mapping is expected here, not a single value\n"
      "f:3:82: error: '32768s' is not between 1s and 32767s\n" },
    { "servers: { a: { members: [ 10.0.0.5:1 ] }, b: { members: [ 10.0.0.5:1 ] } }\n"
      "listeners: [ { address: 10.0.0.5:1, server: a } ]\n",
      "f:1:44: warning: no listener leads to the server 'b'\n" },
    /* listeners */
    { "servers: { payroll: { members: [ 10.0.0.5:1 ] } }\nlisteners:\n- address: 1.1.1.1:x\n  server: payrol\n",
      "f:3:12: error: '1.1.1.1:x' is not an address: the port is not a number\n"
      "f:4:11: error: there is no server 'payrol'; did you mean 'payroll'?\n" },
    { "servers: { a: { members: [ 10.0.0.5:1 ] } }\nlisteners:\n -\n - {}\n - b\n",
      "f:3:2: error: a mapping is expected here, and nothing is given\n"
      "f:4:4: error: the key 'address' is missing\n"
      "f:4:4: error: the key 'server' is missing\n"
      "f:5:4: error: a mapping is expected here, not a single value\n" },
    { "servers: { a: { members: [ 10.0.0.5:1 ] } }\nlisteners:\n- { address: 1.1.1.1:1, server: a }\n"
      "- { address: 1.1.1.1:2, server: a }\n- { server: a, address: 1.1.1.1:0001 }\n"
      "- { address: \"[::1]:1\", server: a }\n- { address: \"[0::1]:1\", server: a }\n"
      "- { address: unix:/a, server: a }\n- { address: unix:/a, server: a }\n"
      "- { address: 1.1.1.1:0, server: a }\n- { address: 1.1.1.1:0, server: a }\n",
      "f:5:25: error: '1.1.1.1:0001' is the address of an earlier listener\n"
      "f:7:14: error: '[0::1]:1' is the address of an earlier listener\n"
      "f:9:14: error: 'unix:/a' is the address of an earlier listener\n" },
    { "servers: { a: { members: [ 10.0.0.5:1 ] } }\nlisteners:\n- address: 1.1.1.1:1\n  server: a\n"
      "  bind-timeout: 0s\n  clients: none\n  clients-per-address: 1000001\n  contexts: 65537\n  buffer: 4095\n",
      "f:5:17: error: '0s' is not between 1ms and 3650d, nor never\n"
      "f:6:12: error: 'none' is not a count or unlimited: it does not start with a digit\n"
      "f:7:24: error: '1000001' is not between 1 and 1000000, nor unlimited\n"
      "f:8:13: error: '65537' is not between 1 and 65536\n"
      "f:9:11: error: '4095' is not between 4KiB and 1GiB\n" },
    /* interfaces */
    { GOOD "interfaces: {}\n", "f:3:13: error: a list is expected here, not a mapping\n" },
    { GOOD "interfaces: []\n", "" },
    { GOOD "interfaces:\n- version: 1.0\n- { uuid: [] }\n- uuid: 60a15ec5-4de8-11d7-a637-005056a2018\n  version: 1\n"
           "- uuid: 60a15ec5-4de8-11d7-a637-005056a20182\n  version: 65536.0\n  name: a b\n  pending: true\n  "
           "sharing: yes\n"
           "  on-timeout: []\n  com-timeout: 11\n  call-timeout: 0s\n  deadline: 5\n  operations: [ 6 ]\n",
      "f:4:3: error: the key 'uuid' is missing\n"
      "f:5:11: error: a single value is expected here, not a list\n"
      "f:6:9: error: '60a15ec5-4de8-11d7-a637-005056a2018' is not a UUID: it needs 32 hexadecimal digits in groups "
      "of "
      "8-4-4-4-12\n"
      "f:7:12: error: '1' is not a version: it has the form M.m, both from 0 to 65535, such as 1.0\n"
      "f:9:12: error: '65536.0' is not a version: it has the form M.m, both from 0 to 65535, such as 1.0\n"
      "f:10:9: error: 'a b' is not a name: up to 63 letters, digits, '.', '_', '-', a letter or digit first\n"
      "f:11:12: error: 'true' is not yes or no\n"
      "f:12:3: error: unknown key 'sharing'\n"
      "f:13:15: error: a single value is expected here, not a list\n"
      "f:14:16: error: '11' is not between 0 and 10, and a duration needs one of the units ms, s, m, h, d\n"
      "f:15:17: error: '0s' is not between 1ms and 3650d, nor never\n"
      "f:16:13: error: '5' is not a duration or never: it needs one of the units ms, s, m, h, d\n"
      "f:17:15: error: a mapping is expected here, not a list\n" },
    { GOOD "interfaces:\n- { uuid: 60a15ec5-4de8-11d7-a637-005056a20182, version: 1.0 }\n"
           "- { uuid: 60a15ec5-4de8-11d7-a637-005056a20182 }\n"
           "- { uuid: 60A15EC5-4de8-11d7-a637-005056a20182, version: 01.00 }\n"
           "- { uuid: 60a15ec5-4de8-11d7-a637-005056a20182, version: 1.1 }\n"
           "- { uuid: 60a15ec5-4de8-11d7-a637-005056a20182 }\n",
      "f:6:3: error: the interface 60A15EC5-4de8-11d7-a637-005056a20182, version 01.00, was given before, in line 4\n"
      "f:8:3: error: the interface 60a15ec5-4de8-11d7-a637-005056a20182, version any, was given before, in line "
      "5\n" },
    { GOOD "interfaces:\n- uuid: 60a15ec5-4de8-11d7-a637-005056a20182\n  operations:\n    6: {}\n    06: {}\n    "
           "65536: {}\n"
           "    -1: {}\n    TestSleep: {}\n    7:\n    8: { opnum: 8, name: [], idempotent: maybe }\n",
      "f:7:5: error: the operation 6 was given before\n"
      "f:8:5: error: '65536' is not the number of an operation, which is from 0 to 65535\n"
      "f:9:5: error: '-1' is not the number of an operation, which is from 0 to 65535\n"
      "f:10:5: error: 'TestSleep' is not the number of an operation, which is from 0 to 65535\n"
      "f:11:5: error: a mapping is expected here, and nothing is given\n"
      "f:12:10: error: unknown key 'opnum'\n"
      "f:12:26: error: a single value is expected here, not a list\n"
      "f:12:42: error: 'maybe' is not yes or no\n" },
    /* YAML that is none, or more than is taken */
    { "drain: [ 5s\n", "f:2:1: error: flow sequence without a closing bracket\n" },
    { "a: b: c\n", "f:1:5: error: invalid nested block mapping on the same line\n" },
    { GOOD "---\ndrain: 5s\n", "f:3:1: error: there may be only one document in the file\n" },
    { "drain: &a 5s\n", "f:1:11: error: anchors and aliases are not supported\n" },
    { "drain: *a\n", "f:1:9: error: anchors and aliases are not supported\n" },
    { "drain: !!str 5s\n", "f:1:14: error: tags are not supported\n" },
    { "? [ a ]\n: b\n", "f:1:3: error: a key must be a word, not a list or mapping\n" },
    { "drain: \"5s\\0\"\n", "f:1:8: error: there is a NUL character in this text\n" },
    { "[[[[[[[[[[[[[[[[[ a ]]]]]]]]]]]]]]]]]\n", "f:1:17: error: lists and mappings are nested too deeply here\n" },
    /* no text */
    { "drain: 5s\nlog: \x01\n", "f:2:6: error: there is a control character here (0x01)\n" },
    { "drain: 5s\rlog: 1\n", "f:1:10: error: there is a control character here (0x0d)\n" },
    { "# \xc3\xa9 \xc3\n", "f:1:5: error: the byte 0xc3 here is not UTF-8\n" },
    { "# \xc0\xaf\n", "f:1:3: error: the byte 0xc0 here is not UTF-8\n" },
    { "# \xed\xa0\x80\n", "f:1:3: error: the byte 0xed here is not UTF-8\n" },
    { "# \xf4\x90\x80\x80\n", "f:1:3: error: the byte 0xf4 here is not UTF-8\n" },
    { "# \xff\n", "f:1:3: error: the byte 0xff here is not UTF-8\n" },
    { "# \xe2\x82", "f:1:3: error: the byte 0xe2 here is not UTF-8\n" },
    /* what is quoted cannot break the line */
    { GOOD "drain: \"a\\n\\u007f\"\n", "f:3:8: error: 'a?\?' is not a duration: it does not start with a digit\n" },
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(bad); i++)
        expect(load(bad[i].text, strlen(bad[i].text)), bad[i].said);
}

/* All that is wrong in one file, in the order of the file although servers are read before listeners. */
static void test_many(void **state)
{
    static const char text[] = "listeners:\n"
                               "- { address: 1.1.1.1, server: b, clients: -1 }\n"
                               "drain: soon\n"
                               "servers:\n"
                               "  a: { members: [], cals: 3 }\n"
                               "log: { calls: out, format: text }\n";
    (void)state;
    expect(load(text, strlen(text)),
           "f:2:14: error: '1.1.1.1' is not an address: the port is missing\n"
           "f:2:31: error: there is no server 'b'\n"
           "f:2:43: error: '-1' is not a count or unlimited: it does not start with a digit\n"
           "f:3:8: error: 'soon' is not a duration: it does not start with a digit\n"
           "f:5:17: error: at least one member is needed\n"
           "f:5:21: error: unknown key 'cals'; did you mean 'calls'?\n"
           "f:6:15: error: 'out' is neither stderr nor none nor a path with a slash\n"
           "f:6:28: error: 'text' is not json or logfmt\n");
}

static void test_no_text(void **state)
{
    char *text = malloc(1024 * 1024 + 1);
    (void)state;
    assert_non_null(text);
    expect(load("drain\0: 5s\n", 11), "f:1:6: error: there is a control character here (0x00)\n");
    memset(text, ' ', 1024 * 1024 + 1);
    expect(load(text, 1024 * 1024 + 1), "f: error: it has more than 1048576 bytes\n");
    expect(load(text, 1024 * 1024),
           "f:1:1: error: the key 'servers' is missing\nf:1:1: error: the key 'listeners' is missing\n");
    free(text);
}

/* A byte-order mark and line ends of CR LF are what some editors write. */
static void test_foreign_text(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "servers: { a: { members: [ 10.0.0.5:1 ] } }\r\n"
                               "listeners: [ { address: 10.0.0.5:1, server: a } ]\r\n"
                               "drain: 5\r\n";
    (void)state;
    expect(load(text, strlen(text)),
           "f:3:8: error: '5' is not a duration: it needs one of the units ms, s, m, h, d\n");
}

static void test_too_many_servers(void **state)
{
    char *text, *at;
    (void)state;
    text = at = malloc(64 * 1024);
    assert_non_null(text);
    at += sprintf(at, "servers:\n");
    for (unsigned i = 0; i < 1001; i++)
        at += sprintf(at, " s%u: { members: [ 10.0.0.5:1 ] }\n", i);
    sprintf(at, "listeners: [ { address: 10.0.0.5:1, server: s1 } ]\n");
    expect(load(text, strlen(text)),
           "f:2:2: error: at most 1000 servers are possible\nf:1003:45: error: there is no server 's1'\n");
    free(text);
}

static void test_too_many_interfaces(void **state)
{
    char *text, *at;
    (void)state;
    text = at = malloc(128 * 1024);
    assert_non_null(text);
    at += sprintf(at, GOOD "interfaces:\n");
    for (unsigned i = 0; i < 1024; i++)
        at += sprintf(at, "- { uuid: 00000000-0000-0000-0000-00000000%04x }\n", i);
    expect(load(text, strlen(text)), "");
    sprintf(at, "- { uuid: 00000000-0000-0000-0000-000000010000 }\n");
    expect(load(text, strlen(text)), "f:4:1: error: at most 1024 interfaces are possible\n");
    free(text);
}

static void test_file(void **state)
{
    static const struct px_overrides none = { .set_count = 0 };
    static const char *const set[] = { "calls=3" };
    static const struct px_overrides some = { .set = set, .set_count = 1 };
    char name[] = "/tmp/rpcward-settings-XXXXXX";
    int fd = mkstemp(name);
    struct outcome outcome;
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, GOOD, strlen(GOOD)), strlen(GOOD));
    close(fd);
    outcome = load_from(name, &none);
    assert_int_equal(outcome.settings.listener_count, 1);
    expect(outcome, "");
    expect(load_from(name, &some), "command line: error: use either --config, or --listen, --server and --set\n");
    unlink(name);
    expect(load_from("/nowhere/f", &none), "/nowhere/f: error: it cannot be opened: No such file or directory\n");
    expect(load_from("/", &none), "/: error: it cannot be read: Is a directory\n");
}

static void test_overrides(void **state)
{
    static const char *const listen[] = { "127.0.0.1:1135", "unix:/run/a" }, *const server[] = { "[::1]:1",
                                                                                                 "1.1.1.1:1" };
    static const char *const set[] = { "calls=16", "connect-timeout=250ms", "waiting.length=5" };
    static const struct px_overrides overrides = { listen, 2, server, 2, set, ROWS(set), NULL };
    struct outcome outcome = load_from(NULL, &overrides);
    const struct px_settings *s = &outcome.settings;
    (void)state;
    assert_string_equal(outcome.said, "");
    assert_int_equal(s->server_count, 1);
    assert_string_equal(s->servers[0].name, "default");
    assert_int_equal(s->servers[0].member_count, 2);
    assert_string_equal(s->servers[0].members[1].text, "1.1.1.1:1");
    assert_int_equal(s->servers[0].calls, 16);
    assert_int_equal(s->servers[0].connect_timeout, 250);
    assert_int_equal(s->servers[0].waiting_length, 5);
    assert_int_equal(s->listener_count, 2);
    assert_string_equal(s->listeners[1].text, "unix:/run/a");
    assert_int_equal(s->listeners[1].contexts, 256);
    assert_int_equal(s->drain, 30000);
    drop(&outcome);
}

static void test_bad_overrides(void **state)
{
    static const char *const listen[] = { "127.0.0.1:1135", "127.0.0.1:1135" }, *const server[] = { "host:1" };
    static const char *const set[] = { "calls", "cals=3", "calls=0", "calls=1", "calls.most=1", "members=1.1.1.1:1",
                                       "=",     ".=",     "a\n=" };
    static const struct px_overrides overrides = { listen, 2, server, 1, set, ROWS(set), NULL };
    static const struct px_overrides none = { .set_count = 0 };
    (void)state;
    expect(load_from(NULL, &overrides),
           "--set calls: error: it must have the form key=value\n"
           "--set cals=3: error: unknown key 'cals'; did you mean 'calls'?\n"
           "--set calls=1: error: 'calls' was given before\n"
           "--set calls.most=1: error: 'calls' was given before\n"
           "--set members=1.1.1.1:1: error: 'members' was given before\n"
           "--set =: error: unknown key ''\n"
           "--set .=: error: unknown key ''\n"
           "--set a?=: error: unknown key 'a?'\n"
           "--server host:1: error: 'host:1' is not an address: it has no numeric IPv4 address (names are not "
           "resolved)\n"
           "--set calls=0: error: '0' is not between 1 and 1000000, nor unlimited\n"
           "--listen 127.0.0.1:1135: error: '127.0.0.1:1135' is the address of an earlier listener\n");
    expect(load_from(NULL, &none),
           "--server: error: at least one member is needed\n--listen: error: at least one listener is needed\n");
}

/* --shim beside a file: in place of the one that is there, else one more. */
static void test_shim(void **state)
{
    static const struct px_overrides overrides = { .shim = "/run/own" };
    static const struct {
        const char *file;
        unsigned listeners, at;
    } rows[] = { { "", 1, 0 },
                 { "listeners: [ { other: refuse, shim: /run/b } ]\n", 1, 0 },
                 { "servers: { a: { members: [ 10.0.0.5:1 ] } }\nlisteners: [ { address: 10.0.0.5:1, server: a } ]\n",
                   2, 1 } };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char path[] = "/tmp/test_settings.XXXXXX";
        int fd = mkstemp(path);
        assert_int_equal(write(fd, rows[i].file, strlen(rows[i].file)), strlen(rows[i].file));
        close(fd);
        struct outcome outcome = load_from(path, &overrides);
        unlink(path);
        assert_int_equal(outcome.settings.listener_count, rows[i].listeners);
        assert_string_equal(outcome.settings.listeners[rows[i].at].shim, "/run/own");
        expect(outcome, "");
    }
}

/* As RpcMgmtSetComTimeout takes it, and as a duration. */
static void test_com_timeout(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = { { "0", 120000 },    { "1", 240000 },  { "2", 360000 },      { "3", 480000 },  { "4", 600000 },
                 { "5", 720000 },    { "6", 840000 },  { "7", 960000 },      { "8", 1080000 }, { "9", 1200000 },
                 { "10", PX_NEVER }, { "250ms", 250 }, { "never", PX_NEVER } };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "servers: { a: { members: [ 10.0.0.5:1 ], com-timeout: %s } }\n"
                 "listeners: [ { address: 10.0.0.5:1, server: a } ]\n",
                 rows[i].text);
        struct outcome outcome = load(text, strlen(text));
        assert_true(outcome.settings.servers[0].rules.com_timeout == rows[i].value);
        expect(outcome, "");
    }
}

/* Help and manual are made of these. */
static void test_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < px_setting_key_count; i++) {
        const struct px_setting_key *key = &px_setting_keys[i];
        assert_non_null(key->rule);
        assert_true(strlen(key->path) > 0 && strlen(key->type) > 0 && strlen(key->help) > 0);
        assert_int_equal(key->help[strlen(key->help) - 1], '.');
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(px_setting_keys[j].path, key->path);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_set),
        cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_no_text),
        cmocka_unit_test(test_foreign_text),
        cmocka_unit_test(test_too_many_servers),
        cmocka_unit_test(test_too_many_interfaces),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_bad_overrides),
        cmocka_unit_test(test_shim),
        cmocka_unit_test(test_com_timeout),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
