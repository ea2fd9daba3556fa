/* Counters: each row once, by a name of its own, and what adds to it. */
#include "stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static uint64_t value_of(const struct px_stats *stats, const char *wanted)
{
    char name[PX_STATS_NAME];
    uint64_t value, found = UINT64_MAX;
    for (unsigned row = 0; px_stats_row(stats, row, name, &value); row++)
        if (strcmp(name, wanted) == 0)
            found = value;
    assert_true(found != UINT64_MAX);
    return found;
}

static void test_rows(void **state)
{
    static const struct px_stats stats;
    char names[POL_ENDINGS + 2 * POL_REASONS + 16][PX_STATS_NAME];
    unsigned count = 0;
    uint64_t value;
    (void)state;
    while (px_stats_row(&stats, count, names[count], &value)) {
        assert_true(value == 0);
        assert_null(strstr(names[count], "(null)"));
        for (unsigned i = 0; i < count; i++)
            assert_string_not_equal(names[i], names[count]);
        count++;
    }
    assert_int_equal(count, POL_ENDINGS + 2 * POL_REASONS + 4);
}

static void test_calls(void **state)
{
    struct px_stats stats = { 0 };
    struct px_call answered = { .bytes_in = 10, .bytes_out = 100 };
    struct px_call told = { .bytes_in = 1, .bytes_out = 2, .has_status = true };
    (void)state;
    px_stats_call(&stats, &answered, POL_ANSWERED);
    px_stats_call(&stats, &answered, POL_ANSWERED);
    px_stats_call(&stats, &told, POL_FAULTED);
    px_stats_call(&stats, &told, POL_SERVER_LOST);
    assert_true(value_of(&stats, "calls.answered") == 2);
    assert_true(value_of(&stats, "calls.fault") == 1);
    assert_true(value_of(&stats, "calls.server-lost") == 1);
    assert_true(value_of(&stats, "calls.drained") == 0);
    assert_true(value_of(&stats, "faults.server") == 1);
    assert_true(value_of(&stats, "faults.proxy") == 1);
    assert_true(value_of(&stats, "bytes.in") == 22);
    assert_true(value_of(&stats, "bytes.out") == 204);
}

static void test_connections(void **state)
{
    struct px_stats stats = { 0 };
    (void)state;
    px_stats_connection(&stats, false, POL_BY_CLIENT_FIN);
    px_stats_connection(&stats, true, POL_BY_DRAIN);
    px_stats_connection(&stats, true, POL_BY_DRAIN);
    assert_true(value_of(&stats, "connections.client.client-closed") == 1);
    assert_true(value_of(&stats, "connections.server.client-closed") == 0);
    assert_true(value_of(&stats, "connections.server.drain") == 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
