/* What plain clients offer in their binds, what the server of each has answered, and what that promises.
 *
 * An *offer* is a bind or alter_context of a server's clients, as far as its answer depends on it: contexts, flags, byte
 * order, but not call_id, association group and fragment sizes. A *presentation* is an abstract syntax with the transfer
 * syntax that was accepted for it. Both are numbered from 1 and bounded. Presentations are kept for ever: servers accept
 * few. Offers differ in whatever a client pleases, so one that nobody holds gives way to a new one. Pure. */
#ifndef PX_OFFERS_H
#define PX_OFFERS_H

#include "../dissect/pdu.h"
#include "knowledge.h"

#define PX_OFFERS_MOST        4096u
#define PX_PRESENTATIONS_MOST 4096u
#define PX_OFFER_CONTEXTS     8u    /* most contexts of one; a bind with more is not plain */
#define PX_OFFER_BYTES        1024u /* longest PDU of one */
#define PX_LINK_FRAG          4280u /* bytes; shared links are bound with it, so that any plain client can take what comes */
#define PX_CLIENT_FRAG_MAX \
    5840u /* bytes; servers refuse larger fragments (protocol error), whatever was negotiated */

struct px_presentation {
    struct dis_syntax abstract, transfer;
};

struct px_offered {
    uint16_t id;
    uint32_t presentation; /* 0: it was not accepted */
    struct dis_syntax abstract;
    struct px_knowledge knowledge;
    const struct px_interface_rules *rules;
};

struct px_offer {
    uint32_t server;
    uint8_t *bind; /* the PDU, call_id and group 0; owned */
    size_t bind_length;
    uint8_t *answer; /* the server's bind_ack; NULL: it has not answered yet; owned */
    size_t answer_length;
    struct px_offered contexts[PX_OFFER_CONTEXTS];
    unsigned context_count;
    uint32_t rules_generation; /* of the rules and knowledge in there */
    uint32_t told;             /* clients that were told the answer: it holds for them as long as they are there */
    uint32_t holders;          /* clients that were told the answer or wait for it, links that ask for it */
    bool used;                 /* since it was last looked at for being given up */
    uint32_t next;             /* in its hash chain */
};

struct px_offers {
    struct px_offer **rows; /* by number less 1; owned */
    uint32_t count;
    uint32_t hand;   /* where the search for one to be given up goes on */
    uint32_t *heads; /* hash buckets */
    struct px_presentation *presentations;
    uint32_t presentation_count;
};

bool px_offers_init(struct px_offers *offers); /* false: no memory */
void px_offers_free(struct px_offers *offers);

static inline struct px_offer *px_offer_at(const struct px_offers *offers, uint32_t number)
{
    return offers->rows[number - 1];
}

/* The number of what this bind or alter_context offers to that server; 0: its client is not plain, or there is no room for
 * it. Plain is who shows no authentication, takes fragments of PX_LINK_FRAG bytes, and offers only interfaces that are known
 * to be stateless. */
uint32_t px_offers_find(struct px_offers *offers, const struct px_call_rules_table *rules, uint32_t generation,
                        uint32_t server, const struct dis_pdu *bind);

/* As long as it is held its number means this offer. 0 is none. */
void px_offer_hold(struct px_offers *offers, uint32_t number);
void px_offer_drop(struct px_offers *offers, uint32_t number);

/* The context of an offer with that id, accepted; NULL: there is none. Its rules are those of `generation`. */
const struct px_offered *px_offer_context(struct px_offers *offers, uint32_t number,
                                          const struct px_call_rules_table *rules, uint32_t generation, uint16_t id);

/* The number of a presentation; 0: there is no room for another one. */
uint32_t px_presentation_number(struct px_offers *offers, const struct dis_syntax *abstract,
                                const struct dis_syntax *transfer);

/* The server has answered it by this bind_ack. False: clients were told another answer, which holds for them; or no memory. */
bool px_offer_learn(struct px_offers *offers, uint32_t number, const struct dis_pdu *ack);

/* Does this answer promise the same? */
bool px_offer_same(const struct px_offers *offers, uint32_t number, const struct dis_pdu *ack);

/* PDUs for it, into `out` of `room` bytes; 0 where that is too little. For the server, as DIS_BIND or DIS_ALTER_CONTEXT: as the
 * client's was, or for a link that is shared, with fragments of PX_LINK_FRAG and concurrent multiplexing. */
size_t px_offer_bind(const struct px_offers *offers, uint32_t number, enum dis_ptype type, uint32_t call_id,
                     uint32_t group, bool as_it_was, uint8_t *out, size_t room);

/* And the answer to a client that has just made this very offer; `size` is what its first bind was told, `multiplex` whether
 * it asked for that. */
size_t px_offer_answer(const struct px_offers *offers, uint32_t number, const struct dis_pdu *bind, uint16_t size,
                       bool multiplex, uint32_t group, uint8_t *out, size_t room);

/* The fragment size that servers grant to such a bind, bytes. */
uint16_t px_offer_fragment_size(const struct dis_bind *bind);

#endif
