/* Clients: connect, bind, call, wait, leave; some are slow, rude or gone. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include "dissect/compose.h"
#include "dissect/pdu.h"

#define MOST      40u
#define MOST_OPEN 4u
#define STUB_MOST 12000u

static const struct dis_syntax interface = { .uuid = { { 0xd0, 0x89, 0xc2, 0xe3, 0xca, 0xb7, 0x42, 0x4d, 0x91, 0x83,
                                                         0x85, 0xcd, 0x34, 0xdb, 0x61, 0xff } },
                                             .major = 1 };

enum manner { POLITE, HALF_REQUEST, DEAF, GARBAGE, NEVER_BINDS, SLOW };

struct client {
    struct net_conn *conn;
    struct sim_reader reader;
    unsigned number;
    enum manner manner;
    uint8_t level;  /* 0: none */
    bool was_maybe; /* its last call: nobody knows when that is over, so its call_id is not used again */
    bool bound, over, finished, multiplexed;
    uint32_t left;            /* calls that it will make */
    uint32_t open[MOST_OPEN]; /* own ids; 0: none */
    uint32_t next_call_id, sequence, heard_sequence;
    uint8_t *out; /* what the connection did not take yet */
    size_t out_length;
};

static struct client *clients[MOST];
static unsigned client_count;

void clients_reset_world(void)
{
    for (unsigned i = 0; i < client_count; i++) {
        free(clients[i]->out);
        free(clients[i]);
    }
    client_count = 0;
}

/* ---- its end ---- */

static void over(struct client *c)
{
    if (c->over)
        return;
    c->over = true;
    for (unsigned i = 0; i < MOST_OPEN; i++)
        if (c->open[i])
            promises_of(c->open[i])->gone = true;
    net_close(c->conn, NET_CLIENT);
}

static void leave(struct client *c)
{
    sim_say("client %u leaves", c->number);
    c->conn->end[NET_CLIENT].dies_by_reset = sim_chance(50);
    over(c);
}

static void leave_later(void *client, intptr_t how)
{
    struct client *c = client;
    if (c->over)
        return;
    if (how == 0) {
        leave(c);
        return;
    }
    sim_say("client %u ends its side", c->number);
    c->finished = true;
    net_fin(c->conn, NET_CLIENT);
}

/* ---- writing ---- */

static void push(struct client *c)
{
    size_t most = c->manner == SLOW ? 1 + sim_below(200) : c->out_length;
    size_t n = net_write(c->conn, NET_CLIENT, c->out, most < c->out_length ? most : c->out_length);
    c->out_length -= n;
    memmove(c->out, c->out + n, c->out_length);
}

static void push_later(void *client, intptr_t unused)
{
    struct client *c = client;
    (void)unused;
    if (c->over || c->out_length == 0)
        return;
    push(c);
    if (c->out_length > 0)
        net_later(sim_between(1, 60), push_later, c, 0);
}

static void say(struct client *c, const void *bytes, size_t length)
{
    if (c->over || c->finished)
        return;
    c->out = realloc(c->out, c->out_length + length);
    if (!c->out)
        abort();
    memcpy(c->out + c->out_length, bytes, length);
    c->out_length += length;
    push(c);
    if (c->out_length > 0)
        net_later(sim_between(1, 60), push_later, c, 0);
}

static void say_signed(struct client *c, uint8_t *pdu, size_t length)
{
    if (c->level >= 2)
        length = pdus_sign(pdu, length, c->level, c->sequence++);
    say(c, pdu, length);
}

static void bind_(struct client *c)
{
    uint8_t pdu[256];
    const struct dis_offer offer = { .abstract = interface, .transfers = &dis_ndr, .transfer_count = 1 };
    const struct dis_bind sizes = { .max_xmit_frag = 4280, .max_recv_frag = 4280 };
    struct dis_head head = { .drep = dis_little_endian, .call_id = 1, .flags = c->multiplexed ? DIS_CONC_MPX : 0 };
    size_t length = dis_compose_bind(pdu, sizeof pdu, DIS_BIND, &head, &sizes, &offer, 1);
    say_signed(c, pdu, length);
}

/* ---- calls ---- */

/* The stub is the own id, and as many bytes as there are behind it. */
static void say_request(struct client *c, uint32_t own_id, uint32_t call_id, bool maybe)
{
    static uint8_t stub[STUB_MOST], pdu[STUB_MOST + 200];
    uint32_t size = sim_chance(80) ? sim_between(4, 100) : sim_between(4, STUB_MOST);
    uint32_t fragment = sim_chance(50) ? 4000 : sim_between(100, 3000);
    bool cut = c->manner == HALF_REQUEST && sim_chance(50);
    memset(stub, (int)own_id, size);
    memcpy(stub, &own_id, sizeof own_id);
    for (uint32_t at = 0, n; at < size; at += n) {
        n = size - at < fragment ? size - at : fragment;
        bool last = at + n == size;
        if (cut && last && at > 0)
            return;
        struct dis_head head = { .drep = dis_little_endian, .call_id = call_id };
        head.flags = (uint8_t)((at == 0 ? DIS_FIRST_FRAG : 0) | (last ? DIS_LAST_FRAG : 0) | (maybe ? DIS_MAYBE : 0));
        size_t length = dis_compose_request(pdu, sizeof pdu, &head, 0, 7, NULL, size - at, stub + at, n);
        say_signed(c, pdu, length);
    }
}

static unsigned slot_of(const struct client *c, uint32_t call_id)
{
    for (unsigned i = 0; i < MOST_OPEN; i++)
        if (c->open[i] && promises_of(c->open[i])->call_id == call_id)
            return i;
    return MOST_OPEN;
}

static void call(struct client *c, unsigned slot)
{
    bool maybe = sim_chance(5);
    bool again = sim_chance(5) && c->next_call_id > 2 && !c->was_maybe &&
                 slot_of(c, c->next_call_id - 1) == MOST_OPEN;
    uint32_t call_id = again ? c->next_call_id - 1 : c->next_call_id++;
    uint32_t own_id = promises_new(c->number, (unsigned)c->conn->number, call_id, maybe);
    c->was_maybe = maybe;
    c->left--;
    if (!maybe)
        c->open[slot] = own_id;
    sim_say("client %u calls %u (call_id %u%s)", c->number, own_id, call_id, maybe ? ", maybe" : "");
    say_request(c, own_id, call_id, maybe);
}

static unsigned open_calls(const struct client *c)
{
    unsigned count = 0;
    for (unsigned i = 0; i < MOST_OPEN; i++)
        count += c->open[i] != 0;
    return count;
}

static void go_on(void *client, intptr_t unused)
{
    struct client *c = client;
    (void)unused;
    if (c->over || c->finished || !c->bound)
        return;
    unsigned most = c->multiplexed ? 1 + sim_below(MOST_OPEN) : 1;
    for (unsigned i = 0; i < MOST_OPEN && c->left > 0 && open_calls(c) < most; i++)
        if (!c->open[i])
            call(c, i);
    if (c->left == 0 && open_calls(c) == 0 && c->manner == POLITE)
        net_later(sim_between(0, 300), leave_later, c, sim_chance(50));
    if (c->manner == GARBAGE && sim_chance(30))
        say(c, "GET / HTTP/1.0\r\n\r\n", 18);
}

/* ---- hearing ---- */

static void bound(struct client *c, const struct dis_pdu *pdu)
{
    c->bound = pdu->header.type == DIS_BIND_ACK;
    if (!c->bound) {
        leave(c);
        return;
    }
    if (c->manner == HALF_REQUEST && sim_chance(30)) {
        say(c, "\5\0\0\3\20\0\0\0\100\0", 10);
        return;
    }
    net_later(sim_between(0, 100), go_on, c, 0);
}

static void check_signature(struct client *c, const uint8_t *bytes)
{
    uint32_t sequence;
    if (c->level < 4 || !pdus_signature(bytes, &sequence))
        return;
    if (sequence != c->heard_sequence++)
        sim_broken("a signed answer was lost, doubled or out of order: client %u", c->number);
}

static void answered(struct client *c, const struct dis_pdu *pdu, const uint8_t *bytes)
{
    bool fault = pdu->header.type == DIS_FAULT;
    unsigned slot = slot_of(c, pdu->header.call_id);
    uint32_t own_id;
    check_signature(c, bytes);
    if (slot == MOST_OPEN)
        sim_broken("an answer to no open call: client %u, call_id %u", c->number, pdu->header.call_id);
    if (!fault && (pdu->header.flags & DIS_FIRST_FRAG)) {
        memcpy(&own_id, pdu->response.stub, sizeof own_id);
        if (own_id != c->open[slot])
            sim_broken("client %u heard the answer to %u instead of %u", c->number, own_id, c->open[slot]);
    }
    if (!fault && !(pdu->header.flags & DIS_LAST_FRAG))
        return;
    promises_answered(c->open[slot], fault, fault ? pdu->fault.status : 0,
                      fault && (pdu->header.flags & DIS_DID_NOT_EXECUTE));
    c->open[slot] = 0;
    net_later(sim_chance(50) ? 0 : sim_between(0, 200), go_on, c, 0);
}

static void hears(void *owner)
{
    struct client *c = owner;
    const uint8_t *bytes;
    size_t length;
    struct dis_pdu pdu;
    struct dis_error error;
    if (c->over)
        return;
    if (c->out_length > 0)
        push(c);
    while (c->manner != DEAF && !c->over && (length = pdus_next(&c->reader, c->conn, NET_CLIENT, &bytes)) > 0) {
        if (!dis_pdu_decode(bytes, length, &pdu, &error))
            sim_broken("a PDU for a client cannot be decoded: %s", error.what);
        else if (pdu.header.type == DIS_RESPONSE || pdu.header.type == DIS_FAULT)
            answered(c, &pdu, bytes);
        else if (!c->bound)
            bound(c, &pdu);
    }
    if (c->conn->end[NET_CLIENT].dead || (net_fin_seen(c->conn, NET_CLIENT) && c->manner != DEAF))
        over(c);
}

/* ---- beginning and end ---- */

static void come(void *client, intptr_t unused)
{
    struct client *c = client;
    (void)unused;
    if (!kernel_is_listening())
        return;
    c->conn = net_new();
    c->conn->end[NET_CLIENT].owner = c;
    c->conn->end[NET_CLIENT].notify = hears;
    sim_say("client %u comes (level %u, manner %d, connection %d)", c->number, c->level, c->manner, c->conn->number);
    kernel_connects(c->conn, c->number);
    if (c->manner != NEVER_BINDS)
        bind_(c);
    if (sim_chance(15))
        net_later(sim_between(0, 1500), leave_later, c, sim_chance(40));
}

void clients_begin(unsigned count)
{
    static const uint8_t levels[] = { 0, 0, 0, 2, 4, 6 };
    for (; client_count < count && client_count < MOST; client_count++) {
        struct client *c = clients[client_count] = calloc(1, sizeof *c);
        if (!c)
            abort();
        c->number = client_count;
        c->manner = sim_chance(75) ? POLITE : (enum manner)sim_below(SLOW + 1);
        c->level = levels[sim_below(sizeof levels)];
        c->left = 1 + sim_below(8);
        c->next_call_id = 2;
        c->multiplexed = sim_chance(30);
        net_later(sim_between(0, 2000), come, c, 0);
    }
}

void clients_leave(void)
{
    for (unsigned i = 0; i < client_count; i++)
        if (clients[i]->conn)
            leave(clients[i]);
}

bool clients_are_gone(void)
{
    for (unsigned i = 0; i < client_count; i++)
        if (clients[i]->conn && !clients[i]->over && clients[i]->manner != DEAF)
            return false;
    return true;
}
