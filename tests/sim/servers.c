/* The members of one server: they bind whoever comes, execute, and answer late, badly or not at all. */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dissect/compose.h"
#include "dissect/pdu.h"

#define MOST_LINKS  400u
#define MOST_CALLS  64u /* on a link */
#define TOO_BUSY    0x1c010014u
#define PROTO_ERROR 0x1c01000bu

struct call {
    uint32_t own_id, call_id;
    bool used, complete;
};

struct link {
    struct net_conn *conn;
    struct sim_reader reader;
    unsigned member;
    bool over;
    uint8_t level;
    uint32_t client;   /* whose calls it carries, plus 1; 0: nobody's yet */
    uint32_t incoming; /* call that is not complete, plus 1 */
    uint32_t sequence, said_sequence;
    struct call calls[MOST_CALLS];
    uint8_t *out;
    size_t out_length;
};

enum member_state { UP, DOWN, HOST_SILENT };

static struct member {
    enum member_state state;
    bool stopped; /* the process; its kernel goes on */
} members[SERVERS];

static struct link *links[MOST_LINKS];
static unsigned link_count;

void servers_reset_world(void)
{
    for (unsigned i = 0; i < link_count; i++) {
        free(links[i]->out);
        free(links[i]);
    }
    link_count = 0;
    memset(members, 0, sizeof members);
}

/* As its kernel knows it: the process may be stopped, and learn of it later. */
static bool is_alive(const struct link *l)
{
    return !l->over && !l->conn->end[NET_SERVER].dead && !l->conn->half[NET_PROXY_UP].fin_arrived;
}

/* Calls that count: on connections that are alive, and with somebody who waits for them (C706 12.6.3.1). */
static void count_inside(void)
{
    uint32_t inside = 0;
    for (unsigned i = 0; i < link_count; i++)
        for (unsigned k = 0; k < MOST_CALLS && is_alive(links[i]); k++)
            inside += links[i]->calls[k].used && !promises_of(links[i]->calls[k].own_id)->maybe;
    promises_inside(inside);
}

static void over(struct link *l)
{
    if (l->over)
        return;
    l->over = true;
    net_close(l->conn, NET_SERVER);
}

/* ---- writing ---- */

static void push(struct link *l)
{
    size_t n = net_write(l->conn, NET_SERVER, l->out, l->out_length);
    l->out_length -= n;
    memmove(l->out, l->out + n, l->out_length);
}

static void say(struct link *l, uint8_t *pdu, size_t length)
{
    if (l->level >= 2)
        length = pdus_sign(pdu, length, l->level, l->said_sequence++);
    l->out = realloc(l->out, l->out_length + length);
    if (!l->out)
        abort();
    memcpy(l->out + l->out_length, pdu, length);
    l->out_length += length;
    push(l);
}

static void say_fault(struct link *l, uint32_t call_id, uint32_t status, bool dne)
{
    uint8_t pdu[200];
    struct dis_head head = { .drep = dis_little_endian, .call_id = call_id, .flags = dne ? DIS_DID_NOT_EXECUTE : 0 };
    say(l, pdu, dis_compose_fault(pdu, sizeof pdu, &head, 0, status));
}

static void say_fragment(struct link *l, const struct call *k, uint32_t at, uint32_t size, uint32_t most)
{
    static uint8_t stub[9000], pdu[9200];
    uint32_t n = size - at < most ? size - at : most;
    struct dis_head head = { .drep = dis_little_endian, .call_id = k->call_id };
    head.flags = (uint8_t)((at == 0 ? DIS_FIRST_FRAG : 0) | (at + n == size ? DIS_LAST_FRAG : 0));
    memset(stub, (int)k->own_id, n);
    if (at == 0)
        memcpy(stub, &k->own_id, sizeof k->own_id);
    say(l, pdu, dis_compose_response(pdu, sizeof pdu, &head, 0, size - at, stub, n));
}

/* ---- answers ---- */

struct due {
    struct link *link;
    unsigned call;
    uint32_t own_id;
};

static void answer(void *due, intptr_t how)
{
    struct due *d = due;
    struct link *l = d->link;
    struct call *k = &l->calls[d->call];
    bool mine = !l->over && k->used && k->own_id == d->own_id;
    if (mine && members[l->member].stopped) {
        net_later(sim_between(1, 500), answer, d, how);
        return;
    }
    free(d);
    if (!mine)
        return;
    uint32_t size = sim_chance(80) ? sim_between(4, 60) : sim_between(4, 9000), most = sim_between(50, 4000);
    k->used = false;
    promises_of(k->own_id)->server_fault = how != 0;
    if (how == 0)
        for (uint32_t at = 0; at < size; at += most)
            say_fragment(l, k, at, size, most);
    else
        say_fault(l, k->call_id, how == 2 ? TOO_BUSY : 5, how == 2);
    if (how == 0 && sim_chance(2)) {
        sim_say("a server closes connection %d", l->conn->number);
        l->conn->end[NET_SERVER].dies_by_reset = sim_chance(50);
        over(l);
    }
}

static void answer_later(struct link *l, unsigned call, intptr_t how)
{
    struct due *d = malloc(sizeof *d);
    if (!d)
        abort();
    *d = (struct due){ l, call, l->calls[call].own_id };
    net_later(sim_chance(70) ? sim_between(0, 50) : sim_between(0, 1500), answer, d, how);
}

/* ---- requests ---- */

static void complete(struct link *l, unsigned call)
{
    struct call *k = &l->calls[call];
    k->complete = true;
    l->incoming = 0;
    bool maybe = promises_of(k->own_id)->maybe; /* nobody waits for it, so it does not count (C706 12.6.3.1) */
    if (!maybe && sim_chance(4)) {              /* too busy: refused, and it says so */
        answer_later(l, call, 2);
        return;
    }
    promises_executed(k->own_id);
    if (maybe)
        k->used = false;
    else if (sim_settings.quiet || sim_chance(93))
        answer_later(l, call, sim_chance(5) ? 1 : 0);
    else if (sim_chance(30)) {
        say_fault(l, k->call_id, PROTO_ERROR, false);
        promises_of(k->own_id)->server_fault = true;
        k->used = false;
        over(l);
    } /* else it never answers */
}

static void request(struct link *l, const struct dis_pdu *pdu)
{
    if (!(pdu->header.flags & DIS_FIRST_FRAG)) {
        if (!l->incoming)
            sim_broken("a later fragment of no request came to a server");
        if (pdu->header.flags & DIS_LAST_FRAG)
            complete(l, l->incoming - 1);
        return;
    }
    unsigned free_call = 0;
    while (free_call < MOST_CALLS && l->calls[free_call].used)
        free_call++;
    if (free_call == MOST_CALLS)
        sim_broken("more than %u calls on one link", MOST_CALLS);
    struct call *k = &l->calls[free_call];
    *k = (struct call){ .used = true, .call_id = pdu->header.call_id };
    memcpy(&k->own_id, pdu->request.stub, sizeof k->own_id);
    struct own *own = promises_of(k->own_id);
    if (l->client && l->client != own->conn + 1)
        sim_broken("a link carries calls of two connections");
    l->client = own->conn + 1;
    promises_received(k->own_id, own->client);
    l->incoming = free_call + 1;
    if (pdu->header.flags & DIS_LAST_FRAG)
        complete(l, free_call);
}

static void bind_(struct link *l, const struct dis_pdu *pdu)
{
    static uint32_t groups;
    uint8_t ack[300];
    const struct dis_context_result result = { .result = DIS_ACCEPTANCE, .transfer = dis_ndr };
    const struct dis_bind_ack sizes = { .max_xmit_frag = 4280, .max_recv_frag = 4280, .assoc_group_id = ++groups };
    struct dis_head head = { .drep = dis_little_endian, .call_id = pdu->header.call_id };
    if (!sim_settings.quiet && sim_chance(3))
        return; /* it is never answered */
    l->level = pdu->auth.value ? pdu->auth.level : 0;
    size_t length = dis_compose_bind_ack(ack, sizeof ack, DIS_BIND_ACK, &head, &sizes, "5000", &result, 1);
    uint8_t level = l->level;
    l->level = 0; /* it carries no sequence number */
    say(l, ack, length);
    l->level = level;
}

static void check_signature(struct link *l, const uint8_t *bytes, const struct dis_pdu *pdu)
{
    uint32_t sequence;
    bool is_signed = pdus_signature(bytes, &sequence);
    if (l->level >= 2 && !is_signed)
        sim_broken("a PDU without a signature was added to a signed connection");
    if (is_signed && (l->level >= 4 ? sequence != l->sequence : sequence < l->sequence))
        sim_broken("a signed PDU was lost, doubled or out of order");
    l->sequence = is_signed ? sequence + 1 : l->sequence;
    (void)pdu;
}

static void hears(void *owner)
{
    struct link *l = owner;
    const uint8_t *bytes;
    size_t length;
    struct dis_pdu pdu;
    struct dis_error error;
    if (members[l->member].stopped || l->over)
        return;
    if (l->out_length > 0)
        push(l);
    while (!l->over && (length = pdus_next(&l->reader, l->conn, NET_SERVER, &bytes)) > 0) {
        if (!dis_pdu_decode(bytes, length, &pdu, &error))
            sim_broken("a PDU for a server cannot be decoded: %s", error.what);
        check_signature(l, bytes, &pdu);
        if (pdu.header.type == DIS_BIND)
            bind_(l, &pdu);
        else if (pdu.header.type == DIS_REQUEST)
            request(l, &pdu);
    }
    if (l->conn->end[NET_SERVER].dead || net_fin_seen(l->conn, NET_SERVER))
        over(l);
    count_inside();
}

/* ---- members ---- */

struct net_conn *servers_dial(unsigned member, int *error)
{
    struct member *m = &members[member];
    if (m->state == HOST_SILENT)
        return NULL;
    if (m->state == DOWN || link_count == MOST_LINKS) {
        *error = ECONNREFUSED;
        return NULL;
    }
    struct link *l = links[link_count++] = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->member = member;
    l->conn = net_new();
    l->conn->end[NET_SERVER].owner = l;
    l->conn->end[NET_SERVER].notify = hears;
    return l->conn;
}

static void wake(void *member, intptr_t unused)
{
    struct member *m = member;
    (void)unused;
    m->stopped = false;
    for (unsigned i = 0; i < link_count; i++)
        if (&members[links[i]->member] == m)
            hears(links[i]);
}

static void come_back(void *member, intptr_t unused)
{
    (void)unused;
    ((struct member *)member)->state = UP;
}

static void end_links(unsigned member, bool silently)
{
    for (unsigned i = 0; i < link_count; i++) {
        if (links[i]->member != member || links[i]->over)
            continue;
        if (silently)
            net_go_silent(links[i]->conn);
        else
            links[i]->conn->end[NET_SERVER].dies_by_reset = sim_chance(70);
        if (!silently)
            over(links[i]);
        links[i]->over = true;
    }
}

void servers_fault(void)
{
    unsigned i = sim_below(SERVERS);
    struct member *m = &members[i];
    if (m->state != UP)
        return;
    uint32_t what = sim_below(3);
    sim_say("member %u %s", i, what == 0 ? "dies" : what == 1 ? "is stopped" : "loses its host");
    if (what == 1) {
        m->stopped = true;
        net_later(sim_between(100, 3000), wake, m, 0);
        return;
    }
    m->state = what == 0 ? DOWN : HOST_SILENT;
    end_links(i, what == 2);
    net_later(sim_between(50, 4000), come_back, m, 0);
}

void servers_end(void)
{
    for (unsigned i = 0; i < SERVERS; i++) {
        end_links(i, false);
        members[i].state = DOWN;
    }
    count_inside();
}
