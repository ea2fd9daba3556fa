/* The auth trailer: found from the end, with its padding, and refused where it does not fit. */
#include "auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard.h"
#include "samples.h"

/* Sixteen bytes of header, four of body, two of padding, the trailer, four bytes of value. */
static const char padded[] = "000102030405060708090a0b0c0d0e0f"
                             "b0b1b2b3"
                             "eeee"
                             "0a060299"
                             "78563412"
                             "01020304";

static size_t body_end(struct dis_cursor *c, size_t body, uint16_t auth_length, struct dis_auth *auth)
{
    size_t trailer = dis_auth_decode(c, body, auth_length, auth);
    return dis_cursor_ok(c) ? dis_auth_unpad(c, body, trailer, auth) : 0;
}

static size_t decode(const struct sample *s, size_t body, uint16_t auth_length, struct dis_auth *auth,
                     const char **why)
{
    struct dis_cursor c = dis_cursor_over(s->bytes, s->length, false);
    size_t end = body_end(&c, body, auth_length, auth);
    *why = c.error.what;
    return end;
}

static void test_padded(void **state)
{
    (void)state;
    struct sample s = sample(padded);
    struct dis_auth auth = { 0 };
    const char *why;
    assert_int_equal(decode(&s, 16, 4, &auth, &why), 20);
    assert_null(why);
    assert_int_equal(auth.type, DIS_AUTH_NTLMSSP);
    assert_int_equal(auth.level, DIS_LEVEL_PRIVACY);
    assert_int_equal(auth.pad, 2);
    assert_int_equal(auth.reserved, 0x99);
    assert_int_equal(auth.context_id, 0x12345678);
    assert_int_equal(auth.length, 4);
    assert_ptr_equal(auth.value, s.bytes + 30);
    assert_memory_equal(auth.value, "\x01\x02\x03\x04", 4);
}

static void test_big_endian(void **state)
{
    (void)state;
    struct sample s = sample(padded);
    struct dis_auth auth = { 0 };
    struct dis_cursor c = dis_cursor_over(s.bytes, s.length, true);
    assert_int_equal(body_end(&c, 16, 4, &auth), 20);
    assert_int_equal(auth.context_id, 0x78563412);
}

/* The length alone says where the trailer lies; one more byte of value moves it. */
static void test_from_the_end(void **state)
{
    (void)state;
    struct sample s = sample(padded);
    struct dis_auth auth = { 0 };
    const char *why;
    assert_int_equal(decode(&s, 16, 5, &auth, &why), 0);
    assert_string_equal(why, "auth_pad_length is larger than the PDU's body");
    assert_int_equal(auth.type, 0xee);
    assert_int_equal(auth.pad, 6); /* of 5 bytes of body */
    assert_int_equal(decode(&s, 15, 5, &auth, &why), 15);
}

static void test_limits(void **state)
{
    (void)state;
    struct sample s = sample(padded);
    struct dis_auth auth = { 0 };
    const char *why;
    s.bytes[24] = 6; /* the whole body is padding */
    assert_int_equal(decode(&s, 16, 4, &auth, &why), 16);
    s.bytes[24] = 7;
    assert_int_equal(decode(&s, 16, 4, &auth, &why), 0);
    assert_non_null(why);
    assert_int_equal(auth.pad, 7);
    s.bytes[18] = 0; /* where a value of 10 bytes has its pad length */
    assert_int_equal(decode(&s, 16, 10, &auth, &why), 16);
    assert_int_equal(decode(&s, 16, 11, &auth, &why), 0);
    assert_string_equal(why, "auth_length is larger than the PDU can hold");
    assert_int_equal(decode(&s, 16, 65535, &auth, &why), 0);
    assert_int_equal(decode(&s, 35, 1, &auth, &why), 0);
}

static void test_guard(void **state)
{
    (void)state;
    uint8_t *room = guard_new();
    struct sample s = sample(padded);
    for (size_t length = 0; length <= s.length; length++) {
        struct dis_auth auth = { 0 };
        struct dis_cursor c = dis_cursor_over(guard_place(room, s.bytes, length), length, false);
        for (uint16_t auth_length = 1; auth_length < 40; auth_length++) {
            size_t end = body_end(&c, 16, auth_length, &auth);
            assert_true(end == 0 || (end >= 16 && end + 8 + auth_length <= length));
        }
    }
    guard_free(room);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_padded), cmocka_unit_test(test_big_endian), cmocka_unit_test(test_from_the_end),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
