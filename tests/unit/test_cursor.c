/* The bounded reader: values in both byte orders, the end, and the error that sticks. */
#include "cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard.h"

static const uint8_t counting[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08 };

static void test_little_endian(void **state)
{
    (void)state;
    struct dis_cursor c = dis_cursor_over(counting, sizeof(counting), false);
    assert_int_equal(dis_u8(&c, "a"), 0x01);
    assert_int_equal(dis_u16(&c, "b"), 0x0302);
    assert_int_equal(dis_u32(&c, "c"), 0x07060504);
    assert_int_equal(c.at, 7);
    assert_true(dis_cursor_ok(&c));
}

static void test_big_endian(void **state)
{
    (void)state;
    struct dis_cursor c = dis_cursor_over(counting, sizeof(counting), true);
    assert_int_equal(dis_u8(&c, "a"), 0x01);
    assert_int_equal(dis_u16(&c, "b"), 0x0203);
    assert_int_equal(dis_u32(&c, "c"), 0x04050607);
    assert_true(dis_cursor_ok(&c));
}

static void test_high_bits(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa };
    struct dis_cursor c = dis_cursor_over(bytes, sizeof(bytes), false);
    assert_int_equal(dis_u32(&c, "a"), 0xfcfdfeff);
    assert_int_equal(dis_u16(&c, "b"), 0xfafb);
    c = dis_cursor_over(bytes, sizeof(bytes), true);
    assert_int_equal(dis_u32(&c, "a"), 0xfffefdfc);
    assert_int_equal(dis_u16(&c, "b"), 0xfbfa);
}

static void test_first_error_sticks(void **state)
{
    (void)state;
    struct dis_cursor c = dis_cursor_over(counting, 5, false);
    dis_u32(&c, "fits");
    assert_int_equal(dis_u32(&c, "does not"), 0);
    assert_string_equal(c.error.what, "does not");
    assert_int_equal(c.error.at, 4);
    assert_int_equal(dis_u8(&c, "would fit, comes too late"), 0);
    assert_null(dis_take(&c, 0, "nothing, too late as well"));
    dis_cursor_fail(&c, "later");
    assert_string_equal(c.error.what, "does not");
    assert_int_equal(c.at, 4);
}

static void test_take(void **state)
{
    (void)state;
    struct dis_cursor c = dis_cursor_over(counting, sizeof(counting), false);
    assert_ptr_equal(dis_take(&c, 3, "a"), counting);
    assert_ptr_equal(dis_take(&c, 5, "b"), counting + 3);
    assert_ptr_equal(dis_take(&c, 0, "nothing at the end"), counting + 8);
    assert_true(dis_cursor_ok(&c));
    assert_null(dis_take(&c, SIZE_MAX, "more than there is in the world"));
    assert_int_equal(c.error.at, 8);
}

static void test_align(void **state)
{
    (void)state;
    static const size_t rows[][2] = { { 0, 0 }, { 1, 4 }, { 2, 4 }, { 3, 4 }, { 4, 4 }, { 5, 8 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dis_cursor c = dis_cursor_over(counting, sizeof(counting), false);
        c.at = rows[i][0];
        dis_align(&c, 4, "padding");
        assert_int_equal(c.at, rows[i][1]);
        assert_true(dis_cursor_ok(&c));
    }
    struct dis_cursor c = dis_cursor_over(counting, 6, false);
    c.at = 5;
    dis_align(&c, 4, "padding that is not there");
    assert_string_equal(c.error.what, "padding that is not there");
}

/* Every read at every distance from the end: no byte behind it is touched. */
static void test_guard(void **state)
{
    (void)state;
    uint8_t *room = guard_new();
    for (size_t length = 0; length <= sizeof(counting); length++) {
        const uint8_t *bytes = guard_place(room, counting, length);
        for (size_t at = 0; at <= length; at++) {
            struct dis_cursor c = dis_cursor_over(bytes, length, false);
            c.at = at;
            struct dis_cursor one = c, two = c, four = c;
            dis_u8(&one, "one");
            dis_u16(&two, "two");
            dis_u32(&four, "four");
            assert_int_equal(dis_cursor_ok(&one), length - at >= 1);
            assert_int_equal(dis_cursor_ok(&two), length - at >= 2);
            assert_int_equal(dis_cursor_ok(&four), length - at >= 4);
        }
    }
    guard_free(room);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_little_endian), cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_high_bits),     cmocka_unit_test(test_first_error_sticks),
        cmocka_unit_test(test_take),          cmocka_unit_test(test_align),
        cmocka_unit_test(test_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
