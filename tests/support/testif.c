/* The test interface's names and stubs, in NDR 2.0 (C706 ch. 14). */
#include "testif.h"

const char *const testif_names[TESTIF_BEHAVIOUR_COUNT] = {
    [TESTIF_ECHO] = "echo",
    [TESTIF_SLOW] = "slow",
    [TESTIF_SILENT] = "silent",
    [TESTIF_BUSY] = "busy",
    [TESTIF_FAULT] = "fault",
    [TESTIF_DIE_BEFORE] = "die-before",
    [TESTIF_DIE_AFTER] = "die-after",
    [TESTIF_RESET_BEFORE] = "reset-before",
    [TESTIF_RESET_AFTER] = "reset-after",
    [TESTIF_CLOSE_BEFORE] = "close-before",
    [TESTIF_CLOSE_AFTER] = "close-after",
    [TESTIF_FRAGMENTS] = "fragments",
    [TESTIF_CALL_BACK] = "call-back",
    [TESTIF_RUBBISH] = "rubbish",
    [TESTIF_WRONG_CALL_ID] = "wrong-call-id",
    [TESTIF_TWICE] = "twice",
    [TESTIF_HALF] = "half",
};

static uint64_t read_hyper(struct dis_cursor *c)
{
    uint64_t first = dis_u32(c, "hyper");
    uint64_t second = dis_u32(c, "hyper");
    return c->big_endian ? first << 32 | second : second << 32 | first;
}

/* A conformant array of octets (C706 14.3.3.2): its size, which must be the one announced, and it must be the
 * last thing in the stub. */
static const uint8_t *read_octets(struct dis_cursor *c, uint32_t announced)
{
    if (dis_u32(c, "array size") != announced)
        dis_cursor_fail(c, "array size differs from the size announced");
    const uint8_t *octets = dis_take(c, announced, "array");
    if (c->at != c->end)
        dis_cursor_fail(c, "bytes after the array");
    return octets;
}

static void write_octets(struct bytes *stub, uint32_t size, uint64_t own_id)
{
    bytes_u32(stub, size);
    uint8_t *to = bytes_reserve(stub, size);
    uint8_t value = (uint8_t)own_id;
    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)(value + i);
    stub->length += size;
}

bool testif_payload_good(const uint8_t *payload, size_t size, uint64_t own_id)
{
    uint8_t value = (uint8_t)own_id;
    for (size_t i = 0; i < size; i++)
        if (payload[i] != (uint8_t)(value + i))
            return false;
    return true;
}

void testif_write_call(struct bytes *stub, const struct testif_call *call)
{
    bytes_u64(stub, call->own_id);
    bytes_u32(stub, call->behaviour);
    bytes_u32(stub, call->a);
    bytes_u32(stub, call->b);
    bytes_u32(stub, call->answer_size);
    bytes_u32(stub, call->payload_size);
    write_octets(stub, call->payload_size, call->own_id);
}

struct testif_call testif_read_call(struct dis_cursor *c)
{
    struct testif_call call = { .own_id = read_hyper(c) };
    call.behaviour = dis_u32(c, "behaviour");
    call.a = dis_u32(c, "a");
    call.b = dis_u32(c, "b");
    call.answer_size = dis_u32(c, "answer size");
    call.payload_size = dis_u32(c, "payload size");
    call.payload = read_octets(c, call.payload_size);
    return call;
}

#define REFERENT 0x20000u /* any value but 0: the pointer is not null (C706 14.3.12.3) */

void testif_write_answer(struct bytes *stub, const struct testif_answer *answer)
{
    bytes_u64(stub, answer->own_id);
    bytes_u32(stub, answer->executed);
    bytes_u32(stub, answer->payload_size);
    bytes_u32(stub, REFERENT);
    write_octets(stub, answer->payload_size, answer->own_id);
}

struct testif_answer testif_read_answer(struct dis_cursor *c)
{
    struct testif_answer answer = { .own_id = read_hyper(c) };
    answer.executed = dis_u32(c, "executed");
    answer.payload_size = dis_u32(c, "payload size");
    if (dis_u32(c, "payload pointer") == 0)
        dis_cursor_fail(c, "payload pointer is null");
    answer.payload = read_octets(c, answer.payload_size);
    return answer;
}

void testif_write_called(struct bytes *stub, const struct testif_called *called)
{
    bytes_u64(stub, called->own_id);
    bytes_u32(stub, called->payload_size);
    write_octets(stub, called->payload_size, called->own_id);
}

struct testif_called testif_read_called(struct dis_cursor *c)
{
    struct testif_called called = { .own_id = read_hyper(c) };
    called.payload_size = dis_u32(c, "payload size");
    called.payload = read_octets(c, called.payload_size);
    return called;
}

void testif_write_called_answer(struct bytes *stub, const struct testif_called *called)
{
    bytes_u64(stub, called->own_id);
    write_octets(stub, called->payload_size, called->own_id);
}

/* The array is all that is left, so its size is known before it is read. */
struct testif_called testif_read_called_answer(struct dis_cursor *c)
{
    struct testif_called called = { .own_id = read_hyper(c) };
    size_t left = c->end - c->at;
    called.payload_size = left < 4 ? 0 : (uint32_t)(left - 4);
    called.payload = read_octets(c, called.payload_size);
    return called;
}
