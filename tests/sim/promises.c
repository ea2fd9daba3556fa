/* The judge: what clients heard, what servers executed and what the log says, held against each other. */
#include "promises.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agenda.h"
#include "kernel.h"
#include "sim.h"
#include "trace.h"
#include "wire.h"

const char *const promise_names[PROMISES] = {
    [AT_MOST_ONCE] = "at-most-once",       [PROVEN] = "did-not-execute-is-true",
    [NO_ENDLESS_WAIT] = "no-endless-wait", [CALLS_LIMIT] = "calls-limit",
    [CLIENTS_LIMIT] = "clients-limit",     [NO_CROSSING] = "no-identity-crosses",
    [VERBATIM] = "verbatim-and-in-order",  [OWN_ANSWER] = "answer-of-its-own-call",
    [NO_LATE_ANSWER] = "no-late-answer",   [ONE_LINE] = "one-line-a-call",
    [TRUE_LINE] = "line-is-true",          [ALL_FREE] = "all-free-at-the-end",
    [IN_BOUNDS] = "no-byte-out-of-bounds", [ONE_TRIAL] = "one-trial-at-a-time",
    [AVAILABLE] = "who-comes-is-served",   [LINKS_LIMIT] = "connections-limit",
    [DRAINED] = "drained-is-left-alone",   [ANSWERS] = "administrator-is-answered",
    [REPEATS] = "repeated-as-allowed",     [RECOVERED] = "provable-is-recovered",
};

static bool is_same(const struct stream *s, const struct said *said, const uint8_t *pdu, size_t length)
{
    return said->length == length && memcmp(s->bytes + said->at, pdu, length) == 0;
}

static uint32_t find_said(const struct stream *s, uint32_t from, uint32_t to, const uint8_t *pdu, size_t length)
{
    while (from < to && !is_same(s, &s->said[from], pdu, length))
        from++;
    return from;
}

/* ---- upwards ---- */

static struct client *who_said(const uint8_t *pdu, size_t length)
{
    uint32_t call_id = dis_header_decode(pdu).call_id, other = (call_id - OTHER_ID_FIRST) / 256;
    const struct call *k = call_of(wire_own(pdu, length));
    if (k)
        return &world.clients[k->client];
    return call_id >= OTHER_ID_FIRST && other < world.client_count ? &world.clients[other] : NULL;
}

/* Links are for one client each, and a client has one. */
static void judge_owner(struct link *l, const uint8_t *pdu, size_t length)
{
    struct client *c = who_said(pdu, length);
    if (l->client && c && l->client != c)
        broken(NO_CROSSING, "a PDU of %s came on the link of %s", c->host.name, l->client->host.name);
    if (l->client || !c)
        return;
    if (c->link)
        broken(NO_CROSSING, "%s has a second link", c->host.name);
    l->client = c;
    c->link = l;
}

/* on-timeout: it is like the client's own, which may come later. */
static bool is_our_farewell(const struct client *c, const uint8_t *pdu)
{
    struct dis_header h = dis_header_decode(pdu);
    unsigned farewell = h.type == DIS_CO_CANCEL                    ? 1u << CANCEL
                        : h.type == DIS_ORPHANED && c->link->keeps ? 1u << ORPHAN
                                                                   : 0;
    for (uint32_t i = 0; c->level < DIS_LEVEL_CONNECT && i < world.call_count; i++) {
        const struct call *k = &world.calls[i];
        if (&world.clients[k->client] == c && k->call_id == h.call_id && (rules_of(k)->farewells & farewell))
            return true;
    }
    return false;
}

static void judge_skipped_up(const struct client *c, const struct said *s)
{
    if (is_signed(c))
        broken(VERBATIM, "%s is authenticated, and a PDU of its was left out before others", c->host.name);
    else if (s->type != DIS_REQUEST && !is_our_farewell(c, c->out.bytes + s->at))
        broken(VERBATIM, "a %s of %s was left out", dis_ptype_name(s->type), c->host.name);
    else if (s->type == DIS_REQUEST)
        world.calls[s->call].withheld = true;
}

static void judge_foreign_up(const struct link *l, const uint8_t *pdu, size_t length)
{
    struct dis_header h = dis_header_decode(pdu);
    const struct stream *s = &l->client->out;
    if (is_our_farewell(l->client, pdu))
        return;
    if (find_said(s, 0, s->next, pdu, length) < s->next)
        broken(AT_MOST_ONCE, "a %s of %s came again", dis_ptype_name(h.type), l->client->host.name);
    else
        broken(VERBATIM, "a %s with call_id %#x came, which %s did not say", dis_ptype_name(h.type), h.call_id,
               l->client->host.name);
}

struct said *judge_up(struct link *l, const uint8_t *pdu, size_t length)
{
    const struct client *by = who_said(pdu, length);
    bool strict = (l->client && !may_share(l->client)) || (by && !may_share(by));
    if (world.plan.shares && !strict)
        return shared_up(l, pdu, length);
    judge_owner(l, pdu, length);
    if (!l->client) {
        broken(VERBATIM, "a PDU came to the server that no client said");
        return NULL;
    }
    struct stream *s = &l->client->out;
    uint32_t i = find_said(s, s->next, s->count, pdu, length);
    if (i == s->count || (i != s->next && is_our_farewell(l->client, pdu))) {
        judge_foreign_up(l, pdu, length);
        return NULL;
    }
    for (; s->next < i; s->next++)
        judge_skipped_up(l->client, &s->said[s->next]);
    s->next++;
    struct said *said = &s->said[i];
    said->taken = true;
    if (said->type == DIS_REQUEST && world.calls[said->call].fragments_come != said->fragment)
        broken(VERBATIM, "fragment %u of call %u came to the server without those before it", said->fragment,
               said->call);
    return said;
}

/* One bind, and then one question where that is wanted. */
void judge_check(const struct link *l, const struct dis_pdu *pdu)
{
    bool asks = l->is_check && pdu->header.type == DIS_REQUEST && pdu->request.opnum == 2 &&
                (world.plan.checks >> CHECK_LISTENING & 1);
    if (l->is_check && !asks)
        broken(NO_CROSSING, "a %s came on the connection of a check", dis_ptype_name(pdu->header.type));
}

void judge_executed(struct call *k)
{
    counts.executed++;
    if (k->executed++ > 0 && !rules_of(k)->idempotent)
        broken(AT_MOST_ONCE, "call %u was executed twice", call_number(k));
    if (k->outcome == PROXY_FAULT && k->dne)
        broken(PROVEN, "call %u was executed after its client was told that it was not", call_number(k));
}

void judge_inside(void)
{
    if (world.plan.calls && calls_inside() > world.plan.calls)
        broken(CALLS_LIMIT, "%u calls are inside the server, and %u may be", calls_inside(), world.plan.calls);
}

void judge_drained(void)
{
    world.drained = true;
    if (calls_inside() > 0)
        broken(DRAINED, "the server is said to be drained, and %u calls are inside", calls_inside());
}

/* MS-RPCE 3.3.1.5.7: behind a proxy the server cannot judge by the address whose group it is. It is the one's for whom it
 * was made; who could slip in before we knew of it does not own it. */
void judge_group(struct link *l, uint32_t group)
{
    for (uint32_t i = 0; group && i < world.link_count; i++) {
        const struct link *other = &world.links[i];
        bool known = other->group == group && group == GROUP_OF(i) && other->member == l->member && other->client;
        bool alive = other->open || now < other->closed_at + 30 * (int64_t)SECOND;
        bool before = other->client && other->client->bound && other->client->bound_at < l->client->dialled_at;
        if (other->client && may_share(other->client)) /* it may be another one's link, and be used long after */
            before = other->client->bound && other->granted_at &&
                     other->granted_at + 200 * MS < l->client->dialled_at;
        if (known && alive && before && other->client->host.address != l->client->host.address)
            broken(NO_CROSSING, "%s asked for association group %#x, which %s was granted", l->client->host.name,
                   group, other->client->host.name);
    }
}

/* ---- downwards ---- */

static void judge_skipped_down(const struct client *c, const struct said *s)
{
    const struct call *k = s->call < CALLS ? &world.calls[s->call] : NULL;
    if (is_signed(c))
        broken(VERBATIM, "%s is authenticated, and a PDU for it was left out before others", c->host.name);
    else if (!k)
        broken(VERBATIM, "a %s for %s was left out", dis_ptype_name(s->type), c->host.name);
    else if (k->outcome != PROXY_FAULT)
        broken(OWN_ANSWER, "the answer to call %u was left out, and its client waits", call_number(k));
}

static bool is_our_status(uint32_t status)
{
    static const uint32_t own[] = { 0x6ba, 0x6bf, 0x1c010014, 0x1c00000d, 0x1c000012 };
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i] == status)
            return true;
    return false;
}

static void judge_own_word(const struct client *c, const uint8_t *bytes, size_t length)
{
    struct dis_pdu pdu;
    struct dis_error error;
    bool good = dis_pdu_decode(bytes, length, &pdu, &error);
    uint8_t type = pdu.header.type;
    for (uint32_t i = 0; i < world.link_count; i++) {
        const struct stream *s = &world.links[i].out;
        if (world.links[i].users && type == DIS_FAULT) /* under the link's own call_ids: like ours, at times */
            continue;
        if (find_said(s, 0, s->count, bytes, length) < s->count) {
            broken(world.links[i].client == c ? NO_LATE_ANSWER : NO_CROSSING,
                   "%s heard a %s of link %u again, or of another", c->host.name, dis_ptype_name(type), i);
            return;
        }
    }
    bool bind = (type == DIS_BIND_ACK || type == DIS_ALTER_CONTEXT_RESP) && c->level == 0 && !c->link;
    bool nak = type == DIS_BIND_NAK && (c->group || world.plan.crowds);
    if (!good || !(bind || nak || (type == DIS_FAULT && is_our_status(pdu.fault.status))))
        broken(VERBATIM, "%s heard a %s that its server did not say", c->host.name, dis_ptype_name(type));
}

/* Faults of two calls under one call_id are alike: that of a call which the proxy has ended was left out. */
static uint32_t find_heard(const struct stream *s, const uint8_t *pdu, size_t length)
{
    uint32_t first = find_said(s, s->next, s->count, pdu, length), i = first;
    while (i < s->count && s->said[i].call < CALLS && world.calls[s->said[i].call].outcome == PROXY_FAULT)
        i = find_said(s, i + 1, s->count, pdu, length);
    return i < s->count ? i : first;
}

struct said *judge_down(struct client *c, const uint8_t *pdu, size_t length)
{
    if (may_share(c))
        return shared_down(c, pdu, length);
    struct stream *s = c->link ? &c->link->out : NULL;
    uint32_t i = s ? find_heard(s, pdu, length) : 0;
    if (!s || i == s->count) {
        judge_own_word(c, pdu, length);
        return NULL;
    }
    if (c->told_signed)
        broken(VERBATIM, "%s heard its server after a fault of the proxy's broke its security context", c->host.name);
    for (; s->next < i; s->next++)
        judge_skipped_down(c, &s->said[s->next]);
    s->next++;
    s->said[i].taken = true;
    return &s->said[i];
}

/* ---- now and then ---- */

void judge_turn(void)
{
    const struct plan *p = &world.plan;
    if (world.shut && !kernel_log_is_late && !kernel_is_listening())
        health_judge_shut();
    world.shut = false;
    shared_judge_links();
    unsigned all = p->clients ? kernel_accepted_count(0) : 0;
    if (all > p->clients)
        broken(CLIENTS_LIMIT, "%u clients are connected, and %u may be", all, p->clients);
    for (uint32_t i = 0; p->clients_per_address && i < world.client_count; i++) {
        uint32_t address = world.clients[i].host.address;
        if (kernel_accepted_count(address) > p->clients_per_address)
            broken(CLIENTS_LIMIT, "%u clients of one address are connected, and %u may be",
                   kernel_accepted_count(address), p->clients_per_address);
    }
}

/* Time has passed with members that are well; and one that is like no other has come. Where there is no room for it, it is told. */
void judge_newcomer(const struct client *c)
{
    bool limited = strstr(c->reason, "limit") != NULL;
    bool hangs = !world.plan.member_bind_timeout && !world.plan.bind_timeout; /* a trial whose bind is not answered */
    if (!c->link && !limited && !hangs)
        broken(AVAILABLE, "all members are well, and %s is not served: %s", c->host.name,
               c->reason[0] ? c->reason
               : c->ended   ? "its connection is refused"
                            : "it waits");
}

/* Its client has said all of it, is there, and still waits for it. */
static bool waits(const struct call *k)
{
    const struct client *c = &world.clients[k->client];
    return k->outcome == UNTOLD && k->is_sent && !k->maybe && !k->orphaned && !c->left && !c->ended && !c->host_died;
}

/* A call without time-outs may keep those behind it from being read: the server may take no byte more. */
void judge_patience(void)
{
    bool behind_endless[CLIENTS] = { false };
    for (uint32_t i = 0; i < world.call_count; i++) {
        const struct call *k = &world.calls[i];
        const struct rules *r = rules_of(k);
        const struct client *c = &world.clients[k->client];
        bool stands_behind_bind = may_share(c) &&
                                  (!c->bound || !world.plan.member_bind_timeout); /* and may for ever */
        bool limited = (r->call_timeout || r->deadline) && !r->pending && !c->callbacks_open && !stands_behind_bind;
        if (!limited && k->outcome == UNTOLD)
            behind_endless[k->client] = true;
        if (may_share(c) && world.well && k->is_answered && waits(k) && k->link->open)
            broken(OWN_ANSWER, "call %u was answered, and its client waits", i);
        if (limited && waits(k) && !behind_endless[k->client])
            broken(NO_ENDLESS_WAIT, "call %u has a time-out, and its client waits since %ld s", call_number(k),
                   (long)((now - k->sent_at) / SECOND));
    }
}

void judge_com_timeout(int64_t silent_since)
{
    for (uint32_t i = 0; i < world.call_count; i++) {
        const struct call *k = &world.calls[i];
        if (waits(k) && k->link && k->link->member->host.silent && rules_of(k)->com_timeout)
            broken(NO_ENDLESS_WAIT, "call %u has a com-timeout, its server is gone since %ld s, and its client waits",
                   call_number(k), (long)((now - silent_since) / SECOND));
    }
}

void judge_dead(void)
{
    for (uint32_t i = 0; i < world.call_count; i++)
        if (waits(&world.calls[i]))
            broken(NO_ENDLESS_WAIT, "all servers are gone, and the client of call %u waits", i);
}
