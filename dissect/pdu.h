/* Connection-oriented PDUs, version 5 (C706 ch. 12, MS-RPCE 2.2.2): one decoded PDU, and how to get it.
 *
 * A decoded PDU points into the bytes it was decoded from and is good as long as they are. Nothing is
 * allocated. */
#ifndef DIS_PDU_H
#define DIS_PDU_H

#include "auth.h"
#include "bind.h"
#include "request.h"

#define DIS_HEADER_SIZE  16u    /* C706 12.6.3.1 */
#define DIS_PDU_SIZE_MAX 65535u /* frag_length is 16 bits */

/* C706 12.6.4; 20 is MS-RPCH 2.2.3.1 */
enum dis_ptype {
    DIS_REQUEST = 0,
    DIS_PING = 1, /* 1 and 4 to 10 belong to the connectionless protocol */
    DIS_RESPONSE = 2,
    DIS_FAULT = 3,
    DIS_WORKING = 4,
    DIS_NOCALL = 5,
    DIS_REJECT = 6,
    DIS_ACK = 7,
    DIS_CL_CANCEL = 8,
    DIS_FACK = 9,
    DIS_CANCEL_ACK = 10,
    DIS_BIND = 11,
    DIS_BIND_ACK = 12,
    DIS_BIND_NAK = 13,
    DIS_ALTER_CONTEXT = 14,
    DIS_ALTER_CONTEXT_RESP = 15,
    DIS_AUTH3 = 16,
    DIS_SHUTDOWN = 17,
    DIS_CO_CANCEL = 18,
    DIS_ORPHANED = 19,
    DIS_RTS = 20,
    DIS_PTYPE_COUNT = 21
};

/* C706 12.6.3.1, MS-RPCE 2.2.2.3 */
enum dis_pfc_flags {
    DIS_FIRST_FRAG = 0x01,
    DIS_LAST_FRAG = 0x02,
    DIS_PENDING_CANCEL = 0x04,      /* on all PDUs but the four bind PDUs and auth3 */
    DIS_SUPPORT_HEADER_SIGN = 0x04, /* on those */
    DIS_CONC_MPX = 0x10,
    DIS_DID_NOT_EXECUTE = 0x20,
    DIS_MAYBE = 0x40,
    DIS_OBJECT_UUID = 0x80
};

struct dis_header {
    uint8_t version;      /* 5 */
    uint8_t minor;        /* 0 or 1 */
    uint8_t type;         /* enum dis_ptype, or anything else that arrived */
    uint8_t flags;        /* enum dis_pfc_flags */
    uint8_t drep[4];      /* as sent: integer order and characters, floats, two zeros (C706 14.1) */
    uint16_t frag_length; /* bytes of the whole PDU, auth trailer included */
    uint16_t auth_length; /* bytes of the auth value alone; 0: no trailer */
    uint32_t call_id;
};

static inline bool dis_big_endian(const uint8_t drep[4])
{
    return (drep[0] & 0xf0) == 0;
}

/* The first fragment and the last in one. */
static inline bool dis_is_whole(const struct dis_header *h)
{
    return (h->flags & (DIS_FIRST_FRAG | DIS_LAST_FRAG)) == (DIS_FIRST_FRAG | DIS_LAST_FRAG);
}

struct dis_pdu {
    const uint8_t *bytes; /* header.frag_length of them; not owned */
    struct dis_header header;
    struct dis_auth auth;             /* auth.length == 0 and auth.value == NULL where there is no trailer */
    union {                           /* by header.type; types without a row here have no body */
        struct dis_request request;   /* DIS_REQUEST */
        struct dis_response response; /* DIS_RESPONSE */
        struct dis_fault fault;       /* DIS_FAULT */
        struct dis_bind bind;         /* DIS_BIND, DIS_ALTER_CONTEXT */
        struct dis_bind_ack bind_ack; /* DIS_BIND_ACK, DIS_ALTER_CONTEXT_RESP */
        struct dis_bind_nak bind_nak; /* DIS_BIND_NAK */
        struct dis_rts rts;           /* DIS_RTS: counted, not opened */
    };
};

/* Decodes the 16 bytes of the common header. `length` must be at least DIS_HEADER_SIZE. */
struct dis_header dis_header_decode(const uint8_t *bytes);

/* Decodes one whole PDU as dis_frame_next() delimited it: `length` equals frag_length.
 * Returns true, or false with *error set. Then `header` is filled all the same (and `auth` where it could be
 * read), and the body must not be looked at: the PDU can still be forwarded, but not understood. */
bool dis_pdu_decode(const uint8_t *bytes, size_t length, struct dis_pdu *pdu, struct dis_error *error);

/* "request", "bind_ack", …; "unknown" for types outside 0 to 20. */
const char *dis_ptype_name(uint8_t type);

#endif
