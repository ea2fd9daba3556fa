/* Answers taken apart by rpcwardctl: what rpcward writes, and what anybody might. */
#include "ctl_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "guard.h"

static uint8_t *room;

static bool read_text(const char *text, struct ctl_line *line)
{
    return ctl_line_read((char *)guard_place(room, text, strlen(text) + 1), line);
}

static void test_good(void **state)
{
    struct ctl_line line;
    (void)state;
    assert_true(
        read_text("{\"kind\":\"server\",\"calls\":null,\"inside\":12,\"members\":[\"a:1\",\"b\\\"\"],\"none\":[],"
                  "\"odd\":\"a\\\\b\\u001b\",\"null\":\"null\",\"empty\":\"\",\"t\":true}\n",
                  &line));
    assert_int_equal(line.count, 9);
    assert_string_equal(ctl_line_get(&line, "kind"), "server");
    assert_null(ctl_line_get(&line, "calls"));
    assert_string_equal(ctl_line_get(&line, "inside"), "12");
    assert_string_equal(ctl_line_get(&line, "members"), "a:1, b\"");
    assert_string_equal(ctl_line_get(&line, "none"), "");
    assert_string_equal(ctl_line_get(&line, "odd"), "a\\b\\u001b");
    assert_string_equal(ctl_line_get(&line, "null"), "null");
    assert_string_equal(ctl_line_get(&line, "empty"), "");
    assert_string_equal(ctl_line_get(&line, "t"), "true");
    assert_null(ctl_line_get(&line, "nothing"));
}

static void test_bad(void **state)
{
    static const char *const rows[] = {
        "",          "\n",         "HTTP/1.1 400",      "{",           "{}",
        "{\"a\"",    "{\"a\":",    "{\"a\":}",          "{\"a\":1",    "{\"a\":1}}",
        "{\"a\":\"", "{\"a\":\"b", "{\"a\":\"\\",       "{\"a\":[",    "{\"a\":[\"b\"",
        "{a:1}",     "{\"a\" 1}",  "{\"a\":[\"b\" 1]}", "{\"a\":[1]}", "{\"a\":1,}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ctl_line line;
        assert_false(read_text(rows[i], &line));
    }
}

static void test_many(void **state)
{
    char text[4096];
    struct ctl_line line;
    int at = snprintf(text, sizeof text, "{\"k0\":0");
    (void)state;
    for (unsigned i = 1; i < CTL_FIELDS; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, ",\"k%u\":%u", i, i);
    snprintf(text + at, sizeof text - (size_t)at, "}");
    assert_true(read_text(text, &line));
    assert_string_equal(ctl_line_get(&line, "k47"), "47");
    snprintf(text + at, sizeof text - (size_t)at, ",\"more\":1}");
    assert_false(read_text(text, &line));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_many),
    };
    room = guard_new();
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    guard_free(room);
    return failures;
}
