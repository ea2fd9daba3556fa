/* Whole PDUs: real ones field by field, cut at every byte, and the odd ones that a proxy must let through. */
#include "pdu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard.h"
#include "samples.h"

static struct dis_pdu decoded(const struct sample *s)
{
    struct dis_pdu pdu;
    struct dis_error error;
    assert_true(dis_pdu_decode(s->bytes, s->length, &pdu, &error));
    assert_null(error.what);
    assert_ptr_equal(pdu.bytes, s->bytes);
    assert_int_equal(pdu.header.frag_length, s->length);
    return pdu;
}

static const char *refused(const struct sample *s, struct dis_pdu *pdu)
{
    struct dis_error error;
    assert_false(dis_pdu_decode(s->bytes, s->length, pdu, &error));
    assert_true(error.at <= s->length);
    return error.what;
}

static void test_header(void **state)
{
    (void)state;
    static const uint8_t little[] = { 5, 1, 11, 0x83, 0x11, 2, 3, 4, 0x34, 0x12, 0x78, 0x56, 4, 3, 2, 1 };
    static const uint8_t big[] = { 5, 1, 11, 0x83, 0x01, 2, 3, 4, 0x12, 0x34, 0x56, 0x78, 1, 2, 3, 4 };
    const uint8_t *const both[] = { little, big };
    for (size_t i = 0; i < 2; i++) {
        struct dis_header h = dis_header_decode(both[i]);
        assert_int_equal(h.version, 5);
        assert_int_equal(h.minor, 1);
        assert_int_equal(h.type, DIS_BIND);
        assert_int_equal(h.flags, 0x83);
        assert_memory_equal(h.drep, both[i] + 4, 4);
        assert_int_equal(dis_big_endian(h.drep), i == 1);
        assert_int_equal(h.frag_length, 0x1234);
        assert_int_equal(h.auth_length, 0x5678);
        assert_int_equal(h.call_id, 0x01020304);
    }
}

static void test_bind_ntlm(void **state)
{
    (void)state;
    struct sample s = sample(BIND_NTLM);
    struct dis_pdu pdu = decoded(&s);
    assert_int_equal(pdu.header.type, DIS_BIND);
    assert_int_equal(pdu.header.flags, DIS_FIRST_FRAG | DIS_LAST_FRAG | DIS_SUPPORT_HEADER_SIGN);
    assert_int_equal(pdu.bind.contexts.count, 2);
    assert_int_equal(pdu.auth.type, DIS_AUTH_NTLMSSP);
    assert_int_equal(pdu.auth.level, DIS_LEVEL_PRIVACY);
    assert_int_equal(pdu.auth.context_id, 1);
    assert_int_equal(pdu.auth.length, 40);
    assert_memory_equal(pdu.auth.value, "NTLMSSP", 8);
}

static void test_big_endian(void **state)
{
    (void)state;
    struct sample s = sample(REQUEST_BIG_ENDIAN);
    struct dis_pdu pdu = decoded(&s);
    assert_int_equal(pdu.header.call_id, 3);
    assert_int_equal(pdu.request.alloc_hint, 4);
    assert_int_equal(pdu.request.opnum, 0);
    assert_int_equal(pdu.request.stub_length, 4);
    assert_memory_equal(pdu.request.stub, "\x00\x00\x00\x01", 4);
    s = sample(BIND_BIG_ENDIAN);
    pdu = decoded(&s);
    assert_int_equal(pdu.bind.contexts.count, 2);
}

/* Padding belongs neither to the stub nor to the trailer. */
static void test_signed_request(void **state)
{
    (void)state;
    struct sample s = sample(REQUEST_SIGNED);
    struct dis_pdu pdu = decoded(&s);
    assert_int_equal(pdu.request.opnum, 64);
    assert_int_equal(pdu.request.alloc_hint, 40);
    assert_int_equal(pdu.request.stub_length, 40);
    assert_int_equal(pdu.auth.pad, 8);
    assert_int_equal(pdu.auth.type, DIS_AUTH_SPNEGO);
    assert_int_equal(pdu.auth.level, DIS_LEVEL_INTEGRITY);
    assert_int_equal(pdu.auth.length, 16);
    assert_ptr_equal(pdu.auth.value, s.bytes + s.length - 16);
}

static void test_object(void **state)
{
    (void)state;
    char text[DIS_UUID_TEXT];
    struct sample s = sample(REQUEST_OBJECT);
    struct dis_pdu pdu = decoded(&s);
    assert_true(pdu.request.has_object);
    assert_string_equal(dis_uuid_format(&pdu.request.object, text), "00003c0e-0fac-0000-8d9b-58a63aa615c5");
    assert_int_equal(pdu.request.stub_length, 48);
    s.bytes[3] &= 0x7f; /* without the flag the same bytes are stub */
    pdu = decoded(&s);
    assert_false(pdu.request.has_object);
    assert_int_equal(pdu.request.stub_length, 64);
}

static void test_answers(void **state)
{
    (void)state;
    struct sample s = sample(FAULT_DNE);
    struct dis_pdu pdu = decoded(&s);
    assert_true(pdu.header.flags & DIS_DID_NOT_EXECUTE);
    assert_int_equal(pdu.fault.status, 0x1c010002);
    s = sample(RESPONSE);
    pdu = decoded(&s);
    assert_int_equal(pdu.response.stub_length, 4);
    s = sample(BIND_NAK);
    pdu = decoded(&s);
    assert_int_equal(pdu.bind_nak.version_count, 1);
    s = sample(BIND_ACK_NO_NUL);
    pdu = decoded(&s);
    assert_int_equal(pdu.bind_ack.secondary_length, 3);
    s = sample(ALTER_CONTEXT_RESP);
    pdu = decoded(&s);
    assert_int_equal(pdu.bind_ack.results.count, 1);
}

static void test_auth3(void **state)
{
    (void)state;
    struct sample s = sample(AUTH3);
    struct dis_pdu pdu = decoded(&s);
    assert_int_equal(pdu.auth.type, DIS_AUTH_SPNEGO);
    assert_int_equal(pdu.auth.level, DIS_LEVEL_CONNECT);
    assert_int_equal(pdu.auth.length, 74);
}

/* A header alone may carry a trailer: co_cancel and orphaned of a signed connection, and types nobody knows. */
static void test_trailer_behind_a_header(void **state)
{
    (void)state;
    static const uint8_t types[] = { DIS_CO_CANCEL, DIS_ORPHANED, DIS_SHUTDOWN, DIS_AUTH3, DIS_PING, 99 };
    struct sample s = sample("0500120310000000"
                             "1c000400"
                             "03000000"
                             "0a050000"
                             "01000000"
                             "aabbccdd");
    for (size_t i = 0; i < sizeof(types); i++) {
        s.bytes[2] = types[i];
        struct dis_pdu pdu = decoded(&s);
        assert_int_equal(pdu.auth.length, 4);
        assert_int_equal(pdu.auth.level, DIS_LEVEL_INTEGRITY);
        assert_memory_equal(pdu.auth.value, "\xaa\xbb\xcc\xdd", 4);
    }
}

static void test_rts(void **state)
{
    (void)state;
    struct sample s = sample("0500140310000000"
                             "14000000"
                             "00000000"
                             "00000400");
    struct dis_pdu pdu = decoded(&s);
    assert_int_equal(pdu.rts.command_count, 4);
}

/* Oddities that only the receiver may judge. */
static void test_odd_is_no_error(void **state)
{
    (void)state;
    struct sample s = sample(REQUEST_SIGNED);
    static const struct {
        size_t at;
        uint8_t value;
    } rows[] = {
        { 1, 9 }, { 3, 0x7f }, { 3, 0 }, { 4, 0x11 }, { 5, 3 }, { 6, 1 }, { 7, 1 }, { 72, 200 }, { 73, 0 }, { 75, 1 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sample odd = s;
        odd.bytes[rows[i].at] = rows[i].value;
        decoded(&odd);
    }
    struct sample unaligned = sample("0500020310000000"
                                     "23000200"
                                     "01000000"
                                     "0000000000000000"
                                     "ff"
                                     "0a050000"
                                     "01000000"
                                     "aabb");
    assert_int_equal(decoded(&unaligned).response.stub_length, 1);
}

static void test_trailer_that_does_not_fit(void **state)
{
    (void)state;
    struct dis_pdu pdu;
    struct sample s = sample(REQUEST_SIGNED);
    s.bytes[74] = 48; /* padding as long as the body */
    assert_int_equal(decoded(&s).request.stub_length, 0);
    s.bytes[74] = 49;
    assert_string_equal(refused(&s, &pdu), "auth_pad_length is larger than the PDU's body");
    assert_int_equal(pdu.auth.pad, 49);
    assert_int_equal(pdu.header.call_id, 4);
    s = sample(REQUEST_SIGNED);
    s.bytes[10] = 65;
    assert_string_equal(refused(&s, &pdu), "auth_length is larger than the PDU can hold");
    assert_null(pdu.auth.value);
}

/* A bind's list of contexts says how long it is; Samba's own tests send padding lengths that overlap it, and
 * Samba's server binds. */
static void test_padding_of_a_bind(void **state)
{
    (void)state;
    struct sample s = sample(BIND_NTLM);
    struct dis_pdu pdu = decoded(&s);
    s.bytes[s.length - pdu.auth.length - DIS_AUTH_TRAILER_SIZE + 2] = 255;
    pdu = decoded(&s);
    assert_int_equal(pdu.auth.pad, 255);
    struct dis_context context;
    assert_true(dis_next_context(&pdu.bind.contexts, &context));
}

/* The shortest PDU of each type that is understood, and one byte less. */
static void test_shortest(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        size_t least;
    } rows[] = {
        { DIS_REQUEST, 24 },
        { DIS_RESPONSE, 24 },
        { DIS_FAULT, 28 },
        { DIS_BIND, 28 },
        { DIS_BIND_ACK, 32 },
        { DIS_BIND_NAK, 18 },
        { DIS_AUTH3, 16 },
        { DIS_SHUTDOWN, 16 },
        { DIS_ALTER_CONTEXT, 28 },
        { DIS_ALTER_CONTEXT_RESP, 32 },
        { DIS_CO_CANCEL, 16 },
        { DIS_ORPHANED, 16 },
        { DIS_RTS, 20 },
        { DIS_PING, 16 },
        { 200, 16 },
    };
    struct sample zeros = sample("05000003100000000000000000000000"
                                 "00000000000000000000000000000000");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dis_pdu pdu;
        zeros.bytes[2] = rows[i].type;
        struct sample s = shortened(&zeros, rows[i].least);
        decoded(&s);
        if (rows[i].least == DIS_HEADER_SIZE)
            continue;
        s = shortened(&zeros, rows[i].least - 1);
        assert_string_equal(refused(&s, &pdu), "shorter than its type needs");
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(dis_ptype_name(DIS_REQUEST), "request");
    assert_string_equal(dis_ptype_name(DIS_ALTER_CONTEXT_RESP), "alter_context_resp");
    assert_string_equal(dis_ptype_name(DIS_RTS), "rts");
    assert_string_equal(dis_ptype_name(DIS_PTYPE_COUNT), "unknown");
    assert_string_equal(dis_ptype_name(255), "unknown");
    for (unsigned i = 0; i < DIS_PTYPE_COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(dis_ptype_name((uint8_t)i), dis_ptype_name((uint8_t)j));
}

/* Walks everything that a decoded PDU points to. */
static void touch(const struct dis_pdu *pdu)
{
    volatile unsigned sum = 0;
    for (size_t i = 0; i < pdu->auth.length; i++)
        sum += pdu->auth.value[i];
    if (pdu->header.type == DIS_BIND || pdu->header.type == DIS_ALTER_CONTEXT) {
        struct dis_list contexts = pdu->bind.contexts;
        for (struct dis_context context; dis_next_context(&contexts, &context);)
            for (struct dis_syntax syntax; dis_next_syntax(&context.transfers, &syntax);)
                sum += syntax.uuid.bytes[15];
    } else if (pdu->header.type == DIS_BIND_ACK || pdu->header.type == DIS_ALTER_CONTEXT_RESP) {
        struct dis_list results = pdu->bind_ack.results;
        for (struct dis_context_result result; dis_next_result(&results, &result);)
            sum += result.transfer.uuid.bytes[15];
    } else if (pdu->header.type == DIS_REQUEST) {
        for (size_t i = 0; i < pdu->request.stub_length; i++)
            sum += pdu->request.stub[i];
    }
}

static void test_cut_everywhere(void **state)
{
    (void)state;
    uint8_t *room = guard_new();
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct sample whole = sample(all_samples[i]);
        for (size_t length = DIS_HEADER_SIZE; length <= whole.length; length++) {
            struct sample s = shortened(&whole, length);
            struct dis_pdu pdu;
            struct dis_error error;
            const uint8_t *bytes = guard_place(room, s.bytes, length);
            bool ok = dis_pdu_decode(bytes, length, &pdu, &error);
            assert_int_equal(ok, error.what == NULL);
            assert_int_equal(pdu.header.frag_length, length);
            assert_true(ok || length < whole.length);
            if (ok)
                touch(&pdu);
        }
    }
    guard_free(room);
}

/* Every byte of every sample in turn at its extremes. */
static void test_hostile_bytes(void **state)
{
    (void)state;
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
    uint8_t *room = guard_new();
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct sample whole = sample(all_samples[i]);
        for (size_t at = 0; at < whole.length; at++) {
            for (size_t v = 0; v < sizeof(values); v++) {
                struct sample s = whole;
                struct dis_pdu pdu;
                struct dis_error error;
                s.bytes[at] = values[v];
                if (dis_pdu_decode(guard_place(room, s.bytes, s.length), s.length, &pdu, &error))
                    touch(&pdu);
            }
        }
    }
    guard_free(room);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_bind_ntlm),
        cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_signed_request),
        cmocka_unit_test(test_object),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_auth3),
        cmocka_unit_test(test_trailer_behind_a_header),
        cmocka_unit_test(test_rts),
        cmocka_unit_test(test_odd_is_no_error),
        cmocka_unit_test(test_trailer_that_does_not_fit),
        cmocka_unit_test(test_padding_of_a_bind),
        cmocka_unit_test(test_shortest),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_cut_everywhere),
        cmocka_unit_test(test_hostile_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
