/* Which answer belongs to which request, and how calls end that have none. */
#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "news.h"

enum { WHOLE = DIS_FIRST_FRAG | DIS_LAST_FRAG, CLIENT = 0, SERVER = 1 };

static struct told told;
static struct dis_news news;
static struct dis_wire wire;
static int64_t now;
static uint64_t frame;

static struct dis_conversation *begun(bool from_its_beginning)
{
    memset(&told, 0, sizeof(told));
    news = told_news(&told);
    now = 0;
    frame = 0;
    wire.way[0].heard = wire.way[1].heard = true;
    struct dis_conversation *c = dis_conversation_new(&news);
    assert_non_null(c);
    c->wire = &wire;
    c->begins[0] = c->begins[1] = from_its_beginning;
    return c;
}

/* Each PDU comes a millisecond after the one before. */
static void hear(struct dis_conversation *c, unsigned way, struct said s)
{
    struct dis_found found = { .bytes = s.bytes, .length = s.length };
    now += 1000000;
    found.first = found.last = (struct dis_place){ ++frame, now };
    dis_conversation_take(c, way, &found);
}

static void assert_call(unsigned i, uint32_t id, enum dis_ending ending, int64_t first, int64_t last)
{
    assert_true(i < told.call_count);
    assert_int_equal(told.calls[i].id, id);
    assert_int_equal(told.calls[i].ending, ending);
    assert_int_equal(dis_call_first(&told.calls[i]), first < 0 ? -1 : first * 1000000);
    assert_int_equal(dis_call_last(&told.calls[i]), last < 0 ? -1 : last * 1000000);
}

static void test_bound_call(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(true);
    hear(c, CLIENT, say_bind(1));
    hear(c, SERVER, say_bind_ack(1));
    hear(c, CLIENT, say_request(2, WHOLE, 3));
    hear(c, SERVER, say_response(2, WHOLE));
    assert_call(0, 2, DIS_END_ANSWERED, 1, 1);
    assert_true(told.calls[0].has_interface);
    assert_non_null(told.calls[0].known);
    assert_int_equal(told.calls[0].opnum, 3);
    assert_int_equal(told.calls[0].request_bytes, 40);
    assert_int_equal(told.calls[0].answer_bytes, 24);
    assert_int_equal(told.calls[0].request_first.frame, 3);
    assert_int_equal(told.bound, 1);
    dis_conversation_end(c, DIS_END_CLOSED);
    assert_int_equal(told.call_count, 1);
    assert_int_equal(told.conversation_count, 1);
    assert_int_equal(told.pdus, 4);
}

/* No bind was seen: the opnum is known, the times are, the interface is not. */
static void test_unbound_fragments(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(false);
    hear(c, CLIENT, say_request(7, DIS_FIRST_FRAG, 9));
    hear(c, CLIENT, say_request(7, 0, 9));
    hear(c, CLIENT, say_request(7, DIS_LAST_FRAG, 9));
    hear(c, SERVER, say_response(7, DIS_FIRST_FRAG));
    hear(c, SERVER, say_response(7, DIS_LAST_FRAG));
    assert_call(0, 7, DIS_END_ANSWERED, 3, 4);
    assert_false(told.calls[0].has_interface);
    assert_int_equal(told.calls[0].request_fragments, 3);
    assert_int_equal(told.calls[0].answer_fragments, 2);
    dis_conversation_end(c, DIS_END_CAPTURE);
    assert_int_equal(told.call_count, 1);
}

/* Side by side and answered in another order; an id that is used again; one id for everything. */
static void test_ids(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(true);
    hear(c, CLIENT, say_request(1, WHOLE, 0));
    hear(c, CLIENT, say_request(2, WHOLE, 0));
    hear(c, SERVER, say_response(2, WHOLE));
    hear(c, SERVER, say_response(1, WHOLE));
    hear(c, CLIENT, say_request(1, WHOLE, 5));
    hear(c, SERVER, say_fault(1, 0, 0x1c010003));
    assert_call(0, 2, DIS_END_ANSWERED, 1, 1);
    assert_call(1, 1, DIS_END_ANSWERED, 3, 3);
    assert_call(2, 1, DIS_END_FAULT, 1, 1);
    assert_int_equal(told.calls[2].status, 0x1c010003);
    hear(c, CLIENT, say_request(1, WHOLE, 6)); /* two with one id: the first is answered first */
    hear(c, CLIENT, say_request(1, WHOLE, 7));
    hear(c, SERVER, say_response(1, WHOLE));
    hear(c, SERVER, say_response(1, WHOLE));
    assert_int_equal(told.calls[3].opnum, 6);
    assert_int_equal(told.calls[4].opnum, 7);
    dis_conversation_end(c, DIS_END_CLOSED);
    assert_int_equal(told.call_count, 5);
}

/* The server calls back with the id of the call that it is working on. */
static void test_callback(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(true);
    hear(c, CLIENT, say_request(4, WHOLE, 1));
    hear(c, SERVER, say_request(4, WHOLE, 2));
    hear(c, CLIENT, say_response(4, WHOLE));
    hear(c, SERVER, say_response(4, WHOLE));
    assert_int_equal(told.calls[0].way, SERVER);
    assert_int_equal(told.calls[0].opnum, 2);
    assert_call(0, 4, DIS_END_ANSWERED, 1, 1);
    assert_int_equal(told.calls[1].way, CLIENT);
    assert_call(1, 4, DIS_END_ANSWERED, 3, 3);
    dis_conversation_end(c, DIS_END_CLOSED);
}

static void test_maybe(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(true);
    hear(c, CLIENT, say_request(4, WHOLE | DIS_MAYBE, 1));
    assert_call(0, 4, DIS_END_MAYBE, -1, -1);
    dis_conversation_end(c, DIS_END_CLOSED);
}

static void test_cancel_and_orphan(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(true);
    hear(c, CLIENT, say_request(4, WHOLE, 1));
    hear(c, CLIENT, say_control(DIS_CO_CANCEL, 4));
    hear(c, CLIENT, say_request(5, WHOLE, 1));
    hear(c, CLIENT, say_control(DIS_ORPHANED, 5));
    hear(c, SERVER, say_fault(4, DIS_DID_NOT_EXECUTE, 0x1c00000d));
    assert_true(told.calls[0].cancelled && told.calls[0].did_not_execute);
    dis_conversation_end(c, DIS_END_RESET);
    assert_true(told.calls[1].orphaned);
    assert_call(1, 5, DIS_END_RESET, -1, -1);
}

/* The capture begins between a request and its answer. */
static void test_answer_alone(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(false);
    hear(c, SERVER, say_response(8, DIS_FIRST_FRAG));
    hear(c, SERVER, say_response(8, DIS_LAST_FRAG));
    assert_int_equal(told.call_count, 1);
    assert_false(told.calls[0].has_request);
    assert_int_equal(told.calls[0].answer_fragments, 2);
    assert_call(0, 8, DIS_END_ANSWERED, -1, -1);
    dis_conversation_end(c, DIS_END_CAPTURE);
}

/* A server that answers with an id of its own: only where no other call can be meant. */
static void test_other_id(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(true);
    hear(c, CLIENT, say_request(5, WHOLE, 1));
    hear(c, SERVER, say_response(1, WHOLE));
    assert_call(0, 5, DIS_END_ANSWERED, 1, 1);
    assert_true(told.calls[0].id_differs);
    hear(c, CLIENT, say_request(6, WHOLE, 1));
    hear(c, CLIENT, say_request(7, WHOLE, 1));
    hear(c, SERVER, say_response(1, WHOLE));
    assert_false(told.calls[1].has_request);
    dis_conversation_end(c, DIS_END_CAPTURE);
    assert_int_equal(told.call_count, 4);
    c = begun(false);
    hear(c, CLIENT, say_request(5, WHOLE, 1));
    hear(c, SERVER, say_response(1, WHOLE));
    assert_false(told.calls[0].has_request);
    dis_conversation_end(c, DIS_END_CAPTURE);
}

/* What is no end is not called one. */
static void test_endings(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(true);
    hear(c, CLIENT, say_request(5, WHOLE, 1));
    dis_conversation_end(c, DIS_END_CAPTURE);
    assert_call(0, 5, DIS_END_CAPTURE, -1, -1);
    c = begun(true);
    hear(c, CLIENT, say_request(5, WHOLE, 1));
    dis_conversation_gap(c, CLIENT);
    hear(c, CLIENT, say_request(6, WHOLE, 1));
    dis_conversation_end(c, DIS_END_CLOSED);
    assert_call(0, 5, DIS_END_CLOSED, -1, -1); /* the gap was on the other side */
    c = begun(true);
    hear(c, CLIENT, say_request(5, WHOLE, 1));
    dis_conversation_gap(c, SERVER);
    hear(c, CLIENT, say_request(6, WHOLE, 1));
    dis_conversation_end(c, DIS_END_RESET);
    assert_call(0, 5, DIS_END_GAP, -1, -1);
    assert_call(1, 6, DIS_END_RESET, -1, -1);
    c = begun(true);
    wire.way[SERVER].heard = false;
    hear(c, CLIENT, say_request(5, WHOLE, 1));
    dis_conversation_end(c, DIS_END_CLOSED);
    assert_call(0, 5, DIS_END_ONE_SIDED, -1, -1);
    for (unsigned i = 0; i < DIS_END_COUNT; i++)
        assert_int_equal(dis_is_unanswered((enum dis_ending)i), i == DIS_END_CLOSED || i == DIS_END_RESET);
}

/* Its answer lies in the gap; its id is used again: the new call gets the new answer. */
static void test_id_after_gap(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(true);
    hear(c, CLIENT, say_request(1, WHOLE, 6));
    dis_conversation_gap(c, SERVER);
    hear(c, CLIENT, say_request(1, WHOLE, 7));
    hear(c, SERVER, say_response(1, WHOLE));
    assert_call(0, 1, DIS_END_GAP, -1, -1);
    assert_call(1, 1, DIS_END_ANSWERED, 1, 1);
    assert_int_equal(told.calls[1].opnum, 7);
    dis_conversation_end(c, DIS_END_CLOSED);
}

/* A body that is not there whole: enough for the call. */
static void test_cut(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(true);
    struct said s = say_request(3, WHOLE, 11);
    struct dis_found found = { .bytes = s.bytes, .length = 24, .missing = s.length - 24 };
    dis_conversation_take(c, CLIENT, &found);
    s = say_fault(3, 0, 5);
    found = (struct dis_found){ .bytes = s.bytes, .length = 20, .missing = s.length - 20 };
    dis_conversation_take(c, SERVER, &found);
    assert_int_equal(told.pdus, 2);
    assert_int_equal(told.call_count, 0); /* the status is cut off: not understood */
    hear(c, SERVER, say_fault(3, 0, 5));
    assert_int_equal(told.calls[0].opnum, 11);
    assert_int_equal(told.calls[0].status, 5);
    dis_conversation_end(c, DIS_END_CLOSED);
}

static void test_too_many_calls(void **state)
{
    (void)state;
    struct dis_conversation *c = begun(true);
    for (uint32_t i = 0; i < DIS_CALLS_OPEN_MOST + 10; i++)
        hear(c, CLIENT, say_request(i, WHOLE, 1));
    assert_int_equal(told.call_count, 10);
    assert_call(0, 0, DIS_END_FORGOTTEN, -1, -1);
    assert_int_equal(news.calls_dropped, 10);
    dis_conversation_end(c, DIS_END_CLOSED);
    assert_int_equal(told.call_count, DIS_CALLS_OPEN_MOST + 10);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound_call),   cmocka_unit_test(test_unbound_fragments),
        cmocka_unit_test(test_ids),          cmocka_unit_test(test_callback),
        cmocka_unit_test(test_maybe),        cmocka_unit_test(test_cancel_and_orphan),
        cmocka_unit_test(test_answer_alone), cmocka_unit_test(test_other_id),
        cmocka_unit_test(test_endings),      cmocka_unit_test(test_id_after_gap),
        cmocka_unit_test(test_cut),          cmocka_unit_test(test_too_many_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
