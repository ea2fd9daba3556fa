/* What a plain client says, as far as it is served call by call. Pure.
 *
 * Its requests are looked at whole: all fragments of one stand at the front together. Whatever is not a plain request is left
 * as it is, for the brain to find its client a link of its own. */
#ifndef PX_PLAIN_CLIENT_H
#define PX_PLAIN_CLIENT_H

#include "association.h"
#include "offers.h"

#define PX_GATHER_MOST \
    40960u /* bytes; of a larger request the fragments go up as they come, on a link that it has alone */

enum px_unit_status {
    PX_UNIT_MORE,  /* the request is not whole yet */
    PX_UNIT_WHOLE, /* it is; or it is a PDU of another kind */
    PX_UNIT_LARGE, /* it will not be; `length` bytes of it are whole fragments */
    PX_UNIT_ODD,   /* nothing that can be served call by call; `length` is the first PDU's */
};

struct px_unit {
    enum px_unit_status status;
    size_t length;
    const struct px_offered *context; /* of a request that is not odd */
    uint32_t row;                     /* of the rules */
};

/* The unit that begins with this PDU, which is understood; `length` bytes are there from its first one on. */
struct px_unit px_plain_unit(const struct px_calls *calls, const struct px_association *a,
                             const struct dis_pdu *first, size_t length);

/* The accepted context of a plain client, or NULL. */
const struct px_offered *px_plain_context(const struct px_calls *calls, const struct px_association *a, uint16_t id);

/* May this bind or alter_context of the client be plain? Then a->offer is what it offers, else 0. */
void px_plain_offer(const struct px_calls *calls, struct px_association *a, const struct dis_pdu *bind);

/* Its bind was answered here with that offer. */
void px_plain_answered(const struct px_calls *calls, struct px_association *a, uint32_t offer,
                       const struct dis_pdu *bind);

/* It has a link of its own from now on, on which all that it has bound is bound. */
void px_plain_ends(const struct px_calls *calls, struct px_association *a);

/* The client has gone: it holds no offer any more. */
void px_plain_gone(const struct px_calls *calls, struct px_association *a);

#endif
