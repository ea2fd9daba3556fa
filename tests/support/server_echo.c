/* Samba's rpcecho interface, so that Samba's own clients and their tests have something to talk to. */
#include "server.h"

#define REFERENT 0x20000u /* any value but 0: the pointer is not null (C706 14.3.12.3) */

/* AddOne(u32) -> u32 */
static void add_one(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t value = dis_u32(in, "value");
    if (!srv_enter(call, in, call->call_id))
        return;
    bytes_u32(&call->out, value + 1);
    srv_answer(call);
}

/* A size, and a conformant array of that size. */
static const uint8_t *read_data(struct dis_cursor *in, uint32_t *size)
{
    *size = dis_u32(in, "size");
    if (dis_u32(in, "array size") != *size)
        dis_cursor_fail(in, "array size");
    return dis_take(in, *size, "array");
}

/* EchoData(u32 size, data) -> data */
static void echo_data(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t size;
    const uint8_t *data = read_data(in, &size);
    if (!srv_enter(call, in, call->call_id))
        return;
    bytes_u32(&call->out, size);
    bytes_put(&call->out, data, size);
    srv_answer(call);
}

/* SinkData(u32 size, data) -> nothing */
static void sink_data(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t size;
    read_data(in, &size);
    if (srv_enter(call, in, call->call_id))
        srv_answer(call);
}

/* SourceData(u32 size) -> data, octet i is i mod 256 */
static void source_data(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t size = dis_u32(in, "size");
    if (size > SRV_ANSWER_MAX)
        dis_cursor_fail(in, "size");
    if (!srv_enter(call, in, call->call_id))
        return;
    bytes_u32(&call->out, size);
    uint8_t *to = bytes_reserve(&call->out, size);
    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)i;
    call->out.length += size;
    srv_answer(call);
}

/* TestCall(string) -> pointer to the same string. Both are conformant and varying: sizes most, first, actual. */
static void test_call(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t most = dis_u32(in, "string size");
    uint32_t first = dis_u32(in, "string offset");
    uint32_t actual = dis_u32(in, "string length");
    if (first != 0 || actual > most)
        dis_cursor_fail(in, "string length");
    const uint8_t *text = dis_take(in, 2 * (size_t)actual, "string");
    if (!srv_enter(call, in, call->call_id))
        return;
    bytes_u32(&call->out, REFERENT);
    bytes_u32(&call->out, actual);
    bytes_u32(&call->out, 0);
    bytes_u32(&call->out, actual);
    bytes_put(&call->out, text, 2 * (size_t)actual); /* in the client's byte order already, as the answer is */
    srv_answer(call);
}

/* One arm of TestCall2's union: up to two values of these sizes; each is aligned to its own. */
struct info {
    uint8_t first_size;
    uint8_t first;
    uint8_t second_size;
    uint8_t second;
    uint8_t alignment; /* of the arm as a whole */
};

static const struct info infos[] = {
    [1] = { 1, 10, 0, 0, 1 },  [2] = { 2, 20, 0, 0, 2 },  [3] = { 4, 30, 0, 0, 4 },  [4] = { 8, 40, 0, 0, 8 },
    [5] = { 1, 50, 8, 60, 8 }, [6] = { 1, 70, 1, 80, 1 }, [7] = { 1, 80, 8, 90, 8 },
};

static void put_value(struct bytes *out, uint8_t size, uint8_t value)
{
    if (size == 0)
        return;
    bytes_align(out, size);
    switch (size) {
    case 1:
        bytes_u8(out, value);
        break;
    case 2:
        bytes_u16(out, value);
        break;
    case 4:
        bytes_u32(out, value);
        break;
    default:
        bytes_u64(out, value);
    }
}

/* TestCall2(u16 level) -> union by level, status. Samba cannot marshal other levels and says so. */
static void test_call2(struct srv_call *call, struct dis_cursor *in)
{
    uint16_t level = dis_u16(in, "level");
    if (!srv_enter(call, in, call->call_id))
        return;
    if (level == 0 || level >= sizeof infos / sizeof infos[0]) {
        srv_fault(call, SRV_BAD_STUB_DATA, 0);
        return;
    }
    const struct info *info = &infos[level];
    bytes_u16(&call->out, level);
    bytes_align(&call->out, info->alignment);
    put_value(&call->out, info->first_size, info->first);
    put_value(&call->out, info->second_size, info->second);
    bytes_align(&call->out, 4);
    bytes_u32(&call->out, 0);
    srv_answer(call);
}

static void slept(struct srv_call *call)
{
    srv_answer(call);
}

/* TestSleep(u32 seconds) -> u32 seconds; other calls of a multiplexed connection overtake it. */
static void test_sleep(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t seconds = dis_u32(in, "seconds");
    if (!srv_enter(call, in, call->call_id))
        return;
    bytes_u32(&call->out, seconds);
    srv_wait(call, seconds * (uint64_t)1000, slept);
}

/* A struct of a 16-bit and a 32-bit enumeration. */
static void read_pair(struct dis_cursor *in, uint16_t *small, uint32_t *large)
{
    dis_align(in, 4, "enum struct");
    *small = dis_u16(in, "16-bit enum");
    dis_align(in, 4, "32-bit enum");
    *large = dis_u32(in, "32-bit enum");
}

static void put_pair(struct bytes *out, uint16_t small, uint32_t large)
{
    bytes_align(out, 4);
    bytes_u16(out, small);
    bytes_align(out, 4);
    bytes_u32(out, large);
}

/* TestEnum(enum, pair, union by the enum: 1 an enum, 2 a pair) -> the same, the pair's small one is now 2 */
static void test_enum(struct srv_call *call, struct dis_cursor *in)
{
    uint16_t selector = dis_u16(in, "selector");
    uint16_t small, arm_small = 0;
    uint32_t large, arm_large = 0;
    read_pair(in, &small, &large);
    if (dis_u16(in, "union's selector") != selector || (selector != 1 && selector != 2))
        dis_cursor_fail(in, "union's selector");
    if (selector == 1)
        arm_small = dis_u16(in, "union's enum");
    else
        read_pair(in, &arm_small, &arm_large);
    if (!srv_enter(call, in, call->call_id))
        return;
    bytes_u16(&call->out, selector);
    put_pair(&call->out, 2, large);
    bytes_u16(&call->out, selector);
    if (selector == 1)
        bytes_u16(&call->out, arm_small);
    else
        put_pair(&call->out, arm_small, arm_large);
    srv_answer(call);
}

/* TestSurrounding(struct of x and x 16-bit integers) -> twice as many, all zero */
static void test_surrounding(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t most = dis_u32(in, "array size");
    uint32_t x = dis_u32(in, "x");
    if (most != x || x > SRV_ANSWER_MAX / 4)
        dis_cursor_fail(in, "array size");
    dis_take(in, 2 * (size_t)x, "array");
    if (!srv_enter(call, in, call->call_id))
        return;
    bytes_u32(&call->out, 2 * x);
    bytes_u32(&call->out, 2 * x);
    for (uint32_t i = 0; i < 2 * x; i++)
        bytes_u16(&call->out, 0);
    srv_answer(call);
}

/* TestDoublePointer(pointer to pointer to u16) -> the u16, or 0 where a pointer is null */
static void test_double_pointer(struct srv_call *call, struct dis_cursor *in)
{
    uint16_t value = 0;
    if (dis_u32(in, "pointer") != 0 && dis_u32(in, "pointer to pointer") != 0)
        value = dis_u16(in, "value");
    if (!srv_enter(call, in, call->call_id))
        return;
    bytes_u16(&call->out, value);
    srv_answer(call);
}

static srv_operation *const operations[] = {
    add_one,    echo_data,  sink_data, source_data,      test_call,
    test_call2, test_sleep, test_enum, test_surrounding, test_double_pointer,
};

/* 60a15ec5-4de8-11d7-a637-005056a20182 v1.0 */
const struct srv_interface srv_echo = {
    .name = "rpcecho",
    .syntax = {
        .uuid = { { 0x60, 0xa1, 0x5e, 0xc5, 0x4d, 0xe8, 0x11, 0xd7, 0xa6, 0x37, 0x00, 0x50, 0x56, 0xa2, 0x01, 0x82 } },
        .major = 1,
    },
    .operations = operations,
    .operation_count = sizeof operations / sizeof operations[0],
};
