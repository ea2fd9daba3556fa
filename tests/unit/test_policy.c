/* The brain as a whole: its words, its tables, its promise that a step ends. */
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <string.h>

static const struct pol_id none = { POL_NONE, 0 };

/* ---- words ---- */

static void check_words(const char *(*name)(unsigned), unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_non_null(name(i));
        assert_int_equal(strcspn(name(i), " \t=\""), strlen(name(i))); /* fit for logs as they are */
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(name(i), name(j));
    }
    assert_null(name(count));
    assert_null(name(~0u));
}

static void test_words(void **state)
{
    (void)state;
    check_words(pol_event_name, POL_EVENT_KINDS);
    check_words(pol_action_name, POL_ACTION_KINDS);
    check_words(pol_reason_name, POL_REASONS);
    check_words(pol_ending_name, POL_ENDINGS);
    check_words(pol_proof_name, POL_PROOFS);
}

/* ---- tables ---- */

static struct pol_brain *brain_with(struct pol_server server, uint32_t size)
{
    struct pol_listener listener = { .bind_timeout = 0 };
    struct pol_settings settings = { .servers = &server,
                                     .server_count = 1,
                                     .listeners = &listener,
                                     .listener_count = 1,
                                     .drain = 1000,
                                     .max_clients = size,
                                     .max_links = size,
                                     .max_calls = size,
                                     .seed = 1 };
    return pol_create(&settings); /* what it points to is copied */
}

static struct pol_brain *brain(uint32_t size, int64_t connect_timeout)
{
    return brain_with((struct pol_server){ .calls = 1, .connect_timeout = connect_timeout, .member_count = 1 }, size);
}

static void test_empty(void **state)
{
    (void)state;
    struct pol_brain *b = brain(1, 0);
    struct pol_actions actions;
    struct pol_event tick = { .kind = POL_TICK };
    assert_non_null(b);
    assert_true(pol_next_wake(b) == INT64_MAX);
    assert_false(pol_drained(b)); /* nobody asked for it */
    pol_step(b, &tick, 0, &actions);
    assert_int_equal(actions.count, 0);
    assert_false(actions.more);
    struct pol_event drain = { .kind = POL_DRAIN };
    pol_step(b, &drain, 5, &actions);
    assert_int_equal(actions.count, 1);
    assert_int_equal(actions.item[0].kind, POL_LISTEN_OFF);
    assert_true(pol_drained(b));
    pol_destroy(b);
    pol_destroy(NULL);
}

/* A listener and its server far behind the others, and then others in their place. */
static void test_place(void **state)
{
    (void)state;
    struct pol_server server = { .connect_timeout = 100, .failures = 1, .member_count = 1 };
    struct pol_listener listener = { .server = 0 };
    struct pol_settings settings = { .servers = &server,
                                     .server_count = 1,
                                     .listeners = &listener,
                                     .listener_count = 1,
                                     .max_clients = 4,
                                     .max_links = 4,
                                     .max_calls = 4,
                                     .max_servers = 8,
                                     .max_members = 8,
                                     .max_listeners = 8 };
    struct pol_brain *b = pol_create(&settings);
    struct pol_actions actions;
    server.member_first = 6;
    listener.server = 5;
    pol_place(b, 7, &listener, &server);
    struct pol_event opened = { .kind = POL_CLIENT_OPENED, .listener = 7 };
    pol_step(b, &opened, 0, &actions);
    struct pol_event bind = { .kind = POL_CLIENT_BIND };
    pol_step(b, &bind, 0, &actions);
    assert_int_equal(actions.item[0].kind, POL_DIAL);
    assert_int_equal(actions.item[0].member, 6);
    struct pol_event dialled = { .kind = POL_DIALLED, .link = actions.item[0].link, .error = 111 };
    pol_step(b, &dialled, 0, &actions);
    assert_false(pol_member_up(b, 6));
    pol_place(b, 7, &listener, &server);
    assert_true(pol_member_up(b, 6)); /* it is another one */
    pol_destroy(b);
}

/* Links that are dialled ahead need no event to come first. */
static void test_spare(void **state)
{
    (void)state;
    struct pol_brain *b = brain_with((struct pol_server){ .spare = 1, .connect_timeout = 70, .member_count = 1 }, 1);
    struct pol_actions actions;
    struct pol_event tick = { .kind = POL_TICK };
    assert_non_null(b);
    assert_true(pol_next_wake(b) == 0);
    pol_step(b, &tick, 3, &actions);
    assert_int_equal(actions.count, 1);
    assert_int_equal(actions.item[0].kind, POL_DIAL);
    assert_true(pol_next_wake(b) == 73);
    pol_destroy(b);
}

/* No step says more than there is room for, however much is due at one moment. */
static void test_room(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct pol_brain *b = brain(MANY, 100);
    struct pol_actions actions;
    unsigned closed = 0, steps = 0;
    assert_non_null(b);
    for (uint32_t i = 0; i < MANY; i++) {
        struct pol_event e = { .kind = POL_CLIENT_OPENED, .client = { i, 1 }, .link = none, .call = { i, 1 } };
        pol_step(b, &e, 0, &actions);
        e.kind = POL_CALL_BEGIN;
        pol_step(b, &e, 0, &actions);
        assert_int_equal(actions.count, 2); /* dial, hold */
    }
    do {
        struct pol_event tick = { .kind = POL_TICK };
        pol_step(b, &tick, 100, &actions);
        assert_in_range(actions.count, 1, POL_ACTIONS_MAX);
        closed += actions.count;
        steps++;
    } while (actions.more);
    assert_int_equal(closed, 3 * MANY); /* end, close, close */
    assert_true(steps <= MANY / 8 + 1); /* and each step says as much as it can */
    pol_destroy(b);
}

/* A generation that wraps is still another one. */
static void test_generations(void **state)
{
    (void)state;
    struct pol_brain *b = brain(1, 0);
    struct pol_actions actions;
    struct pol_event e = { .kind = POL_CLIENT_OPENED, .client = { 0, UINT32_MAX }, .link = none, .call = none };
    assert_non_null(b);
    pol_step(b, &e, 0, &actions);
    e.client.generation = 0;
    e.kind = POL_CLIENT_END;
    pol_step(b, &e, 0, &actions);
    assert_int_equal(actions.count, 0);
    e.client.generation = UINT32_MAX;
    pol_step(b, &e, 0, &actions);
    assert_int_equal(actions.count, 1);
    assert_int_equal(actions.item[0].kind, POL_CLOSE);
    pol_destroy(b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words), cmocka_unit_test(test_empty), cmocka_unit_test(test_place),
        cmocka_unit_test(test_spare), cmocka_unit_test(test_room),  cmocka_unit_test(test_generations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
