/* Deadlines against the simplest model there is: an array that is searched. */
#include "policy/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>

#define WHO 40u

static uint32_t earliest(const int64_t *model)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i < WHO; i++)
        if (model[i] < model[first])
            first = i;
    return first;
}

/* Among equal times any may come first, so only its time is compared. */
static void pop_all(struct pol_deadlines *d, int64_t *model, int64_t now)
{
    uint32_t who;
    while (pol_deadline_pop(d, now, &who)) {
        assert_in_range(who, 0, WHO - 1);
        assert_true(model[who] <= now);
        assert_true(model[who] == model[earliest(model)]);
        model[who] = POL_NEVER;
    }
    assert_true(model[earliest(model)] > now);
}

static void test_random(void **state)
{
    (void)state;
    struct pol_deadlines d;
    int64_t model[WHO];
    assert_true(pol_deadlines_init(&d, WHO));
    for (unsigned i = 0; i < WHO; i++)
        model[i] = POL_NEVER;
    srand(1);
    int64_t now = 0;
    for (unsigned round = 0; round < 200000; round++) {
        uint32_t who = (uint32_t)rand() % WHO;
        int64_t at = rand() % 3 ? now + rand() % 50 : POL_NEVER;
        pol_deadline_set(&d, who, at);
        model[who] = at;
        assert_true(pol_deadline_first(&d) == model[earliest(model)]);
        now += rand() % 3;
        if (rand() % 4 == 0)
            pop_all(&d, model, now);
        assert_true(pol_deadline_first(&d) == model[earliest(model)]);
    }
    pol_deadlines_free(&d);
}

static void test_none(void **state)
{
    (void)state;
    struct pol_deadlines d;
    uint32_t who;
    assert_true(pol_deadlines_init(&d, 1));
    assert_true(pol_deadline_first(&d) == POL_NEVER);
    assert_false(pol_deadline_pop(&d, POL_NEVER, &who));
    pol_deadline_set(&d, 0, POL_NEVER); /* it has none: nothing is taken out */
    assert_true(pol_deadline_first(&d) == POL_NEVER);
    pol_deadlines_free(&d);
}

static void test_due_at_its_time(void **state)
{
    (void)state;
    struct pol_deadlines d;
    uint32_t who;
    assert_true(pol_deadlines_init(&d, 2));
    pol_deadline_set(&d, 1, 100);
    assert_false(pol_deadline_pop(&d, 99, &who));
    assert_true(pol_deadline_pop(&d, 100, &who));
    assert_int_equal(who, 1);
    assert_false(pol_deadline_pop(&d, 100, &who));
    pol_deadlines_free(&d);
}

static void test_moves(void **state)
{
    (void)state;
    struct pol_deadlines d;
    uint32_t who;
    assert_true(pol_deadlines_init(&d, 3));
    pol_deadline_set(&d, 0, 10);
    pol_deadline_set(&d, 1, 20);
    pol_deadline_set(&d, 2, 30);
    pol_deadline_set(&d, 2, 5);  /* earlier */
    pol_deadline_set(&d, 0, 40); /* later */
    static const uint32_t order[] = { 2, 1, 0 };
    for (unsigned i = 0; i < 3; i++) {
        assert_true(pol_deadline_pop(&d, 100, &who));
        assert_int_equal(who, order[i]);
    }
    pol_deadlines_free(&d);
}

static void test_hasten(void **state)
{
    (void)state;
    struct pol_deadlines d;
    uint32_t who;
    assert_true(pol_deadlines_init(&d, 3));
    pol_deadline_set(&d, 0, 10);
    pol_deadline_set(&d, 1, 20);
    pol_deadline_hasten(&d, 0, 15); /* later: no */
    assert_true(pol_deadline_first(&d) == 10);
    pol_deadline_hasten(&d, 1, 5);
    pol_deadline_hasten(&d, 2, 1); /* it has none */
    assert_true(pol_deadline_first(&d) == 5);
    assert_true(pol_deadline_pop(&d, 9, &who));
    assert_int_equal(who, 1);
    assert_false(pol_deadline_pop(&d, 9, &who));
    pol_deadlines_free(&d);
}

static void test_as_many_as_there_are(void **state)
{
    (void)state;
    struct pol_deadlines d;
    uint32_t who;
    assert_true(pol_deadlines_init(&d, 1000));
    for (uint32_t i = 0; i < 1000; i++)
        pol_deadline_set(&d, i, (i * 7919) % 1000);
    for (int64_t i = 0; i < 1000; i++) {
        assert_true(pol_deadline_first(&d) == i);
        assert_true(pol_deadline_pop(&d, i, &who));
        assert_int_equal((who * 7919) % 1000, i);
    }
    assert_true(pol_deadline_first(&d) == POL_NEVER);
    pol_deadlines_free(&d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_due_at_its_time),
        cmocka_unit_test(test_as_many_as_there_are),
        cmocka_unit_test(test_hasten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
