/* Clients, good and bad: they bind, call, cancel, stall, talk nonsense, and leave in every way there is. */
#include <string.h>

#include "agenda.h"
#include "draw.h"
#include "promises.h"
#include "trace.h"
#include "wire.h"
#include "world.h"

static void step(void *owner);

static void step_job(void *who, uint32_t number)
{
    struct client *c = who;
    (void)number;
    if (c->step_at <= now)
        c->step_at = NO_TIME;
    step(c);
}

static void step_at(struct client *c, int64_t when)
{
    if (c->step_at <= when) /* it comes by before, and will ask again */
        return;
    c->step_at = when;
    agenda_at(when, step_job, c, 0);
}

static struct wire_head head_of(const struct client *c, uint32_t call_id, uint8_t flags)
{
    return (struct wire_head){ c->big_endian, flags, c->level, call_id, 0 };
}

/* ---- saying ---- */

static void say(struct client *c, const uint8_t *pdu, size_t length, uint8_t type, uint32_t call, uint32_t fragment)
{
    struct said *s = stream_add(&c->out, pdu, length, type, call);
    if (s)
        s->fragment = fragment;
    trace("%s says %s%s, %zu bytes", c->host.name, dis_ptype_name(type), call < CALLS ? " of a call" : "", length);
}

static uint32_t other_id(struct client *c)
{
    return OTHER_ID_FIRST + 256 * (uint32_t)(c - world.clients) + c->others++;
}

static void say_bind(struct client *c, bool alter)
{
    uint8_t pdu[WIRE_MOST];
    struct wire_head head = head_of(c, other_id(c),
                                    (uint8_t)(DIS_FIRST_FRAG | DIS_LAST_FRAG | (c->multiplexes ? DIS_CONC_MPX : 0)));
    say(c, pdu, wire_bind(pdu, &head, c->group, alter), alter ? DIS_ALTER_CONTEXT : DIS_BIND, CALLS, 0);
}

static void say_auth3(struct client *c)
{
    uint8_t pdu[WIRE_MOST];
    struct wire_head head = head_of(c, other_id(c), 0);
    say(c, pdu, wire_auth3(pdu, &head), DIS_AUTH3, CALLS, 0);
}

static void say_control(struct client *c, const struct call *k, uint8_t type)
{
    uint8_t pdu[WIRE_MOST];
    struct wire_head head = head_of(c, k->call_id, 0);
    say(c, pdu, wire_control(pdu, &head, type), type, CALLS, 0);
}

static void say_nonsense(struct client *c)
{
    static const uint8_t nonsense[] = "GET / HTTP/1.1\r\n";
    trace("%s talks nonsense", c->host.name);
    c->garbled = true;
    memcpy(c->out.bytes + c->out.length, nonsense, sizeof nonsense);
    c->out.length += sizeof nonsense;
}

static void say_fragment(struct client *c, struct call *k, uint32_t number)
{
    uint8_t pdu[WIRE_MOST];
    uint8_t flags = (uint8_t)((number == 0 ? DIS_FIRST_FRAG : 0) | (number + 1 == k->fragments ? DIS_LAST_FRAG : 0) |
                              (k->maybe ? DIS_MAYBE : 0));
    struct wire_head head = head_of(c, k->call_id, flags);
    say(c, pdu, wire_request(pdu, &head, (uint16_t)k->op, call_number(k), number, below(c->most_stub)), DIS_REQUEST,
        (uint32_t)(k - world.calls), number);
}

/* ---- calls ---- */

static void change_mind(void *who, uint32_t number)
{
    struct call *k = who;
    struct client *c = &world.clients[k->client];
    if (c->left || c->ended || c->garbled || c->stall_at || k->outcome != UNTOLD)
        return;
    k->cancelled = true;
    if (number == DIS_ORPHANED) {
        k->orphaned = true;
        c->open -= !k->maybe;
    }
    say_control(c, k, (uint8_t)number);
    step(c);
}

static void perhaps_change_mind(const struct client *c, struct call *k)
{
    int64_t when = now + below(20 * MS);
    if (chance(c->cancel_percent))
        agenda_at(when, change_mind, k, DIS_CO_CANCEL);
    else if (chance(c->orphan_percent))
        agenda_at(when, change_mind, k, DIS_ORPHANED);
}

/* Some use one again when its call is over. */
static uint32_t new_call_id(struct client *c)
{
    bool again = c->last && !c->last->maybe && !c->last->orphaned && c->last->outcome != UNTOLD && chance(20);
    return again ? c->last->call_id : c->next_id++;
}

struct call *client_call(const struct client *c, uint32_t call_id)
{
    struct call *found = NULL;
    for (uint32_t i = world.call_count; i-- > 0;) {
        struct call *k = &world.calls[i];
        if (&world.clients[k->client] != c || k->call_id != call_id)
            continue;
        if (k->outcome == UNTOLD)
            return k;
        found = found ? found : k;
    }
    return found;
}

static void begin_call(struct client *c)
{
    uint32_t index = world.call_count, before = c->out.length;
    struct call *k = &world.calls[index];
    *k = (struct call){ .client = (uint32_t)(c - world.clients),
                        .call_id = new_call_id(c),
                        .op = c->bound ? below(OPS) : 0, /* before, nobody knows its interface, and its rules */
                        .fragments = between(1, c->most_fragments),
                        .maybe = chance(c->maybe_percent) };
    world.call_count++;
    c->last = k;
    for (uint32_t i = 0; i < k->fragments; i++)
        say_fragment(c, k, i);
    c->begun++;
    c->open += !k->maybe;
    c->calls_at = now + below(c->gap);
    if (c->stalled && c->begun == c->calls)
        c->stall_at = before + 1 + below(c->out.length - before - 1);
    perhaps_change_mind(c, k);
}

static bool may_call(const struct client *c)
{
    bool greets = c->bound || (c->eager && c->level == 0);
    return greets && !c->refused && !c->garbled && c->begun < c->calls && c->open < c->most_open &&
           world.call_count < CALLS && c->out.count + 8 < PDUS && c->out.length + 20000 < STREAM;
}

static void begin_calls(struct client *c)
{
    while (!world.frozen && may_call(c)) {
        if (c->calls_at > now) {
            step_at(c, c->calls_at);
            return;
        }
        begin_call(c);
        if (c->begun == c->calls && c->broken)
            say_nonsense(c);
    }
}

/* ---- the answers ---- */

static void told(struct client *c, struct call *k, enum outcome outcome)
{
    k->outcome = outcome;
    k->told_at = now;
    if (!k->orphaned && !k->maybe)
        c->open--;
    c->calls_at = now + below(c->gap);
    trace("%s: call %u is %s", c->host.name, call_number(k),
          outcome == ANSWERED       ? "answered"
          : outcome == SERVER_FAULT ? "told the server's fault"
                                    : "told a fault");
}

static void take_answer(struct client *c, const struct dis_pdu *pdu, bool by_server, uint32_t own)
{
    struct call *k = client_call(c, pdu->header.call_id);
    const struct call *meant = call_of(own);
    if (meant && &world.clients[meant->client] != c)
        broken(NO_CROSSING, "%s heard the answer to call %u, which is another's", c->host.name, own);
    if (!k || (meant && meant != k)) {
        broken(OWN_ANSWER, "%s was answered under call_id %#x, and made no such call, or another", c->host.name,
               pdu->header.call_id);
        return;
    }
    if (k->outcome != UNTOLD)
        broken(NO_LATE_ANSWER, "%s was told of call %u again after its end", c->host.name, call_number(k));
    k->answer_begun = by_server;
    if (pdu->header.type == DIS_RESPONSE) {
        if (pdu->header.flags & DIS_LAST_FRAG)
            told(c, k, ANSWERED);
        return;
    }
    k->status = pdu->fault.status;
    k->dne = pdu->header.flags & DIS_DID_NOT_EXECUTE;
    told(c, k, by_server ? SERVER_FAULT : PROXY_FAULT);
    c->told_signed = c->told_signed || (!by_server && is_signed(c));
}

static void answer_callback(void *who, uint32_t call_id)
{
    struct client *c = who;
    uint8_t pdu[WIRE_MOST];
    struct wire_head head = head_of(c, call_id, DIS_FIRST_FRAG | DIS_LAST_FRAG);
    if (c->left || c->ended || c->garbled || c->stall_at)
        return;
    say(c, pdu, wire_response(pdu, &head, WIRE_NOBODY, 7, below(100)), DIS_RESPONSE, CALLS, 0);
    step(c);
}

static void bound(struct client *c)
{
    if (!c->bound && c->level)
        say_auth3(c);
    if (!c->bound && c->alters)
        say_bind(c, true);
    if (!c->bound)
        c->bound_at = now;
    c->bound = true;
    c->calls_at = now + below(c->gap);
}

static void take(void *owner, const uint8_t *bytes, size_t length)
{
    struct client *c = owner;
    struct dis_pdu pdu;
    struct dis_error error;
    const struct said *s = judge_down(c, bytes, length);
    if (!dis_pdu_decode(bytes, length, &pdu, &error))
        return;
    trace("%s hears %s, call_id %#x%s", c->host.name, dis_ptype_name(pdu.header.type), pdu.header.call_id,
          s ? "" : " (the proxy's own)");
    uint8_t type = pdu.header.type;
    if (type == DIS_BIND_ACK || type == DIS_ALTER_CONTEXT_RESP)
        bound(c);
    else if (type == DIS_BIND_NAK)
        c->refused = true;
    else if (type == DIS_REQUEST && !c->ignores_callbacks)
        agenda_at(now + below(5 * MS), answer_callback, c, pdu.header.call_id);
    else if ((type == DIS_RESPONSE || type == DIS_FAULT) && !(s && s->call == CALLS))
        take_answer(c, &pdu, s != NULL, wire_own(bytes, length));
}

static void listen(struct client *c)
{
    bool last_words = c->endpoint->dead;
    if (last_words && c->forgets) /* Windows drops what it had not read when a reset comes */
        return;
    if (c->reads_at > now && !last_words) {
        step_at(c, c->reads_at);
        return;
    }
    inbox_read(&c->in, c->endpoint, last_words || !c->reads ? UINT32_MAX : c->reads, take, c);
    if (c->reads && net_waiting(c->endpoint)) {
        c->reads_at = now + 2 * MS;
        step_at(c, c->reads_at);
    }
}

/* ---- writing ---- */

static void note_sent(struct client *c)
{
    for (uint32_t i = c->out.count; i-- > 0 && c->out.said[i].at + c->out.said[i].length > 0;) {
        const struct said *s = &c->out.said[i];
        struct call *k = s->call < CALLS ? &world.calls[s->call] : NULL;
        if (!k || s->at + s->length > c->out.sent || s->fragment + 1 != k->fragments)
            continue;
        if (k->is_sent)
            return;
        k->is_sent = true;
        k->sent_at = now;
    }
}

static void write_out(struct client *c)
{
    uint32_t most = c->writes ? c->writes : UINT32_MAX;
    if (c->stall_at && c->stall_at - c->out.sent < most)
        most = c->stall_at - c->out.sent;
    if (c->out.sent == c->out.length || most == 0)
        return;
    if (c->writes_at > now) {
        step_at(c, c->writes_at);
        return;
    }
    uint32_t before = c->out.sent;
    stream_flush(&c->out, c->endpoint, most);
    note_sent(c);
    if (c->writes && c->out.sent > before && c->out.sent < c->out.length) {
        c->writes_at = now + between(1, 3) * MS;
        step_at(c, c->writes_at);
    }
}

/* ---- leaving ---- */

static bool all_said(const struct client *c)
{
    return c->stall_at ? c->out.sent == c->stall_at : c->out.sent == c->out.length;
}

static void leave(struct client *c)
{
    if (c->left || c->ended || !c->endpoint)
        return;
    trace("%s leaves%s", c->host.name, c->leaving == BY_RESET ? " by a reset" : "");
    c->left = true;
    c->left_at = now;
    c->closed = c->leaving == BY_RESET || c->leaving == BY_CLOSE;
    if (c->closed)
        net_close(c->endpoint, c->leaving == BY_RESET);
    else
        net_end(c->endpoint);
}

void client_leave(struct client *c)
{
    if (c->host_died)
        return;
    if (c->leaving == STAYS)
        c->leaving = chance(50) ? BY_CLOSE : BY_RESET;
    leave(c);
}

static void leave_job(void *who, uint32_t number)
{
    (void)number;
    leave(who);
}

/* A half-closed client has said all, and hears the rest. */
static void perhaps_leave(struct client *c)
{
    bool done = c->begun == c->calls && all_said(c);
    if (c->leaving == STAYS || c->leaves_soon || !(done || c->refused))
        return;
    c->leaves_soon = c->leaving == BY_HALF_CLOSE ? !c->callbacks_open : c->open == 0 || c->refused || c->stall_at;
    if (c->leaves_soon)
        agenda_at(now + below(c->gap), leave_job, c, 0);
}

static void notice_end(struct client *c)
{
    const struct endpoint *e = c->endpoint;
    if (!e->dead && !(e->fin_come && net_waiting(e) == 0))
        return;
    c->ended = true;
    c->ended_by_reset = e->dead;
    trace("%s has lost its connection by a %s", c->host.name, e->dead ? "reset" : "FIN");
    net_close(c->endpoint, false);
}

static void step(void *owner)
{
    struct client *c = owner;
    if (c->ended || c->host_died || c->closed || !(c->endpoint->connected || c->endpoint->dead))
        return;
    listen(c);
    if (!c->left) {
        begin_calls(c);
        write_out(c);
        perhaps_leave(c);
    }
    notice_end(c);
}

void client_freeze(struct client *c)
{
    if (!c->endpoint || c->ended)
        return;
    c->reads = 0;
    c->calls = c->begun;
    step(c);
}

/* ---- being drawn ---- */

static void dial(struct client *c)
{
    c->endpoint = net_dial(&c->host, (10u << 24) + 1, PROXY_PORT);
    trace("%s dials from 10.0.2.%u, level %u, group %#x", c->host.name, c->host.address & 255, c->level, c->group);
    c->dialled_at = now;
    c->port = c->endpoint->port;
    c->endpoint->wake = step;
    c->endpoint->owner = c;
}

static void dial_job(void *who, uint32_t number)
{
    struct client *c = who;
    (void)number;
    if (world.over || world.frozen)
        return;
    dial(c);
    if (world.simple ||
        chance(
            97)) /* else it never says a word, or calls at once; nobody could tell whose a cancel is that comes first */
        say_bind(c, false);
    else
        c->cancel_percent = c->orphan_percent = 0;
}

static void draw_manners(struct client *c)
{
    static const uint8_t levels[] = {
        0, 0, 0, 0, DIS_LEVEL_CONNECT, DIS_LEVEL_PACKET, DIS_LEVEL_PRIVACY, DIS_LEVEL_PRIVACY
    };
    static const uint32_t gaps[] = { 1, 50, 2 * MS, 50 * MS };
    c->level = world.simple ? 0 : levels[below(8)];
    c->gap = gaps[below(4)];
    c->calls = between(1, chance(80) ? 4 : 12);
    c->most_open = chance(60) ? 1 : between(2, 4);
    c->most_fragments = chance(60) ? 1 : between(2, 4);
    c->most_stub = chance(80) ? 200 : 3000;
    if (chance(net_is_wide() ? 50 : 2)) { /* it says more than anybody reads at once */
        c->calls = c->most_open = 24;
        c->most_fragments = 4;
        c->most_stub = 3000;
    }
    c->maybe_percent = chance(15) ? 40 : 0;
    c->cancel_percent = chance(15) ? 40 : 0;
    c->orphan_percent = chance(8) ? 30 : 0;
    c->leaving = (enum leaving)below(BY_RESET + 1);
    c->writes = chance(10) ? between(7, 300) : 0;
    c->reads = chance(10) ? between(7, 300) : 0;
}

static void draw_vices(struct client *c)
{
    c->big_endian = chance(10);
    c->next_id = below(4);
    c->multiplexes = c->most_open > 1 && chance(70);
    c->eager = chance(15);
    c->forgets = chance(15);
    c->alters = chance(world.plan.shares ? 30 : 10);
    c->ignores_callbacks = chance(15);
    c->stalled = chance(6);
    c->broken = chance(3);
    if (world.simple) {
        c->eager = c->alters = c->stalled = c->broken = false;
        c->maybe_percent = c->orphan_percent = 0;
    }
    c->slow_reader = c->reads != 0;
    c->group = chance(15) && !world.simple ? 0x5000 + below(6) : 0;
    if (chance(8))
        agenda_at(now + below(300 * MS), leave_job, c, 0);
}

static void make(struct client *c, uint32_t number)
{
    static const char *const names[CLIENTS] = { "client0",  "client1",  "client2", "client3", "client4",
                                                "client5",  "client6",  "client7", "client8", "client9",
                                                "client10", "client11", "newcomer" };
    memset(c, 0, offsetof(struct client, out));
    c->step_at = NO_TIME;
    c->host = (struct host){ .name = names[number], .address = (10u << 24) + (2u << 8) + 1 + below(3) };
    c->out.length = c->out.sent = c->out.count = c->out.next = 0;
    c->in.length = 0;
}

void client_begin(struct client *c, uint32_t number)
{
    make(c, number);
    draw_manners(c);
    draw_vices(c);
    agenda_at(now + below(chance(70) ? 20 * MS : 500 * MS), dial_job, c, 0);
}

void client_come(struct client *c)
{
    make(c, CLIENTS - 1);
    dial(c);
    say_bind(c, false);
}
