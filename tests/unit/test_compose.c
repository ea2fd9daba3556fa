/* What is composed is decoded again: every field, in both byte orders; and compared with what others send. */
#include "compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard.h"
#include "samples.h"

enum { ROOM = 1024 };

static const uint8_t *const orders[] = { dis_little_endian, dis_big_endian_drep };

static const struct dis_uuid rpcecho = { { 0x60, 0xa1, 0x5e, 0xc5, 0x4d, 0xe8, 0x11, 0xd7, 0xa6, 0x37, 0x00, 0x50,
                                           0x56, 0xa2, 0x01, 0x82 } };

static struct dis_head head_in(unsigned order)
{
    return (struct dis_head){ .drep = orders[order], .minor = 1, .call_id = 0x12345678 };
}

static struct dis_pdu decoded(const uint8_t *bytes, size_t length, unsigned order, enum dis_ptype type, uint8_t flags)
{
    struct dis_pdu pdu;
    struct dis_error error;
    assert_true(length >= DIS_HEADER_SIZE);
    assert_true(dis_pdu_decode(bytes, length, &pdu, &error));
    assert_int_equal(pdu.header.version, 5);
    assert_int_equal(pdu.header.minor, 1);
    assert_int_equal(pdu.header.type, type);
    assert_int_equal(pdu.header.flags, flags);
    assert_memory_equal(pdu.header.drep, orders[order], 4);
    assert_int_equal(pdu.header.frag_length, length);
    assert_int_equal(pdu.header.auth_length, 0);
    assert_int_equal(pdu.header.call_id, 0x12345678);
    return pdu;
}

static void test_bind(void **state)
{
    (void)state;
    const struct dis_bind sizes = { .max_xmit_frag = 4280, .max_recv_frag = 5840, .assoc_group_id = 0xaabbccdd };
    const struct dis_syntax transfers[] = { dis_ndr, dis_ndr64 };
    const struct dis_offer offers[] = {
        { .id = 7, .abstract = { rpcecho, 1, 2 }, .transfers = transfers, .transfer_count = 2 },
        { .id = 0x102, .abstract = { rpcecho, 3, 4 }, .transfers = &transfers[1], .transfer_count = 1 },
    };
    static const enum dis_ptype types[] = { DIS_BIND, DIS_ALTER_CONTEXT };
    for (unsigned i = 0; i < 4; i++) {
        uint8_t out[ROOM];
        struct dis_head head = head_in(i / 2);
        head.flags = DIS_CONC_MPX;
        size_t length = dis_compose_bind(out, sizeof(out), types[i % 2], &head, &sizes, offers, 2);
        struct dis_pdu pdu = decoded(out, length, i / 2, types[i % 2], 0x13);
        assert_int_equal(pdu.bind.max_xmit_frag, 4280);
        assert_int_equal(pdu.bind.max_recv_frag, 5840);
        assert_int_equal(pdu.bind.assoc_group_id, 0xaabbccdd);
        struct dis_context context;
        struct dis_syntax syntax;
        for (unsigned j = 0; j < 2; j++) {
            assert_true(dis_next_context(&pdu.bind.contexts, &context));
            assert_int_equal(context.id, offers[j].id);
            assert_true(dis_syntax_equal(&context.abstract, &offers[j].abstract));
            for (unsigned k = 0; k < offers[j].transfer_count; k++) {
                assert_true(dis_next_syntax(&context.transfers, &syntax));
                assert_true(dis_syntax_equal(&syntax, &offers[j].transfers[k]));
            }
            assert_false(dis_next_syntax(&context.transfers, &syntax));
        }
        assert_false(dis_next_context(&pdu.bind.contexts, &context));
    }
}

static void test_bind_ack(void **state)
{
    (void)state;
    static const char *const secondaries[] = { "", "1", "135", "65535", "\\pipe\\x" };
    const struct dis_bind_ack sizes = { .max_xmit_frag = 2048, .max_recv_frag = 4280, .assoc_group_id = 0x01020304 };
    const struct dis_context_result results[] = {
        { .result = DIS_ACCEPTANCE, .transfer = dis_ndr },
        { .result = DIS_PROVIDER_REJECTION, .reason = DIS_TRANSFER_SYNTAXES_NOT_SUPPORTED },
        { .result = DIS_NEGOTIATE_ACK, .reason = 3 },
    };
    for (unsigned i = 0; i < 2 * sizeof(secondaries) / sizeof(secondaries[0]); i++) {
        uint8_t out[ROOM];
        const char *secondary = secondaries[i / 2];
        struct dis_head head = head_in(i % 2);
        head.flags = DIS_SUPPORT_HEADER_SIGN;
        size_t length = dis_compose_bind_ack(out, sizeof(out), DIS_BIND_ACK, &head, &sizes, secondary, results, 3);
        struct dis_pdu pdu = decoded(out, length, i % 2, DIS_BIND_ACK, 0x07);
        assert_int_equal(pdu.bind_ack.max_xmit_frag, 2048);
        assert_int_equal(pdu.bind_ack.max_recv_frag, 4280);
        assert_int_equal(pdu.bind_ack.assoc_group_id, 0x01020304);
        assert_int_equal(pdu.bind_ack.secondary_length, *secondary == '\0' ? 0 : strlen(secondary) + 1);
        assert_memory_equal(pdu.bind_ack.secondary_address, secondary, pdu.bind_ack.secondary_length);
        struct dis_context_result result;
        for (unsigned j = 0; j < 3; j++) {
            assert_true(dis_next_result(&pdu.bind_ack.results, &result));
            assert_int_equal(result.result, results[j].result);
            assert_int_equal(result.reason, results[j].reason);
            assert_true(dis_syntax_equal(&result.transfer, &results[j].transfer));
        }
        assert_false(dis_next_result(&pdu.bind_ack.results, &result));
    }
}

static void test_bind_nak(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        uint8_t out[ROOM];
        struct dis_head head = head_in(order);
        size_t length = dis_compose_bind_nak(out, sizeof(out), &head, DIS_NAK_LOCAL_LIMIT_EXCEEDED);
        struct dis_pdu pdu = decoded(out, length, order, DIS_BIND_NAK, 0x03);
        assert_int_equal(pdu.bind_nak.reason, DIS_NAK_LOCAL_LIMIT_EXCEEDED);
        assert_int_equal(pdu.bind_nak.version_count, 1);
        assert_memory_equal(pdu.bind_nak.versions, "\x05\x00", 2);
    }
}

static void test_fault(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        uint8_t out[ROOM];
        struct dis_head head = head_in(order);
        head.flags = DIS_DID_NOT_EXECUTE;
        size_t length = dis_compose_fault(out, sizeof(out), &head, 0x304, 0x1c010014);
        struct dis_pdu pdu = decoded(out, length, order, DIS_FAULT, 0x23);
        assert_int_equal(length, 32);
        assert_int_equal(pdu.fault.alloc_hint, 32);
        assert_int_equal(pdu.fault.context_id, 0x304);
        assert_int_equal(pdu.fault.cancel_count, 0);
        assert_int_equal(pdu.fault.fault_flags, 0);
        assert_int_equal(pdu.fault.status, 0x1c010014);
        assert_int_equal(pdu.fault.stub_length, 0);
    }
}

static void test_request(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t out[ROOM];
        const struct dis_uuid *object = i % 2 == 0 ? NULL : &rpcecho;
        struct dis_head head = head_in(i / 2);
        head.flags = DIS_FIRST_FRAG;
        size_t length = dis_compose_request(out, sizeof(out), &head, 0x102, 0x304, object, 0x05060708,
                                            (const uint8_t *)"stub!", 5);
        struct dis_pdu pdu = decoded(out, length, i / 2, DIS_REQUEST, object == NULL ? 0x01 : 0x81);
        assert_int_equal(pdu.request.alloc_hint, 0x05060708);
        assert_int_equal(pdu.request.context_id, 0x102);
        assert_int_equal(pdu.request.opnum, 0x304);
        assert_int_equal(pdu.request.has_object, object != NULL);
        assert_int_equal(dis_uuid_equal(&pdu.request.object, &rpcecho), object != NULL);
        assert_int_equal(pdu.request.stub_length, 5);
        assert_memory_equal(pdu.request.stub, "stub!", 5);
    }
}

static void test_response(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        uint8_t out[ROOM];
        struct dis_head head = head_in(order);
        head.flags = DIS_LAST_FRAG;
        size_t length = dis_compose_response(out, sizeof(out), &head, 0x102, 3, (const uint8_t *)"abc", 3);
        struct dis_pdu pdu = decoded(out, length, order, DIS_RESPONSE, 0x02);
        assert_int_equal(pdu.response.alloc_hint, 3);
        assert_int_equal(pdu.response.context_id, 0x102);
        assert_int_equal(pdu.response.cancel_count, 0);
        assert_int_equal(pdu.response.stub_length, 3);
        assert_memory_equal(pdu.response.stub, "abc", 3);
    }
}

static void test_control(void **state)
{
    (void)state;
    static const enum dis_ptype types[] = { DIS_CO_CANCEL, DIS_ORPHANED, DIS_SHUTDOWN };
    for (unsigned i = 0; i < 6; i++) {
        uint8_t out[ROOM];
        struct dis_head head = head_in(i % 2);
        size_t length = dis_compose_control(out, sizeof(out), types[i / 2], &head);
        assert_int_equal(length, DIS_HEADER_SIZE);
        decoded(out, length, i % 2, types[i / 2], 0x03);
    }
}

static void same(const char *hex, const uint8_t *out, size_t length)
{
    struct sample s = sample(hex);
    assert_int_equal(length, s.length);
    assert_memory_equal(out, s.bytes, length);
}

/* Byte for byte what real peers sent. */
static void test_as_others_do(void **state)
{
    (void)state;
    uint8_t out[ROOM];
    struct dis_head head = { .drep = dis_little_endian, .call_id = 3 };
    same(CO_CANCEL, out, dis_compose_control(out, sizeof(out), DIS_CO_CANCEL, &head));
    same(ORPHANED, out, dis_compose_control(out, sizeof(out), DIS_ORPHANED, &head));
    head.call_id = 0;
    same(BIND_NAK, out, dis_compose_bind_nak(out, sizeof(out), &head, DIS_NAK_NOT_SPECIFIED));
    head.call_id = 1;
    head.flags = DIS_DID_NOT_EXECUTE;
    same(FAULT_DNE, out, dis_compose_fault(out, sizeof(out), &head, 0, 0x1c010002));

    const struct dis_context_result results[] = { { .transfer = dis_ndr },
                                                  { .result = DIS_NEGOTIATE_ACK, .reason = 3 } };
    struct dis_bind_ack ack = { .max_xmit_frag = 5840, .max_recv_frag = 5840, .assoc_group_id = 0xda44 };
    head.flags = 0;
    same(BIND_ACK_FEATURES, out,
         dis_compose_bind_ack(out, sizeof(out), DIS_BIND_ACK, &head, &ack, "135", results, 2));
    ack = (struct dis_bind_ack){ .max_xmit_frag = 4280, .max_recv_frag = 4280, .assoc_group_id = 0x3d94 };
    same(ALTER_CONTEXT_RESP, out,
         dis_compose_bind_ack(out, sizeof(out), DIS_ALTER_CONTEXT_RESP, &head, &ack, "", results, 1));
}

static void test_as_a_big_endian_client(void **state)
{
    (void)state;
    uint8_t out[ROOM];
    struct dis_head head = { .drep = dis_big_endian_drep, .call_id = 1 };
    const struct dis_syntax features = dis_feature_syntax(3);
    const struct dis_bind sizes = { .max_xmit_frag = 5840, .max_recv_frag = 5840 };
    const struct dis_offer offers[] = { { 0, { rpcecho, 1, 0 }, &dis_ndr, 1 },
                                        { 1, { rpcecho, 1, 0 }, &features, 1 } };
    same(BIND_BIG_ENDIAN, out, dis_compose_bind(out, sizeof(out), DIS_BIND, &head, &sizes, offers, 2));
    head.call_id = 3;
    head.flags = DIS_FIRST_FRAG | DIS_LAST_FRAG;
    same(REQUEST_BIG_ENDIAN, out,
         dis_compose_request(out, sizeof(out), &head, 0, 0, NULL, 4, (const uint8_t *)"\x00\x00\x00\x01", 4));
}

static void test_feature_syntax(void **state)
{
    (void)state;
    uint8_t out[ROOM];
    uint64_t features;
    struct dis_context context;
    const struct dis_syntax syntax = dis_feature_syntax(0x8877665544332211);
    const struct dis_offer offer = { 1, { rpcecho, 1, 0 }, &syntax, 1 };
    for (unsigned order = 0; order < 2; order++) {
        struct dis_head head = head_in(order);
        size_t length = dis_compose_bind(out, sizeof(out), DIS_BIND, &head, &(struct dis_bind){ 0 }, &offer, 1);
        struct dis_pdu pdu = decoded(out, length, order, DIS_BIND, 0x03);
        assert_true(dis_next_context(&pdu.bind.contexts, &context));
        assert_true(dis_is_feature_negotiation(&context, &features));
        assert_true(features == 0x8877665544332211);
    }
}

/* Too little room gives 0 and touches nothing behind it. */
static void test_room(void **state)
{
    (void)state;
    uint8_t *guarded = guard_new();
    struct dis_head head = head_in(0);
    const struct dis_context_result result = { .transfer = dis_ndr };
    const struct dis_offer offer = { 0, { rpcecho, 1, 0 }, &dis_ndr, 1 };
    for (size_t room = 0; room <= 72; room++) {
        uint8_t *out = guard_place(guarded, NULL, 0) - room;
        assert_int_equal(dis_compose_control(out, room, DIS_ORPHANED, &head), room < 16 ? 0 : 16);
        assert_int_equal(dis_compose_bind_nak(out, room, &head, 0), room < 24 ? 0 : 24);
        assert_int_equal(dis_compose_fault(out, room, &head, 0, 5), room < 32 ? 0 : 32);
        assert_int_equal(dis_compose_response(out, room, &head, 0, 4, (const uint8_t *)"abcd", 4),
                         room < 28 ? 0 : 28);
        assert_int_equal(dis_compose_request(out, room, &head, 0, 0, &rpcecho, 0, NULL, 0), room < 40 ? 0 : 40);
        assert_int_equal(
            dis_compose_bind_ack(out, room, DIS_BIND_ACK, &head, &(struct dis_bind_ack){ 0 }, "135", &result, 1),
            room < 60 ? 0 : 60);
        assert_int_equal(dis_compose_bind(out, room, DIS_BIND, &head, &(struct dis_bind){ 0 }, &offer, 1),
                         room < 72 ? 0 : 72);
    }
    guard_free(guarded);
}

/* frag_length has 16 bits. */
static void test_longest(void **state)
{
    (void)state;
    static uint8_t out[2 * DIS_PDU_SIZE_MAX];
    static const uint8_t stub[DIS_PDU_SIZE_MAX];
    struct dis_head head = head_in(0);
    assert_int_equal(dis_compose_response(out, sizeof(out), &head, 0, 0, stub, DIS_PDU_SIZE_MAX - 24),
                     DIS_PDU_SIZE_MAX);
    assert_int_equal(dis_compose_response(out, sizeof(out), &head, 0, 0, stub, DIS_PDU_SIZE_MAX - 23), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bind),
        cmocka_unit_test(test_bind_ack),
        cmocka_unit_test(test_bind_nak),
        cmocka_unit_test(test_fault),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_as_others_do),
        cmocka_unit_test(test_as_a_big_endian_client),
        cmocka_unit_test(test_feature_syntax),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
