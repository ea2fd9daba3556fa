/* The interface that Wine's runtime is tried with (probe.idl beside the Wine programs): strings, arrays, context handles,
 * exceptions. What it answers is what Wine's own server answers. */
#include "server.h"

#include <unistd.h>

#define CONTEXT_MISMATCH  0x1c00001au /* nca_s_fault_context_mismatch (C706 appendix E) */
#define NOT_EXECUTED      0x1c00000cu /* what Wine's server makes of an exception 1727 */
#define REMOTE_NO_MEMORY  0x1c00001bu /* nca_s_fault_remote_no_memory */
#define CALL_FAILED_DNE   1727u
#define DEATH_STATUS      9
#define HANDLE_ATTRIBUTES 0u

static uint32_t bumped;

/* Every operation returns a long, and means 0. */
static void return_zero(struct srv_call *call)
{
    bytes_align(&call->out, 4);
    bytes_u32(&call->out, 0);
    srv_answer(call);
}

static bool enter(struct srv_call *call, struct dis_cursor *in)
{
    return srv_enter(call, in, call->call_id);
}

/* A varying and conformant string of octets: sizes most, first, actual (C706 14.3.4.2). */
static const uint8_t *read_string(struct dis_cursor *in, uint32_t *length)
{
    uint32_t most = dis_u32(in, "string size");
    uint32_t first = dis_u32(in, "string offset");
    *length = dis_u32(in, "string length");
    if (first != 0 || *length > most || *length == 0)
        dis_cursor_fail(in, "string length");
    return dis_take(in, *length, "string");
}

static void echo(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t length;
    const uint8_t *string = read_string(in, &length);
    dis_align(in, 4, "max");
    uint32_t max = dis_u32(in, "max");
    if (length > max)
        dis_cursor_fail(in, "max");
    if (!enter(call, in))
        return;
    bytes_u32(&call->out, max);
    bytes_u32(&call->out, 0);
    bytes_u32(&call->out, length);
    bytes_put(&call->out, string, length);
    return_zero(call);
}

static void add(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t a = dis_u32(in, "a");
    uint32_t b = dis_u32(in, "b");
    if (!enter(call, in))
        return;
    bytes_u32(&call->out, a + b);
    return_zero(call);
}

static void sleep_ms(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t ms = dis_u32(in, "ms");
    if (enter(call, in))
        srv_wait(call, ms, return_zero);
}

/* ---- context handles: attributes and a UUID ---- */

static void write_handle(struct bytes *out, const struct dis_uuid *uuid)
{
    bytes_u32(out, HANDLE_ATTRIBUTES);
    bytes_uuid(out, uuid);
}

/* The handle that the call names; NULL: the call has ended. */
static struct srv_handle *read_handle(struct srv_call *call, struct dis_cursor *in)
{
    dis_u32(in, "context handle attributes");
    struct dis_uuid uuid = dis_read_uuid(in, "context handle");
    struct srv_handle *handle = srv_handle_find(call->link->group, &uuid);
    if (handle == NULL && dis_cursor_ok(in)) {
        srv_fault(call, CONTEXT_MISMATCH, 0);
        return NULL;
    }
    return enter(call, in) ? handle : NULL;
}

static void ctx_open(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t seed = dis_u32(in, "seed");
    if (!enter(call, in))
        return;
    struct srv_handle *handle = srv_handle_new(call->link->group, seed);
    if (handle == NULL) {
        srv_fault(call, REMOTE_NO_MEMORY, 0);
        return;
    }
    write_handle(&call->out, &handle->uuid);
    return_zero(call);
}

static void ctx_next(struct srv_call *call, struct dis_cursor *in)
{
    struct srv_handle *handle = read_handle(call, in);
    if (handle == NULL)
        return;
    bytes_u32(&call->out, handle->next++);
    return_zero(call);
}

static void ctx_close(struct srv_call *call, struct dis_cursor *in)
{
    struct srv_handle *handle = read_handle(call, in);
    if (handle == NULL)
        return;
    srv_handle_free(handle);
    write_handle(&call->out, &(struct dis_uuid){ { 0 } });
    return_zero(call);
}

/* ---- the rest ---- */

static void peek(struct srv_call *call, struct dis_cursor *in)
{
    if (!enter(call, in))
        return;
    bytes_u32(&call->out, bumped);
    return_zero(call);
}

static void bump(struct srv_call *call, struct dis_cursor *in)
{
    if (!enter(call, in))
        return;
    bytes_u32(&call->out, ++bumped);
    return_zero(call);
}

/* An array each way; the answer's octet i is 7 i + 3, and the sum of the request's is returned. */
static void blob(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t n = dis_u32(in, "n");
    if (dis_u32(in, "array size") != n)
        dis_cursor_fail(in, "array size");
    const uint8_t *array = dis_take(in, n, "array");
    dis_align(in, 4, "m");
    uint32_t m = dis_u32(in, "m");
    if (m > SRV_ANSWER_MAX)
        dis_cursor_fail(in, "m");
    if (!enter(call, in))
        return;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += array[i];
    bytes_u32(&call->out, m);
    uint8_t *to = bytes_reserve(&call->out, m);
    for (uint32_t i = 0; i < m; i++)
        to[i] = (uint8_t)(i * 7 + 3);
    call->out.length += m;
    bytes_align(&call->out, 4);
    bytes_u32(&call->out, sum);
    srv_answer(call);
}

static void raise_exception(struct srv_call *call, struct dis_cursor *in)
{
    uint32_t exception = dis_u32(in, "exception");
    if (enter(call, in))
        srv_fault(call, exception == CALL_FAILED_DNE ? NOT_EXECUTED : exception, 0);
}

static void maybe(struct srv_call *call, struct dis_cursor *in)
{
    dis_u32(in, "v");
    if (enter(call, in))
        srv_answer(call);
}

static void die(struct srv_call *call, struct dis_cursor *in)
{
    if (enter(call, in))
        _exit(DEATH_STATUS);
}

static srv_operation *const operations[] = {
    echo, add, sleep_ms, ctx_open, ctx_next, ctx_close, peek, bump, blob, raise_exception, maybe, die,
};

/* 6f1d2a90-53c4-4e0b-9d1c-7a1f0c5be001 v1.0 */
const struct srv_interface srv_probe = {
    .name = "probe",
    .syntax = {
        .uuid = { { 0x6f, 0x1d, 0x2a, 0x90, 0x53, 0xc4, 0x4e, 0x0b, 0x9d, 0x1c, 0x7a, 0x1f, 0x0c, 0x5b, 0xe0, 0x01 } },
        .major = 1,
    },
    .operations = operations,
    .operation_count = sizeof operations / sizeof operations[0],
};
