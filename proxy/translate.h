/* Where bytes that were understood become facts for the brain. Pure: no I/O, no clock.
 *
 * For each PDU of a connection the caller learns whether the brain has to be asked before the PDU may go on, or
 * whether it flows with one that was let go before; and what the brain is to be told once it has gone. */
#ifndef PX_TRANSLATE_H
#define PX_TRANSLATE_H

#include "association.h"

/* More open calls than this on one connection, and no more is read from it until some are answered. */
#define PX_CALLS_PER_CLIENT 1000u

struct px_fact {
    struct px_call *call; /* the call it belongs to, or NULL */
    const char *offence;  /* what the server will have to judge, for the log; or NULL */
    bool asks;            /* tell the brain `ask`, and do what it says with the PDU */
    bool swallow;         /* !asks: flows with something that is being swallowed */
    bool informs;         /* tell the brain `inform` after the PDU has gone on */
    struct pol_event ask; /* its client or link id is for the caller to set */
    struct pol_event inform;
};

/* A PDU from the client. `understood`: dis_pdu_decode() said so; else only its header may be looked at. False when
 * there is no room for another call: ask again when one has ended. */
bool px_translate_up(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, bool understood,
                     int64_t now_us, struct px_fact *fact);

/* The unit that stands at the front of a plain client, of which `pdu` is the first: as above. */
struct px_unit;
bool px_translate_plain(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu,
                        const struct px_unit *unit, int64_t now_us, struct px_fact *fact);

/* A PDU of an answer, to this call. */
void px_translate_answer(struct px_call *k, const struct dis_pdu *pdu, int64_t now_us, struct px_fact *fact);

/* A PDU from the server. */
void px_translate_down(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, bool understood,
                       int64_t now_us, struct px_fact *fact);

/* The PDU, `length` bytes, has been passed on upwards: notes where in the stream its call's fragments end. */
void px_translate_passed_up(struct px_association *a, struct px_call *call, const struct dis_header *header);

/* The link of this call is dead, and its stream has left this host only up to `left`: fills the event that the brain is to be
 * told, if that is less than it was told before. */
bool px_translate_left(struct px_call *k, uint64_t left, struct pol_event *event);

/* write() has taken the upward stream up to `taken`: fills the event that the brain has not been told yet, if any. */
bool px_translate_accepted(const struct px_calls *calls, struct px_association *a, uint64_t taken,
                           struct pol_event *event);

#endif
