/* Binding: bind, alter_context and their answers (C706 12.6.4.3 to 12.6.4.6, MS-RPCE 2.2.2.14 for the
 * features). */
#ifndef DIS_BIND_H
#define DIS_BIND_H

#include "uuid.h"

/* A list inside a PDU, walked in place. Its bounds were checked when the PDU was decoded. */
struct dis_list {
    const uint8_t *base; /* the PDU; not owned */
    uint32_t at;         /* offset of the first element */
    uint8_t count;
    bool big_endian;
};

struct dis_bind {
    uint16_t max_xmit_frag; /* bytes */
    uint16_t max_recv_frag; /* bytes */
    uint32_t assoc_group_id;
    struct dis_list contexts; /* of struct dis_context */
};

/* One presentation context that is offered. */
struct dis_context {
    uint16_t id;
    struct dis_syntax abstract;
    struct dis_list transfers; /* of struct dis_syntax */
};

struct dis_bind_ack {
    uint16_t max_xmit_frag;
    uint16_t max_recv_frag;
    uint32_t assoc_group_id;
    const char *secondary_address; /* secondary_length bytes, normally with a NUL; not owned */
    uint16_t secondary_length;
    struct dis_list results; /* of struct dis_context_result */
};

/* C706 12.6.3.1; negotiate_ack is MS-RPCE 2.2.2.4 */
enum dis_result { DIS_ACCEPTANCE = 0, DIS_USER_REJECTION = 1, DIS_PROVIDER_REJECTION = 2, DIS_NEGOTIATE_ACK = 3 };

/* C706 12.6.3.1 */
enum dis_result_reason {
    DIS_REASON_NOT_SPECIFIED = 0,
    DIS_ABSTRACT_SYNTAX_NOT_SUPPORTED = 1,
    DIS_TRANSFER_SYNTAXES_NOT_SUPPORTED = 2,
    DIS_LOCAL_LIMIT_EXCEEDED = 3
};

struct dis_context_result {
    uint16_t result; /* enum dis_result */
    uint16_t reason; /* enum dis_result_reason; with DIS_NEGOTIATE_ACK the granted features */
    struct dis_syntax transfer;
};

/* C706 12.6.3.1; 8 and 9 are MS-RPCE 2.2.2.5 */
enum dis_nak_reason {
    DIS_NAK_NOT_SPECIFIED = 0,
    DIS_NAK_TEMPORARY_CONGESTION = 1,
    DIS_NAK_LOCAL_LIMIT_EXCEEDED = 2,
    DIS_NAK_PROTOCOL_VERSION = 4,
    DIS_NAK_AUTH_TYPE = 8,
    DIS_NAK_CHECKSUM = 9
};

struct dis_bind_nak {
    uint16_t reason; /* enum dis_nak_reason */
    uint8_t version_count;
    const uint8_t *versions; /* version_count pairs of major and minor; NULL where the PDU ends before */
};

/* MS-RPCE 2.2.2.14 */
enum dis_features { DIS_SECURITY_CONTEXT_MULTIPLEXING = 0x1, DIS_KEEP_CONNECTION_ON_ORPHAN = 0x2 };

/* `body` is a cursor after the common header, bounded to the PDU's body. */
void dis_bind_decode(struct dis_cursor *body, struct dis_bind *bind);
void dis_bind_ack_decode(struct dis_cursor *body, struct dis_bind_ack *ack);
void dis_bind_nak_decode(struct dis_cursor *body, struct dis_bind_nak *nak);

/* Take the next element off the list; false when none is left. */
bool dis_next_context(struct dis_list *contexts, struct dis_context *context);
bool dis_next_syntax(struct dis_list *transfers, struct dis_syntax *syntax);
bool dis_next_result(struct dis_list *results, struct dis_context_result *result);

/* True where a context element is no context but the bind-time feature negotiation: then *features is its
 * mask. */
bool dis_is_feature_negotiation(const struct dis_context *context, uint64_t *features);

#endif
