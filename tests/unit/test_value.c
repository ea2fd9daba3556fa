/* Durations, sizes and counts: what is understood, what is refused and why, and what is written. */
#include "value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof *(table))

static void test_good(void **state)
{
    static const struct {
        enum px_value_kind kind;
        const char *text;
        int64_t value;
    } rows[] = {
        { PX_VALUE_DURATION, "0ms", 0 },
        { PX_VALUE_DURATION, "250ms", 250 },
        { PX_VALUE_DURATION, "5s", 5000 },
        { PX_VALUE_DURATION, "2m", 120000 },
        { PX_VALUE_DURATION, "1h", 3600000 },
        { PX_VALUE_DURATION, "1d", 86400000 },
        { PX_VALUE_DURATION, "3650d", PX_VALUE_TEN_YEARS },
        { PX_VALUE_DURATION, "007s", 7000 },
        { PX_VALUE_DURATION, "9223372036854775807ms", INT64_MAX },
        { PX_VALUE_SIZE, "0", 0 },
        { PX_VALUE_SIZE, "4096", 4096 },
        { PX_VALUE_SIZE, "4096B", 4096 },
        { PX_VALUE_SIZE, "64KiB", 65536 },
        { PX_VALUE_SIZE, "4MiB", 4194304 },
        { PX_VALUE_SIZE, "8GiB", INT64_C(8589934592) },
        { PX_VALUE_SIZE, "1kB", 1000 },
        { PX_VALUE_SIZE, "2MB", 2000000 },
        { PX_VALUE_SIZE, "3GB", INT64_C(3000000000) },
        { PX_VALUE_COUNT, "0", 0 },
        { PX_VALUE_COUNT, "16", 16 },
        { PX_VALUE_COUNT, "9223372036854775807", INT64_MAX },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const char *why = NULL;
        int64_t value = -1;
        assert_true(px_value_parse(rows[i].kind, rows[i].text, &value, &why));
        assert_true(value == rows[i].value);
        assert_null(why);
    }
}

static void test_bad(void **state)
{
    static const char digit[] = "it does not start with a digit", large[] = "the number is too large";
    static const char duration[] = "it needs one of the units ms, s, m, h, d";
    static const char size[] = "its unit is none of B, KiB, MiB, GiB, kB, MB, GB";
    static const struct {
        enum px_value_kind kind;
        const char *text, *why;
    } rows[] = {
        { PX_VALUE_DURATION, "", digit },
        { PX_VALUE_DURATION, "s", digit },
        { PX_VALUE_DURATION, "-1s", digit },
        { PX_VALUE_DURATION, "+1s", digit },
        { PX_VALUE_DURATION, " 1s", digit },
        { PX_VALUE_DURATION, "5", duration },
        { PX_VALUE_DURATION, "0", duration },
        { PX_VALUE_DURATION, "5 s", duration },
        { PX_VALUE_DURATION, "5s ", duration },
        { PX_VALUE_DURATION, "5S", duration },
        { PX_VALUE_DURATION, "1.5s", duration },
        { PX_VALUE_DURATION, "1m30s", duration },
        { PX_VALUE_DURATION, "1y", duration },
        { PX_VALUE_DURATION, "9223372036854775808ms", large },
        { PX_VALUE_DURATION, "9223372036854775807s", large },
        { PX_VALUE_DURATION, "106751991168d", large },
        { PX_VALUE_DURATION, "99999999999999999999999999999s", large },
        { PX_VALUE_SIZE, "KiB", digit },
        { PX_VALUE_SIZE, "1K", size },
        { PX_VALUE_SIZE, "1KB", size },
        { PX_VALUE_SIZE, "1kib", size },
        { PX_VALUE_SIZE, "0x10", size },
        { PX_VALUE_SIZE, "9223372036854775807KiB", large },
        { PX_VALUE_COUNT, "", digit },
        { PX_VALUE_COUNT, "-1", digit },
        { PX_VALUE_COUNT, "1s", "only digits may follow" },
        { PX_VALUE_COUNT, "1e3", "only digits may follow" },
        { PX_VALUE_COUNT, "9223372036854775808", large },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const char *why = NULL;
        int64_t value;
        assert_false(px_value_parse(rows[i].kind, rows[i].text, &value, &why));
        assert_string_equal(why, rows[i].why);
    }
}

static void test_format(void **state)
{
    static const struct {
        enum px_value_kind kind;
        int64_t value;
        const char *text;
    } rows[] = {
        { PX_VALUE_DURATION, 0, "0s" },
        { PX_VALUE_DURATION, 1, "1ms" },
        { PX_VALUE_DURATION, 1500, "1500ms" },
        { PX_VALUE_DURATION, 30000, "30s" },
        { PX_VALUE_DURATION, 60000, "1m" },
        { PX_VALUE_DURATION, 90000, "90s" },
        { PX_VALUE_DURATION, 7200000, "2h" },
        { PX_VALUE_DURATION, PX_VALUE_TEN_YEARS, "3650d" },
        { PX_VALUE_DURATION, INT64_MAX, "9223372036854775807ms" },
        { PX_VALUE_SIZE, 0, "0" },
        { PX_VALUE_SIZE, 1000, "1000" },
        { PX_VALUE_SIZE, 1024, "1KiB" },
        { PX_VALUE_SIZE, 262144, "256KiB" },
        { PX_VALUE_SIZE, 1 << 30, "1GiB" },
        { PX_VALUE_SIZE, 1025, "1025" },
        { PX_VALUE_COUNT, 0, "0" },
        { PX_VALUE_COUNT, 1000000, "1000000" },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char text[PX_VALUE_TEXT];
        const char *why;
        int64_t back;
        assert_string_equal(px_value_format(rows[i].kind, rows[i].value, text), rows[i].text);
        assert_true(px_value_parse(rows[i].kind, text, &back, &why));
        assert_true(back == rows[i].value);
    }
}

static void test_version(void **state)
{
    static const char *const bad[] = { "",    ".",    "1",    "1.",   ".1",      "1.0.0",
                                       "1,0", "-1.0", "1.0 ", " 1.0", "65536.0", "1.65536" };
    uint16_t major = 9, minor = 9;
    (void)state;
    assert_true(px_version_parse("1.0", &major, &minor));
    assert_true(major == 1 && minor == 0);
    assert_true(px_version_parse("65535.065535", &major, &minor));
    assert_true(major == UINT16_MAX && minor == UINT16_MAX);
    for (size_t i = 0; i < ROWS(bad); i++)
        assert_false(px_version_parse(bad[i], &major, &minor));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
