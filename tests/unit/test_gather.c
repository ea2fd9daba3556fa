/* Fragments to calls: order, mixtures, limits and memory. */
#include "gather.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const uint8_t letters[] = "abcdefghijklmnopqrstuvwxyz";

static struct dis_pdu request(uint8_t flags, uint32_t call_id, const void *stub, size_t length)
{
    return (struct dis_pdu){
        .header = { .version = 5, .type = DIS_REQUEST, .flags = flags, .drep = { 0x10 }, .call_id = call_id },
        .request = { .context_id = 3, .opnum = 7, .stub = stub, .stub_length = length },
    };
}

static struct dis_gather gather_of(size_t limit)
{
    return (struct dis_gather){ .limit = limit };
}

static enum dis_gather_status add(struct dis_gather *g, struct dis_pdu pdu)
{
    struct dis_error error;
    enum dis_gather_status status = dis_gather_add(g, &pdu, &error);
    assert_int_equal(status == DIS_GATHER_BAD, error.what != NULL);
    return status;
}

static void bad(struct dis_gather *g, struct dis_pdu pdu, const char *why)
{
    struct dis_error error;
    assert_int_equal(dis_gather_add(g, &pdu, &error), DIS_GATHER_BAD);
    assert_string_equal(error.what, why);
}

static void test_one_fragment(void **state)
{
    (void)state;
    struct dis_gather g = gather_of(100);
    assert_int_equal(add(&g, request(DIS_FIRST_FRAG | DIS_LAST_FRAG, 9, letters, 5)), DIS_GATHER_DONE);
    assert_int_equal(g.length, 5);
    assert_memory_equal(g.stub, "abcde", 5);
    assert_int_equal(g.fragments, 1);
    assert_int_equal(g.first.call_id, 9);
    assert_int_equal(g.context_id, 3);
    assert_int_equal(g.opnum, 7);
    assert_false(g.has_object);
    assert_false(g.open);
    dis_gather_reset(&g);
    assert_null(g.stub);
    assert_int_equal(g.limit, 100);
}

static void test_three_fragments(void **state)
{
    (void)state;
    struct dis_gather g = gather_of(26);
    assert_int_equal(add(&g, request(DIS_FIRST_FRAG, 9, letters, 8)), DIS_GATHER_MORE);
    assert_true(g.open);
    struct dis_pdu second = request(0, 9, letters + 8, 8);
    second.request.opnum = 99; /* only the first one's counts */
    assert_int_equal(add(&g, second), DIS_GATHER_MORE);
    assert_int_equal(add(&g, request(DIS_LAST_FRAG, 9, letters + 16, 10)), DIS_GATHER_DONE);
    assert_int_equal(g.length, 26);
    assert_memory_equal(g.stub, letters, 26);
    assert_int_equal(g.fragments, 3);
    assert_int_equal(g.opnum, 7);
    dis_gather_reset(&g);
}

/* Without a reset the next call starts from nothing and reuses the room. */
static void test_next_call(void **state)
{
    (void)state;
    struct dis_gather g = gather_of(100);
    add(&g, request(DIS_FIRST_FRAG | DIS_LAST_FRAG, 1, letters, 20));
    const uint8_t *room = g.stub;
    assert_int_equal(add(&g, request(DIS_FIRST_FRAG | DIS_LAST_FRAG, 2, letters + 3, 2)), DIS_GATHER_DONE);
    assert_ptr_equal(g.stub, room);
    assert_int_equal(g.length, 2);
    assert_int_equal(g.fragments, 1);
    assert_memory_equal(g.stub, "de", 2);
    dis_gather_reset(&g);
}

static void test_empty(void **state)
{
    (void)state;
    struct dis_gather g = gather_of(0);
    assert_int_equal(add(&g, request(DIS_FIRST_FRAG | DIS_LAST_FRAG, 1, NULL, 0)), DIS_GATHER_DONE);
    assert_int_equal(g.length, 0);
    dis_gather_reset(&g);
}

static void test_object(void **state)
{
    (void)state;
    struct dis_gather g = gather_of(10);
    struct dis_pdu pdu = request(DIS_FIRST_FRAG | DIS_LAST_FRAG | DIS_OBJECT_UUID, 1, NULL, 0);
    pdu.request.has_object = true;
    pdu.request.object.bytes[15] = 0x77;
    add(&g, pdu);
    assert_true(g.has_object);
    assert_int_equal(g.object.bytes[15], 0x77);
    dis_gather_reset(&g);
}

static void test_response_and_fault(void **state)
{
    (void)state;
    struct dis_gather g = gather_of(10);
    struct dis_pdu pdu = { .header = { .type = DIS_RESPONSE, .flags = DIS_FIRST_FRAG, .call_id = 4 },
                           .response = { .context_id = 2, .stub = letters, .stub_length = 3 } };
    assert_int_equal(add(&g, pdu), DIS_GATHER_MORE);
    assert_int_equal(g.context_id, 2);
    pdu.header.flags = DIS_LAST_FRAG;
    assert_int_equal(add(&g, pdu), DIS_GATHER_DONE);
    assert_memory_equal(g.stub, "abcabc", 6);

    struct dis_pdu fault = { .header = { .type = DIS_FAULT, .flags = DIS_FIRST_FRAG | DIS_LAST_FRAG },
                             .fault = { .context_id = 5, .status = 1722, .stub = letters, .stub_length = 1 } };
    assert_int_equal(add(&g, fault), DIS_GATHER_DONE);
    assert_int_equal(g.status, 1722);
    assert_int_equal(g.context_id, 5);
    assert_int_equal(g.length, 1);
    dis_gather_reset(&g);
}

static void test_misplaced(void **state)
{
    (void)state;
    struct dis_gather g = gather_of(100);
    bad(&g, request(0, 1, letters, 1), "no first fragment before this one");
    bad(&g, request(DIS_LAST_FRAG, 1, letters, 1), "no first fragment before this one");
    struct dis_pdu bind = { .header = { .type = DIS_BIND, .flags = DIS_FIRST_FRAG | DIS_LAST_FRAG } };
    bad(&g, bind, "not a fragment of a call");

    add(&g, request(DIS_FIRST_FRAG, 1, letters, 4));
    bad(&g, request(DIS_FIRST_FRAG, 1, letters, 1), "a first fragment inside another call");
    bad(&g, request(DIS_FIRST_FRAG | DIS_LAST_FRAG, 2, letters, 1), "a first fragment inside another call");
    bad(&g, request(0, 2, letters, 1), "a fragment of another call");
    struct dis_pdu response = request(0, 1, letters, 1);
    response.header.type = DIS_RESPONSE;
    bad(&g, response, "a fragment of another call");
    struct dis_pdu other_order = request(0, 1, letters, 1);
    other_order.header.drep[0] = 0;
    bad(&g, other_order, "fragments in two byte orders");

    /* What was gathered is kept, and the call can still end. */
    assert_int_equal(g.length, 4);
    assert_int_equal(add(&g, request(DIS_LAST_FRAG, 1, letters + 4, 4)), DIS_GATHER_DONE);
    assert_memory_equal(g.stub, "abcdefgh", 8);
    dis_gather_reset(&g);
}

static void test_limit(void **state)
{
    (void)state;
    struct dis_gather g = gather_of(10);
    bad(&g, request(DIS_FIRST_FRAG, 1, letters, 11), "more stub data than the limit");
    dis_gather_reset(&g);
    assert_int_equal(add(&g, request(DIS_FIRST_FRAG, 1, letters, 6)), DIS_GATHER_MORE);
    bad(&g, request(0, 1, letters, 5), "more stub data than the limit");
    assert_int_equal(g.length, 6);
    assert_int_equal(add(&g, request(DIS_LAST_FRAG, 1, letters + 6, 4)), DIS_GATHER_DONE);
    assert_memory_equal(g.stub, "abcdefghij", 10);
    dis_gather_reset(&g);
}

/* Room follows what has come, not what was announced, and never passes the limit. */
static void test_room(void **state)
{
    (void)state;
    struct dis_gather g = gather_of(1000);
    struct dis_pdu pdu = request(DIS_FIRST_FRAG, 1, letters, 26);
    pdu.request.alloc_hint = UINT32_MAX;
    add(&g, pdu);
    assert_true(g.capacity < 100);
    for (unsigned i = 1; i < 38; i++) {
        add(&g, request(0, 1, letters, 26));
        assert_true(g.capacity >= g.length && g.capacity <= 1000);
    }
    assert_int_equal(g.length, 988);
    for (size_t i = 0; i < g.length; i++)
        assert_int_equal(g.stub[i], letters[i % 26]);
    dis_gather_reset(&g);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_fragment), cmocka_unit_test(test_three_fragments),
        cmocka_unit_test(test_next_call),    cmocka_unit_test(test_empty),
        cmocka_unit_test(test_object),       cmocka_unit_test(test_response_and_fault),
        cmocka_unit_test(test_misplaced),    cmocka_unit_test(test_limit),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
