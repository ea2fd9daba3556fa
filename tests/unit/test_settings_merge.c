/* Settings that follow others: who keeps which place. */
#include "settings_merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "call_rules.h"
#include "roster.h"
#include "settings_internal.h"

static struct px_settings load(const char *text)
{
    struct px_settings settings;
    assert_int_equal(px_settings_load_text("f", text, strlen(text), &settings, stderr), 0);
    return settings;
}

static const char before[] = "servers:\n"
                             "  a: { members: [ 10.0.0.1:1 ], calls: 1, call-timeout: 1s }\n"
                             "  b: { members: [ 10.0.0.2:1, 10.0.0.3:1 ], call-timeout: 2s }\n"
                             "listeners:\n"
                             "  - { address: 127.0.0.1:1, server: a }\n"
                             "  - { address: 127.0.0.1:2, server: b, clients: 7 }\n";
static const char after[] = "servers:\n"
                            "  c: { members: [ 10.0.0.4:1 ], call-timeout: 3s }\n"
                            "  b: { members: [ 10.0.0.2:1, 10.0.0.3:1 ], call-timeout: 4s }\n"
                            "listeners:\n"
                            "  - { address: 127.0.0.1:3, server: b }\n"
                            "  - { address: 127.0.0.1:2, server: c, clients: 8 }\n";

static int64_t call_timeout(const struct px_settings *s, uint32_t server)
{
    return s->call_rules->rows[px_call_rules_row(&s->call_rules->none, server, 0)].call_timeout;
}

static void test_places(void **state)
{
    struct px_settings old = load(before), fresh = load(after);
    (void)state;
    assert_true(px_settings_merge(&old, &fresh));
    assert_int_equal(fresh.server_count, 3);
    assert_string_equal(fresh.servers[0].name, "a");
    assert_string_equal(fresh.servers[1].name, "b");
    assert_string_equal(fresh.servers[2].name, "c");
    assert_true(fresh.servers[0].retired && !fresh.servers[1].retired && !fresh.servers[2].retired);
    assert_int_equal(fresh.servers[0].calls, 1);
    assert_int_equal(fresh.listener_count, 3);
    assert_true(fresh.listeners[0].retired && !fresh.listeners[1].retired && !fresh.listeners[2].retired);
    assert_int_equal(fresh.listeners[0].server, 0);
    assert_int_equal(fresh.listeners[1].server, 2);
    assert_int_equal(fresh.listeners[1].clients, 8);
    assert_int_equal(fresh.listeners[2].server, 1);
    assert_int_equal(call_timeout(&fresh, 0), 1000);
    assert_int_equal(call_timeout(&fresh, 1), 4000);
    assert_int_equal(call_timeout(&fresh, 2), 3000);
    px_settings_follow(&old, &fresh);
    px_settings_free(&old);
    assert_string_equal(fresh.servers[0].members[0].text, "10.0.0.1:1"); /* it went over */
    px_settings_free(&fresh);
}

/* What is refused in the end leaves the old ones whole. */
static void test_dismissed(void **state)
{
    struct px_settings old = load(before), fresh = load(after);
    (void)state;
    assert_true(px_settings_merge(&old, &fresh));
    px_settings_dismiss(&fresh);
    px_settings_free(&fresh);
    assert_string_equal(old.servers[0].members[0].text, "10.0.0.1:1");
    assert_false(old.servers[0].retired);
    px_settings_free(&old);
}

/* Who comes back has its old place. */
static void test_there_and_back(void **state)
{
    struct px_settings first = load(before), second = load(after), third = load(before);
    (void)state;
    assert_true(px_settings_merge(&first, &second));
    px_settings_follow(&first, &second);
    px_settings_free(&first);
    assert_true(px_settings_merge(&second, &third));
    px_settings_follow(&second, &third);
    px_settings_free(&second);
    assert_int_equal(third.server_count, 3);
    assert_true(!third.servers[0].retired && !third.servers[1].retired && third.servers[2].retired);
    assert_string_equal(third.servers[2].name, "c");
    assert_int_equal(third.listener_count, 3);
    assert_true(third.listeners[2].retired);
    assert_int_equal(third.listeners[1].server, 1);
    px_settings_free(&third);
}

static void test_roster(void **state)
{
    struct px_settings old = load(before), fresh = load(after);
    struct px_roster roster;
    struct pol_settings described;
    (void)state;
    assert_true(px_roster_init(&roster));
    px_roster_take(&roster, &old);
    assert_int_equal(roster.member_count, 3);
    assert_int_equal(roster.first[1], 1);
    free(fresh.servers[1].members[1].text);
    fresh.servers[1].members[1].text = strdup("10.0.0.9:1");
    assert_true(px_settings_merge(&old, &fresh));
    assert_true(px_roster_fits(&roster, &fresh));
    px_settings_follow(&old, &fresh);
    px_settings_free(&old);
    px_roster_take(&roster, &fresh);
    assert_int_equal(roster.member_count, 6); /* a as before, two anew for b, one for c */
    assert_int_equal(roster.first[0], 0);
    assert_int_equal(roster.first[1], 3);
    assert_int_equal(roster.first[2], 5);
    assert_string_equal(roster.members[4].text, "10.0.0.9:1");
    assert_int_equal(roster.places[3], 1); /* where it was before */
    assert_int_equal(roster.places[5], 5);
    px_roster_describe(&roster, &fresh, &described);
    assert_int_equal(described.servers[1].member_first, 3);
    assert_int_equal(described.servers[1].member_count, 2);
    assert_int_equal(described.listeners[1].server, 2);
    px_roster_forget(&described);
    px_roster_free(&roster);
    px_settings_free(&fresh);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_dismissed),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_roster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
