/* Bodies of calls: every field in both byte orders, the stub's bounds, and what is cut short. */
#include "request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard.h"
#include "samples.h"

/* A cursor over the body alone: what stands before it does not matter here. */
static struct dis_cursor body(const struct sample *s, bool big_endian)
{
    return dis_cursor_over(s->bytes, s->length, big_endian);
}

static void test_request(void **state)
{
    (void)state;
    struct dis_request r;
    struct sample s = sample("785634120200341261626364");
    struct dis_cursor c = body(&s, false);
    dis_request_decode(&c, false, &r);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(r.alloc_hint, 0x12345678);
    assert_int_equal(r.context_id, 2);
    assert_int_equal(r.opnum, 0x1234);
    assert_false(r.has_object);
    assert_true(dis_uuid_is_nil(&r.object));
    assert_int_equal(r.stub_length, 4);
    assert_memory_equal(r.stub, "abcd", 4);

    c = body(&s, true);
    dis_request_decode(&c, false, &r);
    assert_int_equal(r.alloc_hint, 0x78563412);
    assert_int_equal(r.context_id, 0x0200);
    assert_int_equal(r.opnum, 0x3412);
}

static void test_request_object(void **state)
{
    (void)state;
    char text[DIS_UUID_TEXT];
    struct dis_request r;
    struct sample s = sample("00000000"
                             "0000"
                             "0300"
                             "0e3c0000ac0f00008d9b58a63aa615c5"
                             "ff");
    struct dis_cursor c = body(&s, false);
    dis_request_decode(&c, true, &r);
    assert_true(r.has_object);
    assert_string_equal(dis_uuid_format(&r.object, text), "00003c0e-0fac-0000-8d9b-58a63aa615c5");
    assert_int_equal(r.stub_length, 1);
    assert_int_equal(r.stub[0], 0xff);
    c = dis_cursor_over(s.bytes, 20, false);
    dis_request_decode(&c, true, &r);
    assert_string_equal(c.error.what, "request: object");
    assert_null(r.stub);
    assert_int_equal(r.stub_length, 0);
}

static void test_response(void **state)
{
    (void)state;
    struct dis_response r;
    struct sample s = sample("000001000300"
                             "07"
                             "00"
                             "aabb");
    struct dis_cursor c = body(&s, false);
    dis_response_decode(&c, &r);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(r.alloc_hint, 0x10000);
    assert_int_equal(r.context_id, 3);
    assert_int_equal(r.cancel_count, 7);
    assert_int_equal(r.stub_length, 2);
    assert_memory_equal(r.stub, "\xaa\xbb", 2);
}

static void test_fault(void **state)
{
    (void)state;
    struct dis_fault f;
    struct sample s = sample("20000000"
                             "0100"
                             "02"
                             "01"
                             "0200011c"
                             "00000000"
                             "cafe");
    struct dis_cursor c = body(&s, false);
    dis_fault_decode(&c, &f);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(f.alloc_hint, 32);
    assert_int_equal(f.context_id, 1);
    assert_int_equal(f.cancel_count, 2);
    assert_int_equal(f.fault_flags, 1);
    assert_int_equal(f.status, 0x1c010002);
    assert_int_equal(f.stub_length, 2);
    assert_memory_equal(f.stub, "\xca\xfe", 2);
}

/* A fault may end after its status, but not inside the reserved bytes behind it. */
static void test_fault_without_reserved(void **state)
{
    (void)state;
    struct dis_fault f;
    struct sample s = sample("20000000"
                             "0100"
                             "00"
                             "00"
                             "ba060000"
                             "00000000");
    struct dis_cursor c = dis_cursor_over(s.bytes, 12, false);
    dis_fault_decode(&c, &f);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(f.status, 1722);
    assert_int_equal(f.stub_length, 0);
    c = dis_cursor_over(s.bytes, 14, false);
    dis_fault_decode(&c, &f);
    assert_string_equal(c.error.what, "fault: reserved");
}

static void test_rts(void **state)
{
    (void)state;
    struct dis_rts r;
    struct sample s = sample("04000300");
    struct dis_cursor c = body(&s, false);
    dis_rts_decode(&c, &r);
    assert_int_equal(r.flags, 4);
    assert_int_equal(r.command_count, 3);
}

static void test_cut(void **state)
{
    (void)state;
    uint8_t *room = guard_new();
    struct sample s = sample("20000000"
                             "0100"
                             "0000"
                             "0200011c"
                             "00000000"
                             "00000000"
                             "00000000");
    for (size_t length = 0; length <= s.length; length++) {
        const uint8_t *at = guard_place(room, s.bytes, length);
        struct dis_request request;
        struct dis_response response;
        struct dis_fault fault;
        struct dis_cursor c = dis_cursor_over(at, length, false);
        dis_request_decode(&c, false, &request);
        assert_int_equal(dis_cursor_ok(&c), length >= 8);
        assert_int_equal(request.stub_length, length >= 8 ? length - 8 : 0);
        c = dis_cursor_over(at, length, false);
        dis_request_decode(&c, true, &request);
        assert_int_equal(dis_cursor_ok(&c), length >= 24);
        c = dis_cursor_over(at, length, false);
        dis_response_decode(&c, &response);
        assert_int_equal(dis_cursor_ok(&c), length >= 8);
        c = dis_cursor_over(at, length, false);
        dis_fault_decode(&c, &fault);
        assert_int_equal(dis_cursor_ok(&c), length == 12 || length >= 16);
    }
    guard_free(room);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),  cmocka_unit_test(test_request_object),
        cmocka_unit_test(test_response), cmocka_unit_test(test_fault),
        cmocka_unit_test(test_rts),      cmocka_unit_test(test_fault_without_reserved),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
