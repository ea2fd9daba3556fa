/* A link that plain clients share: bound by us, it carries calls of many. Their call_ids and context ids are translated here,
 * and what is given to it in a turn goes up with one write. */
#ifndef PX_POOLED_H
#define PX_POOLED_H

#include "offers.h"
#include "upstream.h"

#define PX_LINK_CONTEXTS 8u /* as many presentations as the brain gives to a link */

struct px_pooled {
    struct {
        uint32_t presentation;
        uint16_t id;
    } contexts[PX_LINK_CONTEXTS];
    unsigned context_count;
    uint16_t next_context;
    uint16_t max_frag; /* bytes that the server takes in a fragment */
    uint32_t next_call;

    /* the bind or alter_context that is not answered yet */
    bool binding, replay;
    uint32_t offer, presentation; /* which it is; 0: the other */
    uint16_t context;             /* of the presentation */

    uint32_t first_call, last_call; /* in the order of their requests; POL_NONE: none */
    uint32_t unaccepted;            /* the first of which write() has not taken all */

    /* answers in the bytes that are being read, to be written with one write */
    struct px_downstream *to;
    const uint8_t *run;
    size_t run_length;
};

struct px_pooled *px_pooled_new(void); /* NULL: no memory */
void px_pooled_free(struct px_pooled *p, struct px_upstream *u);

/* Says a bind or alter_context. For a client's offer, under its call_id if it is the first; or for one presentation. */
void px_pooled_bind(struct px_upstream *u, const struct pol_action *a);

/* The call has a lease on this link; a request that is kept goes up with it. */
void px_pooled_lease(struct px_upstream *u, struct px_call *k);

/* Fragments of its request, translated and kept until px_pooled_flush(). */
void px_pooled_send(struct px_upstream *u, struct px_call *k, const uint8_t *bytes, size_t length);

/* A cancel of its client's, or one of ours. */
void px_pooled_cancel(struct px_upstream *u, const struct px_call *k);

/* What write() has taken, to the brain. */
void px_pooled_tell_accepted(struct px_upstream *u);

/* The end of a turn, and of a reading. */
void px_pooled_flush(struct px_upstream *u);
void px_pooled_flush_answers(struct px_upstream *u);

/* A PDU of the server's; it is dealt with, and goes to whom it is for. */
void px_pooled_take(struct px_upstream *u, uint8_t *bytes, const struct dis_pdu *pdu, bool understood);

/* The call is over. */
void px_pooled_forget(struct px_upstream *u, struct px_call *k);

#endif
