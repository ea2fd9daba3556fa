/* Plain requests: which they are, and where they end. */
#include "plain_client.h"

#include <string.h>

#include "../dissect/frame.h"

/* Flags that do not change how a request is served. */
#define FIRST_FLAGS (DIS_FIRST_FRAG | DIS_LAST_FRAG | DIS_OBJECT_UUID)

/* Windows and Samba end the connection of a request that announces more in several fragments (Samba's raw_protocol tests hold
 * both to that). */
#define ALLOC_HINT_MOST (4u << 20)

const struct px_offered *px_plain_context(const struct px_calls *calls, const struct px_association *a, uint16_t id)
{
    for (unsigned i = 0; i < a->offer_count; i++) {
        const struct px_offered *context = px_offer_context(calls->offers, a->offers[i], calls->rules,
                                                            calls->rules_generation, id);
        if (context)
            return context;
    }
    return NULL;
}

static bool is_plain_fragment(const struct dis_pdu *pdu, const struct px_association *a)
{
    const struct dis_header *h = &pdu->header;
    return h->type == DIS_REQUEST && !(h->flags & ~FIRST_FLAGS) && h->auth_length == 0 && h->minor == 0 &&
           h->frag_length <= a->frag_size && h->drep[1] == 0 && (h->drep[0] & 0xef) == 0;
}

static bool decode(const uint8_t *bytes, size_t length, struct dis_pdu *pdu)
{
    struct dis_error error;
    return dis_pdu_decode(bytes, length, pdu, &error);
}

/* The opnum is asked about too: built-in facts hold for the operations that are listed. */
static bool is_plain_first(const struct px_calls *calls, const struct px_association *a, const struct dis_pdu *pdu,
                           struct px_unit *unit)
{
    if (!is_plain_fragment(pdu, a) || !(pdu->header.flags & DIS_FIRST_FRAG))
        return false;
    if (!(pdu->header.flags & DIS_LAST_FRAG) && pdu->request.alloc_hint > ALLOC_HINT_MOST)
        return false;
    unit->context = px_plain_context(calls, a, pdu->request.context_id);
    if (!unit->context || !px_knowledge_stateless(&unit->context->knowledge, pdu->request.opnum).holds)
        return false;
    unit->row = px_call_rules_row(unit->context->rules, a->server_index, pdu->request.opnum);
    return !calls->rules->rows[unit->row].pending;
}

static bool follows(const struct dis_pdu *next, const struct dis_pdu *first, const struct px_association *a)
{
    return is_plain_fragment(next, a) && !(next->header.flags & DIS_FIRST_FRAG) &&
           next->header.call_id == first->header.call_id && next->request.context_id == first->request.context_id &&
           next->request.opnum == first->request.opnum &&
           memcmp(next->header.drep, first->header.drep, sizeof first->header.drep) == 0;
}

static struct px_unit odd(const struct dis_pdu *first)
{
    return (struct px_unit){ .status = PX_UNIT_ODD, .length = first->header.frag_length };
}

struct px_unit px_plain_unit(const struct px_calls *calls, const struct px_association *a,
                             const struct dis_pdu *first, size_t length)
{
    struct px_unit unit = { .status = PX_UNIT_WHOLE, .length = first->header.frag_length };
    struct dis_pdu next;
    if (first->header.type != DIS_REQUEST)
        return unit;
    if (!is_plain_first(calls, a, first, &unit))
        return odd(first);
    for (uint8_t flags = first->header.flags; !(flags & DIS_LAST_FRAG); flags = next.header.flags) {
        const uint8_t *bytes = first->bytes + unit.length;
        struct dis_frame frame = dis_frame_next(bytes, length - unit.length);
        if (frame.status == DIS_FRAME_MORE) {
            unit.status = length < PX_GATHER_MOST ? PX_UNIT_MORE : PX_UNIT_LARGE;
            return unit;
        }
        if (frame.status == DIS_FRAME_BAD || !decode(bytes, frame.length, &next) || !follows(&next, first, a))
            return odd(first);
        unit.length += frame.length;
    }
    return unit;
}

/* ---- binds ---- */

/* A context that is offered again is for the server to judge. */
static bool is_new(const struct px_calls *calls, const struct px_association *a, const struct dis_pdu *bind)
{
    struct dis_list list = bind->bind.contexts;
    struct dis_context context;
    while (dis_next_context(&list, &context))
        if (px_plain_context(calls, a, context.id))
            return false;
    return true;
}

static void set_offer(const struct px_calls *calls, struct px_association *a, uint32_t offer)
{
    px_offer_hold(calls->offers, offer);
    px_offer_drop(calls->offers, a->offer);
    a->offer = offer;
}

void px_plain_offer(const struct px_calls *calls, struct px_association *a, const struct dis_pdu *bind)
{
    bool alter = bind->header.type == DIS_ALTER_CONTEXT;
    bool may = a->may_share && alter == a->plain && (alter || !a->has_bound) && a->offer_count < PX_OFFERS_MAX &&
               is_new(calls, a, bind);
    set_offer(calls, a,
              may ? px_offers_find(calls->offers, calls->rules, calls->rules_generation, a->server_index, bind) : 0);
}

void px_plain_answered(const struct px_calls *calls, struct px_association *a, uint32_t offer,
                       const struct dis_pdu *bind)
{
    if (!a->plain) {
        a->frag_size = px_offer_fragment_size(&bind->bind);
        a->multiplex = bind->header.flags & DIS_CONC_MPX;
    }
    a->plain = true;
    a->offers[a->offer_count++] = offer;
    px_offer_hold(calls->offers, offer);
    px_offer_at(calls->offers, offer)->told++;
}

static void release(const struct px_calls *calls, uint32_t offer)
{
    px_offer_at(calls->offers, offer)->told--;
    px_offer_drop(calls->offers, offer);
}

static void adopt(const struct px_calls *calls, struct px_association *a, const struct px_offer *offer)
{
    struct dis_pdu bind, answer;
    struct dis_error error;
    if (dis_pdu_decode(offer->bind, offer->bind_length, &bind, &error))
        px_association_offer(a, calls, &bind.bind);
    if (offer->answer && dis_pdu_decode(offer->answer, offer->answer_length, &answer, &error))
        px_association_answered(a, &answer.bind_ack);
}

void px_plain_ends(const struct px_calls *calls, struct px_association *a)
{
    for (unsigned i = 0; i < a->offer_count; i++) {
        adopt(calls, a, px_offer_at(calls->offers, a->offers[i]));
        release(calls, a->offers[i]);
    }
    a->offer_count = 0;
    a->plain = false;
    a->unaccepted = POL_NONE;
    for (uint32_t i = a->last_call; i != POL_NONE; i = px_call_at(calls, i)->previous)
        if (!px_call_at(calls, i)->plain)
            a->unaccepted = i;
}

void px_plain_gone(const struct px_calls *calls, struct px_association *a)
{
    set_offer(calls, a, 0);
    while (a->offer_count > 0)
        release(calls, a->offers[--a->offer_count]);
}
