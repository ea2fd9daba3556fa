/* The PDUs that clients and servers of the simulation say. Stubs are unlike any others, so that it can be told whose they are; authentication is a trailer of bytes that nobody understands. */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "../../dissect/pdu.h"

#define WIRE_MOST      4096u /* bytes of a PDU */
#define WIRE_INTERFACE "6e8e0b5c-3f2d-4c8e-9d0a-5b7c1e2f3a4b"
#define WIRE_MGMT      "afa8bd80-7d8a-11c9-bef4-08002b102989" /* C706 appendix Q */

struct wire_head {
    bool big_endian;
    uint8_t flags; /* enum dis_pfc_flags */
    uint8_t level; /* enum dis_auth_level */
    uint32_t call_id;
    uint16_t context;
};

/* All return the length; `out` has WIRE_MOST bytes. `group` is the association group. */
size_t wire_bind(uint8_t *out, const struct wire_head *head, uint32_t group, bool alter);
#define WIRE_CONTEXTS 8u
/* What a server answers to each context of a bind; returns how many. `keeps`: it keeps the connection after an orphaned. */
unsigned wire_results(const struct dis_pdu *bind, bool keeps, struct dis_context_result results[WIRE_CONTEXTS]);
size_t wire_bind_ack(uint8_t *out, const struct wire_head *head, uint32_t group, bool alter,
                     const struct dis_context_result *results, unsigned count);
bool wire_is_check(const struct dis_pdu *pdu); /* the bind of one */
size_t wire_mgmt_answer(uint8_t *out, const struct wire_head *head, bool listening);
size_t wire_bind_nak(uint8_t *out, const struct wire_head *head);
size_t wire_auth3(uint8_t *out, const struct wire_head *head);
/* A stub begins with the number of its call, then with which PDU of that it is; it has 8 bytes at least. */
#define WIRE_NOBODY UINT32_MAX
size_t wire_request(uint8_t *out, const struct wire_head *head, uint16_t opnum, uint32_t own, uint32_t serial,
                    uint32_t stub);
size_t wire_response(uint8_t *out, const struct wire_head *head, uint32_t own, uint32_t serial, uint32_t stub);
/* The number of a request or response, or WIRE_NOBODY. */
uint32_t wire_own(const uint8_t *pdu, size_t length);
size_t wire_fault(uint8_t *out, const struct wire_head *head, uint32_t status);
size_t wire_control(uint8_t *out, const struct wire_head *head, uint8_t type);

#endif
