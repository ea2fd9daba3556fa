/* A list of the calls that are open, and an array of the contexts. */
#include "conversation.h"

#include <stdlib.h>
#include <string.h>

#include "names.h"

struct dis_conversation *dis_conversation_new(struct dis_news *news)
{
    struct dis_conversation *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->news = news;
    c->client = -1;
    c->open_end = &c->open;
    return c;
}

/* ---- contexts ---- */

static struct dis_bound *find_context(struct dis_conversation *c, uint16_t id)
{
    for (uint32_t i = c->context_count; i-- > 0;)
        if (c->contexts[i].id == id)
            return &c->contexts[i];
    return NULL;
}

static struct dis_bound *add_context(struct dis_conversation *c, uint16_t id)
{
    struct dis_bound *old = find_context(c, id);
    if (old != NULL)
        return old;
    if (c->context_count == DIS_CONTEXTS_MOST) {
        c->news->contexts_dropped++;
        return NULL;
    }
    if ((c->context_count & (c->context_count - 1)) == 0) {
        uint32_t room = c->context_count == 0 ? 1 : 2 * c->context_count;
        struct dis_bound *grown = realloc(c->contexts, room * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        c->contexts = grown;
    }
    return &c->contexts[c->context_count++];
}

static void take_bind(struct dis_conversation *c, const struct dis_pdu *pdu)
{
    struct dis_list contexts = pdu->bind.contexts;
    uint8_t place = 0;
    c->bind_seen = true;
    c->offers++;
    for (struct dis_context context; dis_next_context(&contexts, &context); place++) {
        uint64_t features;
        struct dis_bound *bound = add_context(c, context.id);
        if (bound == NULL)
            continue;
        *bound = (struct dis_bound){
            .id = context.id,
            .place = place,
            .offer = c->offers,
            .features = dis_is_feature_negotiation(&context, &features),
            .interface = context.abstract,
            .known = dis_interface_find(&context.abstract),
        };
    }
}

static void settle(struct dis_conversation *c, struct dis_bound *bound, enum dis_context_state state, uint16_t reason)
{
    bound->state = state;
    bound->reason = reason;
    bound->answered = c->last;
    if (c->news->bound != NULL && !bound->features)
        c->news->bound(c->news->context, c, bound);
}

static void take_bind_ack(struct dis_conversation *c, const struct dis_pdu *pdu)
{
    struct dis_list results = pdu->bind_ack.results;
    uint8_t place = 0;
    c->assoc_group = pdu->bind_ack.assoc_group_id;
    for (struct dis_context_result result; dis_next_result(&results, &result); place++)
        for (uint32_t i = 0; i < c->context_count; i++) {
            struct dis_bound *bound = &c->contexts[i];
            if (bound->offer != c->offers || bound->place != place || bound->state != DIS_CONTEXT_OFFERED)
                continue;
            settle(c, bound, result.result == DIS_ACCEPTANCE ? DIS_CONTEXT_ACCEPTED : DIS_CONTEXT_REFUSED,
                   result.reason);
        }
}

static void take_bind_nak(struct dis_conversation *c, const struct dis_pdu *pdu)
{
    for (uint32_t i = 0; i < c->context_count; i++) {
        struct dis_bound *bound = &c->contexts[i];
        if (bound->offer != c->offers || bound->state != DIS_CONTEXT_OFFERED)
            continue;
        bound->by_nak = true;
        settle(c, bound, DIS_CONTEXT_REFUSED, pdu->bind_nak.reason);
    }
}

/* ---- calls ---- */

/* Unlinks, tells, frees. */
static void end_call(struct dis_conversation *c, struct dis_call **link, enum dis_ending ending)
{
    struct dis_call *call = *link;
    *link = call->next;
    if (call->next == NULL)
        c->open_end = link;
    c->open_count--;
    call->ending = ending;
    if (c->news->call != NULL)
        c->news->call(c->news->context, call);
    free(call);
}

static struct dis_call **find_call(struct dis_conversation *c, unsigned way, uint32_t id)
{
    for (struct dis_call **link = &c->open; *link != NULL; link = &(*link)->next)
        if ((*link)->way == way && (*link)->id == id)
            return link;
    return NULL;
}

/* The call whose request has not ended yet: fragments behind a first one belong to it. */
static struct dis_call *find_incomplete(struct dis_conversation *c, unsigned way, uint32_t id)
{
    for (struct dis_call *call = c->open; call != NULL; call = call->next)
        if (call->way == way && call->id == id && !call->complete)
            return call;
    return NULL;
}

static struct dis_call *new_call(struct dis_conversation *c, unsigned way, uint32_t id)
{
    struct dis_call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    if (c->open_count == DIS_CALLS_OPEN_MOST) {
        c->news->calls_dropped++;
        end_call(c, &c->open, DIS_END_FORGOTTEN);
    }
    call->in = c;
    call->way = way;
    call->id = id;
    call->number = ++c->news->calls;
    *c->open_end = call;
    c->open_end = &call->next;
    c->open_count++;
    c->calls++;
    return call;
}

static void set_context(struct dis_conversation *c, struct dis_call *call, uint16_t id)
{
    const struct dis_bound *bound = find_context(c, id);
    call->context_id = id;
    if (bound == NULL)
        return;
    call->has_interface = true;
    call->interface = bound->interface;
    call->known = bound->known;
}

static void set_auth(struct dis_call *call, const struct dis_auth *auth)
{
    call->auth_type = auth->type;
    call->auth_level = auth->level;
}

static void open_request(struct dis_conversation *c, struct dis_call *call, const struct dis_sighting *s)
{
    const struct dis_request *request = &s->pdu.request;
    call->has_request = true;
    call->opnum = request->opnum;
    call->has_object = request->has_object;
    call->object = request->object;
    call->request_first = s->found->last;
    call->repeated_before = c->wire->way[call->way].repeated;
    call->probes_before = c->wire->way[call->way].probes;
    if (c->wire->quiet_until >= s->found->first.frame)
        call->quiet_before = c->wire->quiet;
    set_context(c, call, request->context_id);
    set_auth(call, &s->pdu.auth);
}

/* An older call with this id that can have no answer any more, because bytes are missing and its id is used anew. */
static void forgo_lost(struct dis_conversation *c, unsigned way, uint32_t id)
{
    struct dis_call **link = find_call(c, way, id);
    if (link != NULL && (*link)->gap && (*link)->complete)
        end_call(c, link, DIS_END_GAP);
}

static void take_request(struct dis_conversation *c, struct dis_sighting *s)
{
    uint32_t id = s->pdu.header.call_id;
    bool first = (s->pdu.header.flags & DIS_FIRST_FRAG) != 0;
    struct dis_call *call = first ? NULL : find_incomplete(c, s->way, id);
    if (call == NULL) {
        forgo_lost(c, s->way, id);
        call = new_call(c, s->way, id);
        if (call == NULL)
            return;
        open_request(c, call, s);
    }
    call->request_fragments++;
    call->request_last = s->found->last;
    call->request_end = c->wire->way[call->way].reading;
    call->request_bytes += s->pdu.request.stub_length;
    call->complete = (s->pdu.header.flags & DIS_LAST_FRAG) != 0;
    s->call = call;
}

/* Some servers (Wine's) answer every call with one id: the only open call of a conversation that was seen from its
 * beginning is meant. */
static struct dis_call **find_only(struct dis_conversation *c, unsigned way)
{
    if (c->open_count != 1 || c->open->way != way || !c->open->complete || !c->begins[0] || !c->begins[1])
        return NULL;
    if (c->open->answer_fragments == 0)
        c->open->id_differs = true;
    else if (!c->open->id_differs)
        return NULL;
    return &c->open;
}

/* The call that is answered; made here where its request was not seen. */
static struct dis_call **answered_call(struct dis_conversation *c, unsigned way, const struct dis_sighting *s)
{
    uint32_t id = s->pdu.header.call_id;
    struct dis_call **link = find_call(c, way, id);
    if (link == NULL)
        link = find_only(c, way);
    if (link != NULL)
        return link;
    struct dis_call *call = new_call(c, way, id);
    if (call == NULL)
        return NULL;
    c->unmatched++;
    set_auth(call, &s->pdu.auth);
    return find_call(c, way, id);
}

static void take_answer(struct dis_conversation *c, struct dis_sighting *s, enum dis_answer kind, uint16_t context_id,
                        size_t stub_length)
{
    struct dis_call **link = answered_call(c, !s->way, s);
    if (link == NULL)
        return;
    struct dis_call *call = *link;
    if (!call->has_request && call->answer_fragments == 0)
        set_context(c, call, context_id);
    if (call->answer_fragments++ == 0)
        call->answer_first = s->found->last;
    call->answer_last = s->found->last;
    call->answer_bytes += stub_length;
    call->answer = kind;
    if (kind == DIS_ANSWER_FAULT) {
        call->status = s->pdu.fault.status;
        call->did_not_execute = (s->pdu.header.flags & DIS_DID_NOT_EXECUTE) != 0;
    }
    s->call = call;
}

static void give_up(struct dis_conversation *c, struct dis_call *call, struct dis_place place)
{
    if (call->left)
        return;
    call->left = true;
    call->left_at = place;
    if (c->news->left != NULL)
        c->news->left(c->news->context, call);
}

void dis_conversation_leave(struct dis_conversation *c, unsigned way, struct dis_place place)
{
    for (struct dis_call *call = c->open; call != NULL; call = call->next)
        if (call->way == way)
            give_up(c, call, place);
}

/* co_cancel and orphaned, both from the client. */
static void take_control(struct dis_conversation *c, struct dis_sighting *s)
{
    struct dis_call **link = find_call(c, s->way, s->pdu.header.call_id);
    if (link == NULL)
        return;
    if (s->pdu.header.type == DIS_CO_CANCEL)
        (*link)->cancelled = true;
    else
        (*link)->orphaned = true;
    s->call = *link;
    give_up(c, *link, s->found->last);
}

/* Which end the sender of this type is; -1: either may be. */
static int client_by(const struct dis_header *h, unsigned way)
{
    switch (h->type) {
    case DIS_BIND:
    case DIS_ALTER_CONTEXT:
    case DIS_AUTH3:
    case DIS_REQUEST:
    case DIS_CO_CANCEL:
    case DIS_ORPHANED:
        return (int)way;
    case DIS_BIND_ACK:
    case DIS_BIND_NAK:
    case DIS_ALTER_CONTEXT_RESP:
    case DIS_RESPONSE:
    case DIS_FAULT:
    case DIS_SHUTDOWN:
        return (int)!way;
    default:
        return -1;
    }
}

/* What is there of a body that is not there whole. */
static bool decode_part(const struct dis_found *found, struct dis_sighting *s)
{
    struct dis_header *h = &s->pdu.header;
    struct dis_cursor c = dis_cursor_over(found->bytes, found->length, dis_big_endian(found->bytes + 4));
    s->pdu.bytes = found->bytes;
    s->pdu.auth = (struct dis_auth){ 0 };
    *h = dis_header_decode(found->bytes);
    c.at = DIS_HEADER_SIZE;
    if (h->type == DIS_REQUEST)
        dis_request_decode(&c, (h->flags & DIS_OBJECT_UUID) != 0, &s->pdu.request);
    else if (h->type == DIS_RESPONSE)
        dis_response_decode(&c, &s->pdu.response);
    else if (h->type == DIS_FAULT)
        dis_fault_decode(&c, &s->pdu.fault);
    else
        dis_cursor_fail(&c, "not all of it was captured");
    s->error = c.error;
    return dis_cursor_ok(&c);
}

static void note_auth(struct dis_conversation *c, const struct dis_pdu *pdu)
{
    uint8_t type = pdu->header.type;
    if (pdu->auth.value == NULL || (type != DIS_BIND && type != DIS_ALTER_CONTEXT && type != DIS_AUTH3))
        return;
    c->auth_type = pdu->auth.type;
    c->auth_level = pdu->auth.level;
}

static void take_decoded(struct dis_conversation *c, struct dis_sighting *s)
{
    note_auth(c, &s->pdu);
    switch (s->pdu.header.type) {
    case DIS_BIND:
    case DIS_ALTER_CONTEXT:
        take_bind(c, &s->pdu);
        break;
    case DIS_BIND_ACK:
    case DIS_ALTER_CONTEXT_RESP:
        take_bind_ack(c, &s->pdu);
        break;
    case DIS_BIND_NAK:
        take_bind_nak(c, &s->pdu);
        break;
    case DIS_REQUEST:
        take_request(c, s);
        break;
    case DIS_RESPONSE:
        take_answer(c, s, DIS_ANSWER_RESPONSE, s->pdu.response.context_id, s->pdu.response.stub_length);
        break;
    case DIS_FAULT:
        take_answer(c, s, DIS_ANSWER_FAULT, s->pdu.fault.context_id, s->pdu.fault.stub_length);
        break;
    case DIS_CO_CANCEL:
    case DIS_ORPHANED:
        take_control(c, s);
        break;
    default:
        break;
    }
}

/* A response ends with its last fragment; a fault is one fragment, whatever its flags say. */
static void end_answered(struct dis_conversation *c, const struct dis_sighting *s)
{
    const struct dis_header *h = &s->pdu.header;
    bool maybe = h->type == DIS_REQUEST && (h->flags & DIS_MAYBE) != 0 && s->call->complete;
    bool answered = h->type == DIS_FAULT || (h->type == DIS_RESPONSE && (h->flags & DIS_LAST_FRAG) != 0);
    if (!maybe && !answered)
        return;
    struct dis_call **link = &c->open;
    while (*link != s->call)
        link = &(*link)->next;
    end_call(c, link, maybe ? DIS_END_MAYBE : h->type == DIS_FAULT ? DIS_END_FAULT : DIS_END_ANSWERED);
}

unsigned dis_news_index(struct dis_news *news, uint64_t frame)
{
    news->index = news->last_frame == frame ? news->index + 1 : 0;
    news->last_frame = frame;
    return news->index;
}

void dis_conversation_take(struct dis_conversation *c, unsigned way, const struct dis_found *found)
{
    struct dis_sighting s = { .in = c, .way = way, .found = found };
    s.decoded = found->missing == 0 ? dis_pdu_decode(found->bytes, found->length, &s.pdu, &s.error)
                                    : decode_part(found, &s);
    s.index = dis_news_index(c->news, found->last.frame);
    if (c->pdus++ == 0) {
        c->number = ++c->news->conversations;
        c->first = found->first;
    }
    c->last = found->last;
    if (c->client < 0)
        c->client = client_by(&s.pdu.header, way);
    if (s.decoded)
        take_decoded(c, &s);
    if (c->news->pdu != NULL)
        c->news->pdu(c->news->context, &s);
    if (s.call != NULL)
        end_answered(c, &s);
}

static const struct dis_place *end_of(const struct dis_wire_way *way)
{
    return way->rst ? &way->rst_at : way->fin ? &way->fin_at : NULL;
}

void dis_conversation_rest(struct dis_conversation *c, unsigned way, const struct dis_found *found)
{
    struct dis_sighting s = { .in = c, .way = way, .found = found };
    const struct dis_header *h = &s.pdu.header;
    bool begins = decode_part(found, &s) && h->type == DIS_REQUEST && (h->flags & DIS_FIRST_FRAG) != 0;
    struct dis_call *call = begins ? new_call(c, way, h->call_id) : NULL;
    if (call == NULL)
        return;
    open_request(c, call, &s);
    call->partial = true;
    call->request_last = found->last;
    call->request_end = c->wire->way[way].reading;
    const struct dis_place *own = end_of(&c->wire->way[way]);
    const struct dis_place *other = end_of(&c->wire->way[!way]);
    if (own != NULL && (other == NULL || own->frame < other->frame))
        give_up(c, call, *own);
}

void dis_conversation_gap(struct dis_conversation *c, unsigned way)
{
    c->gaps[way]++;
    c->begins[way] = false;
    for (struct dis_call *call = c->open; call != NULL; call = call->next)
        if (call->way != way)
            call->gap = true;
}

static enum dis_ending ending_of(const struct dis_conversation *c, const struct dis_call *call,
                                 enum dis_ending ending)
{
    if (ending == DIS_END_FORGOTTEN)
        return ending;
    if (!c->wire->way[!call->way].heard)
        return DIS_END_ONE_SIDED;
    if (call->gap)
        return DIS_END_GAP;
    return ending == DIS_END_CAPTURE && c->wire->way[call->way].fin ? DIS_END_CLOSED : ending;
}

void dis_conversation_end(struct dis_conversation *c, enum dis_ending ending)
{
    while (c->open != NULL)
        end_call(c, &c->open, ending_of(c, c->open, ending));
    c->ending = ending;
    if (c->news->conversation != NULL && c->pdus > 0)
        c->news->conversation(c->news->context, c);
    free(c->contexts);
    free(c);
}
