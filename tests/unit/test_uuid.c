/* UUIDs: from the wire in both byte orders, to text and back; syntaxes and their versions. */
#include "uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static const char ndr_text[] = "8a885d04-1ceb-11c9-9fe8-08002b104860";

static const uint8_t ndr_little[] = { 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8,
                                      0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x03, 0x00 };
static const uint8_t ndr_big[] = { 0x8a, 0x88, 0x5d, 0x04, 0x1c, 0xeb, 0x11, 0xc9, 0x9f, 0xe8,
                                   0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x00, 0x03, 0x00, 0x02 };

static void check_syntax(const uint8_t *bytes, bool big_endian)
{
    char text[DIS_UUID_TEXT];
    struct dis_cursor c = dis_cursor_over(bytes, sizeof(ndr_little), big_endian);
    struct dis_syntax syntax = dis_read_syntax(&c, "syntax");
    assert_string_equal(dis_uuid_format(&syntax.uuid, text), ndr_text);
    assert_int_equal(syntax.major, 2);
    assert_int_equal(syntax.minor, 3);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(c.at, sizeof(ndr_little));
}

static void test_read(void **state)
{
    (void)state;
    check_syntax(ndr_little, false);
    check_syntax(ndr_big, true);
}

static void test_truncated(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof(ndr_little); length++) {
        struct dis_cursor c = dis_cursor_over(ndr_little, length, false);
        struct dis_syntax syntax = dis_read_syntax(&c, "syntax");
        assert_string_equal(c.error.what, "syntax");
        assert_int_equal(dis_uuid_is_nil(&syntax.uuid), length < 16);
        assert_int_equal(syntax.major, 0);
    }
}

static void test_known(void **state)
{
    (void)state;
    char text[DIS_UUID_TEXT];
    assert_string_equal(dis_uuid_format(&dis_ndr.uuid, text), ndr_text);
    assert_int_equal(dis_ndr.major, 2);
    assert_int_equal(dis_ndr.minor, 0);
    assert_string_equal(dis_uuid_format(&dis_ndr64.uuid, text), "71710533-beba-4937-8319-b5dbef9ccc36");
    assert_int_equal(dis_ndr64.major, 1);
    assert_int_equal(dis_ndr64.minor, 0);
}

static void test_parse(void **state)
{
    (void)state;
    static const char *const good[] = { "8a885d04-1ceb-11c9-9fe8-08002b104860",
                                        "8A885D04-1CEB-11C9-9FE8-08002B104860" };
    static const char *const bad[] = {
        "",
        "8a885d04-1ceb-11c9-9fe8-08002b10486",
        "8a885d04-1ceb-11c9-9fe8-08002b1048600",
        "8a885d04-1ceb-11c9-9fe8-08002b10486g",
        "8a885d041-ceb-11c9-9fe8-08002b104860",
        "8a885d04+1ceb-11c9-9fe8-08002b104860",
        "{8a885d04-1ceb-11c9-9fe8-08002b10486",
        " a885d04-1ceb-11c9-9fe8-08002b104860",
    };
    struct dis_uuid uuid;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        memset(&uuid, 0, sizeof(uuid));
        assert_true(dis_uuid_parse(good[i], &uuid));
        assert_true(dis_uuid_equal(&uuid, &dis_ndr.uuid));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(dis_uuid_parse(bad[i], &uuid));
}

static void test_every_byte_survives(void **state)
{
    (void)state;
    char text[DIS_UUID_TEXT];
    for (unsigned value = 0; value < 256; value++) {
        struct dis_uuid uuid, back;
        for (unsigned i = 0; i < 16; i++)
            uuid.bytes[i] = (uint8_t)(value + i);
        dis_uuid_format(&uuid, text);
        assert_int_equal(strlen(text), DIS_UUID_TEXT - 1);
        assert_true(dis_uuid_parse(text, &back));
        assert_true(dis_uuid_equal(&uuid, &back));
    }
}

static void test_equal(void **state)
{
    (void)state;
    static const struct dis_uuid nil;
    struct dis_syntax other = dis_ndr;
    assert_true(dis_syntax_equal(&other, &dis_ndr));
    other.minor = 1;
    assert_false(dis_syntax_equal(&other, &dis_ndr));
    other = dis_ndr;
    other.major = 1;
    assert_false(dis_syntax_equal(&other, &dis_ndr));
    other = dis_ndr;
    other.uuid.bytes[15] ^= 1;
    assert_false(dis_syntax_equal(&other, &dis_ndr));
    assert_true(dis_uuid_is_nil(&nil));
    assert_false(dis_uuid_is_nil(&dis_ndr.uuid));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),  cmocka_unit_test(test_truncated), cmocka_unit_test(test_known),
        cmocka_unit_test(test_parse), cmocka_unit_test(test_equal),     cmocka_unit_test(test_every_byte_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
