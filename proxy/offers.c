/* A hash table of binds, and a list of presentations. */
#include "offers.h"

#include <stdlib.h>
#include <string.h>

#include "../dissect/compose.h"

#define BUCKETS 4096u /* a power of 2 */

#define SIZE_STEP 8u /* servers round fragment sizes down to a multiple of this */

bool px_offers_init(struct px_offers *offers)
{
    *offers = (struct px_offers){ .rows = calloc(PX_OFFERS_MOST, sizeof(struct px_offer *)),
                                  .heads = calloc(BUCKETS, sizeof(uint32_t)),
                                  .presentations = calloc(PX_PRESENTATIONS_MOST, sizeof(struct px_presentation)) };
    return offers->rows && offers->heads && offers->presentations;
}

static void free_offer(struct px_offer *offer)
{
    free(offer->bind);
    free(offer->answer);
    free(offer);
}

void px_offers_free(struct px_offers *offers)
{
    for (uint32_t i = 0; i < offers->count; i++)
        free_offer(offers->rows[i]);
    free(offers->rows);
    free(offers->heads);
    free(offers->presentations);
    *offers = (struct px_offers){ 0 };
}

/* ---- which binds are plain ---- */

/* Flags that a plain bind may have: none of them changes what becomes of its calls. */
#define PLAIN_FLAGS (DIS_FIRST_FRAG | DIS_LAST_FRAG | DIS_SUPPORT_HEADER_SIGN | DIS_CONC_MPX)

static bool add_context(struct px_offer *offer, const struct px_call_rules_table *rules, const struct dis_context *c)
{
    struct px_knowledge knowledge = px_knowledge_find(rules, &c->abstract);
    if (offer->context_count == PX_OFFER_CONTEXTS || !knowledge.stateless)
        return false;
    for (unsigned i = 0; i < offer->context_count; i++)
        if (offer->contexts[i].id == c->id)
            return false;
    offer->contexts[offer->context_count++] = (struct px_offered){
        .id = c->id, .abstract = c->abstract, .knowledge = knowledge, .rules = px_call_rules_find(rules, &c->abstract)
    };
    return true;
}

static bool is_plain_header(const struct dis_pdu *bind)
{
    const struct dis_header *h = &bind->header;
    return dis_is_whole(h) && !(h->flags & ~PLAIN_FLAGS) && h->auth_length == 0 && h->minor == 0 &&
           h->frag_length <= PX_OFFER_BYTES && h->drep[1] == 0 && (h->drep[0] & 0xf) == 0;
}

static bool read_contexts(struct px_offer *offer, const struct px_call_rules_table *rules, const struct dis_pdu *bind)
{
    struct dis_list list = bind->bind.contexts;
    struct dis_context context;
    offer->context_count = 0;
    while (dis_next_context(&list, &context))
        if (!add_context(offer, rules, &context))
            return false;
    return offer->context_count > 0;
}

static bool takes_our_fragments(const struct dis_pdu *bind)
{
    bool is_alter = bind->header.type == DIS_ALTER_CONTEXT; /* servers look at the sizes of a bind alone */
    return is_alter || (bind->bind.max_recv_frag >= PX_LINK_FRAG && bind->bind.max_xmit_frag >= PX_LINK_FRAG);
}

/* ---- finding ---- */

static uint32_t *bucket(const struct px_offers *offers, uint32_t server, const uint8_t *bytes, size_t length)
{
    uint32_t h = 2166136261u ^ server; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        h = (h ^ bytes[i]) * 16777619u;
    return &offers->heads[(h ^ h >> 16) & (BUCKETS - 1)];
}

/* What does not matter to the answer. */
static void blank(uint8_t *pdu)
{
    dis_set_call_id(pdu, 0);
    dis_set_group(pdu, 0);
}

static uint32_t lookup(const struct px_offers *offers, uint32_t head, uint32_t server, const uint8_t *bytes,
                       size_t length)
{
    while (head) {
        const struct px_offer *o = px_offer_at(offers, head);
        if (o->server == server && o->bind_length == length && memcmp(o->bind, bytes, length) == 0)
            return head;
        head = o->next;
    }
    return 0;
}

static void renew(struct px_offer *offer, const struct px_call_rules_table *rules, uint32_t generation)
{
    for (unsigned i = 0; i < offer->context_count && offer->rules_generation != generation; i++) {
        offer->contexts[i].rules = px_call_rules_find(rules, &offer->contexts[i].abstract);
        offer->contexts[i].knowledge = px_knowledge_find(rules, &offer->contexts[i].abstract);
    }
    offer->rules_generation = generation;
}

static bool is_still_plain(const struct px_offer *offer)
{
    for (unsigned i = 0; i < offer->context_count; i++)
        if (!offer->contexts[i].knowledge.stateless)
            return false;
    return true;
}

/* ---- room for new ones ---- */

void px_offer_hold(struct px_offers *offers, uint32_t number)
{
    if (number)
        px_offer_at(offers, number)->holders++;
}

void px_offer_drop(struct px_offers *offers, uint32_t number)
{
    if (number)
        px_offer_at(offers, number)->holders--;
}

static void unlink_offer(struct px_offers *offers, uint32_t number)
{
    struct px_offer *o = px_offer_at(offers, number);
    uint32_t *at = bucket(offers, o->server, o->bind, o->bind_length);
    while (*at != number)
        at = &px_offer_at(offers, *at)->next;
    *at = o->next;
}

/* The number of a row for one more; 0: all are held. Whoever was used since the hand came by is passed over once. */
static uint32_t room(struct px_offers *offers)
{
    if (offers->count < PX_OFFERS_MOST)
        return offers->count + 1;
    for (uint32_t looked = 0; looked < 2 * PX_OFFERS_MOST; looked++) {
        uint32_t number = offers->hand + 1;
        struct px_offer *o = px_offer_at(offers, number);
        offers->hand = number % PX_OFFERS_MOST;
        if (o->holders == 0 && !o->used)
            return number;
        o->used = false;
    }
    return 0;
}

static void put(struct px_offers *offers, uint32_t number, struct px_offer *offer)
{
    if (number <= offers->count) {
        unlink_offer(offers, number);
        free_offer(px_offer_at(offers, number));
    } else {
        offers->count = number;
    }
    uint32_t *head = bucket(offers, offer->server, offer->bind, offer->bind_length);
    offer->next = *head;
    offers->rows[number - 1] = offer;
    *head = number;
}

static struct px_offer *new_offer(const struct px_call_rules_table *rules, uint32_t generation, uint32_t server,
                                  const struct dis_pdu *bind, const uint8_t *bytes)
{
    struct px_offer *offer = calloc(1, sizeof *offer);
    size_t length = bind->header.frag_length;
    if (!offer)
        return NULL;
    if (!read_contexts(offer, rules, bind) || !(offer->bind = malloc(length))) {
        free_offer(offer);
        return NULL;
    }
    memcpy(offer->bind, bytes, length);
    offer->bind_length = length;
    offer->server = server;
    offer->rules_generation = generation;
    return offer;
}

uint32_t px_offers_find(struct px_offers *offers, const struct px_call_rules_table *rules, uint32_t generation,
                        uint32_t server, const struct dis_pdu *bind)
{
    uint8_t bytes[PX_OFFER_BYTES];
    size_t length = bind->header.frag_length;
    if (!is_plain_header(bind) || !takes_our_fragments(bind))
        return 0;
    memcpy(bytes, bind->bytes, length);
    blank(bytes);
    uint32_t number = lookup(offers, *bucket(offers, server, bytes, length), server, bytes, length);
    if (number) {
        struct px_offer *known = px_offer_at(offers, number);
        known->used = true;
        renew(known, rules, generation);
        return is_still_plain(known) ? number : 0;
    }
    struct px_offer *offer = new_offer(rules, generation, server, bind, bytes);
    number = offer ? room(offers) : 0;
    if (number)
        put(offers, number, offer);
    else if (offer)
        free_offer(offer);
    return number;
}

const struct px_offered *px_offer_context(struct px_offers *offers, uint32_t number,
                                          const struct px_call_rules_table *rules, uint32_t generation, uint16_t id)
{
    struct px_offer *offer = px_offer_at(offers, number);
    renew(offer, rules, generation);
    for (unsigned i = 0; i < offer->context_count; i++)
        if (offer->contexts[i].id == id && offer->contexts[i].presentation)
            return &offer->contexts[i];
    return NULL;
}

uint32_t px_presentation_number(struct px_offers *offers, const struct dis_syntax *abstract,
                                const struct dis_syntax *transfer)
{
    for (uint32_t i = 0; i < offers->presentation_count; i++)
        if (dis_syntax_equal(&offers->presentations[i].abstract, abstract) &&
            dis_syntax_equal(&offers->presentations[i].transfer, transfer))
            return i + 1;
    if (offers->presentation_count == PX_PRESENTATIONS_MOST)
        return 0;
    offers->presentations[offers->presentation_count] = (struct px_presentation){ *abstract, *transfer };
    return ++offers->presentation_count;
}

/* ---- answers ---- */

/* As far as a client was promised something by it: results, transfer syntaxes and flags. */
static bool decode(const struct px_offer *offer, struct dis_pdu *ack)
{
    struct dis_error error;
    return offer->answer && dis_pdu_decode(offer->answer, offer->answer_length, ack, &error);
}

bool px_offer_same(const struct px_offers *offers, uint32_t number, const struct dis_pdu *ack)
{
    struct dis_pdu told;
    struct dis_context_result before, now;
    if (!decode(px_offer_at(offers, number), &told))
        return false;
    struct dis_list left = told.bind_ack.results, right = ack->bind_ack.results;
    while (dis_next_result(&left, &before))
        if (!dis_next_result(&right, &now) || before.result != now.result || before.reason != now.reason ||
            !dis_syntax_equal(&before.transfer, &now.transfer))
            return false;
    return !dis_next_result(&right, &now);
}

bool px_offer_learn(struct px_offers *offers, uint32_t number, const struct dis_pdu *ack)
{
    struct px_offer *offer = px_offer_at(offers, number);
    struct dis_list results = ack->bind_ack.results;
    struct dis_context_result result;
    if (offer->told > 0 && !px_offer_same(offers, number, ack))
        return false;
    uint8_t *answer = malloc(ack->header.frag_length);
    if (!answer)
        return false;
    memcpy(answer, ack->bytes, ack->header.frag_length);
    free(offer->answer);
    offer->answer = answer;
    offer->answer_length = ack->header.frag_length;
    for (unsigned i = 0; i < offer->context_count; i++) {
        bool accepted = dis_next_result(&results, &result) && result.result == DIS_ACCEPTANCE;
        offer->contexts[i].presentation = accepted ? px_presentation_number(offers, &offer->contexts[i].abstract,
                                                                            &result.transfer)
                                                   : 0;
    }
    return true;
}

size_t px_offer_bind(const struct px_offers *offers, uint32_t number, enum dis_ptype type, uint32_t call_id,
                     uint32_t group, bool as_it_was, uint8_t *out, size_t room)
{
    const struct px_offer *offer = px_offer_at(offers, number);
    if (offer->bind_length > room)
        return 0;
    memcpy(out, offer->bind, offer->bind_length);
    dis_set_type(out, type);
    dis_set_call_id(out, call_id);
    dis_set_group(out, group);
    if (!as_it_was) {
        dis_set_sizes(out, PX_LINK_FRAG);
        dis_set_flags(out, dis_header_decode(out).flags | DIS_CONC_MPX);
    }
    return offer->bind_length;
}

/* What Windows and Samba do: the smaller of the client's two, no more than the most they take. */
uint16_t px_offer_fragment_size(const struct dis_bind *bind)
{
    unsigned size = bind->max_xmit_frag < bind->max_recv_frag ? bind->max_xmit_frag : bind->max_recv_frag;
    return (uint16_t)((size > PX_CLIENT_FRAG_MAX ? PX_CLIENT_FRAG_MAX : size) / SIZE_STEP * SIZE_STEP);
}

size_t px_offer_answer(const struct px_offers *offers, uint32_t number, const struct dis_pdu *bind, uint16_t size,
                       bool multiplex, uint32_t group, uint8_t *out, size_t room)
{
    struct dis_pdu ack;
    struct dis_context_result results[PX_OFFER_CONTEXTS];
    uint8_t count = 0;
    if (!decode(px_offer_at(offers, number), &ack))
        return 0;
    struct dis_list list = ack.bind_ack.results;
    while (count < PX_OFFER_CONTEXTS && dis_next_result(&list, &results[count]))
        count++;
    bool alter = bind->header.type == DIS_ALTER_CONTEXT;
    struct dis_bind_ack sizes = { .max_xmit_frag = size, .max_recv_frag = size, .assoc_group_id = group };
    struct dis_head head = { .drep = ack.header.drep,
                             .minor = ack.header.minor,
                             .flags = ack.header.flags & (DIS_SUPPORT_HEADER_SIGN | (multiplex ? DIS_CONC_MPX : 0)),
                             .call_id = bind->header.call_id };
    char secondary[64] = "";
    if (!alter && ack.bind_ack.secondary_length > 0 && ack.bind_ack.secondary_length < sizeof secondary)
        memcpy(secondary, ack.bind_ack.secondary_address, ack.bind_ack.secondary_length);
    return dis_compose_bind_ack(out, room, alter ? DIS_ALTER_CONTEXT_RESP : DIS_BIND_ACK, &head, &sizes, secondary,
                                results, count);
}
