/* How interfaces behave: the word of the settings wins, then what is built in, and nothing is presumed. */
#include "knowledge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "settings_internal.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))
#define ECHO        "60a15ec5-4de8-11d7-a637-005056a20182"
#define MGMT        "afa8bd80-7d8a-11c9-bef4-08002b102989"
#define EPMAPPER    "e1af8308-5d1f-11c9-91a4-08002b14a0fa"
#define STRANGER    "00000000-0000-0000-0000-000000000001"
#define SERVER                                      \
    "servers: { a: { members: [ 10.0.0.5:1 ] } }\n" \
    "listeners: [ { address: 127.0.0.1:0, server: a } ]\n"

static void load(struct px_settings *settings, const char *text)
{
    char *said;
    size_t size;
    FILE *out = open_memstream(&said, &size);
    assert_int_equal(px_settings_load_text("f", text, strlen(text), settings, out), 0);
    fclose(out);
    assert_string_equal(said, "");
    free(said);
}

static struct px_knowledge known(const struct px_settings *settings, const char *uuid, unsigned major, unsigned minor)
{
    struct dis_syntax syntax = { .major = (uint16_t)major, .minor = (uint16_t)minor };
    assert_true(dis_uuid_parse(uuid, &syntax.uuid));
    return px_knowledge_find(settings->call_rules, &syntax);
}

struct row {
    const char *uuid;
    unsigned major, minor;
    bool stateless, pipes; /* of the interface */
    uint16_t opnum;
    bool call_stateless, call_pipes, idempotent;
};

static void assert_rows(const char *text, const struct row *rows, size_t count)
{
    struct px_settings settings;
    load(&settings, text);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct px_knowledge k = known(&settings, row->uuid, row->major, row->minor);
        assert_int_equal(k.stateless, row->stateless);
        assert_int_equal(k.pipes, row->pipes);
        assert_int_equal(px_knowledge_stateless(&k, row->opnum).holds, row->call_stateless);
        assert_int_equal(px_knowledge_pipes(&k, row->opnum).holds, row->call_pipes);
        assert_int_equal(px_knowledge_idempotent(&k, row->opnum).holds, row->idempotent);
    }
    px_settings_free(&settings);
}

/* Without a word of the administrator's. */
static void test_built_in(void **state)
{
    static const struct row rows[] = {
        { ECHO, 1, 0, true, false, 0, true, false, true },
        { ECHO, 1, 0, true, false, 10, false, true, false }, /* it is not listed */
        { ECHO, 1, 1, false, true, 0, true, false, true },   /* there may be more in a later one */
        { ECHO, 1, 1, false, true, 10, false, true, false },
        { ECHO, 2, 0, false, true, 0, false, true, false }, /* another interface */
        { MGMT, 1, 0, true, false, 2, true, false, true },
        { MGMT, 1, 0, true, false, 3, true, false, false },     /* it stops the server */
        { EPMAPPER, 3, 0, false, true, 2, false, true, false }, /* ept_lookup has a context handle */
        { STRANGER, 1, 0, false, true, 0, false, true, false },
    };
    (void)state;
    assert_rows(SERVER, rows, ROWS(rows));
}

/* Each key by itself, for the version that it is given for, and for every operation. */
static void test_settings_win(void **state)
{
    static const char text[] = SERVER
        "interfaces:\n"
        "- { uuid: " ECHO ", version: 1.0, stateless: no, operations: { 0: { idempotent: no }, 3: {} } }\n"
        "- { uuid: " ECHO ", pipes: yes, operations: { 10: { idempotent: yes } } }\n"
        "- { uuid: " STRANGER ", stateless: yes, pipes: no, operations: { 7: { idempotent: yes } } }\n"
        "- { uuid: " STRANGER ", version: 1.0, deadline: 1m }\n";
    static const struct row rows[] = {
        { ECHO, 1, 0, false, false, 0, false, false, false },
        { ECHO, 1, 0, false, false, 3, false, false, true },
        { ECHO, 1, 0, false, false, 10, false, true, false },
        { ECHO, 1, 1, false, true, 0, true, true, true },
        { ECHO, 1, 1, false, true, 10, false, true, true },
        { STRANGER, 2, 3, true, false, 7, true, false, true },
        { STRANGER, 2, 3, true, false, 8, true, false, false },
        { STRANGER, 1, 0, false, true, 7, false, true, false },
        { MGMT, 1, 0, true, false, 0, true, false, true },
    };
    (void)state;
    assert_rows(text, rows, ROWS(rows));
}

static void test_sources(void **state)
{
    static const char text[] = SERVER "interfaces:\n"
                                      "- uuid: " ECHO "\n"
                                      "  stateless: no\n"
                                      "  operations: { 0: { name: x,\n"
                                      "    idempotent: yes } }\n";
    struct px_settings settings;
    (void)state;
    load(&settings, text);
    struct px_knowledge k = known(&settings, ECHO, 1, 0);
    struct px_known_fact stateless = px_knowledge_stateless(&k, 0), pipes = px_knowledge_pipes(&k, 0),
                         idempotent = px_knowledge_idempotent(&k, 0), stranger = px_knowledge_idempotent(&k, 99);
    assert_int_equal(stateless.source.level, PX_RULE_INTERFACE);
    assert_int_equal(stateless.source.line, 5);
    assert_null(stateless.cited);
    assert_int_equal(pipes.source.level, PX_RULE_BUILT_IN);
    assert_string_equal(pipes.cited, k.known->pipe_free);
    assert_int_equal(idempotent.source.level, PX_RULE_OPERATION);
    assert_int_equal(idempotent.source.line, 7);
    assert_int_equal(stranger.source.level, PX_RULE_DEFAULT);
    px_settings_free(&settings);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_settings_win),
        cmocka_unit_test(test_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
