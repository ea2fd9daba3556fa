/* Clients without patience: each calls at its own beat, gives up when it is not answered in time, closes its connection, and
 * calls again at the next beat. First a storm of many, then a light load of few. Prints a line of JSON for each tenth of a
 * second: how many calls began, how many were answered in time. */
#include <argp.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dissect/compose.h"
#include "tests/support/testif.h"
#include "tests/support/wire.h"

#define FRAGMENT_MAX 5840u
#define BIN          100u /* ms */

static const struct {
    const char *name;
    int key;
    uint32_t preset;
    const char *help;
} numbers[] = {
    { "clients", 'n', 80, "In the storm" },
    { "beat", 'b', 50, "ms between two calls of a client" },
    { "patience", 'p', 50, "ms until it gives up" },
    { "work", 'w', 10, "ms that a call takes" },
    { "storm", 's', 10, "seconds" },
    { "few", 'f', 8, "Clients of the light load" },
    { "light", 'l', 5, "seconds" },
};
#define NUMBERS (sizeof numbers / sizeof *numbers)
enum { CLIENTS, BEAT, PATIENCE, WORK, STORM, FEW, LIGHT };

struct crowd;

struct caller {
    struct wire wire; /* must be first */
    struct crowd *crowd;
    uv_timer_t beat;
    uv_timer_t patience;
    uint64_t own_id; /* of the call that is open; 0: none */
    uint32_t call_id;
    bool alive, bound;
    bool due; /* its beat came while it was busy: it calls as soon as it is not */
};

struct bin {
    uint32_t begun, answered;
};

struct crowd {
    uv_loop_t loop;
    struct wire_turn turn;
    struct px_address server;
    uint32_t number[NUMBERS];
    struct caller *callers;
    struct bin *bins;
    uint32_t bin_count;
    uint64_t began; /* ms of the loop's clock */
    uint64_t last_own_id;
    uv_timer_t calm, end;
};

static struct bin *bin_now(struct crowd *c)
{
    uint64_t i = (uv_hrtime() / 1000000 - c->began) / BIN;
    return &c->bins[i < c->bin_count ? i : c->bin_count - 1];
}

/* ---- a call ---- */

static void write_call(struct caller *k)
{
    struct bytes stub = { 0 };
    struct testif_call call = { .own_id = k->own_id, .behaviour = TESTIF_SLOW, .a = k->crowd->number[WORK] };
    struct dis_head head = { .drep = dis_little_endian,
                             .flags = DIS_FIRST_FRAG | DIS_LAST_FRAG,
                             .call_id = ++k->call_id };
    testif_write_call(&stub, &call);
    uint8_t *to = bytes_reserve(&k->wire.out, FRAGMENT_MAX);
    k->wire.out.length += dis_compose_request(to, FRAGMENT_MAX, &head, 0, TESTIF_CALL, NULL, (uint32_t)stub.length,
                                              stub.data, stub.length);
    bytes_free(&stub);
    wire_touch(&k->wire);
}

static void opened(struct wire *wire)
{
    static const struct dis_offer offer = { .abstract = TESTIF_SYNTAX, .transfers = &dis_ndr, .transfer_count = 1 };
    static const struct dis_bind sizes = { .max_xmit_frag = FRAGMENT_MAX, .max_recv_frag = FRAGMENT_MAX };
    struct dis_head head = { .drep = dis_little_endian, .call_id = 1 };
    uint8_t *to = bytes_reserve(&wire->out, FRAGMENT_MAX);
    wire->out.length += dis_compose_bind(to, FRAGMENT_MAX, DIS_BIND, &head, &sizes, &offer, 1);
    wire_touch(wire);
}

/* Whatever comes for an open call ends its wait; only an answer is one. */
static void heard(struct wire *wire, const uint8_t *bytes, size_t length)
{
    struct caller *k = (struct caller *)wire;
    struct dis_pdu pdu;
    struct dis_error error;
    if (!dis_pdu_decode(bytes, length, &pdu, &error)) {
        wire_reset(wire);
    } else if (!k->bound) {
        k->bound = pdu.header.type == DIS_BIND_ACK;
        k->call_id = 1;
        if (k->bound && k->own_id)
            write_call(k);
    } else if (k->own_id && pdu.header.call_id == k->call_id) {
        bin_now(k->crowd)->answered += pdu.header.type == DIS_RESPONSE;
        k->own_id = 0;
        uv_timer_stop(&k->patience);
    }
}

static void ended(struct wire *wire, enum wire_end how)
{
    struct caller *k = (struct caller *)wire;
    (void)how;
    k->bound = false;
    k->own_id = 0;
    uv_timer_stop(&k->patience);
}

static void begin_call(struct caller *k);

static void freed(struct wire *wire)
{
    struct caller *k = (struct caller *)wire;
    k->alive = false;
    if (k->due)
        begin_call(k);
}

static const struct wire_events events = { .opened = opened, .pdu = heard, .ended = ended, .freed = freed };

static void gives_up(uv_timer_t *timer)
{
    struct caller *k = timer->data;
    k->own_id = 0;
    k->bound = false;
    wire_close(&k->wire);
}

static void begin_call(struct caller *k)
{
    struct crowd *c = k->crowd;
    k->due = false;
    bin_now(c)->begun++;
    k->own_id = ++c->last_own_id;
    uv_timer_start(&k->patience, gives_up, c->number[PATIENCE], 0);
    if (k->bound)
        write_call(k);
    else
        k->alive = wire_connect(&k->wire, &c->turn, &events, &c->server) == 0;
}

static void beat(uv_timer_t *timer)
{
    struct caller *k = timer->data;
    if (k->own_id || (k->alive && !k->bound))
        k->due = true;
    else
        begin_call(k);
}

/* ---- the crowd ---- */

static void calm(uv_timer_t *timer)
{
    struct crowd *c = timer->data;
    for (uint32_t i = c->number[FEW]; i < c->number[CLIENTS]; i++)
        uv_timer_stop(&c->callers[i].beat);
}

static void end(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void begin(struct crowd *c)
{
    uint64_t storm = c->number[STORM] * 1000u, light = c->number[LIGHT] * 1000u;
    c->callers = calloc(c->number[CLIENTS], sizeof *c->callers);
    c->bin_count = (uint32_t)((storm + light) / BIN) + 1;
    c->bins = calloc(c->bin_count, sizeof *c->bins);
    if (!c->callers || !c->bins)
        err(1, "memory");
    uv_update_time(&c->loop);
    c->began = uv_hrtime() / 1000000;
    for (uint32_t i = 0; i < c->number[CLIENTS]; i++) {
        struct caller *k = &c->callers[i];
        k->crowd = c;
        uv_timer_init(&c->loop, &k->beat);
        uv_timer_init(&c->loop, &k->patience);
        k->beat.data = k->patience.data = k;
        uv_timer_start(&k->beat, beat, (uint64_t)i * c->number[BEAT] / c->number[CLIENTS], c->number[BEAT]);
    }
    uv_timer_init(&c->loop, &c->calm);
    uv_timer_init(&c->loop, &c->end);
    c->calm.data = c->end.data = c;
    uv_timer_start(&c->calm, calm, storm, 0);
    uv_timer_start(&c->end, end, storm + light, 0);
}

/* ---- the command line ---- */

static error_t take_option(int key, char *arg, struct argp_state *state)
{
    struct crowd *c = state->input;
    const char *why;
    for (size_t i = 0; i < NUMBERS; i++) {
        if (key != numbers[i].key)
            continue;
        c->number[i] = (uint32_t)strtoul(arg, NULL, 10);
        return 0;
    }
    if (key == 'c' && !px_address_parse(arg, &c->server, &why))
        argp_error(state, "%s: %s", arg, why);
    if (key == ARGP_KEY_END && c->server.length == 0)
        argp_error(state, "--connect is missing");
    return key == 'c' || key == ARGP_KEY_END ? 0 : ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
    static struct crowd crowd;
    struct argp_option options[NUMBERS + 2] = { { "connect", 'c', "A:P", 0, "Where the server is", 0 } };
    for (size_t i = 0; i < NUMBERS; i++) {
        options[i + 1] = (struct argp_option){ numbers[i].name, numbers[i].key, "N", 0, numbers[i].help, 0 };
        crowd.number[i] = numbers[i].preset;
    }
    const struct argp argp = { .options = options, .parser = take_option, .doc = "A storm of impatient callers." };
    argp_parse(&argp, argc, argv, 0, NULL, &crowd);
    uv_loop_init(&crowd.loop);
    wire_turn_start(&crowd.turn, &crowd.loop);
    begin(&crowd);
    uv_run(&crowd.loop, UV_RUN_DEFAULT);
    for (uint32_t i = 0; i + 1 < crowd.bin_count; i++)
        printf("{\"ms\":%u,\"begun\":%u,\"answered\":%u}\n", i * BIN, crowd.bins[i].begun, crowd.bins[i].answered);
    return 0;
}
