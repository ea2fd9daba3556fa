/* Rules of calls: for each of them the most specific value wins, for every server and every version. */
#include "call_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "names.h"
#include "settings_internal.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

#define ECHO      "60a15ec5-4de8-11d7-a637-005056a20182"
#define WITNESS   "ccd8c074-d0e5-4a40-92b4-d074faa6ba28"
#define LISTENERS "listeners: [ { address: 127.0.0.1:0, server: a } ]\n"
#define SERVER    "servers: { a: { members: [ 10.0.0.5:1 ] } }\n" LISTENERS

static void load(struct px_settings *settings, const char *text)
{
    char *said;
    size_t size;
    FILE *out = open_memstream(&said, &size);
    unsigned errors = px_settings_load_text("f", text, strlen(text), settings, out);
    fclose(out);
    assert_string_equal(said, "");
    assert_int_equal(errors, 0);
    assert_non_null(settings->call_rules);
    free(said);
}

static const struct px_call_rules *found(const struct px_settings *settings, unsigned server, const char *uuid,
                                         unsigned major, unsigned minor, unsigned opnum)
{
    const struct px_call_rules_table *table = settings->call_rules;
    struct dis_syntax syntax = { .major = (uint16_t)major, .minor = (uint16_t)minor };
    assert_true(dis_uuid_parse(uuid, &syntax.uuid));
    uint32_t row = px_call_rules_row(px_call_rules_find(table, &syntax), server, (uint16_t)opnum);
    assert_true(row < table->row_count);
    return &table->rows[row];
}

enum { SERVER_GIVES = 1, INTERFACE_GIVES = 2, OPERATION_GIVES = 4, WAYS = 8 };

/* What each level says of each rule, as text and as it is kept; the default last, which nobody writes. */
static const char *const names[] = { "com-timeout", "call-timeout", "deadline", "on-timeout" };
static const struct level {
    const char *texts[ROWS(names)];
    struct px_call_rules rules;
} levels[] = {
    { { "1s", "2s", "3s", "cancel" }, { 1000, 2000, 3000, PX_ON_TIMEOUT_CANCEL, false } },
    { { "4s", "5s", "6s", "cancel" }, { 4000, 5000, 6000, PX_ON_TIMEOUT_CANCEL, false } },
    { { "7s", "never", "9s", "abandon" }, { 7000, PX_NEVER, 9000, PX_ON_TIMEOUT_ABANDON, false } },
    { { NULL }, { 720000, PX_NEVER, PX_NEVER, PX_ON_TIMEOUT_ABANDON, false } },
};

static const struct level *winner(unsigned way)
{
    return &levels[way & OPERATION_GIVES ? 2 : way & INTERFACE_GIVES ? 1 : way & SERVER_GIVES ? 0 : 3];
}

static void print_given(FILE *out, const unsigned ways[], unsigned bit)
{
    unsigned level = bit == SERVER_GIVES ? 0 : bit == INTERFACE_GIVES ? 1 : 2;
    for (size_t i = 0; i < ROWS(names); i++)
        if ((ways[i] & bit) != 0)
            fprintf(out, ", %s: %s", names[i], levels[level].texts[i]);
}

/* Operation 6 of the interface has what operation, interface and server give; operation 7 is not listed. */
static void load_ways(struct px_settings *settings, const unsigned ways[])
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "servers: { z: { members: [ 10.0.0.5:1 ] }, a: { members: [ 10.0.0.5:1 ]");
    print_given(out, ways, SERVER_GIVES);
    fprintf(out, " } }\nlisteners: [ { address: 127.0.0.1:0, server: a }, { address: 127.0.0.1:0, server: z } ]\n"
                 "interfaces: [ { uuid: " ECHO);
    print_given(out, ways, INTERFACE_GIVES);
    fprintf(out, ", operations: { 6: { name: TestSleep");
    print_given(out, ways, OPERATION_GIVES);
    fprintf(out, " } } } ]\n");
    fclose(out);
    load(settings, text);
    free(text);
}

static void assert_won(const struct px_call_rules *rules, const unsigned ways[], unsigned bits)
{
    assert_true(rules->com_timeout == winner(ways[0] & bits)->rules.com_timeout);
    assert_true(rules->call_timeout == winner(ways[1] & bits)->rules.call_timeout);
    assert_true(rules->deadline == winner(ways[2] & bits)->rules.deadline);
    assert_int_equal(rules->on_timeout, winner(ways[3] & bits)->rules.on_timeout);
    assert_false(rules->pending);
}

/* Every way of one rule beside every way of another, so that no rule is taken for its neighbour. */
static void test_every_way(void **state)
{
    (void)state;
    for (unsigned all = 0; all < WAYS * WAYS; all++) {
        const unsigned ways[] = { all % WAYS, all / WAYS, (all % WAYS) ^ 7u, (all / WAYS) ^ 7u };
        struct px_settings settings;
        load_ways(&settings, ways);
        assert_won(found(&settings, 1, ECHO, 1, 0, 6), ways, ~0u);
        assert_won(found(&settings, 1, ECHO, 1, 0, 7), ways, SERVER_GIVES | INTERFACE_GIVES);
        assert_won(found(&settings, 1, WITNESS, 0, 0, 6), ways, SERVER_GIVES);
        assert_won(found(&settings, 0, ECHO, 1, 0, 6), ways, INTERFACE_GIVES | OPERATION_GIVES);
        assert_won(found(&settings, 0, WITNESS, 0, 0, 6), ways, 0);
        px_settings_free(&settings);
    }
}

static void test_sources(void **state)
{
    static const unsigned mixed[] = { OPERATION_GIVES | INTERFACE_GIVES, INTERFACE_GIVES | SERVER_GIVES, SERVER_GIVES,
                                      0 };
    static const struct dis_operation pending = { .opnum = 6, .name = "TestSleep", .pending = "a specification" };
    struct px_settings settings;
    (void)state;
    load_ways(&settings, mixed);
    const struct px_interface *block = &settings.interfaces[0];
    struct px_resolved_rules r = px_call_rules_resolve(&settings.servers[1], block, px_call_rules_operation(block, 6),
                                                       &pending);
    assert_int_equal(r.sources[PX_RULE_COM_TIMEOUT].level, PX_RULE_OPERATION);
    assert_int_equal(r.sources[PX_RULE_COM_TIMEOUT].line, 3);
    assert_int_equal(r.sources[PX_RULE_CALL_TIMEOUT].level, PX_RULE_INTERFACE);
    assert_int_equal(r.sources[PX_RULE_DEADLINE].level, PX_RULE_SERVER);
    assert_int_equal(r.sources[PX_RULE_DEADLINE].line, 1);
    assert_int_equal(r.sources[PX_RULE_ON_TIMEOUT].level, PX_RULE_DEFAULT);
    assert_int_equal(r.sources[PX_RULE_PENDING].level, PX_RULE_BUILT_IN);
    assert_true(r.rules.pending);
    assert_null(px_call_rules_operation(block, 7));
    assert_null(px_call_rules_operation(NULL, 6));
    px_settings_free(&settings);
}

/* Interface and operation: not given, no, yes; built in or not. */
static void test_pending(void **state)
{
    static const char *const said[] = { "", "pending: no", "pending: yes" };
    (void)state;
    for (unsigned way = 0; way < 18; way++) {
        unsigned operation = way % 3, interface = way / 3 % 3;
        bool built_in = way >= 9;
        char text[512];
        snprintf(text, sizeof text, SERVER "interfaces:\n- uuid: %s\n  %s\n  operations: { 3: { %s } }\n",
                 built_in ? WITNESS : ECHO, said[interface], said[operation]);
        struct px_settings settings;
        load(&settings, text);
        bool expected = operation != 0 ? operation == 2 : interface != 0 ? interface == 2 : built_in;
        assert_int_equal(found(&settings, 0, built_in ? WITNESS : ECHO, 1, 1, 3)->pending, expected);
        assert_int_equal(found(&settings, 0, built_in ? WITNESS : ECHO, 1, 1, 4)->pending, interface == 2);
        px_settings_free(&settings);
    }
}

/* Without a word of the administrator's, for every minor version and for no other major one. */
static void test_built_in(void **state)
{
    struct px_settings settings;
    unsigned pending = 0;
    (void)state;
    load(&settings, SERVER);
    for (size_t i = 0; i < dis_interface_count; i++) {
        const struct dis_interface *row = &dis_interfaces[i];
        char uuid[DIS_UUID_TEXT];
        dis_uuid_format(&row->uuid, uuid);
        for (unsigned opnum = 0; opnum < 200; opnum++) {
            const struct dis_operation *known = dis_operation_find(row, (uint16_t)opnum);
            bool expected = known != NULL && known->pending != NULL;
            pending += expected;
            assert_int_equal(found(&settings, 0, uuid, row->major, row->minor + 7u, opnum)->pending, expected);
            assert_false(found(&settings, 0, uuid, row->major + 1u, 0, opnum)->pending);
        }
    }
    assert_true(pending >= 2);
    assert_true(found(&settings, 0, WITNESS, 1, 0, 3)->pending);
    assert_true(found(&settings, 0, "76f03f96-cdfd-44fc-a22c-64950a001209", 1, 0, 61)->pending);
    px_settings_free(&settings);
}

/* The block with the version is the one, whole; what is built in stays beside that for any version. */
static void test_versions(void **state)
{
    static const char text[] = SERVER "interfaces:\n"
                                      "- { uuid: " WITNESS
                                      ", deadline: 1s, operations: { 3: { call-timeout: 4s } } }\n"
                                      "- { uuid: " WITNESS ", version: 1.5, com-timeout: 2s }\n"
                                      "- { uuid: " WITNESS ", version: 2.5, operations: { 3: { deadline: 3s } } }\n";
    static const struct {
        unsigned major, minor, opnum;
        int64_t com_timeout, call_timeout, deadline;
        bool pending;
    } rows[] = {
        { 1, 1, 3, 720000, 4000, 1000, true },       { 1, 1, 4, 720000, PX_NEVER, 1000, false },
        { 1, 5, 3, 2000, PX_NEVER, PX_NEVER, true }, { 1, 5, 4, 2000, PX_NEVER, PX_NEVER, false },
        { 2, 5, 3, 720000, PX_NEVER, 3000, false },  { 2, 5, 4, 720000, PX_NEVER, PX_NEVER, false },
        { 2, 4, 3, 720000, 4000, 1000, false },      { 2, 4, 4, 720000, PX_NEVER, 1000, false },
        { 5, 1, 0, 720000, PX_NEVER, 1000, false },
    };
    struct px_settings settings;
    (void)state;
    load(&settings, text);
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct px_call_rules *r = found(&settings, 0, WITNESS, rows[i].major, rows[i].minor, rows[i].opnum);
        assert_true(r->com_timeout == rows[i].com_timeout);
        assert_true(r->call_timeout == rows[i].call_timeout);
        assert_true(r->deadline == rows[i].deadline);
        assert_int_equal(r->pending, rows[i].pending);
    }
    px_settings_free(&settings);
}

/* Among many operations and interfaces each finds its own row, and no other one. */
static void test_many(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct px_settings settings, alone;
    (void)state;
    fprintf(out, SERVER "interfaces:\n");
    for (unsigned i = 40; i > 0; i--) {
        fprintf(out, "- { uuid: 00000000-0000-0000-0000-0000000000%02x, deadline: %um, operations: {", i, i);
        for (unsigned opnum = 0; opnum < 300; opnum += 3)
            fprintf(out, "%s %u: { deadline: %us }", opnum > 0 ? "," : "", opnum, 300 * i + opnum + 1);
        fprintf(out, ", 65535: {} } }\n");
    }
    fclose(out);
    load(&settings, text);
    for (unsigned i = 1; i <= 40; i++) {
        char uuid[DIS_UUID_TEXT];
        snprintf(uuid, sizeof uuid, "00000000-0000-0000-0000-0000000000%02x", i);
        for (unsigned opnum = 0; opnum < 310; opnum++)
            assert_int_equal(found(&settings, 0, uuid, 1, 0, opnum)->deadline,
                             opnum < 300 && opnum % 3 == 0 ? 1000 * (300 * i + opnum + 1) : 60000 * i);
        assert_int_equal(found(&settings, 0, uuid, 1, 0, 65535)->deadline, 60000 * i);
    }
    /* one row for the server, 1 + 100 for each interface, and what is built in: an operation of its own does not
     * cost where nothing was given for it */
    load(&alone, SERVER);
    assert_int_equal(settings.call_rules->row_count, 40 * 101 + alone.call_rules->row_count);
    px_settings_free(&alone);
    px_settings_free(&settings);
    free(text);
}

static void test_too_many(void **state)
{
    char *text, *said;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct px_settings settings;
    (void)state;
    fprintf(out, LISTENERS "servers:\n  a: { members: [ unix:/a ] }\n");
    for (unsigned i = 1; i < 1000; i++)
        fprintf(out, "  s%u: { members: [ unix:/a ] }\n", i);
    fprintf(out, "interfaces:\n- uuid: " ECHO "\n  operations:\n");
    for (unsigned opnum = 0; opnum < 1000; opnum++)
        fprintf(out, "    %u: { pending: no }\n", opnum);
    fclose(out);
    out = open_memstream(&said, &size);
    assert_int_equal(px_settings_load_text("f", text, strlen(text), &settings, out), 1);
    fclose(out);
    assert_non_null(strstr(said,
                           "f:1:1: error: servers times interfaces and operations with rules of their own are more "
                           "than 1000000; give rules to fewer operations\n"));
    px_settings_free(&settings);
    free(text);
    free(said);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way), cmocka_unit_test(test_sources),  cmocka_unit_test(test_pending),
        cmocka_unit_test(test_built_in),  cmocka_unit_test(test_versions), cmocka_unit_test(test_many),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
