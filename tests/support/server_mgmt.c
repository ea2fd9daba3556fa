/* The management interface that every runtime offers beside the application's own (C706 appendix Q). */
#include "server.h"

#define REFERENT 0x20000u /* any value but 0: the pointer is not null (C706 14.3.12.3) */

static void inq_if_ids(struct srv_call *call, struct dis_cursor *in)
{
    if (!srv_enter(call, in, call->call_id))
        return;
    struct bytes *out = &call->out;
    uint32_t count = (uint32_t)srv_interface_count;
    bytes_u32(out, REFERENT);
    bytes_u32(out, count); /* conformance of the array inside the vector, hoisted before it */
    bytes_u32(out, count);
    for (uint32_t i = 0; i < count; i++)
        bytes_u32(out, REFERENT + 4 * (i + 1));
    for (uint32_t i = 0; i < count; i++) {
        const struct dis_syntax *syntax = &srv_interfaces[i]->syntax;
        bytes_uuid(out, &syntax->uuid);
        bytes_u16(out, syntax->major);
        bytes_u16(out, syntax->minor);
    }
    bytes_u32(out, 0); /* status */
    srv_answer(call);
}

static void is_server_listening(struct srv_call *call, struct dis_cursor *in)
{
    if (!srv_enter(call, in, call->call_id))
        return;
    bytes_u32(&call->out, 0); /* status */
    bytes_u32(&call->out, 1); /* yes */
    srv_answer(call);
}

static srv_operation *const operations[] = {
    [0] = inq_if_ids,
    [2] = is_server_listening,
};

/* afa8bd80-7d8a-11c9-bef4-08002b102989 v1.0 */
const struct srv_interface srv_mgmt = {
    .name = "mgmt",
    .syntax = {
        .uuid = { { 0xaf, 0xa8, 0xbd, 0x80, 0x7d, 0x8a, 0x11, 0xc9, 0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89 } },
        .major = 1,
    },
    .operations = operations,
    .operation_count = sizeof operations / sizeof operations[0],
};
