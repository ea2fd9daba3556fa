/* The calls that ended last, and the sentences that are made of them. */
#include "history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sentence.h"

static const char echo_uuid[] = "60a15ec5-4de8-11d7-a637-005056a20182";

static struct px_call sample(struct px_association *a)
{
    struct px_call k = {
        .association = a, .call_id = 2, .number = 1, .begun = 1000, .leased_at = 2500, .ended = 9000, .leased = true
    };
    k.write_seen = 3;
    assert_true(dis_uuid_parse(echo_uuid, &k.interface.uuid));
    k.interface.major = 1;
    k.known = dis_interface_find(&k.interface);
    return k;
}

static void test_ring(void **state)
{
    struct px_history history;
    struct px_association a = { .client = (char[]){ "1.2.3.4:5" }, .server = "10.0.0.5:5000", .serial = 7 };
    (void)state;
    assert_true(px_history_init(&history));
    assert_null(px_history_at(&history, 0));
    for (uint32_t i = 0; i < PX_HISTORY_CALLS + 3; i++) {
        struct px_call k = sample(&a);
        k.call_id = i;
        k.ended = PX_NO_TIME;
        px_history_add(&history, &k, POL_ANSWERED, POL_UNPROVEN, 50000 + i);
        assert_int_equal(px_history_at(&history, 0)->call.call_id, i);
    }
    a.client[0] = '9'; /* the connection has gone since */
    a.serial = 0;
    for (unsigned back = 0; back < PX_HISTORY_CALLS; back++) {
        const struct px_ended *e = px_history_at(&history, back);
        assert_int_equal(e->call.call_id, PX_HISTORY_CALLS + 2 - back);
        assert_true(e->call.ended == 50000 + e->call.call_id);
        assert_string_equal(e->call.association->client, "1.2.3.4:5");
        assert_true(e->call.association->serial == 7);
    }
    assert_null(px_history_at(&history, PX_HISTORY_CALLS));
    px_history_free(&history);
}

static void test_ended(void **state)
{
    struct px_association a = { .client = (char[]){ "1.2.3.4:5" }, .server = "10.0.0.5:5000", .serial = 7 };
    struct px_call k = sample(&a);
    char text[PX_SENTENCE];
    (void)state;
    px_sentence_ended(&k, POL_ANSWERED, POL_UNPROVEN, 9000, text);
    assert_string_equal(
        text, "7:2.1: 1.2.3.4:5 called AddOne of rpcecho at 10.0.0.5:5000. It waited 1.50 ms and ended after "
              "8.00 ms: answered, the server's answer went to the client. Evidence: all, the kernel took the "
              "whole request.");
    k.has_status = true;
    k.status = 0x1c010014;
    k.leased = false;
    px_sentence_ended(&k, POL_REFUSED, POL_P6_IN_PROXY, 9000, text);
    assert_non_null(strstr(text, "It waited 8.00 ms and ended after 8.00 ms: refused, "));
    assert_non_null(strstr(text, "Evidence: nothing, nothing of the request was sent."));
    assert_non_null(strstr(text, "Proof: P6, it has not run: it never left the proxy."));
    assert_non_null(strstr(text, "The client was told 0x1c010014, "));
    k.leased = true;
    px_sentence_ended(&k, POL_SERVER_LOST, POL_UNPROVEN, 9000, text);
    assert_non_null(strstr(text, "Proof: none, it may have run."));
}

static void test_open(void **state)
{
    struct px_association a = { .client = (char[]){ "1.2.3.4:5" }, .serial = 7 };
    const struct px_line_before line = { .server = "payroll", .inside = 2, .waiting = 3, .calls = 2 };
    struct px_call k = sample(&a);
    char text[PX_SENTENCE];
    (void)state;
    k.known = NULL;
    px_sentence_open(&k, &line, 12500, text);
    assert_string_equal(
        text, "7:2.1: 1.2.3.4:5 calls operation 0 of 60a15ec5-4de8-11d7-a637-005056a20182. It has waited "
              "1.50 ms, and has been inside the server for 10.0 ms; no answer has begun. Evidence: all, the "
              "kernel took the whole request.");
    assert_string_equal(px_call_state(&k), "inside");
    k.answer_begun = true;
    k.bytes_out = 77;
    px_sentence_open(&k, &line, 12500, text);
    assert_non_null(strstr(text, "; 77 bytes of its answer have come."));
    assert_string_equal(px_call_state(&k), "answering");
    k.answer_begun = k.leased = false;
    px_sentence_open(&k, &line, 12500, text);
    assert_non_null(
        strstr(text, "It has waited 11.5 ms, and waits. payroll has 2 calls inside of 2, and 3 in the line before "
                     "it. Evidence: nothing"));
    assert_string_equal(px_call_state(&k), "waiting");
}

static void test_every_word(void **state)
{
    struct px_association a = { .client = (char[]){ "1.2.3.4:5" }, .serial = 7 };
    struct px_call k = sample(&a);
    char text[PX_SENTENCE];
    (void)state;
    for (unsigned ending = 0; ending < POL_ENDINGS; ending++) {
        for (unsigned proof = 0; proof < POL_PROOFS; proof++) {
            px_sentence_ended(&k, ending, proof, 9000, text);
            assert_non_null(strstr(text, pol_ending_name(ending)));
            assert_true(proof == 0 || strstr(text, pol_proof_name(proof)));
            assert_null(strstr(text, "(null)"));
        }
    }
}

static void test_long(void **state)
{
    static char client[2 * PX_SENTENCE];
    struct px_association a = { .client = client, .server = client, .serial = 7 };
    struct px_call k = sample(&a);
    char text[PX_SENTENCE];
    (void)state;
    memset(client, 'x', sizeof client - 1);
    px_sentence_ended(&k, POL_ANSWERED, POL_UNPROVEN, 9000, text);
    assert_int_equal(strlen(text), PX_SENTENCE - 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring),       cmocka_unit_test(test_ended), cmocka_unit_test(test_open),
        cmocka_unit_test(test_every_word), cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
