/* The test interface: every way in which a server can disappoint its client, on request (testif.h). */
#include "server.h"

#include <unistd.h>

#include "testif.h"

#define DEATH_STATUS 9

/* A row per behaviour. A row that waits does so for a ms, with srv_wait(), before it acts. */
struct behaviour {
    bool executes;
    bool waits;
    void (*act)(struct srv_call *call);
};

static void leave_open(struct srv_call *call)
{
    (void)call;
}

static void refuse_busy(struct srv_call *call)
{
    srv_fault(call, SRV_SERVER_TOO_BUSY, DIS_DID_NOT_EXECUTE);
}

static void fault(struct srv_call *call)
{
    srv_fault(call, call->a, (uint8_t)call->b);
}

/* As a crash: nothing is flushed, nobody is told. */
static void die(struct srv_call *call)
{
    (void)call;
    _exit(DEATH_STATUS);
}

static void reset(struct srv_call *call)
{
    wire_reset(&call->link->wire);
}

static void finish(struct srv_call *call)
{
    wire_close(&call->link->wire);
}

static void send_fragment(struct srv_call *call)
{
    size_t size = call->a == 0 ? 1 : call->a;
    size_t most = call->link->fragment_max - 24u; /* a response's header */
    do
        srv_send_part(call, size < most ? size : most);
    while (call->b == 0 && call->sent < call->out.length);
    if (call->sent < call->out.length)
        srv_wait(call, call->b, send_fragment);
    else
        srv_end(call);
}

/* The client has answered our request: its payload becomes ours, its fault too. */
static void called_back(struct srv_call *call, const struct dis_pdu *pdu)
{
    call->client_said = NULL;
    if (pdu->header.type == DIS_FAULT) {
        srv_fault(call, pdu->fault.status, 0);
        return;
    }
    struct dis_cursor in = dis_cursor_over(pdu->response.stub, pdu->response.stub_length,
                                           dis_big_endian(pdu->header.drep));
    struct testif_called said = testif_read_called_answer(&in);
    if (!dis_cursor_ok(&in) || !testif_payload_good(said.payload, said.payload_size, said.own_id)) {
        srv_fault(call, SRV_BAD_STUB_DATA, 0);
        return;
    }
    struct testif_answer answer = { .own_id = said.own_id, .executed = call->b, .payload_size = said.payload_size };
    call->out.length = 0;
    testif_write_answer(&call->out, &answer);
    srv_answer(call);
}

/* A request nested in the call that is open, with its call_id (MS-RPCE 3.3.1.5.9). */
static void call_back(struct srv_call *call)
{
    struct bytes *out = &call->link->wire.out;
    struct dis_head head = { .drep = call->drep, .call_id = call->call_id, .flags = DIS_FIRST_FRAG | DIS_LAST_FRAG };
    uint8_t *to = bytes_reserve(out, call->link->fragment_max);
    size_t length = dis_compose_request(to, call->link->fragment_max, &head, call->context_id, TESTIF_CALLED, NULL,
                                        (uint32_t)call->out.length, call->out.data, call->out.length);
    if (length == 0) {
        srv_fault(call, SRV_BAD_STUB_DATA, 0);
        return;
    }
    out->length += length;
    call->client_said = called_back;
    wire_touch(&call->link->wire);
}

static void rubbish(struct srv_call *call)
{
    for (uint32_t i = 0; i < call->a; i++)
        bytes_u8(&call->link->wire.out, 0xff);
    srv_answer(call);
}

static void answer_other_call(struct srv_call *call)
{
    call->call_id += call->a == 0 ? 1 : call->a;
    srv_answer(call);
}

static void answer_twice(struct srv_call *call)
{
    srv_send(call);
    srv_answer(call);
}

static void answer_half(struct srv_call *call)
{
    struct wire *wire = &call->link->wire;
    size_t before = wire->out.length;
    srv_send(call);
    wire->out.length = before + (wire->out.length - before) / 2;
    wire_reset(wire);
    srv_calls_end(call->link); /* what another one says now would be taken for the other half */
}

static const struct behaviour behaviours[TESTIF_BEHAVIOUR_COUNT] = {
    [TESTIF_ECHO] = { true, false, srv_answer },
    [TESTIF_SLOW] = { true, true, srv_answer },
    [TESTIF_SILENT] = { true, false, leave_open },
    [TESTIF_BUSY] = { false, true, refuse_busy },
    [TESTIF_FAULT] = { true, false, fault },
    [TESTIF_DIE_BEFORE] = { false, true, die },
    [TESTIF_DIE_AFTER] = { true, true, die },
    [TESTIF_RESET_BEFORE] = { false, true, reset },
    [TESTIF_RESET_AFTER] = { true, true, reset },
    [TESTIF_CLOSE_BEFORE] = { false, true, finish },
    [TESTIF_CLOSE_AFTER] = { true, true, finish },
    [TESTIF_FRAGMENTS] = { true, false, send_fragment },
    [TESTIF_CALL_BACK] = { true, false, call_back },
    [TESTIF_RUBBISH] = { true, false, rubbish },
    [TESTIF_WRONG_CALL_ID] = { true, false, answer_other_call },
    [TESTIF_TWICE] = { true, false, answer_twice },
    [TESTIF_HALF] = { true, false, answer_half },
};

/* What will be said when it is time to; for a callback, what is asked. `b` keeps the count for later. */
static void prepare(struct srv_call *call, const struct testif_call *asked, uint32_t executed)
{
    call->a = asked->a;
    call->b = asked->b;
    if (asked->behaviour == TESTIF_CALL_BACK) {
        struct testif_called called = { .own_id = asked->own_id, .payload_size = asked->payload_size };
        call->b = executed;
        testif_write_called(&call->out, &called);
        return;
    }
    struct testif_answer answer = { .own_id = asked->own_id, .executed = executed };
    answer.payload_size = asked->answer_size == TESTIF_ECHO_SIZE ? asked->payload_size : asked->answer_size;
    testif_write_answer(&call->out, &answer);
}

/* The payload must be as its own_id says: so an answer that is good proves the request was. */
static void call_operation(struct srv_call *call, struct dis_cursor *in)
{
    struct testif_call asked = testif_read_call(in);
    bool sane = asked.behaviour < TESTIF_BEHAVIOUR_COUNT &&
                (asked.answer_size <= SRV_ANSWER_MAX || asked.answer_size == TESTIF_ECHO_SIZE);
    if (!sane || (dis_cursor_ok(in) && !testif_payload_good(asked.payload, asked.payload_size, asked.own_id)))
        dis_cursor_fail(in, "arguments");
    const struct behaviour *row = &behaviours[sane ? asked.behaviour : TESTIF_ECHO];
    uint32_t executed = 0;
    if (row->executes || !dis_cursor_ok(in)) {
        if (!srv_enter(call, in, asked.own_id))
            return;
        executed = srv_tally(asked.own_id);
    }
    prepare(call, &asked, executed);
    if (row->waits && asked.a > 0)
        srv_wait(call, asked.a, row->act);
    else
        row->act(call);
}

static srv_operation *const operations[] = { [TESTIF_CALL] = call_operation };

const struct srv_interface srv_test = {
    .name = "test",
    .syntax = TESTIF_SYNTAX,
    .operations = operations,
    .operation_count = sizeof operations / sizeof operations[0],
};
