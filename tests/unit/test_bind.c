/* Binding: lists of contexts, results and versions; feature negotiation; what is cut short. */
#include "bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard.h"
#include "samples.h"

enum { HEADER = 16, AUTH_OF_BIND_NTLM = 48 };

/* A cursor over a real PDU's body. */
static struct dis_cursor body(const uint8_t *bytes, size_t length, bool big_endian)
{
    struct dis_cursor c = dis_cursor_over(bytes, length, big_endian);
    c.at = HEADER;
    return c;
}

static void check_context(struct dis_list *contexts, uint16_t id, const char *abstract, const char *transfer)
{
    char text[DIS_UUID_TEXT];
    struct dis_context context;
    struct dis_syntax syntax;
    assert_true(dis_next_context(contexts, &context));
    assert_int_equal(context.id, id);
    assert_string_equal(dis_uuid_format(&context.abstract.uuid, text), abstract);
    assert_int_equal(context.transfers.count, 1);
    assert_true(dis_next_syntax(&context.transfers, &syntax));
    assert_string_equal(dis_uuid_format(&syntax.uuid, text), transfer);
    assert_false(dis_next_syntax(&context.transfers, &syntax));
}

static void test_bind(void **state)
{
    (void)state;
    struct dis_bind bind;
    struct sample s = sample(BIND_NTLM);
    struct dis_cursor c = body(s.bytes, s.length - AUTH_OF_BIND_NTLM, false);
    dis_bind_decode(&c, &bind);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(c.at, c.end);
    assert_int_equal(bind.max_xmit_frag, 5840);
    assert_int_equal(bind.max_recv_frag, 5840);
    assert_int_equal(bind.assoc_group_id, 0);
    assert_int_equal(bind.contexts.count, 2);
    check_context(&bind.contexts, 0, "3919286a-b10c-11d0-9ba8-00c04fd92ef5", "8a885d04-1ceb-11c9-9fe8-08002b104860");
    check_context(&bind.contexts, 1, "3919286a-b10c-11d0-9ba8-00c04fd92ef5", "6cb71c2c-9812-4540-0300-000000000000");
    struct dis_context none;
    assert_false(dis_next_context(&bind.contexts, &none));
}

static void test_bind_big_endian(void **state)
{
    (void)state;
    struct dis_bind bind;
    struct sample s = sample(BIND_BIG_ENDIAN);
    struct dis_cursor c = body(s.bytes, s.length, true);
    dis_bind_decode(&c, &bind);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(bind.max_xmit_frag, 5840);
    struct dis_list contexts = bind.contexts;
    check_context(&contexts, 0, "60a15ec5-4de8-11d7-a637-005056a20182", "8a885d04-1ceb-11c9-9fe8-08002b104860");
    check_context(&contexts, 1, "60a15ec5-4de8-11d7-a637-005056a20182", "6cb71c2c-9812-4540-0300-000000000000");
    contexts = bind.contexts;
    struct dis_context context;
    dis_next_context(&contexts, &context);
    assert_int_equal(context.abstract.major, 1);
    assert_int_equal(context.abstract.minor, 0);
}

static void test_features(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool big_endian;
    } rows[] = { { BIND_NTLM, false }, { BIND_BIG_ENDIAN, true } };
    for (size_t i = 0; i < 2; i++) {
        struct dis_bind bind;
        struct dis_context context;
        uint64_t features = 99;
        struct sample s = sample(rows[i].hex);
        struct dis_cursor c = body(s.bytes, s.length, rows[i].big_endian);
        dis_bind_decode(&c, &bind);
        dis_next_context(&bind.contexts, &context);
        assert_false(dis_is_feature_negotiation(&context, &features));
        assert_int_equal(features, 99);
        dis_next_context(&bind.contexts, &context);
        assert_true(dis_is_feature_negotiation(&context, &features));
        assert_int_equal(features, DIS_SECURITY_CONTEXT_MULTIPLEXING | DIS_KEEP_CONNECTION_ON_ORPHAN);
    }
}

/* The mask is eight bytes, least first; the prefix and version 1.0 must be there; only the first transfer
 * syntax counts. */
static void test_feature_forms(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool is;
        uint64_t features;
    } rows[] = {
        { "2c1cb76c12984045"
          "0102030405060708"
          "01000000",
          true, 0x0807060504030201 },
        { "2c1cb76c12984045"
          "0000000000000000"
          "01000000",
          true, 0 },
        { "2c1cb76c12984145"
          "0300000000000000"
          "01000000",
          false, 0 },
        { "2c1cb76c12984045"
          "0300000000000000"
          "02000000",
          false, 0 },
        { "2c1cb76c12984045"
          "0300000000000000"
          "01000100",
          false, 0 },
        { "2c1cb76c12984045"
          "0300000000000000"
          "01000000" NDR_LE,
          true, 3 },
        { NDR_LE "2c1cb76c12984045"
                 "0300000000000000"
                 "01000000",
          false, 0 },
        { "", false, 0 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sample s = sample(rows[i].hex);
        struct dis_context context = { .transfers = { .base = s.bytes, .count = (uint8_t)(s.length / 20) } };
        uint64_t features = 0;
        assert_int_equal(dis_is_feature_negotiation(&context, &features), rows[i].is);
        assert_true(features == rows[i].features);
    }
}

static void test_bind_ack(void **state)
{
    (void)state;
    struct dis_bind_ack ack;
    struct dis_context_result result;
    struct sample s = sample(BIND_ACK_FEATURES);
    struct dis_cursor c = body(s.bytes, s.length, false);
    dis_bind_ack_decode(&c, &ack);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(c.at, c.end);
    assert_int_equal(ack.max_xmit_frag, 5840);
    assert_int_equal(ack.assoc_group_id, 0xda44);
    assert_int_equal(ack.secondary_length, 4);
    assert_string_equal(ack.secondary_address, "135");
    assert_true(dis_next_result(&ack.results, &result));
    assert_int_equal(result.result, DIS_ACCEPTANCE);
    assert_int_equal(result.reason, 0);
    assert_true(dis_syntax_equal(&result.transfer, &dis_ndr));
    assert_true(dis_next_result(&ack.results, &result));
    assert_int_equal(result.result, DIS_NEGOTIATE_ACK);
    assert_int_equal(result.reason, 3);
    assert_true(dis_uuid_is_nil(&result.transfer.uuid));
    assert_false(dis_next_result(&ack.results, &result));
}

static void test_secondary_address(void **state)
{
    (void)state;
    struct dis_bind_ack ack;
    struct sample s = sample(BIND_ACK_NO_NUL);
    struct dis_cursor c = body(s.bytes, s.length, false);
    dis_bind_ack_decode(&c, &ack);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(ack.secondary_length, 3);
    assert_memory_equal(ack.secondary_address, "ABC", 3);
    assert_int_equal(ack.results.count, 1);

    s = sample(ALTER_CONTEXT_RESP);
    c = body(s.bytes, s.length, false);
    dis_bind_ack_decode(&c, &ack);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(ack.secondary_length, 0);
    assert_int_equal(ack.results.count, 1);
}

static void test_bind_nak(void **state)
{
    (void)state;
    struct dis_bind_nak nak;
    struct sample s = sample(BIND_NAK);
    struct dis_cursor c = body(s.bytes, s.length, false);
    dis_bind_nak_decode(&c, &nak);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(nak.reason, DIS_NAK_NOT_SPECIFIED);
    assert_int_equal(nak.version_count, 1);
    assert_int_equal(nak.versions[0], 5);
    assert_int_equal(nak.versions[1], 0);

    s.bytes[HEADER] = 9;
    c = body(s.bytes, HEADER + 2, false);
    dis_bind_nak_decode(&c, &nak);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(nak.reason, DIS_NAK_CHECKSUM);
    assert_int_equal(nak.version_count, 0);
    assert_null(nak.versions);

    c = body(s.bytes, HEADER + 4, false);
    dis_bind_nak_decode(&c, &nak);
    assert_string_equal(c.error.what, "bind_nak: versions");
}

static void test_many_transfers(void **state)
{
    (void)state;
    uint8_t bytes[HEADER + 12 + 24 + 255 * 20] = { 0 };
    struct dis_bind bind;
    struct dis_context context;
    struct dis_syntax syntax;
    unsigned count = 0;
    bytes[HEADER + 8] = 1;
    bytes[HEADER + 12 + 2] = 255;
    bytes[sizeof(bytes) - 4] = 77; /* the last one's major version */
    struct dis_cursor c = body(bytes, sizeof(bytes), false);
    dis_bind_decode(&c, &bind);
    assert_true(dis_cursor_ok(&c));
    assert_int_equal(c.at, sizeof(bytes));
    assert_true(dis_next_context(&bind.contexts, &context));
    while (dis_next_syntax(&context.transfers, &syntax))
        count++;
    assert_int_equal(count, 255);
    assert_int_equal(syntax.major, 77);
    c = body(bytes, sizeof(bytes) - 1, false);
    dis_bind_decode(&c, &bind);
    assert_string_equal(c.error.what, "context: transfer syntaxes");
}

/* Every shorter body is an error, told without a look behind its end. */
static void test_cut(void **state)
{
    (void)state;
    uint8_t *room = guard_new();
    struct sample bind_pdu = sample(BIND_BIG_ENDIAN);
    struct sample ack_pdu = sample(BIND_ACK_FEATURES);
    struct dis_bind bind;
    struct dis_bind_ack ack;
    struct dis_bind_nak nak;
    for (size_t length = HEADER; length <= bind_pdu.length; length++) {
        struct dis_cursor c = body(guard_place(room, bind_pdu.bytes, length), length, true);
        dis_bind_decode(&c, &bind);
        assert_int_equal(dis_cursor_ok(&c), length == bind_pdu.length);
        c.at = HEADER;
        c.error.what = NULL;
        dis_bind_nak_decode(&c, &nak);
    }
    for (size_t length = HEADER; length <= ack_pdu.length; length++) {
        struct dis_cursor c = body(guard_place(room, ack_pdu.bytes, length), length, false);
        dis_bind_ack_decode(&c, &ack);
        assert_int_equal(dis_cursor_ok(&c), length == ack_pdu.length);
    }
    guard_free(room);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bind),     cmocka_unit_test(test_bind_big_endian),
        cmocka_unit_test(test_features), cmocka_unit_test(test_feature_forms),
        cmocka_unit_test(test_bind_ack), cmocka_unit_test(test_secondary_address),
        cmocka_unit_test(test_bind_nak), cmocka_unit_test(test_many_transfers),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
