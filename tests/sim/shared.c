/* Plain clients, whose calls go up on links that they share: what must be true of each PDU whatever link, call_id and context id
 * the proxy gives it. */
#include <string.h>

#include "agenda.h"
#include "promises.h"
#include "wire.h"

static bool decode(const uint8_t *bytes, size_t length, struct dis_pdu *pdu)
{
    struct dis_error error;
    return dis_pdu_decode(bytes, length, pdu, &error);
}

#define OF_FRAGMENT (DIS_FIRST_FRAG | DIS_LAST_FRAG | DIS_MAYBE)

static bool is_same_request(const struct dis_pdu *a, const struct dis_pdu *b)
{
    return a->header.type == DIS_REQUEST && a->request.opnum == b->request.opnum &&
           a->header.drep[0] == b->header.drep[0] &&
           (a->header.flags & OF_FRAGMENT) == (b->header.flags & OF_FRAGMENT) &&
           a->request.stub_length == b->request.stub_length &&
           memcmp(a->request.stub, b->request.stub, a->request.stub_length) == 0;
}

static bool is_same_response(const struct dis_pdu *a, const struct dis_pdu *b)
{
    return a->header.type == DIS_RESPONSE && a->header.drep[0] == b->header.drep[0] &&
           (a->header.flags & OF_FRAGMENT) == (b->header.flags & OF_FRAGMENT) &&
           a->response.stub_length == b->response.stub_length &&
           memcmp(a->response.stub, b->response.stub, a->response.stub_length) == 0;
}

/* ---- upwards ---- */

/* A service of this host may judge its callers by who they are. */
static void judge_user(const struct link *l, const struct client *c)
{
    const struct client *first = l->users ? &world.clients[__builtin_ctz(l->users)] : c;
    if (world.plan.local && first->host.address != c->host.address)
        broken(NO_CROSSING, "%s came on a link that carries another user's calls, %s's", c->host.name,
               first->host.name);
}

/* Calls of several clients, or more than one link may carry at once. */
static void judge_shared_link(struct link *l, const struct call *k)
{
    uint32_t inside = 0;
    judge_user(l, &world.clients[k->client]);
    l->users |= 1u << k->client;
    bool shared = (l->users & (l->users - 1)) != 0;
    for (uint32_t i = 0; i < world.call_count; i++)
        inside += world.calls[i].link == l && world.calls[i].is_inside && !world.calls[i].maybe;
    if (shared && k->maybe)
        broken(NO_CROSSING, "call %u wants no answer, and came on a link that others use", call_number(k));
    if (shared && k->fragments_come == 0 && inside >= world.plan.calls_per_connection)
        broken(LINKS_LIMIT, "%u calls are inside on a link that is shared, and %u may be", inside + 1,
               world.plan.calls_per_connection);
}

static struct said *request_up(struct link *l, const struct dis_pdu *pdu, uint32_t own)
{
    struct call *k = call_of(own);
    struct stream *s = k ? &world.clients[k->client].out : NULL;
    for (uint32_t i = 0; s && i < s->count; i++) {
        struct said *said = &s->said[i];
        struct dis_pdu was;
        if (said->call != own || !decode(s->bytes + said->at, said->length, &was) || !is_same_request(&was, pdu))
            continue;
        if (repeat_is_late(k, l, said->fragment))
            return NULL;
        if (said->fragment == 0 && k->link)
            repeat_begins(k, l);
        if (said->taken)
            broken(AT_MOST_ONCE, "a fragment of call %u came again", own);
        if (k->fragments_come != said->fragment || (said->fragment > 0 && k->link != l))
            broken(VERBATIM, "fragment %u of call %u came without those before it", said->fragment, own);
        said->taken = true;
        l->client = &world.clients[k->client];
        l->client->link = l;
        judge_shared_link(l, k);
        return said;
    }
    broken(VERBATIM, "a request came that no client said");
    return NULL;
}

struct said *shared_up(struct link *l, const uint8_t *bytes, size_t length)
{
    struct dis_pdu pdu;
    if (!decode(bytes, length, &pdu)) {
        broken(VERBATIM, "a PDU came that is none");
        return NULL;
    }
    if (pdu.header.type == DIS_REQUEST)
        return request_up(l, &pdu, wire_own(bytes, length));
    bool binds = pdu.header.type == DIS_BIND || pdu.header.type == DIS_ALTER_CONTEXT;
    bool others = pdu.header.type == DIS_CO_CANCEL || pdu.header.type == DIS_ORPHANED || world.reloaded;
    if (!binds && !others)
        broken(VERBATIM, "a %s came on a link that is shared", dis_ptype_name(pdu.header.type));
    return NULL;
}

/* ---- downwards ---- */

/* What its server said to this call, the first that was not heard. */
static struct said *next_said(const struct call *k, struct dis_pdu *pdu)
{
    struct stream *s = k && k->link ? &k->link->out : NULL;
    for (uint32_t i = 0; s && i < s->count; i++)
        if (s->said[i].call == call_number(k) && !s->said[i].taken &&
            decode(s->bytes + s->said[i].at, s->said[i].length, pdu))
            return &s->said[i];
    return NULL;
}

/* One to no call, which goes to the client whose own link it came on. */
static struct said *stray_down(const struct client *c, const uint8_t *bytes, size_t length)
{
    struct stream *s = c->link ? &c->link->out : NULL;
    for (uint32_t i = 0; s && i < s->count; i++)
        if (s->said[i].call == CALLS && !s->said[i].taken && s->said[i].length == length &&
            memcmp(s->bytes + s->said[i].at, bytes, length) == 0)
            return &s->said[i];
    broken(VERBATIM, "%s heard a response to nobody, which its server did not say", c->host.name);
    return NULL;
}

static struct said *response_down(const struct client *c, const struct dis_pdu *pdu, uint32_t own)
{
    struct dis_pdu was;
    struct said *said = next_said(call_of(own), &was);
    if (!said || !is_same_response(&was, pdu)) {
        broken(VERBATIM, "%s heard a response that its server did not say, or not then", c->host.name);
        return NULL;
    }
    if (pdu->response.context_id != 0)
        broken(VERBATIM, "%s heard a response of context %u, and has none", c->host.name, pdu->response.context_id);
    said->taken = true;
    return said;
}

static struct said *fault_down(const struct client *c, const struct dis_pdu *pdu)
{
    static const uint32_t own[] = { 0x6ba, 0x6bf, 0x1c010014, 0x1c00000d, 0x1c000012 };
    struct dis_pdu was;
    const struct call *k = client_call(c, pdu->header.call_id);
    struct said *said = next_said(k, &was);
    if (said && was.header.type == DIS_FAULT && was.fault.status == pdu->fault.status) {
        said->taken = true;
        return said;
    }
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i] == pdu->fault.status)
            return NULL;
    broken(VERBATIM, "%s heard fault %#x, which its server did not say", c->host.name, pdu->fault.status);
    return NULL;
}

struct said *shared_down(struct client *c, const uint8_t *bytes, size_t length)
{
    struct dis_pdu pdu;
    if (!decode(bytes, length, &pdu))
        broken(VERBATIM, "%s heard what is no PDU", c->host.name);
    else if (pdu.header.type == DIS_RESPONSE && wire_own(bytes, length) == WIRE_NOBODY)
        return stray_down(c, bytes, length);
    else if (pdu.header.type == DIS_RESPONSE)
        return response_down(c, &pdu, wire_own(bytes, length));
    else if (pdu.header.type == DIS_FAULT)
        return fault_down(c, &pdu);
    else if (pdu.header.type == DIS_REQUEST && !world.reloaded)
        broken(NO_CROSSING, "%s heard a callback", c->host.name);
    return NULL;
}

/* ---- now and then ---- */

/* Connections on which something was said; checks are not counted. */
void shared_judge_links(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world.link_count; i++) {
        const struct link *l = &world.links[i];
        count += l->is_used && l->open && l->endpoint->peer && l->endpoint->peer->held && !l->endpoint->peer->dead;
    }
    if (world.plan.connections && count > world.plan.connections)
        broken(LINKS_LIMIT, "%u connections to the server are open, and %u may be", count, world.plan.connections);
}
