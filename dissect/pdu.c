/* One PDU: the common header, then the trailer from its end, then the body by a table of types. */
#include "pdu.h"

#include <assert.h>

static void decode_request(struct dis_cursor *body, struct dis_pdu *pdu)
{
    dis_request_decode(body, (pdu->header.flags & DIS_OBJECT_UUID) != 0, &pdu->request);
}

static void decode_response(struct dis_cursor *body, struct dis_pdu *pdu)
{
    dis_response_decode(body, &pdu->response);
}

static void decode_fault(struct dis_cursor *body, struct dis_pdu *pdu)
{
    dis_fault_decode(body, &pdu->fault);
}

static void decode_bind(struct dis_cursor *body, struct dis_pdu *pdu)
{
    dis_bind_decode(body, &pdu->bind);
}

static void decode_bind_ack(struct dis_cursor *body, struct dis_pdu *pdu)
{
    dis_bind_ack_decode(body, &pdu->bind_ack);
}

static void decode_bind_nak(struct dis_cursor *body, struct dis_pdu *pdu)
{
    dis_bind_nak_decode(body, &pdu->bind_nak);
}

static void decode_rts(struct dis_cursor *body, struct dis_pdu *pdu)
{
    dis_rts_decode(body, &pdu->rts);
}

struct row {
    const char *name;
    uint8_t least; /* bytes of the shortest PDU of this type, trailer not counted */
    void (*decode)(struct dis_cursor *body, struct dis_pdu *pdu); /* NULL: nothing is read behind the header */
};

/* The lengths are of what must be there to be understood, not of what a sender should send: a fault without
 * its reserved bytes, a bind_nak without versions and an auth3 without its four bytes of padding are readable. */
static const struct row rows[] = {
    [DIS_REQUEST] = { "request", 24, decode_request },
    [DIS_PING] = { "ping", 16, NULL },
    [DIS_RESPONSE] = { "response", 24, decode_response },
    [DIS_FAULT] = { "fault", 28, decode_fault },
    [DIS_WORKING] = { "working", 16, NULL },
    [DIS_NOCALL] = { "nocall", 16, NULL },
    [DIS_REJECT] = { "reject", 16, NULL },
    [DIS_ACK] = { "ack", 16, NULL },
    [DIS_CL_CANCEL] = { "cl_cancel", 16, NULL },
    [DIS_FACK] = { "fack", 16, NULL },
    [DIS_CANCEL_ACK] = { "cancel_ack", 16, NULL },
    [DIS_BIND] = { "bind", 28, decode_bind },
    [DIS_BIND_ACK] = { "bind_ack", 32, decode_bind_ack },
    [DIS_BIND_NAK] = { "bind_nak", 18, decode_bind_nak },
    [DIS_ALTER_CONTEXT] = { "alter_context", 28, decode_bind },
    [DIS_ALTER_CONTEXT_RESP] = { "alter_context_resp", 32, decode_bind_ack },
    [DIS_AUTH3] = { "auth3", 16, NULL },
    [DIS_SHUTDOWN] = { "shutdown", 16, NULL },
    [DIS_CO_CANCEL] = { "co_cancel", 16, NULL },
    [DIS_ORPHANED] = { "orphaned", 16, NULL },
    [DIS_RTS] = { "rts", 20, decode_rts },
};
static_assert(sizeof(rows) / sizeof(rows[0]) == DIS_PTYPE_COUNT, "one row for each PDU type");

static const struct row unknown = { "unknown", DIS_HEADER_SIZE, NULL };

static const struct row *row_of(uint8_t type)
{
    return type < DIS_PTYPE_COUNT ? &rows[type] : &unknown;
}

const char *dis_ptype_name(uint8_t type)
{
    return row_of(type)->name;
}

/* C706 12.6.3.1 */
struct dis_header dis_header_decode(const uint8_t *bytes)
{
    struct dis_cursor c = dis_cursor_over(bytes, DIS_HEADER_SIZE, dis_big_endian(bytes + 4));
    struct dis_header header = { .version = bytes[0], .minor = bytes[1], .type = bytes[2], .flags = bytes[3] };
    for (unsigned i = 0; i < 4; i++)
        header.drep[i] = bytes[4 + i];
    c.at = 8;
    header.frag_length = dis_u16(&c, "frag_length");
    header.auth_length = dis_u16(&c, "auth_length");
    header.call_id = dis_u32(&c, "call_id");
    return header;
}

/* Only then padding stands before the trailer; Samba accepts binds with nonsense for its length. */
static bool has_stub(uint8_t type)
{
    return type == DIS_REQUEST || type == DIS_RESPONSE || type == DIS_FAULT;
}

/* The offset at which the body ends; the cursor's error is set where the PDU is too short for its type or its
 * trailer. */
static size_t body_end(struct dis_cursor *c, const struct row *row, struct dis_pdu *pdu)
{
    if (c->end < row->least) {
        dis_cursor_fail(c, "shorter than its type needs");
        return c->end;
    }
    if (pdu->header.auth_length == 0)
        return c->end;
    size_t trailer = dis_auth_decode(c, row->least, pdu->header.auth_length, &pdu->auth);
    return dis_cursor_ok(c) && has_stub(pdu->header.type) ? dis_auth_unpad(c, row->least, trailer, &pdu->auth)
                                                          : trailer;
}

bool dis_pdu_decode(const uint8_t *bytes, size_t length, struct dis_pdu *pdu, struct dis_error *error)
{
    pdu->bytes = bytes;
    pdu->header = dis_header_decode(bytes);
    pdu->auth = (struct dis_auth){ 0 };
    const struct row *row = row_of(pdu->header.type);
    struct dis_cursor c = dis_cursor_over(bytes, length, dis_big_endian(pdu->header.drep));
    c.at = DIS_HEADER_SIZE;
    c.end = body_end(&c, row, pdu);
    if (dis_cursor_ok(&c) && row->decode != NULL)
        row->decode(&c, pdu);
    *error = c.error;
    return dis_cursor_ok(&c);
}
