/* Calls: requests gathered and handed to their operation, answers cut into fragments. */
#include "server.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#define RESPONSE_HEADER 24u /* C706 12.6.4.10 */
#define STUB_GRAIN      16u /* fragments carry whole sixteens, as Samba's do */

const struct srv_interface *const srv_interfaces[] = { &srv_echo, &srv_test, &srv_probe, &srv_mgmt };
const size_t srv_interface_count = sizeof srv_interfaces / sizeof srv_interfaces[0];

static struct srv_call *begin(struct srv_link *link, const struct dis_header *head)
{
    struct server *server = link->server;
    struct srv_call *call = TAILQ_FIRST(&server->spare);
    if (call != NULL) {
        TAILQ_REMOVE(&server->spare, call, entry);
    } else {
        call = calloc(1, sizeof *call);
        if (call == NULL)
            err(1, "call");
        uv_timer_init(&server->loop, &call->timer);
        call->timer.data = call;
    }
    call->link = link;
    call->client_said = NULL;
    call->sent = 0;
    call->call_id = head->call_id;
    call->flags = head->flags;
    memcpy(call->drep, head->drep, sizeof call->drep);
    call->out.big_endian = dis_big_endian(head->drep);
    TAILQ_INSERT_TAIL(&link->calls, call, entry);
    return call;
}

void srv_end(struct srv_call *call)
{
    uv_timer_stop(&call->timer);
    srv_work_unwatched(call);
    bytes_clear(&call->out);
    TAILQ_REMOVE(&call->link->calls, call, entry);
    TAILQ_INSERT_HEAD(&call->link->server->spare, call, entry);
}

void srv_calls_end(struct srv_link *link)
{
    struct srv_call *call;
    while ((call = TAILQ_FIRST(&link->calls)) != NULL)
        srv_end(call);
}

static struct dis_head head_of(const struct srv_call *call)
{
    return (struct dis_head){ .drep = call->drep, .call_id = call->call_id };
}

void srv_fault(struct srv_call *call, uint32_t status, uint8_t flags)
{
    struct dis_head head = head_of(call);
    head.flags = flags;
    if ((call->flags & DIS_MAYBE) == 0)
        srv_write_fault(call->link, &head, call->context_id, status);
    srv_end(call);
}

void srv_send_part(struct srv_call *call, size_t most)
{
    struct bytes *out = &call->link->wire.out;
    size_t left = call->out.length - call->sent;
    size_t size = left < most ? left : most;
    struct dis_head head = head_of(call);
    head.flags = (uint8_t)((call->sent == 0 ? DIS_FIRST_FRAG : 0) | (size == left ? DIS_LAST_FRAG : 0));
    uint8_t *to = bytes_reserve(out, RESPONSE_HEADER + size);
    out->length += dis_compose_response(to, RESPONSE_HEADER + size, &head, call->context_id, (uint32_t)left,
                                        call->out.data + call->sent, size);
    call->sent += size;
    wire_touch(&call->link->wire);
}

void srv_send(struct srv_call *call)
{
    size_t most = (call->link->fragment_max - RESPONSE_HEADER) & ~(size_t)(STUB_GRAIN - 1);
    call->sent = 0;
    bytes_reserve(&call->out, 1); /* an answer without stub data has an address too */
    do
        srv_send_part(call, most);
    while (call->sent < call->out.length);
}

/* Of a MAYBE call the client wants to hear nothing (C706 12.6.3.1). */
void srv_answer(struct srv_call *call)
{
    if ((call->flags & DIS_MAYBE) == 0)
        srv_send(call);
    srv_end(call);
}

static void on_timer(uv_timer_t *timer)
{
    struct srv_call *call = timer->data;
    call->due(call);
}

void srv_wait(struct srv_call *call, uint64_t ms, void (*due)(struct srv_call *call))
{
    call->due = due;
    if (call->link->server->workers > 0)
        srv_work(call, ms);
    else
        uv_timer_start(&call->timer, on_timer, ms, 0);
}

bool srv_enter(struct srv_call *call, const struct dis_cursor *in, uint64_t id)
{
    struct srv_link *link = call->link;
    if (!dis_cursor_ok(in)) {
        srv_fault(call, SRV_BAD_STUB_DATA, 0);
        return false;
    }
    link->server->executed++;
    if (call->interface == &srv_test)
        ledger_line(&link->server->ledger, "%s %u %016llx %s %u", call->interface->name, call->opnum,
                    (unsigned long long)id, link->peer, link->serial);
    else
        ledger_line(&link->server->ledger, "%s %u %llu %s %u", call->interface->name, call->opnum,
                    (unsigned long long)id, link->peer, link->serial);
    return true;
}

/* What can be refused now was not executed, and is said to be (MS-RPCE 2.2.2.3). */
static void dispatch(struct srv_call *call, const uint8_t *stub, size_t length)
{
    struct dis_cursor in = dis_cursor_over(stub, length, dis_big_endian(call->drep));
    call->interface = srv_context_interface(call->link, call->context_id);
    if (call->interface == NULL) {
        call->context_id = 0; /* Samba and Windows name none */
        srv_fault(call, SRV_UNK_IF, DIS_DID_NOT_EXECUTE);
    } else if (call->opnum >= call->interface->operation_count || call->interface->operations[call->opnum] == NULL) {
        srv_fault(call, SRV_OP_RNG_ERROR, DIS_DID_NOT_EXECUTE);
    } else {
        call->interface->operations[call->opnum](call, &in);
    }
}

/* The stream's rules for a request PDU; 0, or the status of the fault that ends the connection. */
static uint32_t check_request(const struct srv_link *link, const struct dis_pdu *pdu)
{
    const struct dis_gather *gather = &link->gather;
    bool first = (pdu->header.flags & DIS_FIRST_FRAG) != 0;
    if (pdu->auth.value != NULL || pdu->header.frag_length > SRV_FRAGMENT_MAX)
        return SRV_PROTO_ERROR;
    if (first == gather->open || (!first && pdu->header.call_id != gather->first.call_id))
        return SRV_PROTO_ERROR;
    if (first && !link->multiplexed && !TAILQ_EMPTY(&link->calls))
        return SRV_PROTO_ERROR;
    bool hints_too_much = first && pdu->request.alloc_hint > SRV_REQUEST_MAX;
    if (!dis_is_whole(&pdu->header) &&
        (hints_too_much || gather->length + pdu->request.stub_length > SRV_REQUEST_MAX))
        return SRV_ACCESS_DENIED;
    return 0;
}

/* The old call's id where the client may have only one (measured on Samba and Windows). */
static const struct dis_header *offender(const struct srv_link *link, const struct dis_pdu *pdu)
{
    return link->gather.open && !link->multiplexed ? &link->gather.first : &pdu->header;
}

void srv_request(struct srv_link *link, const struct dis_pdu *pdu)
{
    uint32_t status = check_request(link, pdu);
    if (status != 0) {
        srv_refuse(link, offender(link, pdu), status);
        return;
    }
    if (dis_is_whole(&pdu->header)) { /* nearly always: nothing to gather, nothing to copy */
        struct srv_call *call = begin(link, &pdu->header);
        call->context_id = pdu->request.context_id;
        call->opnum = pdu->request.opnum;
        dispatch(call, pdu->request.stub, pdu->request.stub_length);
        return;
    }
    struct dis_error error;
    enum dis_gather_status gathered = dis_gather_add(&link->gather, pdu, &error);
    if (gathered == DIS_GATHER_BAD) {
        srv_refuse(link, &pdu->header, SRV_PROTO_ERROR);
    } else if (gathered == DIS_GATHER_DONE) {
        struct srv_call *call = begin(link, &link->gather.first);
        call->context_id = link->gather.context_id;
        call->opnum = link->gather.opnum;
        dispatch(call, link->gather.stub, link->gather.length);
        dis_gather_reset(&link->gather);
    }
}

void srv_client_answer(struct srv_link *link, const struct dis_pdu *pdu)
{
    struct srv_call *call;
    TAILQ_FOREACH(call, &link->calls, entry)
    if (call->client_said != NULL && call->call_id == pdu->header.call_id)
        break;
    if (call == NULL || !dis_is_whole(&pdu->header))
        srv_refuse(link, &pdu->header, SRV_PROTO_ERROR);
    else
        call->client_said(call, pdu);
}
