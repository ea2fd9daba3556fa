/* The PDUs that a proxy, a server or a client must write itself.
 *
 * Each function writes one whole PDU into `out` and returns its length in bytes, or 0 when `room` is too
 * small. All integers are written in the byte order of `head->drep`. */
#ifndef DIS_COMPOSE_H
#define DIS_COMPOSE_H

#include "pdu.h"

extern const uint8_t dis_little_endian[4]; /* ASCII, IEEE */
extern const uint8_t dis_big_endian_drep[4];

struct dis_head {
    const uint8_t *drep; /* four bytes */
    uint8_t minor;
    uint8_t flags; /* beside first and last fragment, which each function sets as its PDU needs */
    uint32_t call_id;
};

/* A presentation context to offer. */
struct dis_offer {
    uint16_t id;
    struct dis_syntax abstract;
    const struct dis_syntax *transfers;
    uint8_t transfer_count;
};

/* DIS_BIND or DIS_ALTER_CONTEXT. */
size_t dis_compose_bind(uint8_t *out, size_t room, enum dis_ptype type, const struct dis_head *head,
                        const struct dis_bind *sizes, const struct dis_offer *offers, uint8_t offer_count);

/* DIS_BIND_ACK or DIS_ALTER_CONTEXT_RESP. `secondary` is a NUL-terminated text, the port in decimal; "" for
 * none (C706 12.6.4.4: then the length field is 0). */
size_t dis_compose_bind_ack(uint8_t *out, size_t room, enum dis_ptype type, const struct dis_head *head,
                            const struct dis_bind_ack *sizes, const char *secondary,
                            const struct dis_context_result *results, uint8_t result_count);

/* Versions 5.0 and, padded as Samba and Windows do, nothing else. */
size_t dis_compose_bind_nak(uint8_t *out, size_t room, const struct dis_head *head, enum dis_nak_reason reason);

/* 32 bytes: no trailer, no stub (the form that Samba 3 insists on). head->flags may carry
 * DIS_DID_NOT_EXECUTE. */
size_t dis_compose_fault(uint8_t *out, size_t room, const struct dis_head *head, uint16_t context_id,
                         uint32_t status);

/* One fragment; head->flags says which of DIS_FIRST_FRAG and DIS_LAST_FRAG it is. `object` may be NULL. */
size_t dis_compose_request(uint8_t *out, size_t room, const struct dis_head *head, uint16_t context_id,
                           uint16_t opnum, const struct dis_uuid *object, uint32_t alloc_hint, const uint8_t *stub,
                           size_t stub_length);
size_t dis_compose_response(uint8_t *out, size_t room, const struct dis_head *head, uint16_t context_id,
                            uint32_t alloc_hint, const uint8_t *stub, size_t stub_length);

/* DIS_CO_CANCEL, DIS_ORPHANED or DIS_SHUTDOWN: a header alone. */
size_t dis_compose_control(uint8_t *out, size_t room, enum dis_ptype type, const struct dis_head *head);

/* Change a PDU in place, in its own byte order. */
void dis_set_call_id(uint8_t *pdu, uint32_t call_id);
void dis_set_context_id(uint8_t *pdu, uint16_t context_id); /* of a request, response or fault */
void dis_set_flags(uint8_t *pdu, uint8_t flags);
void dis_set_group(uint8_t *pdu, uint32_t group); /* of a bind, alter_context or an answer to them */
void dis_set_sizes(uint8_t *pdu, uint16_t size);  /* of the same: both max_xmit_frag and max_recv_frag, bytes */
void dis_set_type(uint8_t *pdu, enum dis_ptype type);

/* The one transfer syntax of a bind-time feature negotiation element for `features` (MS-RPCE 2.2.2.14). */
struct dis_syntax dis_feature_syntax(uint64_t features);

#endif
