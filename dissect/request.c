/* The bodies of calls: the fixed part is read, the stub data are only delimited. */
#include "request.h"

/* Everything up to the body's end. */
static const uint8_t *rest(struct dis_cursor *body, size_t *length)
{
    *length = dis_cursor_ok(body) ? body->end - body->at : 0;
    return dis_take(body, *length, "stub data");
}

/* C706 12.6.4.9 */
void dis_request_decode(struct dis_cursor *body, bool has_object, struct dis_request *request)
{
    *request = (struct dis_request){ .has_object = has_object };
    request->alloc_hint = dis_u32(body, "request: alloc_hint");
    request->context_id = dis_u16(body, "request: context id");
    request->opnum = dis_u16(body, "request: opnum");
    if (has_object)
        request->object = dis_read_uuid(body, "request: object");
    request->stub = rest(body, &request->stub_length);
}

/* C706 12.6.4.10 */
void dis_response_decode(struct dis_cursor *body, struct dis_response *response)
{
    *response = (struct dis_response){ .alloc_hint = dis_u32(body, "response: alloc_hint") };
    response->context_id = dis_u16(body, "response: context id");
    response->cancel_count = dis_u8(body, "response: cancel_count");
    dis_u8(body, "response: reserved");
    response->stub = rest(body, &response->stub_length);
}

/* C706 12.6.4.7, MS-RPCE 2.2.2.8. The status is all that a reader needs: the four reserved bytes behind it are
 * stepped over where they are. */
void dis_fault_decode(struct dis_cursor *body, struct dis_fault *fault)
{
    *fault = (struct dis_fault){ .alloc_hint = dis_u32(body, "fault: alloc_hint") };
    fault->context_id = dis_u16(body, "fault: context id");
    fault->cancel_count = dis_u8(body, "fault: cancel_count");
    fault->fault_flags = dis_u8(body, "fault: flags");
    fault->status = dis_u32(body, "fault: status");
    if (body->at < body->end)
        dis_u32(body, "fault: reserved");
    fault->stub = rest(body, &fault->stub_length);
}

/* MS-RPCH 2.2.3.2 */
void dis_rts_decode(struct dis_cursor *body, struct dis_rts *rts)
{
    *rts = (struct dis_rts){ .flags = dis_u16(body, "RTS: flags") };
    rts->command_count = dis_u16(body, "RTS: number of commands");
}
