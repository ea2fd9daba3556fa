/* Times and sizes for people, at the edges of each unit. */
#include "humane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof *(table))

struct row {
    uint64_t value;
    const char *text;
};

static void test_time(void **state)
{
    static const struct row rows[] = {
        { 0, "0 us" },
        { 999, "999 us" },
        { 1000, "1.00 ms" },
        { 9999, "9.99 ms" },
        { 10000, "10.0 ms" },
        { 999999, "999 ms" },
        { 1000000, "1.00 s" },
        { 59999999, "59.9 s" },
        { 60000000, "1 m 00 s" },
        { 3599999999, "59 m 59 s" },
        { 3600000000, "1 h 00 m" },
        { UINT64_MAX, "5124095576 h 01 m" },
    };
    char text[PX_HUMANE];
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_string_equal(px_humane_time(rows[i].value, text), rows[i].text);
}

static void test_bytes(void **state)
{
    static const struct row rows[] = {
        { 0, "0 B" },
        { 1023, "1023 B" },
        { 1024, "1.00 KiB" },
        { 1536, "1.50 KiB" },
        { 10240, "10.0 KiB" },
        { 1048575, "1023 KiB" },
        { 1048576, "1.00 MiB" },
        { UINT64_C(1) << 30, "1.00 GiB" },
        { UINT64_C(1) << 40, "1.00 TiB" },
        { UINT64_MAX, "16777215 TiB" },
    };
    char text[PX_HUMANE];
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_string_equal(px_humane_bytes(rows[i].value, text), rows[i].text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_time), cmocka_unit_test(test_bytes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
