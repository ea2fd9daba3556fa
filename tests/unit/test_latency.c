/* Percentiles are within a sixteenth of the exact ones, for any spread. */
#include "latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { COUNT = 20000 };

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_percentiles(void **state)
{
    (void)state;
    static int64_t values[COUNT];
    static struct dis_latency l;
    static const unsigned percents[] = { 1, 50, 95, 99, 100 };
    srand(2);
    for (unsigned i = 0; i < COUNT; i++) {
        values[i] = (int64_t)rand() << rand() % 20 >> rand() % 30;
        dis_latency_add(&l, values[i]);
    }
    qsort(values, COUNT, sizeof(values[0]), by_value);
    for (unsigned i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        int64_t exact = values[(COUNT * percents[i] + 99) / 100 - 1];
        int64_t said = dis_latency_percentile(&l, percents[i]);
        assert_true(llabs(said - exact) <= exact / 16 + 1);
    }
    assert_int_equal(l.least, values[0]);
    assert_int_equal(l.most, values[COUNT - 1]);
    assert_int_equal(l.count, COUNT);
}

static void test_edges(void **state)
{
    (void)state;
    static const int64_t values[] = { 0, 1, 7, 8, 9, 15, 16, 1000000, INT64_MAX };
    struct dis_latency none = { .count = 0 };
    assert_int_equal(dis_latency_percentile(&none, 50), -1);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct dis_latency l = { .count = 0 };
        dis_latency_add(&l, values[i]);
        assert_int_equal(dis_latency_percentile(&l, 50), values[i]);
        assert_int_equal(dis_latency_percentile(&l, 99), values[i]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_percentiles), cmocka_unit_test(test_edges) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
