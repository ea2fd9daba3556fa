/* PDUs as lines, trees and JSON: what real ones look like, and that hostile ones leave the JSON valid. */
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "json.h"
#include "samples.h"

typedef void print(FILE *out, const struct dis_pdu *pdu);

static char *printed(print *how, const struct dis_pdu *pdu)
{
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    how(out, pdu);
    fclose(out);
    assert_int_equal(strlen(text), length);
    return text;
}

static char *printed_sample(print *how, const char *hex)
{
    struct dis_pdu pdu;
    struct dis_error error;
    struct sample s = sample(hex);
    assert_true(dis_pdu_decode(s.bytes, s.length, &pdu, &error));
    return printed(how, &pdu);
}

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        const char *line;
    } rows[] = {
        { REQUEST_SIGNED, "request call 4 first last ctx 0 op 64 stub 40 auth spnego/integrity\n" },
        { REQUEST_OBJECT, "request call 71 first last object ctx 8 op 3 stub 48\n" },
        { RESPONSE, "response call 2 first last ctx 0 stub 4\n" },
        { FAULT_DNE, "fault call 1 first last did_not_execute ctx 0 status 0x1c010002 nca_s_op_rng_error\n" },
        { BIND_NTLM, "bind call 1 first last support_header_sign group 0x0 ctx 0 dssetup/0.0 ctx 1 features"
                     " auth ntlmssp/privacy\n" },
        { BIND_BIG_ENDIAN, "bind call 1 first last group 0x0 ctx 0 rpcecho/1.0 ctx 1 features\n" },
        { BIND_ACK_FEATURES, "bind_ack call 1 first last group 0xda44 acceptance negotiate_ack\n" },
        { BIND_NAK, "bind_nak call 0 first last reason not_specified\n" },
        { ALTER_CONTEXT, "alter_context call 1 first last group 0x0 ctx 1 mgmt/1.0\n" },
        { AUTH3, "auth3 call 0 first last auth spnego/connect\n" },
        { CO_CANCEL, "co_cancel call 3 first last\n" },
        { "0500040010000000100000000a000000", "working call 10\n" },
        { "05001e0410000000100000000a000000", "unknown call 10 pending_cancel\n" },
        { "0500140310000000140000000000000008000200", "rts call 0 first last flags 0x8 commands 2\n" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = printed_sample(dis_print_line, rows[i].hex);
        assert_string_equal(text, rows[i].line);
        free(text);
    }
}

/* Codes without a name stand as numbers, unknown interfaces as UUIDs. */
static void test_nameless(void **state)
{
    (void)state;
    struct sample s = sample(ALTER_CONTEXT);
    struct dis_pdu pdu;
    struct dis_error error;
    s.bytes[32] ^= 0xff;
    assert_true(dis_pdu_decode(s.bytes, s.length, &pdu, &error));
    char *text = printed(dis_print_line, &pdu);
    assert_string_equal(text, "alter_context call 1 first last group 0x0 ctx 1 "
                              "afa8bd7f-7d8a-11c9-bef4-08002b102989/1.0\n");
    free(text);
    s = sample(AUTH3);
    s.bytes[20] = 77;
    s.bytes[21] = 78;
    assert_true(dis_pdu_decode(s.bytes, s.length, &pdu, &error));
    text = printed(dis_print_line, &pdu);
    assert_string_equal(text, "auth3 call 0 first last auth 77/78\n");
    free(text);
}

/* Why a context was refused stands behind the result; the features of a negotiate_ack are no reason. */
static void test_refused_contexts(void **state)
{
    (void)state;
    static const struct {
        uint8_t result;
        uint8_t reason;
        const char *said;
    } rows[] = {
        { 2, 1, "provider_rejection/abstract_syntax_not_supported" },
        { 2, 2, "provider_rejection/transfer_syntaxes_not_supported" },
        { 2, 0, "provider_rejection" },
        { 1, 9, "user_rejection/9" },
        { 3, 3, "negotiate_ack" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sample s = sample(BIND_ACK_FEATURES);
        struct dis_pdu pdu;
        struct dis_error error;
        s.bytes[36] = rows[i].result;
        s.bytes[38] = rows[i].reason;
        assert_true(dis_pdu_decode(s.bytes, s.length, &pdu, &error));
        char *text = printed(dis_print_line, &pdu);
        char wanted[128];
        snprintf(wanted, sizeof(wanted), "bind_ack call 1 first last group 0xda44 %s negotiate_ack\n", rows[i].said);
        assert_string_equal(text, wanted);
        free(text);
    }
}

static void test_tree(void **state)
{
    (void)state;
    char *text = printed_sample(dis_print_tree, FAULT_DNE);
    assert_string_equal(text, "  version \"5.0\"\n"
                              "  ptype 3 (fault)\n"
                              "  flags 0x23 (first last did_not_execute)\n"
                              "  integers 1 (little_endian)\n"
                              "  characters 0 (ascii)\n"
                              "  floats 0 (ieee)\n"
                              "  frag_length 32\n"
                              "  auth_length 0\n"
                              "  call_id 1\n"
                              "  alloc_hint 32\n"
                              "  context_id 0\n"
                              "  cancel_count 0\n"
                              "  fault_flags 0x0\n"
                              "  status 0x1c010002 (nca_s_op_rng_error)\n"
                              "  win32 1745\n"
                              "  stub_length 0\n");
    free(text);
}

static void test_json(void **state)
{
    (void)state;
    char *text = printed_sample(dis_print_json, BIND_ACK_FEATURES);
    assert_string_equal(
        text,
        "{\"version\":\"5.0\",\"ptype\":12,\"ptype_name\":\"bind_ack\",\"flags\":3,\"flags_name\":\"first last\","
        "\"integers\":1,\"integers_name\":\"little_endian\",\"characters\":0,\"characters_name\":\"ascii\","
        "\"floats\":0,\"floats_name\":\"ieee\",\"frag_length\":84,\"auth_length\":0,\"call_id\":1,"
        "\"max_xmit_frag\":5840,\"max_recv_frag\":5840,\"assoc_group_id\":55876,\"secondary_length\":4,"
        "\"secondary_address\":\"135\",\"results\":[{\"result\":0,\"result_name\":\"acceptance\",\"reason\":0,"
        "\"reason_name\":\"not_specified\",\"transfer\":{\"uuid\":\"8a885d04-1ceb-11c9-9fe8-08002b104860\","
        "\"version\":\"2.0\",\"name\":\"ndr\"}},{\"result\":3,\"result_name\":\"negotiate_ack\",\"features\":3,"
        "\"features_name\":\"security_context_multiplexing keep_connection_on_orphan\",\"transfer\":"
        "{\"uuid\":\"00000000-0000-0000-0000-000000000000\",\"version\":\"0.0\"}}]}\n");
    free(text);
}

static void test_contexts(void **state)
{
    (void)state;
    char *json = printed_sample(dis_print_json, BIND_NTLM);
    assert_non_null(strstr(json,
                           "\"contexts\":[{\"id\":0,\"abstract\":{\"uuid\":\"3919286a-b10c-11d0-9ba8-00c04fd92ef5"
                           "\",\"version\":\"0.0\",\"name\":\"dssetup\"},\"transfers\":[{"));
    assert_non_null(strstr(json, "\"features\":3,\"features_name\":"));
    assert_non_null(strstr(json,
                           "\"auth\":{\"type\":10,\"type_name\":\"ntlmssp\",\"level\":6,\"level_name\":\"privacy\","
                           "\"pad_length\":0,\"reserved\":0,\"context_id\":1,\"length\":40}}\n"));
    assert_null(strstr(json, "NTLMSSP"));
    free(json);
    char *tree = printed_sample(dis_print_tree, BIND_BIG_ENDIAN);
    assert_non_null(strstr(tree, "\n  integers 0 (big_endian)\n"));
    assert_non_null(strstr(tree, "\n      abstract:\n        uuid \"60a15ec5-4de8-11d7-a637-005056a20182\"\n"
                                 "        version \"1.0\"\n        name \"rpcecho\"\n"));
    assert_non_null(strstr(tree, "\n          name \"ndr\"\n"));
    free(tree);
}

/* The address is whatever a server sent. */
static void test_secondary_address(void **state)
{
    (void)state;
    struct sample s = sample(BIND_ACK_NO_NUL);
    struct dis_pdu pdu;
    struct dis_error error;
    char *text = printed_sample(dis_print_json, BIND_ACK_NO_NUL);
    assert_non_null(strstr(text, "\"secondary_length\":3,\"secondary_address\":\"ABC\""));
    free(text);
    memcpy(s.bytes + 26, "\"\n\xff", 3);
    assert_true(dis_pdu_decode(s.bytes, s.length, &pdu, &error));
    text = printed(dis_print_json, &pdu);
    assert_true(json_is_one_line(text));
    assert_non_null(strstr(text, "\"secondary_address\":\"\\\"\\u000a\\u00ff\""));
    free(text);
    text = printed_sample(dis_print_json, ALTER_CONTEXT_RESP);
    assert_non_null(strstr(text, "\"secondary_address\":\"\""));
    free(text);
}

static void test_bind_nak(void **state)
{
    (void)state;
    char *text = printed_sample(dis_print_json, BIND_NAK);
    assert_non_null(
        strstr(text, "\"reason\":0,\"reason_name\":\"not_specified\",\"versions\":[{\"version\":\"5.0\"}]}\n"));
    free(text);
    text = printed_sample(dis_print_json, "05000d031000000012000000000000000400");
    assert_non_null(strstr(text, "\"reason_name\":\"protocol_version_not_supported\",\"versions\":[]}\n"));
    free(text);
}

static char *printed_bad(const char *hex, bool json)
{
    char *text;
    size_t length;
    struct dis_pdu pdu;
    struct dis_error error;
    struct sample s = sample(hex);
    assert_false(dis_pdu_decode(s.bytes, s.length, &pdu, &error));
    FILE *out = open_memstream(&text, &length);
    dis_print_bad(out, &pdu.header, &error, json);
    fclose(out);
    return text;
}

static void test_bad(void **state)
{
    (void)state;
    static const char hex[] = "05000b03100000001c0000000700000000000000000000000100"
                              "0000";
    char *text = printed_bad(hex, false);
    assert_string_equal(text, "bind call 7 first last bad at 28: context: id\n");
    free(text);
    text = printed_bad(hex, true);
    assert_true(json_is_one_line(text));
    assert_non_null(strstr(text, "\"call_id\":7,\"error\":\"context: id\",\"error_at\":28}\n"));
    free(text);
}

static void check_all_forms(const struct sample *s)
{
    struct dis_pdu pdu;
    struct dis_error error;
    if (!dis_pdu_decode(s->bytes, s->length, &pdu, &error))
        return;
    char *json = printed(dis_print_json, &pdu);
    char *line = printed(dis_print_line, &pdu);
    char *tree = printed(dis_print_tree, &pdu);
    assert_true(json_is_one_line(json));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_int_equal(tree[strlen(tree) - 1], '\n');
    free(json);
    free(line);
    free(tree);
}

static void test_hostile(void **state)
{
    (void)state;
    static const uint8_t values[] = { 0x00, 0x1f, 0x22, 0x5c, 0x80, 0xff };
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct sample whole = sample(all_samples[i]);
        check_all_forms(&whole);
        for (size_t at = 0; at < whole.length; at++) {
            for (size_t v = 0; v < sizeof(values); v++) {
                struct sample s = whole;
                s.bytes[at] = values[v];
                check_all_forms(&s);
            }
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_nameless),
        cmocka_unit_test(test_refused_contexts),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_contexts),
        cmocka_unit_test(test_secondary_address),
        cmocka_unit_test(test_bind_nak),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
