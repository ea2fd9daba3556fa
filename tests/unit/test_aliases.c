/* Aliases: one for each socket, none given out again for a day. */
#include "aliases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define LIMIT 8
#define USER  1000

/* As a question does it. */
static struct px_alias *grant(struct px_aliases *a, uint64_t cookie, bool wants_address, int64_t now)
{
    assert_true(px_asker_takes(&a->askers, USER));
    struct px_alias *alias = px_alias_grant(a, cookie, USER, wants_address, now);
    if (!alias)
        px_asker_gives(&a->askers, USER);
    return alias;
}

static void test_life(void **state)
{
    struct px_aliases a;
    (void)state;
    assert_true(px_aliases_open(&a, LIMIT, 0));
    struct px_alias *one = grant(&a, 77, true, 5);
    assert_non_null(one);
    assert_in_range(one->address, PX_ALIAS_FIRST, PX_ALIAS_LAST);
    assert_int_equal(one->state, PX_ALIAS_PENDING);
    assert_ptr_equal(px_alias_find(&a, 77), one);
    assert_null(px_alias_find(&a, 79));
    assert_ptr_equal(px_aliases_oldest(&a), one);
    assert_ptr_equal(px_alias_recent(&a, one->address), one);
    assert_null(px_alias_recent(&a, one->address + 1));
    struct px_alias *two = grant(&a, 78, true, 5);
    assert_ptr_equal(px_alias_newer(&a, one), two);
    assert_null(px_alias_newer(&a, two));
    assert_ptr_equal(px_alias_recent(&a, one->address), one);
    px_alias_over(&a, 78, two->serial);
    px_alias_taken(&a, one);
    assert_null(px_aliases_oldest(&a));
    assert_null(px_alias_recent(&a, one->address));
    px_alias_over(&a, 77, one->serial);
    assert_int_equal(one->state, PX_ALIAS_OVER);
    assert_ptr_equal(px_alias_find(&a, 77), one);
    px_aliases_free(&a);
}

/* The end of an earlier connection of the same socket says nothing of the later one. */
static void test_led_again(void **state)
{
    struct px_aliases a;
    (void)state;
    assert_true(px_aliases_open(&a, LIMIT, 0));
    struct px_alias *alias = grant(&a, 77, true, 0);
    uint32_t serial = alias->serial, address = alias->address;
    px_alias_taken(&a, alias);
    assert_ptr_equal(grant(&a, 77, true, 1), alias);
    assert_int_not_equal(alias->address, address);
    px_alias_over(&a, 77, serial);
    assert_int_equal(alias->state, PX_ALIAS_PENDING);
    px_aliases_free(&a);
}

/* Rows that are pending or taken stay; of the others the oldest makes room. */
static void test_full(void **state)
{
    struct px_aliases a;
    (void)state;
    assert_true(px_aliases_open(&a, LIMIT, 0));
    for (uint64_t cookie = 1; cookie <= LIMIT; cookie++)
        assert_non_null(grant(&a, cookie, false, (int64_t)cookie));
    assert_null(grant(&a, 100, false, 100));
    for (uint64_t cookie = 3; cookie <= 4; cookie++)
        px_alias_over(&a, cookie, px_alias_find(&a, cookie)->serial);
    assert_non_null(grant(&a, 100, false, 100));
    assert_null(px_alias_find(&a, 3));
    assert_non_null(px_alias_find(&a, 4));
    assert_non_null(grant(&a, 101, false, 100));
    assert_null(grant(&a, 102, false, 100));
    assert_int_equal(px_aliases_oldest(&a)->cookie, 1);
    px_aliases_free(&a);
}

static bool is_marked(const struct px_aliases *a, uint32_t address)
{
    uint32_t bit = address & 0xffffff;
    return (a->given[0][bit / 8] | a->given[1][bit / 8]) >> bit % 8 & 1;
}

/* An address rests for one day at least, and for two at most; and none is drawn while it rests. */
static void test_rest(void **state)
{
    struct px_aliases a;
    (void)state;
    assert_true(px_aliases_open(&a, LIMIT, 0));
    uint32_t address = grant(&a, 1, true, PX_ALIAS_REST - 1)->address;
    assert_true(is_marked(&a, address));
    grant(&a, 2, true, PX_ALIAS_REST);
    assert_true(is_marked(&a, address));
    grant(&a, 3, true, 2 * PX_ALIAS_REST - 1);
    assert_true(is_marked(&a, address));
    uint32_t third = grant(&a, 4, true, 2 * PX_ALIAS_REST)->address;
    assert_true(third == address || !is_marked(&a, address));
    memset(a.given[1], 0xff, 1u << 21);
    assert_null(grant(&a, 5, true, 2 * PX_ALIAS_REST));
    assert_non_null(grant(&a, 5, false, 2 * PX_ALIAS_REST));
    px_aliases_free(&a);
}

/* Nobody can tell the next address from those before: they are all over the network, in no order. */
static void test_random(void **state)
{
    struct px_aliases a;
    bool seen[256] = { false };
    unsigned networks = 0, rises = 0;
    uint32_t before = 0;
    (void)state;
    assert_true(px_aliases_open(&a, LIMIT, 0));
    for (uint64_t i = 0; i < 1000; i++) {
        struct px_alias *alias = grant(&a, 77 + i % 2, true, 0);
        px_alias_over(&a, alias->cookie, alias->serial);
        networks += !seen[alias->address >> 16 & 0xff];
        seen[alias->address >> 16 & 0xff] = true;
        rises += alias->address > before;
        before = alias->address;
    }
    assert_in_range(networks, 200, 254); /* of 254, some 249 */
    assert_in_range(rises, 400, 600);
    px_aliases_free(&a);
}

/* A spare is found by its address until a socket comes for it, and by that socket's cookie then; what the socket was led
 * to before is forgotten, and its end says nothing of this. */
static void test_spare(void **state)
{
    struct px_aliases a;
    (void)state;
    assert_true(px_aliases_open(&a, LIMIT, 0));
    struct px_alias *before = grant(&a, 77, true, 0);
    uint32_t serial = before->serial;
    px_alias_taken(&a, before);
    struct px_alias *spare = px_alias_spare(&a, USER, 5), *other = px_alias_spare(&a, USER, 6);
    assert_ptr_equal(px_aliases_oldest_spare(&a), spare);
    assert_null(px_aliases_oldest(&a));
    assert_ptr_equal(px_alias_find_spare(&a, spare->address), spare);
    struct px_alias *claimed = px_alias_claim(&a, spare, 77);
    assert_null(px_alias_find_spare(&a, spare->address));
    assert_ptr_equal(px_alias_find(&a, 77), claimed);
    assert_ptr_equal(px_aliases_oldest_spare(&a), other);
    px_alias_over(&a, 77, serial);
    assert_int_equal(claimed->state, PX_ALIAS_PENDING);
    px_alias_drop(&a, other);
    assert_null(px_aliases_oldest_spare(&a));
    assert_null(px_alias_find_spare(&a, other->address));
    px_aliases_free(&a);
}

/* Where there is no row or no share left, nothing is counted. */
static void test_no_spare(void **state)
{
    struct px_aliases a;
    (void)state;
    assert_true(px_aliases_open(&a, LIMIT, 0));
    for (int i = 0; i < LIMIT; i++)
        assert_non_null(px_alias_spare(&a, USER, i));
    assert_null(px_alias_spare(&a, USER, LIMIT));
    assert_int_equal(px_asker_room(&a.askers, USER), PX_ASKER_MOST - LIMIT);
    while (px_asker_takes(&a.askers, USER))
        ;
    px_alias_drop(&a, px_aliases_oldest_spare(&a));
    assert_true(px_asker_takes(&a.askers, USER));
    assert_null(px_alias_spare(&a, USER, LIMIT));
    px_aliases_free(&a);
}

/* Rows that spares leave are used again before any that is remembered. */
static void test_spare_rows(void **state)
{
    struct px_aliases a;
    (void)state;
    assert_true(px_aliases_open(&a, LIMIT, 0));
    struct px_alias *over = grant(&a, 77, true, 0);
    px_alias_over(&a, 77, over->serial);
    for (int i = 0; i < 3 * LIMIT; i++) {
        px_alias_drop(&a, px_alias_spare(&a, USER, i));
    }
    assert_ptr_equal(px_alias_find(&a, 77), over);
    assert_int_equal(px_asker_room(&a.askers, USER), PX_ASKER_MOST);
    px_aliases_free(&a);
}

static uint32_t waits(const struct px_aliases *a, uint32_t uid)
{
    return PX_ASKER_MOST - px_asker_room(&a->askers, uid);
}

/* What is pending counts, and nothing else. */
static void test_share(void **state)
{
    struct px_aliases a;
    (void)state;
    assert_true(px_aliases_open(&a, LIMIT, 0));
    struct px_alias *one = grant(&a, 1, true, 0), *two = grant(&a, 2, true, 0);
    assert_int_equal(waits(&a, USER), 2);
    px_alias_taken(&a, one);
    assert_int_equal(waits(&a, USER), 1);
    px_alias_over(&a, 1, one->serial);
    px_alias_over(&a, 2, two->serial);
    assert_int_equal(waits(&a, USER), 0);
    for (uint32_t i = 0; i < PX_ASKER_MOST; i++)
        assert_true(px_asker_takes(&a.askers, USER));
    assert_false(px_asker_takes(&a.askers, USER));
    assert_int_equal(waits(&a, USER + 1), 0);
    for (uint32_t i = 1; i < PX_ASKERS_MOST; i++)
        assert_true(px_asker_takes(&a.askers, USER + i));
    assert_false(px_asker_takes(&a.askers, USER + PX_ASKERS_MOST));
    px_asker_gives(&a.askers, USER + 1);
    assert_true(px_asker_takes(&a.askers, USER + PX_ASKERS_MOST));
    px_aliases_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),  cmocka_unit_test(test_led_again), cmocka_unit_test(test_full),
        cmocka_unit_test(test_rest),  cmocka_unit_test(test_share),     cmocka_unit_test(test_random),
        cmocka_unit_test(test_spare), cmocka_unit_test(test_no_spare),  cmocka_unit_test(test_spare_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
