/* For each connection an association as the proxy would have it, as far as that concerns plain clients. */
#include "inspect_plain.h"

#include <stdlib.h>

#include "../proxy/plain_client.h"

/* A request that has begun. */
struct plain_request {
    struct plain_request *next;
    uint64_t call;
    uint32_t presentation; /* 0: it is not plain */
    uint8_t binds;         /* that had been answered before it */
    bool idempotent;
    bool whole_only;
};

/* A connection. Its binds are needed until the end, the rest until it has ended. */
struct plain_client {
    struct replay_client seen;
    struct px_association a;
    bool asked; /* a bind has no answer yet */
    struct replay_bind bind;
    struct dis_pdu pdu; /* the same; what it points to is gone */
    struct plain_request *requests;
};

struct plain {
    const struct px_settings *settings;
    struct px_offers offers;
    struct px_calls calls; /* none; it names offers and rules */
    bool *multiplexes;     /* by server */
    struct plain_client **clients;
    uint64_t room;
};

struct plain *plain_new(const struct px_settings *settings)
{
    struct plain *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->settings = settings;
    p->multiplexes = calloc(settings->server_count + 1, sizeof(*p->multiplexes));
    if (!px_offers_init(&p->offers) || p->multiplexes == NULL) {
        plain_free(p);
        return NULL;
    }
    p->calls.offers = &p->offers;
    p->calls.rules = settings->call_rules;
    return p;
}

static struct plain_client *new_client(const struct plain *p, uint32_t server)
{
    struct plain_client *c = calloc(1, sizeof(*c));
    const struct px_server *s = &p->settings->servers[server];
    if (c == NULL)
        abort();
    c->a.server_index = server;
    c->a.may_share = s->sharing == PX_SHARING_STATELESS;
    c->a.starts_whole = s->starts_calls == PX_STARTS_AFTER_LAST;
    c->a.first_call = c->a.last_call = c->a.incoming = c->a.unaccepted = POL_NONE;
    return c;
}

static struct plain_client *client_of(struct plain *p, uint64_t number, uint32_t server)
{
    while (number >= p->room) {
        uint64_t room = p->room == 0 ? 1024 : 2 * p->room;
        p->clients = reallocarray(p->clients, room, sizeof(*p->clients));
        if (p->clients == NULL)
            abort();
        for (uint64_t i = p->room; i < room; i++)
            p->clients[i] = NULL;
        p->room = room;
    }
    if (p->clients[number] == NULL)
        p->clients[number] = new_client(p, server);
    return p->clients[number];
}

/* ---- binds ---- */

static void take_bind(struct plain *p, struct plain_client *c, const struct dis_sighting *s)
{
    const struct dis_pdu *bind = &s->pdu;
    c->asked = true;
    c->pdu = *bind;
    c->bind = (struct replay_bind){ .multiplex = bind->header.flags & DIS_CONC_MPX };
    if (s->found->missing == 0) {
        px_plain_offer(&p->calls, &c->a, bind);
        c->bind.offer = c->a.offer;
    }
    c->a.has_bound = true;
}

/* An offer whose answer is not there whole promises nothing. */
static void take_answer(struct plain *p, struct plain_client *c, const struct dis_sighting *s)
{
    uint32_t offer = c->bind.offer;
    if (!c->asked)
        return;
    c->asked = false;
    p->multiplexes[c->a.server_index] |= (s->pdu.header.flags & DIS_CONC_MPX) != 0;
    if (offer != 0 && px_offer_at(&p->offers, offer)->answer == NULL &&
        (s->found->missing > 0 || !px_offer_learn(&p->offers, offer, &s->pdu)))
        c->bind.offer = offer = 0;
    if (offer != 0)
        px_plain_answered(&p->calls, &c->a, offer, &c->pdu);
    if (c->seen.bind_count < REPLAY_BINDS)
        c->seen.binds[c->seen.bind_count++] = c->bind;
}

/* ---- requests ---- */

/* Whether the proxy would serve it call by call. */
static bool is_plain(const struct plain *p, const struct plain_client *c, const struct dis_sighting *s,
                     struct px_unit *unit)
{
    if (!c->a.plain || s->found->missing > 0)
        return false;
    *unit = px_plain_unit(&p->calls, &c->a, &s->pdu, s->pdu.header.frag_length);
    return unit->status != PX_UNIT_ODD && unit->context != NULL;
}

static void take_request(const struct plain *p, struct plain_client *c, const struct dis_sighting *s)
{
    struct px_unit unit;
    if (s->call == NULL || !(s->pdu.header.flags & DIS_FIRST_FRAG))
        return;
    struct plain_request *r = calloc(1, sizeof(*r));
    if (r == NULL)
        abort();
    r->call = s->call->number;
    r->binds = c->seen.bind_count;
    r->next = c->requests;
    c->requests = r;
    if (!is_plain(p, c, s, &unit))
        return;
    const struct px_knowledge *knowledge = &unit.context->knowledge;
    r->presentation = unit.context->presentation;
    r->idempotent = px_knowledge_idempotent(knowledge, s->pdu.request.opnum).holds;
    r->whole_only = c->a.starts_whole && !px_knowledge_pipes(knowledge, s->pdu.request.opnum).holds;
}

void plain_pdu(struct plain *p, const struct dis_sighting *s, uint32_t server)
{
    if (!s->decoded)
        return;
    struct plain_client *c = client_of(p, s->in->number, server);
    bool from_client = s->in->client != (int)!s->way;
    switch (s->pdu.header.type) {
    case DIS_BIND:
    case DIS_ALTER_CONTEXT:
        take_bind(p, c, s);
        break;
    case DIS_BIND_ACK:
    case DIS_ALTER_CONTEXT_RESP:
        take_answer(p, c, s);
        break;
    case DIS_BIND_NAK:
        c->asked = false;
        break;
    case DIS_REQUEST:
        if (from_client)
            take_request(p, c, s);
        break;
    default:
        break;
    }
}

static struct plain_request *take_off(struct plain_client *c, uint64_t call)
{
    struct plain_request **at = &c->requests;
    while (*at != NULL && (*at)->call != call)
        at = &(*at)->next;
    struct plain_request *r = *at;
    if (r != NULL)
        *at = r->next;
    return r;
}

/* Stub data and its headers: no more than what the proxy keeps. */
static bool is_large(const struct dis_call *call)
{
    return call->request_bytes + 24u * call->request_fragments >= PX_GATHER_MOST;
}

void plain_call(struct plain *p, const struct dis_call *call, struct replay_call *record)
{
    struct plain_client *c = client_of(p, call->in->number, record->server);
    struct plain_request *r = take_off(c, call->number);
    record->from = &c->seen;
    if (r == NULL)
        return;
    record->binds = r->binds;
    record->presentation = r->presentation;
    record->idempotent = r->idempotent;
    record->whole_only = r->whole_only;
    record->alone = is_large(call);
    record->kept = !record->alone && p->settings->servers[record->server].attempts > 1;
    free(r);
}

/* ---- what the replay asks ---- */

uint32_t plain_presents(const void *plain, uint32_t offer, unsigned i)
{
    const struct plain *p = plain;
    const struct px_offer *o = px_offer_at(&p->offers, offer);
    return i < o->context_count ? o->contexts[i].presentation : POL_NONE;
}

uint32_t plain_offers(const struct plain *p)
{
    return p->offers.count;
}

bool plain_multiplexes(const struct plain *p, uint32_t server)
{
    return p->multiplexes[server];
}

void plain_free(struct plain *p)
{
    if (p == NULL)
        return;
    for (uint64_t i = 0; i < p->room; i++) {
        while (p->clients[i] != NULL && p->clients[i]->requests != NULL)
            free(take_off(p->clients[i], p->clients[i]->requests->call));
        free(p->clients[i]);
    }
    free((void *)p->clients);
    free(p->multiplexes);
    px_offers_free(&p->offers);
    free(p);
}
