/* Links that are shared, as their server sees them: a client of its own with contexts, call_ids that rise, and fragments of
 * 4280 bytes at most. */
#include "pooled.h"

#include <stdlib.h>
#include <string.h>

#include "../dissect/compose.h"
#include "calllog.h"
#include "downstream.h"
#include "translate.h"

#define BIND_MAX 2048u /* bytes of a bind of ours */

/* What Wine's server answers to everything. No call of ours has it, so it can only mean the one that is inside; any other
 * call_id that we do not know is of an answer that comes late, or twice. */
#define WINES 1u

struct px_pooled *px_pooled_new(void)
{
    struct px_pooled *p = calloc(1, sizeof *p);
    if (p) {
        p->first_call = p->last_call = p->unaccepted = POL_NONE;
        p->max_frag = PX_LINK_FRAG;
        p->next_call = WINES + 1;
    }
    return p;
}

static struct px_calls *calls_of(struct px_upstream *u)
{
    return &u->loop->calls;
}

static struct px_call *call_at(struct px_upstream *u, uint32_t index)
{
    return px_call_at(calls_of(u), index);
}

void px_pooled_free(struct px_pooled *p, struct px_upstream *u)
{
    if (!p)
        return;
    while (p->first_call != POL_NONE)
        px_pooled_forget(u, call_at(u, p->first_call));
    px_offer_drop(calls_of(u)->offers, p->offer);
    free(p);
}

/* ---- giving ---- */

/* Several clients may use it in one turn. Where the bytes wait, or NULL: the link is over. */
static uint8_t *give(struct px_upstream *u, const uint8_t *bytes, size_t length)
{
    u->association->bytes_up += length;
    uint8_t *queued = px_socket_queue(&u->socket, bytes, length);
    if (u->flushes)
        return queued;
    u->flushes = true;
    u->next_flush = u->loop->flush;
    u->loop->flush = u;
    return queued;
}

static uint64_t given(const struct px_upstream *u)
{
    return u->socket.taken + px_buffer_length(&u->socket.out);
}

static bool tell_accepted_of(struct px_upstream *u, struct px_call *k)
{
    uint8_t seen = px_call_seen(k, u->socket.taken);
    bool done = seen & 2;
    if (done)
        u->pooled->unaccepted = k->link_next;
    if (seen == k->write_seen)
        return done;
    k->write_seen = seen;
    struct pol_event e = { .kind = POL_ACCEPTED,
                           .client = { POL_NONE, 0 },
                           .link = { POL_NONE, 0 },
                           .call = k->id,
                           .first_done = seen & 1,
                           .last_done = done };
    px_loop_tell(u->loop, &e);
    return done;
}

void px_pooled_tell_accepted(struct px_upstream *u)
{
    while (u->pooled && u->pooled->unaccepted != POL_NONE && tell_accepted_of(u, call_at(u, u->pooled->unaccepted)))
        ;
}

void px_pooled_flush(struct px_upstream *u)
{
    u->flushes = false;
    if (u->is_closing || u->ended)
        return; /* the brain takes what is not written by then for never sent */
    px_socket_flush(&u->socket);
    px_pooled_tell_accepted(u);
    px_upstream_tell_room(u);
}

/* ---- binding ---- */

static bool is_taken(const struct px_pooled *p, uint16_t id)
{
    for (unsigned i = 0; i < p->context_count; i++)
        if (p->contexts[i].id == id)
            return true;
    return false;
}

/* A client may have taken the last id there is: then those before it. */
static uint16_t context_for(struct px_pooled *p, uint32_t presentation)
{
    for (unsigned i = 0; i < p->context_count; i++)
        if (p->contexts[i].presentation == presentation)
            return p->contexts[i].id;
    while (is_taken(p, p->next_context))
        p->next_context++;
    return p->next_context++;
}

static size_t bind_presentation(struct px_upstream *u, const struct pol_action *a, uint8_t *out)
{
    struct px_pooled *p = u->pooled;
    const struct px_presentation *s = &calls_of(u)->offers->presentations[a->presentation - 1];
    struct dis_bind sizes = { .max_xmit_frag = PX_LINK_FRAG, .max_recv_frag = PX_LINK_FRAG };
    struct dis_head head = { .drep = dis_little_endian, .flags = DIS_CONC_MPX, .call_id = p->next_call++ };
    p->context = context_for(p, a->presentation);
    struct dis_offer offer = {
        .id = p->context, .abstract = s->abstract, .transfers = &s->transfer, .transfer_count = 1
    };
    return dis_compose_bind(out, BIND_MAX, a->alter ? DIS_ALTER_CONTEXT : DIS_BIND, &head, &sizes, &offer, 1);
}

static void hold_offer(struct px_upstream *u, uint32_t offer)
{
    px_offer_hold(calls_of(u)->offers, offer);
    px_offer_drop(calls_of(u)->offers, u->pooled->offer);
    u->pooled->offer = offer;
}

void px_pooled_bind(struct px_upstream *u, const struct pol_action *a)
{
    uint8_t out[BIND_MAX];
    struct px_pooled *p = u->pooled;
    size_t length;
    p->binding = true;
    p->replay = a->replay;
    hold_offer(u, a->offer);
    p->presentation = a->presentation;
    const struct px_downstream *d = px_downstream_of(u->loop, a->client);
    bool asks = d && a->offer && !a->replay && !d->association->plain; /* a refusal goes on to the client as it is */
    uint32_t call_id = asks ? dis_header_decode(d->front_bytes).call_id : p->next_call++;
    if (a->offer)
        length = px_offer_bind(calls_of(u)->offers, a->offer, a->alter ? DIS_ALTER_CONTEXT : DIS_BIND, call_id,
                               a->group, a->replay, out, sizeof out);
    else
        length = bind_presentation(u, a, out);
    give(u, out, length);
}

static void add_context(struct px_upstream *u, uint32_t presentation, uint16_t id)
{
    struct px_pooled *p = u->pooled;
    struct pol_event e = { .kind = POL_PRESENTS,
                           .client = { POL_NONE, 0 },
                           .link = u->id,
                           .call = { POL_NONE, 0 },
                           .presentation = presentation };
    if (id >= p->next_context)
        p->next_context = (uint16_t)(id + 1u);
    if (!presentation || p->context_count == PX_LINK_CONTEXTS)
        return;
    for (unsigned i = 0; i < p->context_count; i++)
        if (p->contexts[i].presentation == presentation)
            return;
    p->contexts[p->context_count].presentation = presentation;
    p->contexts[p->context_count++].id = id;
    px_loop_tell(u->loop, &e);
}

/* What the answer to an offer says, or that to one presentation. */
static void note_contexts(struct px_upstream *u, const struct dis_pdu *ack)
{
    struct px_pooled *p = u->pooled;
    struct dis_list results = ack->bind_ack.results;
    struct dis_context_result result;
    if (p->replay)
        return;
    if (p->offer) {
        const struct px_offer *offer = px_offer_at(calls_of(u)->offers, p->offer);
        for (unsigned i = 0; i < offer->context_count; i++)
            add_context(u, offer->contexts[i].presentation, offer->contexts[i].id);
    } else if (dis_next_result(&results, &result) && result.result == DIS_ACCEPTANCE &&
               dis_syntax_equal(&result.transfer,
                                &calls_of(u)->offers->presentations[p->presentation - 1].transfer)) {
        add_context(u, p->presentation, p->context);
    }
}

/* A bind is answered by bind_ack or bind_nak, an alter_context by alter_context_resp or a fault. */
static bool answers_bind(const struct px_pooled *p, const struct dis_pdu *pdu)
{
    uint8_t type = pdu->header.type;
    return p->binding &&
           (type == DIS_BIND_ACK || type == DIS_BIND_NAK || type == DIS_ALTER_CONTEXT_RESP || type == DIS_FAULT);
}

static void take_bound(struct px_upstream *u, const struct dis_pdu *pdu)
{
    struct px_pooled *p = u->pooled;
    bool accepted = pdu->header.type == DIS_BIND_ACK || pdu->header.type == DIS_ALTER_CONTEXT_RESP;
    struct pol_event e = {
        .kind = POL_BOUND, .client = { POL_NONE, 0 }, .link = u->id, .call = { POL_NONE, 0 }, .accepted = accepted
    };
    p->binding = false;
    if (accepted) {
        e.group = pdu->bind_ack.assoc_group_id;
        e.multiplex = pdu->header.flags & DIS_CONC_MPX;
        if (p->offer && !p->replay)
            e.differs = !px_offer_learn(calls_of(u)->offers, p->offer, pdu);
        else if (p->replay)
            e.differs = !px_offer_same(calls_of(u)->offers, p->offer, pdu);
        if (pdu->header.type == DIS_BIND_ACK && pdu->bind_ack.max_recv_frag >= DIS_HEADER_SIZE + 64u)
            p->max_frag = pdu->bind_ack.max_recv_frag;
        if (!e.differs)
            note_contexts(u, pdu);
    }
    hold_offer(u, 0);
    u->pass = false;
    px_loop_tell(u->loop, &e);
    if (u->pass && u->downstream)
        px_downstream_write(u->downstream, pdu->bytes, pdu->header.frag_length);
}

/* ---- requests ---- */

void px_pooled_forget(struct px_upstream *u, struct px_call *k)
{
    struct px_pooled *p = u->pooled;
    *(k->link_previous == POL_NONE ? &p->first_call : &call_at(u, k->link_previous)->link_next) = k->link_next;
    *(k->link_next == POL_NONE ? &p->last_call : &call_at(u, k->link_next)->link_previous) = k->link_previous;
    if (p->unaccepted == k->id.index)
        p->unaccepted = k->link_next;
    k->upstream = NULL;
}

static uint16_t context_of(const struct px_pooled *p, const struct px_call *k)
{
    for (unsigned i = 0; i < p->context_count; i++)
        if (p->contexts[i].presentation == k->presentation)
            return p->contexts[i].id;
    return 0; /* never: the brain leases to links that have it */
}

/* A fragment that is longer than its server granted us, in two or three. The object goes with each (C706 12.6.4.9). */
static void give_pieces(struct px_upstream *u, struct px_call *k, const struct dis_pdu *whole)
{
    uint8_t out[DIS_PDU_SIZE_MAX];
    const struct dis_request *r = &whole->request;
    size_t head_length = DIS_HEADER_SIZE + 8u + (r->has_object ? sizeof r->object.bytes : 0);
    size_t piece = (u->pooled->max_frag - head_length) & ~(size_t)7;
    for (size_t at = 0; at < r->stub_length; at += piece) {
        size_t length = r->stub_length - at < piece ? r->stub_length - at : piece;
        bool first = at == 0, last = at + length == r->stub_length;
        struct dis_head head = { .drep = whole->header.drep,
                                 .flags = (uint8_t)((first ? whole->header.flags & DIS_FIRST_FRAG : 0) |
                                                    (last ? whole->header.flags & DIS_LAST_FRAG : 0)),
                                 .call_id = k->upper_id };
        size_t n = dis_compose_request(out, sizeof out, &head, context_of(u->pooled, k), r->opnum,
                                       r->has_object ? &r->object : NULL,
                                       r->alloc_hint > at ? r->alloc_hint - (uint32_t)at : 0, r->stub + at, length);
        give(u, out, n);
        if (k->first_end == 0)
            k->first_end = given(u); /* of the first piece: it is that which a server may begin with */
    }
}

static void give_fragment(struct px_upstream *u, struct px_call *k, const uint8_t *bytes, size_t length)
{
    struct dis_pdu whole;
    struct dis_error error;
    if (length > u->pooled->max_frag && dis_pdu_decode(bytes, length, &whole, &error)) {
        give_pieces(u, k, &whole);
        return;
    }
    uint8_t *pdu = give(u, bytes, length);
    if (!pdu)
        return;
    dis_set_call_id(pdu, k->upper_id);
    dis_set_context_id(pdu, context_of(u->pooled, k));
}

void px_pooled_send(struct px_upstream *u, struct px_call *k, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        struct dis_header header = dis_header_decode(bytes + at);
        give_fragment(u, k, bytes + at, header.frag_length);
        k->fragments_in++;
        k->bytes_in += header.frag_length;
        if (k->first_end == 0)
            k->first_end = given(u);
        at += header.frag_length;
    }
    if (k->request_done)
        k->last_end = given(u);
}

void px_pooled_lease(struct px_upstream *u, struct px_call *k)
{
    struct px_pooled *p = u->pooled;
    k->association->parties += !k->plain;
    k->plain = true;
    k->upstream = u;
    k->server = u->member;
    k->upper_id = p->next_call++;
    k->link_next = POL_NONE;
    k->link_previous = p->last_call;
    *(p->last_call == POL_NONE ? &p->first_call : &call_at(u, p->last_call)->link_next) = k->id.index;
    p->last_call = k->id.index;
    if (p->unaccepted == POL_NONE)
        p->unaccepted = k->id.index;
    u->association->calls++;
    k->leased = true;
    k->leased_at = u->loop->now;
    if (k->kept)
        px_pooled_send(u, k, k->kept, k->kept_length);
}

void px_pooled_cancel(struct px_upstream *u, const struct px_call *k)
{
    uint8_t pdu[DIS_HEADER_SIZE];
    struct dis_head head = { .drep = k->drep, .minor = k->minor, .call_id = k->upper_id };
    give(u, pdu, dis_compose_control(pdu, sizeof pdu, DIS_CO_CANCEL, &head));
}

/* ---- answers ---- */

static struct px_call *find(struct px_upstream *u, uint32_t call_id)
{
    struct px_pooled *p = u->pooled;
    struct px_call *found = NULL;
    for (uint32_t i = p->first_call; i != POL_NONE; i = call_at(u, i)->link_next) {
        struct px_call *k = call_at(u, i);
        if (k->answer_done || k->first_end == 0)
            continue;
        if (k->upper_id == call_id)
            return k;
        if (i == p->first_call && i == p->last_call && call_id == WINES)
            found = k;
    }
    return found;
}

void px_pooled_flush_answers(struct px_upstream *u)
{
    struct px_pooled *p = u->pooled;
    if (p && p->run_length > 0 && p->to)
        px_downstream_write(p->to, p->run, p->run_length);
    if (p) {
        p->to = NULL;
        p->run_length = 0;
    }
}

static void answer(struct px_upstream *u, struct px_call *k, uint8_t *bytes, size_t length)
{
    struct px_pooled *p = u->pooled;
    struct px_downstream *d = px_downstream_of(u->loop, k->client);
    dis_set_call_id(bytes, k->call_id);
    bool is_response = dis_header_decode(bytes).type == DIS_RESPONSE;
    /* Windows and Samba have one byte of it in responses; clients go by the call_id. */
    dis_set_context_id(bytes, is_response ? k->context_id & 0xffu : k->context_id);
    if (p->to != d || p->run + p->run_length != bytes)
        px_pooled_flush_answers(u);
    if (p->run_length == 0) {
        p->to = d;
        p->run = bytes;
    }
    p->run_length += length;
}

static void take_answer(struct px_upstream *u, struct px_call *k, uint8_t *bytes, const struct dis_pdu *pdu)
{
    struct px_fact fact = { .call = k };
    px_translate_answer(k, pdu, u->loop->now, &fact);
    u->pass = !fact.swallow;
    if (fact.asks) {
        fact.ask.link = u->id;
        u->pass = false;
        u->may_have_run = false;
        px_loop_tell(u->loop, &fact.ask);
        if (k->upstream != u)
            return; /* it will be sent up once more */
        k->swallow_answer = !u->pass;
        if (u->pass && u->may_have_run)
            dis_set_flags(bytes, pdu->header.flags & (uint8_t)~DIS_DID_NOT_EXECUTE);
    }
    u->association->bytes_down += pdu->header.frag_length;
    if (u->pass) {
        px_upstream_note_endpoints(px_downstream_of(u->loop, k->client), k, pdu);
        answer(u, k, bytes, pdu->header.frag_length);
    }
    if (fact.informs)
        px_loop_inform(u->loop, &fact.inform);
}

static void take_other(struct px_upstream *u, const struct dis_pdu *pdu, bool understood)
{
    bool calls_back = understood && pdu->header.type == DIS_REQUEST;
    struct pol_event e = { .kind = calls_back ? POL_CALLBACK_DOWN : POL_LINK_STRAY,
                           .client = { POL_NONE, 0 },
                           .link = u->id,
                           .call = { POL_NONE, 0 } };
    px_pooled_flush_answers(u);
    if (pdu->header.type != DIS_SHUTDOWN)
        px_calllog_offence(&u->loop->log, u->association, "server",
                           calls_back ? "a callback, on an interface that is said to be stateless"
                                      : "a PDU that belongs to no call");
    px_loop_tell(u->loop, &e);
}

void px_pooled_take(struct px_upstream *u, uint8_t *bytes, const struct dis_pdu *pdu, bool understood)
{
    bool is_answer = understood && (pdu->header.type == DIS_RESPONSE || pdu->header.type == DIS_FAULT);
    struct px_call *k = is_answer ? find(u, pdu->header.call_id) : NULL;
    if (understood && !k && answers_bind(u->pooled, pdu)) {
        px_pooled_flush_answers(u);
        take_bound(u, pdu);
    } else if (k) {
        take_answer(u, k, bytes, pdu);
    } else {
        take_other(u, pdu, understood);
    }
}
