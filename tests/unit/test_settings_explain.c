/* --explain: questions as text, and answers with the place of every value. */
#include "settings_explain.h"

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
#define WITNESS     "ccd8c074-d0e5-4a40-92b4-d074faa6ba28"
#define STRANGER    "00000000-0000-0000-0000-000000000001"

static const char text[] = "servers:\n"
                           "  a: { members: [ 10.0.0.5:1 ] }\n"
                           "  b:\n"
                           "    members: [ 10.0.0.5:1 ]\n"
                           "    deadline: 1m\n"
                           "listeners: [ { address: 127.0.0.1:0, server: a }, { address: 127.0.0.1:0, server: b } ]\n"
                           "interfaces:\n"
                           "  - uuid: " ECHO "\n"
                           "    version: 1.0\n"
                           "    name: echo\n"
                           "    on-timeout: cancel\n"
                           "    stateless: no\n"
                           "    operations: { 6: { name: Sleep, call-timeout: 2m, idempotent: no } }\n"
                           "  - { uuid: " STRANGER ", version: 1.0, com-timeout: 0 }\n"
                           "  - { uuid: " STRANGER ", pending: yes }\n";

/* What was said on either stream. */
static char *asked(const char *interface, const char *opnum, bool *answered)
{
    struct px_question question;
    struct px_settings settings;
    char *said;
    size_t size;
    FILE *out = open_memstream(&said, &size);
    assert_int_equal(px_settings_load_text("f", text, strlen(text), &settings, out), 0);
    assert_true(px_question_interface(interface, &question));
    assert_true(px_question_opnum(opnum, &question));
    *answered = px_settings_explain(&settings, "f", &question, out, out);
    fclose(out);
    px_settings_free(&settings);
    return said;
}

static void test_answers(void **state)
{
    static const struct {
        const char *interface, *opnum;
        bool answered;
        const char *said;
    } rows[] = {
        { ECHO, "6", true,
          "interface " ECHO " version 1.0 (echo), operation 6 (Sleep)\n"
          "  stateless: no             f:12 (interface echo)\n"
          "  pipes: no                 built in (echo.idl of Samba)\n"
          "  idempotent: no            f:13 (operation 6 of echo)\n"
          "a\n"
          "  com-timeout: 12m          default\n"
          "  call-timeout: 2m          f:13 (operation 6 of echo)\n"
          "  deadline: never           default\n"
          "  on-timeout: cancel        f:11 (interface echo)\n"
          "  pending: no               default\n"
          "b\n"
          "  com-timeout: 12m          default\n"
          "  call-timeout: 2m          f:13 (operation 6 of echo)\n"
          "  deadline: 1m              f:5 (server b)\n"
          "  on-timeout: cancel        f:11 (interface echo)\n"
          "  pending: no               default\n" },
        { ECHO "/1.1", "6", true,
          "interface " ECHO " version 1.1 (rpcecho), operation 6 (TestSleep)\n"
          "  stateless: yes            built in (echo.idl of Samba: plain values in, plain values out)\n"
          "  pipes: no                 built in (echo.idl of Samba)\n"
          "  idempotent: yes           built in (echo.idl of Samba: sleeps as long as it is told)\n"
          "a\n"
          "  com-timeout: 12m          default\n"
          "  call-timeout: never       default\n"
          "  deadline: never           default\n"
          "  on-timeout: abandon       default\n"
          "  pending: no               default\n"
          "b\n"
          "  com-timeout: 12m          default\n"
          "  call-timeout: never       default\n"
          "  deadline: 1m              f:5 (server b)\n"
          "  on-timeout: abandon       default\n"
          "  pending: no               default\n" },
        { STRANGER, "0", false,
          "rpcward: the settings have this interface for more than one version, in lines 14 and 15; say which: "
          "--explain " STRANGER "/M.m\n" },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        bool answered;
        char *said = asked(rows[i].interface, rows[i].opnum, &answered);
        assert_string_equal(said, rows[i].said);
        assert_int_equal(answered, rows[i].answered);
        free(said);
    }
}

static void test_pending(void **state)
{
    static const struct {
        const char *interface, *opnum, *line;
    } rows[] = {
        { WITNESS, "3", "  pending: yes              built in (MS-SWN 3.1.4.4)\n" },
        { WITNESS "/1.1", "3", "  pending: yes              built in (MS-SWN 3.1.4.4)\n" },
        { WITNESS "/2.0", "3", "  pending: no               default\n" },
        { WITNESS, "4", "  pending: no               default\n" },
        { STRANGER "/2.0", "7", "  stateless: no             default\n" },
        { STRANGER "/2.0", "7", "  pipes: yes                default\n" },
        { STRANGER "/2.0", "7", "  idempotent: no            default\n" },
        { STRANGER "/2.0", "7", "  pending: yes              f:15 (interface " STRANGER ")\n" },
        { STRANGER "/1.0", "7", "  pending: no               default\n" },
        { STRANGER "/1.0", "7", "  com-timeout: 2m           f:14 (interface " STRANGER ")\n" },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        bool answered;
        char *said = asked(rows[i].interface, rows[i].opnum, &answered);
        assert_true(answered);
        assert_non_null(strstr(said, rows[i].line));
        free(said);
    }
}

static void test_bad_questions(void **state)
{
    static const char
        *const interfaces[] = { "", "/", "/1.0", ECHO "/", ECHO "/1", ECHO "0", ECHO "0/1.0", ECHO " " },
               *const opnums[] = { "", "-1", "65536", "6s", "TestSleep" };
    struct px_question question;
    (void)state;
    for (size_t i = 0; i < ROWS(interfaces); i++)
        assert_false(px_question_interface(interfaces[i], &question));
    for (size_t i = 0; i < ROWS(opnums); i++)
        assert_false(px_question_opnum(opnums[i], &question));
    assert_true(px_question_opnum("65535", &question));
    assert_int_equal(question.opnum, 65535);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_bad_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
