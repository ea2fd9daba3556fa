/* The agenda: in order of time, and of one time in the order in which things were put there. */
#include "inspect_agenda.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ITEMS = 5000, TIMES = 97 };

static void test_order(void **state)
{
    (void)state;
    struct agenda a = { 0 };
    struct agenda_item item;
    int64_t time = -1;
    uint32_t index = 0;
    uint32_t random = 1;
    assert_int_equal(agenda_next(&a), INT64_MAX);
    assert_false(agenda_take(&a, &item));
    for (uint32_t i = 0; i < ITEMS; i++) {
        random = random * 1664525u + 1013904223u;
        agenda_put(&a, (struct agenda_item){ .time = random % TIMES, .index = i });
    }
    for (uint32_t i = 0; i < ITEMS; i++) {
        int64_t next = agenda_next(&a);
        assert_true(agenda_take(&a, &item));
        assert_int_equal(item.time, next);
        assert_true(item.time > time || (item.time == time && item.index > index));
        time = item.time;
        index = item.index;
    }
    assert_false(agenda_take(&a, &item));
    agenda_free(&a);
}

/* What is put there meanwhile takes its place. */
static void test_meanwhile(void **state)
{
    (void)state;
    struct agenda a = { 0 };
    struct agenda_item item;
    agenda_put(&a, (struct agenda_item){ .time = 10, .what = 1 });
    agenda_put(&a, (struct agenda_item){ .time = 30, .what = 4 });
    assert_true(agenda_take(&a, &item) && item.what == 1);
    agenda_put(&a, (struct agenda_item){ .time = 10, .what = 2 });
    agenda_put(&a, (struct agenda_item){ .time = 20, .what = 3 });
    agenda_put(&a, (struct agenda_item){ .time = 30, .what = 5 });
    for (unsigned what = 2; what <= 5; what++)
        assert_true(agenda_take(&a, &item) && item.what == what);
    agenda_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
