/* The PDUs that we write in our own name: faults for calls, answers to binds, cancels. Pure. */
#ifndef PX_REPLY_H
#define PX_REPLY_H

#include "association.h"

#define PX_REPLY_MAX 8192u /* bytes; a bind_ack for 255 contexts fits */

/* Each returns the length written to `out`, PX_REPLY_MAX bytes. */
size_t px_reply_fault(uint8_t *out, const struct px_call *call, uint32_t status, bool did_not_execute);

/* For the server: DIS_CO_CANCEL or DIS_ORPHANED (C706 12.6.4.6, 12.6.4.8). */
size_t px_reply_control(uint8_t *out, const struct px_call *call, enum dis_ptype type);

/* Accepts every context with its first transfer syntax, grants no features (MS-RPCE 2.2.2.14) and no multiplexing. */
size_t px_reply_bind_ack(uint8_t *out, const struct dis_pdu *bind);
size_t px_reply_bind_nak(uint8_t *out, const struct dis_pdu *bind, uint32_t reason); /* enum dis_nak_reason */

#endif
