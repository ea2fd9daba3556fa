/* Requests of the control socket: what is understood, and what is refused in which words. */
#include "command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

static uint8_t *room;

static bool parse(const char *text, size_t length, struct px_command *command, char why[PX_COMMAND_WHY])
{
    why[0] = 0;
    return px_command_parse((const char *)guard_place(room, text, length), length, command, why);
}

static void test_good(void **state)
{
    static const struct {
        const char *text;
        enum px_command_kind kind;
        bool has_call;
        struct px_call_name call;
    } rows[] = {
        { "show servers", PX_COMMAND_SERVERS, false, { 0 } },
        { "show links", PX_COMMAND_LINKS, false, { 0 } },
        { "show clients", PX_COMMAND_CLIENTS, false, { 0 } },
        { "  show   calls  ", PX_COMMAND_CALLS, false, { 0 } },
        { "show counters", PX_COMMAND_COUNTERS, false, { 0 } },
        { "reload", PX_COMMAND_RELOAD, false, { 0 } },
        { "cancel 7:2", PX_COMMAND_CANCEL, true, { 7, 2, 0 } },
        { "stop", PX_COMMAND_STOP, false, { 0 } },
        { "events", PX_COMMAND_EVENTS, false, { 0 } },
        { "wait 7:2", PX_COMMAND_WAIT, true, { 7, 2, 0 } },
        { "wait 7:2.1", PX_COMMAND_WAIT, true, { 7, 2, 1 } },
        { "wait 18446744073709551615:4294967295.18446744073709551615",
          PX_COMMAND_WAIT,
          true,
          { UINT64_MAX, UINT32_MAX, UINT64_MAX } },
        { "explain", PX_COMMAND_EXPLAIN, false, { 0 } },
        { "explain 0:0", PX_COMMAND_EXPLAIN, true, { 0, 0, 0 } },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct px_command command;
        char why[PX_COMMAND_WHY];
        assert_true(parse(rows[i].text, strlen(rows[i].text), &command, why));
        assert_int_equal(command.kind, rows[i].kind);
        assert_int_equal(command.has_call, rows[i].has_call);
        assert_true(command.call.connection == rows[i].call.connection);
        assert_true(command.call.call_id == rows[i].call.call_id);
        assert_true(command.call.number == rows[i].call.number);
    }
}

static void test_bad(void **state)
{
    static const char form[] = "is no call: it must be CONNECTION:CALL_ID or CONNECTION:CALL_ID.NUMBER";
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "", "unknown request ''; there are: show servers, show links" },
        { "   ", "unknown request" },
        { "show", "unknown request 'show'" },
        { "show server", "unknown request 'show server'" },
        { "Show servers", "unknown request" },
        { "show servers now", "'now' is too much here" },
        { "stop now", "'now' is too much here" },
        { "stop wait wait", "'wait' is too much here" },
        { "drain", "which server?" },
        { "resume", "which server?" },
        { "drain a b", "'b' is too much here" },
        { "resume a wait", "'wait' is too much here" },
        { "drain aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "longer than any server's name" },
        { "cancel", "which call?" },
        { "a b c d e f", "unknown request" },
        { "wait", "which call?" },
        { "wait 1:2 3", "'3' is too much here" },
        { "wait 1", form },
        { "wait 1:", form },
        { "wait :1", form },
        { "wait 1:2.", form },
        { "wait 1:2.0", form },
        { "wait 1:2.3x", form },
        { "wait -1:2", form },
        { "wait 1:4294967296", form },
        { "wait 18446744073709551616:1", form },
        { "explain x", form },
        { "drain\t", "printable ASCII" },
        { "drain\x80", "printable ASCII" },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct px_command command;
        char why[PX_COMMAND_WHY];
        assert_false(parse(rows[i].text, strlen(rows[i].text), &command, why));
        assert_non_null(strstr(why, rows[i].why));
    }
}

static void test_servers(void **state)
{
    static const struct {
        const char *text, *server;
        enum px_command_kind kind;
        bool waits;
    } rows[] = {
        { "drain payroll", "payroll", PX_COMMAND_DRAIN, false },
        { "drain payroll wait", "payroll", PX_COMMAND_DRAIN, true },
        { "drain wait", "wait", PX_COMMAND_DRAIN, false },
        { "resume payroll", "payroll", PX_COMMAND_RESUME, false },
        { "stop wait", "", PX_COMMAND_STOP, true },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct px_command command;
        char why[PX_COMMAND_WHY];
        assert_true(parse(rows[i].text, strlen(rows[i].text), &command, why));
        assert_int_equal(command.kind, rows[i].kind);
        assert_int_equal(command.waits, rows[i].waits);
        assert_string_equal(command.server, rows[i].server);
    }
}

static void test_any_bytes(void **state)
{
    struct px_command command;
    char why[PX_COMMAND_WHY], text[4096];
    (void)state;
    assert_false(parse("drain\0", 6, &command, why));
    for (size_t length = 0; length <= sizeof text; length += 31) {
        memset(text, 'a', length);
        assert_false(parse(text, length, &command, why));
        assert_true(strlen(why) < PX_COMMAND_WHY);
    }
}

static void test_names(void **state)
{
    struct px_association a = { .serial = 7 };
    struct px_call k = { .association = &a, .call_id = 2, .number = 15 };
    struct px_call_name name;
    char text[PX_CALL_NAME];
    (void)state;
    assert_string_equal(px_call_name_format(&k, text), "7:2.15");
    assert_true(px_call_name_parse(text, &name) && px_call_has_name(&k, &name));
    assert_true(px_call_name_parse("7:2", &name) && px_call_has_name(&k, &name));
    assert_true(px_call_name_parse("7:2.14", &name) && !px_call_has_name(&k, &name));
    assert_true(px_call_name_parse("7:3", &name) && !px_call_has_name(&k, &name));
    assert_true(px_call_name_parse("8:2", &name) && !px_call_has_name(&k, &name));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),      cmocka_unit_test(test_bad),   cmocka_unit_test(test_servers),
        cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_names),
    };
    room = guard_new();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    guard_free(room);
    return failures;
}
