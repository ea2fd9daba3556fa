/* dissect/compose with trailers (MS-RPCE 2.2.2.11) and with stubs that are told apart. */
#include "wire.h"

#include <assert.h>
#include <string.h>

#include "../../dissect/compose.h"
#include "draw.h"

#define TRAILER   8u
#define SIGNATURE 16u
#define FRAGMENT  4280u

static struct dis_head head_of(const struct wire_head *head)
{
    return (struct dis_head){ .drep = head->big_endian ? dis_big_endian_drep : dis_little_endian,
                              .minor = 0,
                              .flags = head->flags,
                              .call_id = head->call_id };
}

static void put_u16(uint8_t *at, uint16_t value, bool big)
{
    at[big] = (uint8_t)value;
    at[!big] = (uint8_t)(value >> 8);
}

/* What the trailer holds depends on every byte before it, as a signature does. */
static size_t sign(uint8_t *out, size_t length, const struct wire_head *head)
{
    uint32_t sum = head->call_id;
    if (head->level < DIS_LEVEL_CONNECT)
        return length;
    size_t pad = -length & 3;
    memset(out + length, 0, pad);
    length += pad;
    for (size_t i = 0; i < length; i++)
        sum = sum * 31 + out[i];
    uint8_t trailer[TRAILER] = { DIS_AUTH_NTLMSSP, head->level, (uint8_t)pad };
    memcpy(out + length, trailer, TRAILER);
    for (size_t i = 0; i < SIGNATURE; i++)
        out[length + TRAILER + i] = (uint8_t)(sum >> (i & 3) * 8);
    length += TRAILER + SIGNATURE;
    put_u16(out + 8, (uint16_t)length, head->big_endian); /* frag_length, auth_length (C706 12.6.3.1) */
    put_u16(out + 10, SIGNATURE, head->big_endian);
    return length;
}

static struct dis_syntax syntax(const char *uuid, uint16_t major)
{
    struct dis_syntax s = { .major = major };
    bool known = dis_uuid_parse(uuid, &s.uuid);
    assert(known);
    return s;
}

static struct dis_syntax interface(void)
{
    return syntax(WIRE_INTERFACE, 1);
}

static struct dis_syntax ndr(void)
{
    return syntax("8a885d04-1ceb-11c9-9fe8-08002b104860", 2);
}

bool wire_is_check(const struct dis_pdu *pdu)
{
    struct dis_list contexts = pdu->bind.contexts;
    struct dis_context context;
    struct dis_syntax mgmt = syntax(WIRE_MGMT, 1);
    return pdu->header.type == DIS_BIND && dis_next_context(&contexts, &context) &&
           memcmp(&context.abstract.uuid, &mgmt.uuid, sizeof mgmt.uuid) == 0;
}

size_t wire_bind(uint8_t *out, const struct wire_head *head, uint32_t group, bool alter)
{
    const struct dis_syntax transfer = ndr(), features = dis_feature_syntax(DIS_KEEP_CONNECTION_ON_ORPHAN);
    const struct dis_offer offers[] = { { 0, interface(), &transfer, 1 }, { 1, interface(), &features, 1 } };
    struct dis_bind sizes = { .max_xmit_frag = FRAGMENT, .max_recv_frag = FRAGMENT, .assoc_group_id = group };
    struct dis_head h = head_of(head);
    size_t n = dis_compose_bind(out, WIRE_MOST, alter ? DIS_ALTER_CONTEXT : DIS_BIND, &h, &sizes, offers,
                                alter ? 1 : 2);
    return sign(out, n, head);
}

unsigned wire_results(const struct dis_pdu *bind, bool keeps, struct dis_context_result results[WIRE_CONTEXTS])
{
    const struct dis_syntax own = interface(), transfer = ndr();
    struct dis_list contexts = bind->bind.contexts;
    struct dis_context context;
    unsigned count = 0;
    while (count < WIRE_CONTEXTS && dis_next_context(&contexts, &context)) {
        struct dis_list transfers = context.transfers;
        struct dis_syntax first = { 0 };
        uint64_t features;
        bool good = dis_next_syntax(&transfers, &first) && dis_syntax_equal(&first, &transfer) &&
                    dis_syntax_equal(&context.abstract, &own);
        struct dis_context_result *r = &results[count++];
        *r = (struct dis_context_result){ .result = good ? DIS_ACCEPTANCE : DIS_PROVIDER_REJECTION,
                                          .reason = good ? DIS_REASON_NOT_SPECIFIED
                                                         : DIS_ABSTRACT_SYNTAX_NOT_SUPPORTED };
        if (good)
            r->transfer = transfer;
        if (dis_is_feature_negotiation(&context, &features))
            *r = (struct dis_context_result){ .result = DIS_NEGOTIATE_ACK,
                                              .reason = keeps ? DIS_KEEP_CONNECTION_ON_ORPHAN : 0 };
    }
    return count;
}

size_t wire_bind_ack(uint8_t *out, const struct wire_head *head, uint32_t group, bool alter,
                     const struct dis_context_result *results, unsigned count)
{
    struct dis_bind_ack sizes = { .max_xmit_frag = FRAGMENT, .max_recv_frag = FRAGMENT, .assoc_group_id = group };
    struct dis_head h = head_of(head);
    size_t n = dis_compose_bind_ack(out, WIRE_MOST, alter ? DIS_ALTER_CONTEXT_RESP : DIS_BIND_ACK, &h, &sizes, "5000",
                                    results, (uint8_t)count);
    return sign(out, n, head);
}

size_t wire_bind_nak(uint8_t *out, const struct wire_head *head)
{
    struct dis_head h = head_of(head);
    return dis_compose_bind_nak(out, WIRE_MOST, &h, DIS_NAK_LOCAL_LIMIT_EXCEEDED); /* not the proxy's reason */
}

/* A header, four bytes of nothing (MS-RPCE 2.2.2.5), the trailer. */
size_t wire_auth3(uint8_t *out, const struct wire_head *head)
{
    struct dis_head h = head_of(head);
    size_t n = dis_compose_control(out, WIRE_MOST, DIS_AUTH3, &h);
    memset(out + n, 0, 4);
    return sign(out, n + 4, head);
}

static uint32_t fill(uint8_t *stub, uint32_t length, uint32_t own, uint32_t serial)
{
    uint32_t x = own * 2654435761u + serial;
    length = length < 8 ? 8 : length;
    memcpy(stub, &own, 4);
    memcpy(stub + 4, &serial, 4);
    for (uint32_t i = 8; i < length; i++, x = x * 1664525u + 1013904223u)
        stub[i] = (uint8_t)(x >> 24);
    return length;
}

size_t wire_request(uint8_t *out, const struct wire_head *head, uint16_t opnum, uint32_t own, uint32_t serial,
                    uint32_t stub)
{
    uint8_t bytes[WIRE_MOST];
    struct dis_head h = head_of(head);
    stub = fill(bytes, stub, own, serial);
    return sign(out, dis_compose_request(out, WIRE_MOST, &h, 0, opnum, NULL, stub, bytes, stub), head);
}

size_t wire_response(uint8_t *out, const struct wire_head *head, uint32_t own, uint32_t serial, uint32_t stub)
{
    uint8_t bytes[WIRE_MOST];
    struct dis_head h = head_of(head);
    stub = fill(bytes, stub, own, ~serial);
    return sign(out, dis_compose_response(out, WIRE_MOST, &h, head->context, stub, bytes, stub), head);
}

uint32_t wire_own(const uint8_t *bytes, size_t length)
{
    struct dis_pdu pdu;
    struct dis_error error;
    uint32_t own = WIRE_NOBODY;
    if (!dis_pdu_decode(bytes, length, &pdu, &error))
        return own;
    if (pdu.header.type == DIS_REQUEST && pdu.request.stub_length >= sizeof own)
        memcpy(&own, pdu.request.stub, sizeof own);
    if (pdu.header.type == DIS_RESPONSE && pdu.response.stub_length >= sizeof own)
        memcpy(&own, pdu.response.stub, sizeof own);
    return own;
}

/* rpc_mgmt_is_server_listening: an error_status_t and a boolean32 (C706 appendix Q). */
size_t wire_mgmt_answer(uint8_t *out, const struct wire_head *head, bool listening)
{
    const uint8_t stub[8] = { [4] = listening };
    struct dis_head h = head_of(head);
    return dis_compose_response(out, WIRE_MOST, &h, 0, sizeof stub, stub, sizeof stub);
}

size_t wire_fault(uint8_t *out, const struct wire_head *head, uint32_t status)
{
    struct dis_head h = head_of(head);
    return sign(out, dis_compose_fault(out, WIRE_MOST, &h, head->context, status), head);
}

size_t wire_control(uint8_t *out, const struct wire_head *head, uint8_t type)
{
    struct dis_head h = head_of(head);
    return dis_compose_control(out, WIRE_MOST, (enum dis_ptype)type, &h);
}
