/* A member's side of its connections: slow, rude, honest or not. What is executed is its ledger. */
#include <string.h>

#include "agenda.h"
#include "draw.h"
#include "promises.h"
#include "trace.h"
#include "wire.h"
#include "world.h"

#define STATUS_OF_STUB        0x000006f7u /* 1783 RPC_X_BAD_STUB_DATA: one that the proxy never says */
#define STATUS_OP_RANGE       0x1c010002u /* nca_s_op_rng_error (C706 appendix E) */
#define STATUS_PROTO_ERROR    0x1c01000bu /* nca_s_proto_error: about the connection */
#define STATUS_TOO_BUSY       0x1c010014u /* nca_s_server_too_busy */
#define STATUS_TOO_BUSY_WIN32 0x000006bbu /* 1723 */
#define STATUS_CANCELLED \
    0x1c010013u /* nca_s_fault_remote_no_memory stands for it: the proxy says nca_s_fault_cancel */

#define WHOLE (DIS_FIRST_FRAG | DIS_LAST_FRAG)

static bool works(const struct link *l)
{
    return l->open && !l->member->stopped && !l->member->frozen;
}

/* A process that is stopped does it later. */
static bool postponed(struct link *l, agenda_job *what, void *who, uint32_t number)
{
    if (l->open && l->member->stopped && !l->member->frozen)
        agenda_at(now + 50 * MS, what, who, number);
    return !works(l);
}

static struct wire_head head_of_call(const struct call *k, uint8_t flags)
{
    return (struct wire_head){ k->wire_big, flags, k->link->client->level, k->wire_id, k->wire_context };
}

static struct wire_head head_of(const struct link *l, uint32_t call_id, uint8_t flags)
{
    const struct client *c = l->client; /* NULL: the proxy itself speaks on a link that is shared */
    return (struct wire_head){ c && c->big_endian, flags, c ? c->level : 0, call_id, 0 };
}

static void step_job(void *who, uint32_t generation)
{
    struct link *l = who;
    if (l->generation == generation)
        link_step(l);
}

static void close_job(void *who, uint32_t generation)
{
    struct link *l = who;
    if (l->generation == generation)
        link_close(l, true);
}

/* What the kernel does not take at once follows when it wakes us. */
static void flush(struct link *l)
{
    if (works(l))
        stream_flush(&l->out, l->endpoint, cut_room(l, true));
    if (cut_room(l, true) == 0) /* not amid what it is about to say */
        agenda_at(now, step_job, l, l->generation);
}

static void say(struct link *l, const uint8_t *pdu, size_t length, uint8_t type, const struct call *k)
{
    if (!stream_add(&l->out, pdu, length, type, k ? (uint32_t)(k - world.calls) : CALLS)) { /* enough of it */
        agenda_at(now, close_job, l, l->generation);
        return;
    }
    trace("%s link %u says %s%s", l->member->host.name, (unsigned)(l - world.links), dis_ptype_name(type),
          k ? " of a call" : "");
    flush(l);
}

uint32_t calls_inside(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world.call_count; i++) {
        const struct call *k = &world.calls[i];
        const struct endpoint *e = k->link ? k->link->endpoint : NULL;
        count += k->is_inside && !k->maybe && !rules_of(k)->pending && k->link->open && !e->dead && e->peer->held &&
                 !e->peer->dead;
    }
    return count;
}

/* ---- the connection ---- */

void link_close(struct link *l, bool reset)
{
    if (!l->open)
        return;
    trace("%s link %u is closed", l->member->host.name, (unsigned)(l - world.links));
    l->open = false;
    l->closed_at = now;
    for (uint32_t i = 0; i < world.call_count; i++)
        if (world.calls[i].link == l)
            world.calls[i].is_inside = false;
    net_close(l->endpoint, reset);
}

static unsigned calls_of(const struct link *l)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < world.call_count; i++)
        count += world.calls[i].link == l && world.calls[i].is_inside;
    return count;
}

static void close_later(void *who, uint32_t reset)
{
    struct link *l = who;
    if (!postponed(l, close_later, who, reset))
        link_close(l, reset != 0);
}

/* ---- answers ---- */

static void answer_job(void *who, uint32_t number);

static void say_fault(struct link *l, struct call *k, uint32_t status, uint8_t flags)
{
    uint8_t pdu[WIRE_MOST];
    struct wire_head head = head_of_call(k, (uint8_t)(WHOLE | flags));
    k->is_inside = false;
    k->is_answered = true;
    k->answers_left = 0;
    say(l, pdu, wire_fault(pdu, &head, status), DIS_FAULT, k);
}

static void say_answer(struct link *l, struct call *k)
{
    uint8_t pdu[WIRE_MOST];
    uint8_t flags = (uint8_t)((k->answers_left == k->answers ? DIS_FIRST_FRAG : 0) |
                              (k->answers_left == 1 ? DIS_LAST_FRAG : 0));
    struct wire_head head = head_of_call(k, flags);
    k->is_inside = --k->answers_left > 0;
    k->is_answered = !k->is_inside;
    say(l, pdu, wire_response(pdu, &head, call_number(k), ++k->serial, below(l->client->most_stub)), DIS_RESPONSE, k);
}

static void answer_job(void *who, uint32_t number)
{
    struct call *k = who;
    struct link *l = k->link;
    if (number != k->attempt || postponed(l, answer_job, who, number) || !k->is_inside)
        return;
    if (k->answer_is_fault && k->answers_left < k->answers + chance(50)) /* it may come amid an answer */
        say_fault(l, k, STATUS_OF_STUB, 0);
    else
        say_answer(l, k);
    if (k->answers_left > 0 && l->open)
        agenda_at(now + (chance(60) ? 0 : below(l->member->slowest)), answer_job, k, k->attempt);
    else
        link_step(l); /* its client's FIN may have waited for this */
}

static void begin_answer(struct call *k)
{
    const struct member *m = k->link->member;
    k->answers = k->answers_left = chance(70) ? 1 : between(2, 4);
    k->answer_is_fault = chance(m->fault_percent);
    agenda_at(now + below(chance(95) ? m->slowest : 10 * m->slowest), answer_job, k, k->attempt);
}

static void call_back(void *who, uint32_t number)
{
    struct call *k = who;
    struct link *l = k->link;
    uint8_t pdu[WIRE_MOST];
    if (postponed(l, call_back, who, number) || !k->is_inside)
        return;
    struct wire_head head = head_of_call(k, WHOLE);
    l->client->callbacks_open++;
    say(l, pdu, wire_request(pdu, &head, 9, WIRE_NOBODY, 77, below(100)), DIS_REQUEST, NULL);
}

/* ---- mischief ---- */

static void heard_again(void *who, uint32_t number)
{
    struct member *m = who;
    (void)number;
    if (!m->frozen)
        net_set_silent(&m->host, false);
}

static void say_nonsense(struct link *l)
{
    memcpy(l->out.bytes + l->out.length, "\x01nonsense", 9);
    l->out.length += 9;
    flush(l);
}

static void condemn(struct link *l, struct call *k)
{
    l->condemned = true;
    say_fault(l, k, STATUS_PROTO_ERROR, 0);
    agenda_at(now + below(MS), close_later, l, chance(20));
}

/* Not beside a single call: that one may be answered under any call_id, as Wine does. */
static void say_stray(struct link *l)
{
    uint8_t pdu[WIRE_MOST];
    if (calls_of(l) < 2)
        return;
    struct wire_head head = head_of(l, 0x20, WHOLE);
    say(l, pdu, wire_response(pdu, &head, WIRE_NOBODY, l->out.count, 20), DIS_RESPONSE, NULL);
}

static void do_mischief(struct link *l, struct call *k)
{
    struct member *m = l->member;
    switch (below(7)) {
    case 0:
        member_die(m, chance(50));
        member_restart_later(m, 300 * MS);
        break;
    case 1:
        condemn(l, k);
        break;
    case 2:
        agenda_at(now + below(5 * MS), close_later, l, 0);
        break;
    case 3:
        agenda_at(now + below(5 * MS), close_later, l, 1);
        break;
    case 4:
        say_nonsense(l);
        break;
    case 5:
        say_stray(l);
        begin_answer(k);
        break;
    default:
        net_set_silent(&m->host, true);
        agenda_at(now + below(6 * SECOND), heard_again, m, 0);
    }
}

/* ---- calls ---- */

/* Before it ran, and it says so. */
static void refuse(struct link *l, struct call *k, uint32_t status)
{
    k->refused = true;
    if (!k->maybe)
        say_fault(l, k, status, DIS_DID_NOT_EXECUTE);
    k->is_inside = false;
}

static bool is_busy(const struct member *m)
{
    uint32_t inside = 0;
    for (uint32_t i = 0; i < world.call_count; i++)
        inside += world.calls[i].is_inside && world.calls[i].link->member == m;
    return m->most && inside > m->most && !world.well;
}

static void execute(struct link *l, struct call *k)
{
    const struct member *m = l->member;
    if (!m->at_first && is_busy(m)) {
        refuse(l, k, may_share(l->client) && chance(50) ? STATUS_TOO_BUSY : STATUS_TOO_BUSY_WIN32);
        k->is_answered = false; /* the proxy may ask again */
        return;
    }
    if (!m->at_first && chance(4)) {
        refuse(l, k, STATUS_OP_RANGE);
        return;
    }
    if (!m->at_first)
        judge_executed(k);
    if (k->maybe)
        k->is_inside = false;
    else if (below(1000) < m->mischief_permille && !world.well)
        do_mischief(l, k);
    else if (chance(m->never_percent))
        k->is_silenced = true;
    else if (!may_share(l->client) && chance(m->callback_percent))
        agenda_at(now + below(m->slowest), call_back, k, 0);
    else
        begin_answer(k);
}

/* Of two under one call_id the server cannot tell which is meant. */
static struct call *call_inside(const struct link *l, uint32_t call_id)
{
    for (uint32_t i = world.call_count; i-- > 0;)
        if (world.calls[i].link == l && world.calls[i].is_inside && world.calls[i].wire_id == call_id)
            return &world.calls[i];
    return NULL;
}

static void take_request(struct link *l, const struct said *s, const struct dis_pdu *pdu)
{
    struct call *k = &world.calls[s->call];
    if (s->fragment == 0) {
        if (call_inside(l, pdu->header.call_id))
            broken(NO_CROSSING, "call %u came under the call_id of another that is not over", call_number(k));
        k->wire_id = pdu->header.call_id;
        k->wire_big = dis_big_endian(pdu->header.drep);
        k->wire_context = pdu->request.context_id;
    }
    k->link = l;
    k->fragments_come++;
    if (s->fragment == 0) {
        k->is_inside = true;
        k->inside_at = now;
        judge_inside();
        if (world.drained && calls_inside() > 0)
            broken(DRAINED, "the server is drained, and call %u came", call_number(k));
        if (l->member->at_first)
            judge_executed(k);
    }
    if (s->fragment + 1 == k->fragments && l->open)
        execute(l, k);
}

static void take_cancel(struct link *l, uint32_t call_id)
{
    struct call *k = call_inside(l, call_id);
    if (k && k->fragments_come == k->fragments && k->answers_left == k->answers && chance(50))
        say_fault(l, k, STATUS_CANCELLED, 0);
}

static void take_orphaned(const struct link *l, uint32_t call_id)
{
    struct call *k = call_inside(l, call_id);
    if (k && chance(50)) {
        k->is_inside = false;
        k->answers_left = 0;
    }
}

static void go_on_after_callback(struct link *l, uint32_t call_id)
{
    struct call *k = call_of(call_id);
    l->client->callbacks_open -= l->client->callbacks_open > 0;
    if (k && k->link == l && k->is_inside && !k->is_silenced && k->answers_left == 0)
        begin_answer(k);
}

/* ---- binds ---- */

static void answer_bind(void *who, uint32_t call_id)
{
    struct link *l = who;
    uint8_t pdu[WIRE_MOST];
    bool alter = call_id & 0x80000000u;
    struct wire_head head = head_of(l, call_id & 0x7fffffffu, WHOLE);
    if (postponed(l, answer_bind, who, call_id))
        return;
    if (!alter && chance(3) && !world.well) {
        say(l, pdu, wire_bind_nak(pdu, &head), DIS_BIND_NAK, NULL);
        return;
    }
    if (!l->group)
        l->group = GROUP_OF(l - world.links);
    if (!l->granted_at)
        l->granted_at = now;
    trace("%s link %u grants group %#x", l->member->host.name, (unsigned)(l - world.links), l->group);
    head.flags |= l->multiplexes ? DIS_CONC_MPX : 0;
    say(l, pdu, wire_bind_ack(pdu, &head, l->group, alter, l->results, l->result_count),
        alter ? DIS_ALTER_CONTEXT_RESP : DIS_BIND_ACK, NULL);
}

/* Who asks for one that is not there gets a new one. */
static bool knows_group(const struct member *m, uint32_t group)
{
    for (uint32_t i = 0; group && i < world.link_count; i++)
        if (world.links[i].member == m && world.links[i].group == group && world.links[i].open)
            return true;
    return false;
}

static void take_bind(struct link *l, const struct dis_pdu *pdu)
{
    bool alter = pdu->header.type == DIS_ALTER_CONTEXT;
    l->result_count = wire_results(pdu, l->keeps, l->results);
    l->multiplexes = pdu->header.flags & DIS_CONC_MPX;
    if (!alter) {
        l->asked_group = pdu->bind.assoc_group_id;
        if (l->client)
            judge_group(l, l->asked_group);
        l->group = knows_group(l->member, l->asked_group) ? l->asked_group : 0;
    }
    if (chance(95) || world.well)
        agenda_at(now + below(world.well ? MS : l->member->slowest), answer_bind, l,
                  pdu->header.call_id | (alter ? 0x80000000u : 0));
    else if (chance(30))
        agenda_at(now + below(MS), close_later, l, chance(50));
}

/* ---- checks ---- */

static void answer_check(void *who, uint32_t number)
{
    struct link *l = who;
    uint8_t pdu[WIRE_MOST];
    struct wire_head head = { .call_id = number & 3, .flags = WHOLE };
    if (l->generation != number >> 2 || postponed(l, answer_check, who, number))
        return;
    uint32_t how = below(100);
    const struct dis_context_result good = { .result = DIS_ACCEPTANCE };
    size_t length = how < 15            ? wire_fault(pdu, &head, STATUS_OP_RANGE)
                    : head.call_id == 1 ? wire_bind_ack(pdu, &head, 1, false, &good, 1)
                                        : wire_mgmt_answer(pdu, &head, how < 70 || world.well);
    if (how < 85 || world.well)
        net_send(l->endpoint, pdu, length);
    else
        link_close(l, chance(50));
}

/* It asks under call_ids 1 and 2. */
static void take_check(struct link *l, const struct dis_pdu *pdu)
{
    l->is_check = true;
    if (chance(95) || world.well)
        agenda_at(now + below(world.well ? MS : l->member->slowest), answer_check, l,
                  l->generation << 2 | (pdu->header.call_id & 3));
}

static bool is_check(const struct link *l, const uint8_t *bytes, size_t length, struct dis_pdu *pdu)
{
    struct dis_error error;
    return !l->is_used && dis_pdu_decode(bytes, length, pdu, &error) && (l->is_check || wire_is_check(pdu));
}

static void take(void *owner, const uint8_t *bytes, size_t length)
{
    struct link *l = owner;
    struct dis_pdu pdu;
    struct dis_error error;
    if (!l->open)
        return;
    if (is_check(l, bytes, length, &pdu)) {
        judge_check(l, &pdu);
        take_check(l, &pdu);
        return;
    }
    const struct said *s = judge_up(l, bytes, length);
    l->is_used = true;
    if (!dis_pdu_decode(bytes, length, &pdu, &error))
        return;
    trace("%s link %u hears %s, call_id %#x%s", l->member->host.name, (unsigned)(l - world.links),
          dis_ptype_name(pdu.header.type), pdu.header.call_id, s ? "" : " (the proxy's own)");
    if (s && s->type == DIS_REQUEST)
        take_request(l, s, &pdu);
    else if (pdu.header.type == DIS_BIND || pdu.header.type == DIS_ALTER_CONTEXT)
        take_bind(l, &pdu);
    else if (pdu.header.type == DIS_CO_CANCEL)
        take_cancel(l, pdu.header.call_id);
    else if (pdu.header.type == DIS_ORPHANED)
        take_orphaned(l, pdu.header.call_id);
    else if (pdu.header.type == DIS_RESPONSE)
        go_on_after_callback(l, pdu.header.call_id);
}

/* ---- turns of a link ---- */

static void follow_fin(struct link *l)
{
    if (l->never_closes || (calls_of(l) > 0 && chance(80)))
        return;
    l->closes = true;
}

void link_step(void *owner)
{
    struct link *l = owner;
    if (!works(l))
        return;
    l->read += inbox_read(&l->in, l->endpoint, cut_room(l, false), take, l);
    if (!works(l))
        return;
    bool flushed = stream_flush(&l->out, l->endpoint, cut_room(l, true));
    if (l->cut.is_due && cut_now(l) && !works(l))
        return;
    if (l->endpoint->dead) {
        link_close(l, true);
        return;
    }
    if (l->endpoint->fin_come && net_waiting(l->endpoint) == 0)
        follow_fin(l);
    if (l->closes && flushed)
        link_close(l, false);
}
