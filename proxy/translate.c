/* PDUs to events: which call, which bind, which callback a PDU belongs to, and whether anybody has to be asked. */
#include "translate.h"

#include <string.h>

#include "plain_client.h"

#define GROUP_AT 20u /* offset of assoc_group_id in a bind (C706 12.6.4.3) */

static const struct pol_id no_id = { POL_NONE, 0 };

static void ask(struct px_fact *fact, enum pol_event_kind kind)
{
    fact->asks = true;
    fact->ask = (struct pol_event){ .kind = (uint8_t)kind, .client = no_id, .link = no_id, .call = no_id };
    if (fact->call)
        fact->ask.call = fact->call->id;
}

static bool is_first(const struct dis_pdu *pdu)
{
    return pdu->header.flags & DIS_FIRST_FRAG;
}

static bool is_last(const struct dis_pdu *pdu)
{
    return pdu->header.flags & DIS_LAST_FRAG;
}

static void stray(struct px_fact *fact, enum pol_event_kind kind, const char *offence)
{
    fact->offence = offence;
    ask(fact, kind);
}

/* ---- upwards ---- */

/* A request without a trailer on a connection that was authenticated at level connect runs under that identity
 * (MS-RPCE 3.3.1.5.4), so the connection's own level counts where the PDU has none. */
static void note_auth(struct px_call *k, const struct px_association *a, const struct dis_auth *auth)
{
    k->auth_type = auth->value ? auth->type : a->bind_auth_type;
    k->auth_level = auth->value ? auth->level : a->bind_auth_level;
}

static bool begin_call(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                       struct px_fact *fact)
{
    if (a->open_calls >= PX_CALLS_PER_CLIENT)
        return false;
    a->refused_request = false;
    if (a->incoming != POL_NONE)
        fact->offence = "a request began before the one before it was complete";
    struct px_call *k = px_call_new(calls, a);
    if (!k)
        return false;
    const struct px_context *context = px_association_context(a, pdu->request.context_id);
    k->call_id = pdu->header.call_id;
    k->context_id = pdu->request.context_id;
    k->opnum = pdu->request.opnum;
    const struct px_offered *offered = a->plain ? px_plain_context(calls, a, pdu->request.context_id) : NULL;
    if (context) {
        k->interface = context->interface;
        k->known = context->known;
    } else if (offered) {
        k->interface = offered->abstract;
        k->known = offered->knowledge.known;
    }
    memcpy(k->drep, pdu->header.drep, sizeof k->drep);
    k->minor = pdu->header.minor;
    note_auth(k, a, &pdu->auth);
    k->begun = now_us;
    k->leased_at = k->first_answer = k->ended = PX_NO_TIME;
    k->request_done = is_last(pdu);
    a->incoming = k->request_done ? POL_NONE : k->id.index;
    fact->call = k;
    ask(fact, POL_CALL_BEGIN);
    const struct px_interface_rules *rules = offered ? offered->rules : px_association_rules(a, calls, context);
    fact->ask.rule = px_call_rules_row(rules, a->server_index, k->opnum);
    k->watched = calls->rules->rows[fact->ask.rule].call_timeout != PX_NEVER;
    fact->ask.opnum = k->opnum;
    fact->ask.level = k->auth_level;
    fact->ask.maybe = pdu->header.flags & DIS_MAYBE;
    a->had_maybe = a->had_maybe || fact->ask.maybe;
    return true;
}

static void go_on_call(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu,
                       struct px_fact *fact)
{
    struct px_call *k = a->incoming == POL_NONE ? NULL : px_call_at(calls, a->incoming);
    if (a->refused_request) {
        fact->swallow = true;
        a->refused_request = !is_last(pdu);
        return;
    }
    if (!k) {
        stray(fact, POL_CLIENT_STRAY, "a later fragment of no request");
        return;
    }
    if (k->call_id != pdu->header.call_id)
        fact->offence = "a fragment's call_id differs from its request's";
    fact->call = k;
    if (!is_last(pdu))
        return;
    k->request_done = true;
    a->incoming = POL_NONE;
}

static bool up_request(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                       struct px_fact *fact)
{
    if (is_first(pdu))
        return begin_call(calls, a, pdu, now_us, fact);
    go_on_call(calls, a, pdu, fact);
    return true;
}

/* What its unit says of a request that stands there whole, or of which more will flow. */
static void note_unit(struct px_calls *calls, struct px_association *a, const struct px_unit *unit,
                      struct px_fact *fact)
{
    struct px_call *k = fact->call;
    const struct px_offered *context = unit->context;
    k->presentation = context->presentation;
    k->request_done = unit->status == PX_UNIT_WHOLE;
    a->incoming = k->request_done ? POL_NONE : k->id.index;
    k->watched = calls->rules->rows[unit->row].call_timeout != PX_NEVER;
    fact->ask.rule = unit->row;
    fact->ask.presentation = context->presentation;
    fact->ask.alone = !k->request_done;
    fact->ask.idempotent = px_knowledge_idempotent(&context->knowledge, k->opnum).holds;
    fact->ask.whole_only = a->starts_whole && !px_knowledge_pipes(&context->knowledge, k->opnum).holds;
}

bool px_translate_plain(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu,
                        const struct px_unit *unit, int64_t now_us, struct px_fact *fact)
{
    *fact = (struct px_fact){ 0 };
    if (!begin_call(calls, a, pdu, now_us, fact))
        return false;
    note_unit(calls, a, unit, fact);
    return true;
}

/* Responses go up only as answers to callbacks (MS-RPCE 3.3.1.5.9). */
static bool up_answer(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                      struct px_fact *fact)
{
    (void)calls;
    (void)now_us;
    if (is_first(pdu) || !a->callback_up)
        ask(fact, POL_CALLBACK_UP);
    a->callback_up = !is_last(pdu);
    return true;
}

static bool up_bind(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                    struct px_fact *fact)
{
    (void)now_us;
    px_plain_offer(calls, a, pdu);
    a->has_bound = true;
    a->unoffered = a->offer || a->plain;
    if (!a->unoffered && px_association_offer(a, calls, &pdu->bind) > 0)
        fact->offence = "more presentation contexts than are kept (contexts); calls on the rest have no name";
    if (pdu->auth.value && pdu->auth.level >= a->bind_auth_level) {
        a->bind_auth_type = pdu->auth.type;
        a->bind_auth_level = pdu->auth.level;
    }
    ask(fact, POL_CLIENT_BIND);
    fact->ask.alter = pdu->header.type == DIS_ALTER_CONTEXT;
    fact->ask.level = a->bind_auth_level;
    fact->ask.group = pdu->bind.assoc_group_id;
    fact->ask.offer = a->offer;
    fact->ask.unlearned = a->offer && !px_offer_at(calls->offers, a->offer)->answer;
    fact->ask.multiplex = pdu->header.flags & DIS_CONC_MPX;
    return true;
}

static bool up_auth3(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                     struct px_fact *fact)
{
    (void)calls;
    (void)a;
    (void)pdu;
    (void)now_us;
    ask(fact, POL_AUTH_LEG);
    return true;
}

static bool up_control(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                       struct px_fact *fact)
{
    (void)now_us;
    struct px_call *k = px_call_find(calls, a, pdu->header.call_id, false);
    ask(fact, POL_CLIENT_CONTROL);
    fact->ask.orphaned = pdu->header.type == DIS_ORPHANED;
    if (k)
        fact->ask.call = k->id;
    return true;
}

static bool up_other(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                     struct px_fact *fact)
{
    (void)calls;
    (void)a;
    (void)pdu;
    (void)now_us;
    stray(fact, POL_CLIENT_STRAY, "a PDU type that no client sends");
    return true;
}

typedef bool up_row(struct px_calls *, struct px_association *, const struct dis_pdu *, int64_t, struct px_fact *);

static up_row *const up_rows[DIS_PTYPE_COUNT] = {
    [DIS_REQUEST] = up_request,   [DIS_RESPONSE] = up_answer,    [DIS_FAULT] = up_answer,
    [DIS_BIND] = up_bind,         [DIS_ALTER_CONTEXT] = up_bind, [DIS_AUTH3] = up_auth3,
    [DIS_CO_CANCEL] = up_control, [DIS_ORPHANED] = up_control,
};

/* The server judges it; but whose group it asks for is for us to judge, whatever else is wrong with it. */
static void up_undecoded(const struct dis_pdu *pdu, struct px_fact *fact)
{
    bool has_group = pdu->header.type == DIS_BIND && pdu->header.frag_length >= GROUP_AT + 4;
    stray(fact, has_group ? POL_CLIENT_BIND : POL_CLIENT_STRAY, "a PDU that cannot be decoded");
    if (!has_group)
        return;
    const uint8_t *g = pdu->bytes + GROUP_AT;
    bool big = dis_big_endian(pdu->header.drep);
    fact->ask.level = DIS_LEVEL_PRIVACY; /* it may be authenticated: without a server it is not answered here */
    fact->ask.group = big ? (uint32_t)g[0] << 24 | (uint32_t)g[1] << 16 | (uint32_t)g[2] << 8 | g[3]
                          : (uint32_t)g[3] << 24 | (uint32_t)g[2] << 16 | (uint32_t)g[1] << 8 | g[0];
}

bool px_translate_up(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, bool understood,
                     int64_t now_us, struct px_fact *fact)
{
    *fact = (struct px_fact){ 0 };
    if (!understood) {
        up_undecoded(pdu, fact);
        return true;
    }
    up_row *row = pdu->header.type < DIS_PTYPE_COUNT ? up_rows[pdu->header.type] : NULL;
    return (row ? row : up_other)(calls, a, pdu, now_us, fact);
}

/* ---- downwards ---- */

static void note_status(struct px_call *k, const struct dis_pdu *pdu)
{
    if (pdu->header.type != DIS_FAULT)
        return;
    k->has_status = true;
    k->status = pdu->fault.status;
}

void px_translate_answer(struct px_call *k, const struct dis_pdu *pdu, int64_t now_us, struct px_fact *fact)
{
    fact->call = k;
    note_status(k, pdu);
    if (!k->answer_begun) {
        k->answer_begun = true;
        k->first_answer = now_us;
        ask(fact, POL_ANSWER_BEGIN);
        fact->ask.fault = k->has_status;
        fact->ask.status = k->status;
        fact->ask.dne = k->has_status && (pdu->header.flags & DIS_DID_NOT_EXECUTE);
    }
    k->fragments_out++;
    k->bytes_out += pdu->header.frag_length;
    fact->swallow = k->swallow_answer;
    bool last = is_last(pdu) || pdu->header.type == DIS_FAULT;
    fact->informs = last || (k->watched && !fact->asks);
    fact->inform = (struct pol_event){ .kind = POL_PROGRESS, .client = no_id, .link = no_id, .call = k->id };
    if (!last)
        return;
    k->answer_done = true;
    k->ended = now_us;
    fact->inform.kind = POL_ANSWER_END;
    fact->inform.fault = k->has_status;
}

static void down_answer(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                        struct px_fact *fact)
{
    struct px_call *k = px_call_find(calls, a, pdu->header.call_id, true);
    if (k) {
        px_translate_answer(k, pdu, now_us, fact);
        return;
    }
    bool flows = a->flowing_stray && !is_first(pdu);
    a->flowing_stray = !is_last(pdu);
    if (flows)
        return;
    stray(fact, POL_LINK_STRAY, "an answer to no open call");
    fact->ask.fault = pdu->header.type == DIS_FAULT;
    fact->ask.status = fact->ask.fault ? pdu->fault.status : 0;
}

static void down_callback(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                          struct px_fact *fact)
{
    (void)calls;
    (void)now_us;
    if (is_first(pdu) || !a->callback_down)
        ask(fact, POL_CALLBACK_DOWN);
    a->callback_down = !is_last(pdu);
    fact->swallow = a->swallow_callback;
}

static bool grants_to_keep(const struct dis_bind_ack *ack)
{
    struct dis_list results = ack->results;
    struct dis_context_result result;
    while (dis_next_result(&results, &result))
        if (result.result == DIS_NEGOTIATE_ACK)
            return result.reason & DIS_KEEP_CONNECTION_ON_ORPHAN;
    return false;
}

static void down_bound(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                       struct px_fact *fact)
{
    (void)calls;
    (void)now_us;
    bool nak = pdu->header.type == DIS_BIND_NAK;
    px_association_answered(a, nak ? NULL : &pdu->bind_ack);
    ask(fact, POL_BOUND);
    fact->ask.accepted = !nak;
    fact->ask.keeps = !nak && grants_to_keep(&pdu->bind_ack);
    fact->ask.group = nak ? 0 : pdu->bind_ack.assoc_group_id;
}

static void down_other(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, int64_t now_us,
                       struct px_fact *fact)
{
    (void)calls;
    (void)a;
    (void)now_us;
    stray(fact, POL_LINK_STRAY, pdu->header.type == DIS_SHUTDOWN ? NULL : "a PDU type that no server sends");
}

typedef void down_row(struct px_calls *, struct px_association *, const struct dis_pdu *, int64_t, struct px_fact *);

static down_row *const down_rows[DIS_PTYPE_COUNT] = {
    [DIS_REQUEST] = down_callback, [DIS_RESPONSE] = down_answer, [DIS_FAULT] = down_answer,
    [DIS_BIND_ACK] = down_bound,   [DIS_BIND_NAK] = down_bound,  [DIS_ALTER_CONTEXT_RESP] = down_bound,
};

void px_translate_down(struct px_calls *calls, struct px_association *a, const struct dis_pdu *pdu, bool understood,
                       int64_t now_us, struct px_fact *fact)
{
    *fact = (struct px_fact){ 0 };
    if (!understood) {
        stray(fact, POL_LINK_STRAY, "a PDU that cannot be decoded");
        return;
    }
    down_row *row = pdu->header.type < DIS_PTYPE_COUNT ? down_rows[pdu->header.type] : NULL;
    (row ? row : down_other)(calls, a, pdu, now_us, fact);
}

/* ---- the account of what was written ---- */

void px_translate_passed_up(struct px_association *a, struct px_call *call, const struct dis_header *header)
{
    a->passed_up += header->frag_length;
    a->bytes_up += header->frag_length;
    if (!call)
        return;
    call->fragments_in++;
    call->bytes_in += header->frag_length;
    if (call->first_end == 0)
        call->first_end = a->passed_up;
    if (call->request_done)
        call->last_end = a->passed_up;
}

/* Some more of a request that is still being taken. */
static bool progress_up_of(struct px_association *a, const struct px_call *k, uint64_t taken, struct pol_event *event)
{
    if (!k->watched || taken == a->progress_up)
        return false;
    a->progress_up = taken;
    *event = (struct pol_event){ .kind = POL_PROGRESS, .client = no_id, .link = no_id, .call = k->id };
    return true;
}

bool px_translate_accepted(const struct px_calls *calls, struct px_association *a, uint64_t taken,
                           struct pol_event *event)
{
    while (a->unaccepted != POL_NONE) {
        struct px_call *k = px_call_at(calls, a->unaccepted);
        uint8_t seen = px_call_seen(k, taken);
        bool news = seen != k->write_seen;
        bool done = seen & 2;
        k->write_seen = seen;
        bool superseded = k->first_end != 0 && !k->request_done && a->incoming != k->id.index;
        if (done || superseded)
            a->unaccepted = k->next;
        if (news) {
            *event = (struct pol_event){ .kind = POL_ACCEPTED, .client = no_id, .link = no_id, .call = k->id };
            event->first_done = seen & 1;
            event->last_done = done;
            return true;
        }
        if (!done && !superseded)
            return progress_up_of(a, k, taken, event);
    }
    return false;
}

bool px_translate_left(struct px_call *k, uint64_t left, struct pol_event *event)
{
    uint8_t seen = px_call_seen(k, left);
    if (!k->leased || seen >= k->write_seen)
        return false;
    k->write_seen = seen;
    *event = (struct pol_event){ .kind = POL_ACCEPTED,
                                 .client = no_id,
                                 .link = no_id,
                                 .call = k->id,
                                 .first_done = seen & 1,
                                 .last_done = seen & 2 };
    return true;
}
