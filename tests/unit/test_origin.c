/* Rows for destinations: whose rules hold, one row for each, rows that rest, and what the brain is told. */
#include "origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "settings_internal.h"

static const char text[] = "servers:\n"
                           "  near: { match: [ '10.0.0.0/8:*', '[fd00::]/8:135' ], calls: 3 }\n"
                           "  moved: { match: [ '*:135' ], members: [ 'unix:/m' ] }\n"
                           "listeners:\n"
                           "  - shim: /run/a\n"
                           "  - { address: 'unix:/l', server: moved }\n";
enum { NEAR, MOVED, ANY };

static struct px_settings load(void)
{
    struct px_settings settings;
    assert_int_equal(px_settings_load_text("f", text, strlen(text), &settings, stderr), 0);
    return settings;
}

static struct px_address address(const char *written)
{
    struct px_address parsed;
    const char *why;
    assert_true(px_address_parse(written, &parsed, &why));
    return parsed;
}

struct scene {
    struct px_settings settings;
    struct px_roster roster;
    struct px_target target;
    bool is_new;
};

static void open_scene(struct scene *s)
{
    *s = (struct scene){ .settings = load() };
    assert_true(px_roster_init(&s->roster));
    px_roster_take(&s->roster, &s->settings);
}

static void close_scene(struct scene *s)
{
    px_roster_free(&s->roster);
    px_settings_free(&s->settings);
}

static bool choose(struct scene *s, const char *written, int64_t now)
{
    struct px_address to = address(written);
    return px_target_chosen(&s->roster, &s->settings, 0, &to, now, &s->target, &s->is_new);
}

static void test_rules(void **state)
{
    struct scene s;
    (void)state;
    open_scene(&s);
    assert_true(choose(&s, "10.1.2.3:135", 0) && s.target.server == NEAR && s.is_new);
    assert_int_equal(s.target.row, PX_MOST_LISTENERS);
    assert_string_equal(s.roster.members[PX_MOST_MEMBERS].text, "10.1.2.3:135");
    assert_true(choose(&s, "10.1.2.3:135", 0) && !s.is_new && s.target.destination->users == 2);
    assert_true(choose(&s, "[fd12::1]:135", 0) && s.target.server == NEAR && s.is_new);
    assert_true(choose(&s, "192.0.2.1:135", 0) && s.target.server == MOVED && s.is_new);
    assert_true(choose(&s, "192.0.2.2:135", 0) && !s.is_new && s.target.destination->is_server_own);
    assert_true(choose(&s, "192.0.2.2:99", 0) && s.target.server == ANY && s.is_new);
    assert_int_equal(s.roster.destination_count, 4);
    close_scene(&s);
}

static void test_described(void **state)
{
    struct scene s;
    struct pol_settings described;
    (void)state;
    open_scene(&s);
    choose(&s, "10.1.2.3:135", 0);
    choose(&s, "192.0.2.1:135", 0);
    px_roster_describe(&s.roster, &s.settings, &described);
    assert_int_equal(described.server_count, PX_MOST_SERVERS + 2);
    const struct pol_server *own = &described.servers[PX_MOST_SERVERS];
    assert_true(own->calls == 3 && own->member_first == PX_MOST_MEMBERS && own->member_count == 1);
    assert_int_equal(described.listeners[0].server, POL_NONE); /* the shim's own */
    assert_int_equal(described.listeners[1].server, MOVED);
    assert_int_equal(described.listeners[2].server, POL_NONE); /* left out */
    assert_int_equal(described.listeners[PX_MOST_LISTENERS].server, PX_MOST_SERVERS);
    assert_int_equal(described.listeners[PX_MOST_LISTENERS + 1].server, MOVED);
    px_roster_forget(&described);
    close_scene(&s);
}

static void test_rows_rest(void **state)
{
    struct scene s;
    char written[32];
    (void)state;
    open_scene(&s);
    for (unsigned i = 0; i < PX_MOST_DESTINATIONS; i++) {
        snprintf(written, sizeof written, "10.0.%u.%u:1", i / 256, i % 256);
        assert_true(choose(&s, written, 0));
    }
    assert_false(choose(&s, "10.9.9.9:1", 0));
    s.roster.destinations[7].used = true;
    px_destination_leave(&s.roster.destinations[7], 1000);
    assert_false(choose(&s, "10.9.9.9:1", 61000)); /* the brain still knows its groups */
    assert_true(choose(&s, "10.0.0.7:1", 61000) && !s.is_new);
    px_destination_leave(&s.roster.destinations[7], 2000);
    assert_true(choose(&s, "10.9.9.9:1", 63000) && s.is_new);
    assert_int_equal(s.target.row, PX_MOST_LISTENERS + 7);
    assert_string_equal(s.roster.members[PX_MOST_MEMBERS + 7].text, "10.9.9.9:1");
    px_destination_leave(&s.roster.destinations[8], 63000); /* nobody was dialled for it */
    assert_true(choose(&s, "10.9.9.8:1", 63000) && s.is_new);
    assert_int_equal(s.target.row, PX_MOST_LISTENERS + 8);
    close_scene(&s);
}

static uint32_t one(const struct pol_brain *brain, uint32_t server)
{
    (void)brain;
    return server < PX_MOST_SERVERS ? 100 : 1;
}

static void test_sum(void **state)
{
    struct scene s;
    (void)state;
    open_scene(&s);
    choose(&s, "192.0.2.1:135", 0);
    choose(&s, "10.1.2.3:135", 0);
    choose(&s, "10.1.2.3:136", 0);
    assert_int_equal(px_origin_server(&s.roster, &s.target), PX_MOST_SERVERS + 2);
    assert_int_equal(px_origin_sum(&s.roster, NULL, NEAR, one), 102);
    assert_int_equal(px_origin_sum(&s.roster, NULL, MOVED, one), 100);
    assert_int_equal(px_origin_sum(&s.roster, NULL, ANY, one), 100);
    close_scene(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_described),
                                               cmocka_unit_test(test_rows_rest), cmocka_unit_test(test_sum) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
