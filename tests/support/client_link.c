/* One connection of the client: opened, bound, kept busy, and replaced when it is lost. */
#include "client.h"

#include <err.h>
#include <stdlib.h>

#define REQUEST_HEADER 24u /* C706 12.6.4.9 */
#define STUB_GRAIN     8u  /* all fragments but the last carry whole eights */
#define RETRY_PAUSE    10u /* ms, after an attempt that was refused: no spinning against a dead server */

static bool wants_more(const struct cli_link *link)
{
    const struct client *client = link->client;
    if (client->options.seconds > 0 && client->phase == CLI_RUNNING)
        return client->deadline == 0 || uv_hrtime() < client->deadline;
    return link->left > 0;
}

/* A call begins, or would have. */
static void begin(struct cli_link *link, struct cli_slot *slot)
{
    struct client *client = link->client;
    *slot = (struct cli_slot){ .own_id = ++client->last_own_id,
                               .begun = uv_hrtime(),
                               .call_id = ++link->last_call_id };
    slot->gather.limit = 2 * (size_t)CLI_PAYLOAD_MAX;
    if (link->left > 0)
        link->left--;
    if (client->report.first == 0) {
        client->report.first = slot->begun;
        client->deadline = slot->begun + client->options.seconds * (uint64_t)1000000000;
    }
}

static const uint8_t *drep(const struct client *client)
{
    return client->options.big_endian ? dis_big_endian_drep : dis_little_endian;
}

/* The client's scratch stub as one request, in as many fragments as it takes. */
static void write_request(struct cli_link *link, uint32_t call_id)
{
    const struct bytes *stub = &link->client->stub;
    struct bytes *out = &link->wire.out;
    size_t most = (link->fragment_max - REQUEST_HEADER) & ~(size_t)(STUB_GRAIN - 1);
    for (size_t at = 0, size; at < stub->length; at += size) {
        size_t left = stub->length - at;
        size = left < most ? left : most;
        struct dis_head head = { .drep = drep(link->client), .call_id = call_id };
        head.flags = (uint8_t)((at == 0 ? DIS_FIRST_FRAG : 0) | (size == left ? DIS_LAST_FRAG : 0));
        uint8_t *to = bytes_reserve(out, link->fragment_max);
        out->length += dis_compose_request(to, link->fragment_max, &head, CLI_CONTEXT, TESTIF_CALL, NULL,
                                           (uint32_t)left, stub->data + at, size);
    }
    wire_touch(&link->wire);
}

static void begin_call(struct cli_link *link, struct cli_slot *slot)
{
    struct client *client = link->client;
    const struct cli_options *options = &client->options;
    begin(link, slot);
    link->open++;
    link->spent = true;
    struct testif_call call = {
        .own_id = slot->own_id,
        .behaviour = options->behaviour,
        .a = options->a,
        .b = options->b,
        .answer_size = options->answer,
        .payload_size = options->size,
    };
    client->stub.length = 0;
    client->stub.big_endian = options->big_endian;
    testif_write_call(&client->stub, &call);
    write_request(link, slot->call_id);
}

static void refuse(struct cli_link *link, const char *why)
{
    link->refused = true;
    if (!wants_more(link))
        return;
    begin(link, &link->slots[0]);
    cli_outcome(link->client, &link->slots[0], why);
}

static void fill(struct cli_link *link)
{
    const struct cli_options *options = &link->client->options;
    for (unsigned i = 0; i < options->outstanding; i++) {
        if ((options->reconnect && link->spent) || !wants_more(link))
            return;
        if (link->slots[i].own_id == 0)
            begin_call(link, &link->slots[i]);
    }
}

/* All calls are done: while the client holds, the connection stays. */
static void rest(struct cli_link *link)
{
    if (link->resting)
        return;
    link->resting = true;
    cli_link_resting(link->client);
}

void cli_link_next(struct cli_link *link)
{
    const struct client *client = link->client;
    fill(link);
    if (link->open > 0)
        return;
    if (client->options.hold && client->phase == CLI_RUNNING && !wants_more(link))
        rest(link);
    else
        wire_close(&link->wire);
}

void cli_link_expire(struct cli_link *link, uint64_t before)
{
    if (link->alive && !link->bound && link->since < before)
        wire_close(&link->wire);
    for (unsigned i = 0; i < link->client->options.outstanding; i++)
        if (link->slots[i].own_id != 0 && link->slots[i].begun < before)
            wire_close(&link->wire);
}

static void on_opened(struct wire *wire)
{
    struct cli_link *link = (struct cli_link *)wire;
    const struct cli_options *options = &link->client->options;
    static const struct dis_offer offer = {
        .id = CLI_CONTEXT, .abstract = TESTIF_SYNTAX, .transfers = &dis_ndr, .transfer_count = 1
    };
    struct dis_bind sizes = { .max_xmit_frag = CLI_FRAGMENT_MAX, .max_recv_frag = CLI_FRAGMENT_MAX };
    struct dis_head head = { .drep = drep(link->client),
                             .flags = options->outstanding > 1 ? DIS_CONC_MPX : 0,
                             .call_id = ++link->last_call_id };
    uint8_t *to = bytes_reserve(&wire->out, CLI_FRAGMENT_MAX);
    wire->out.length += dis_compose_bind(to, CLI_FRAGMENT_MAX, DIS_BIND, &head, &sizes, &offer, 1);
    wire_touch(wire);
}

/* The attempt has succeeded or failed: another link may have its turn. */
static void attempt_over(struct cli_link *link)
{
    if (!link->attempting)
        return;
    link->attempting = false;
    cli_link_settled(link->client);
}

static void on_bind_answer(struct cli_link *link, const struct dis_pdu *pdu)
{
    unsigned asked = link->client->options.fragment;
    const char *refusal = cli_bind_refusal(pdu);
    if (refusal != NULL) {
        refuse(link, refusal);
        wire_close(&link->wire);
        return;
    }
    unsigned granted = pdu->bind_ack.max_recv_frag;
    link->fragment_max = (uint16_t)(asked != 0 && asked < granted ? asked : granted);
    link->bound = true;
    link->refused = false;
    attempt_over(link);
    cli_link_next(link);
}

static void on_pdu(struct wire *wire, const uint8_t *bytes, size_t length)
{
    struct cli_link *link = (struct cli_link *)wire;
    struct dis_pdu pdu;
    struct dis_error error;
    if (!dis_pdu_decode(bytes, length, &pdu, &error))
        wire_reset(wire);
    else if (link->bound)
        cli_answer(link, &pdu);
    else
        on_bind_answer(link, &pdu);
}

/* What the open calls are told; for a connection that was never bound, its next call. */
static const char *const ends[] = {
    [WIRE_PEER_CLOSED] = "closed",     [WIRE_PEER_RESET] = "reset", [WIRE_NOT_CONNECTED] = "refused:connect",
    [WIRE_BAD_FRAME] = "wrong:no-pdu", [WIRE_OWN_CLOSE] = "silent", [WIRE_OWN_RESET] = "wrong:pdu",
};
static const char *const early_ends[] = {
    [WIRE_PEER_CLOSED] = "refused:closed",    [WIRE_PEER_RESET] = "refused:reset",
    [WIRE_NOT_CONNECTED] = "refused:connect", [WIRE_BAD_FRAME] = "refused:no-pdu",
    [WIRE_OWN_CLOSE] = "refused:silent",      [WIRE_OWN_RESET] = "refused:pdu",
};

static void on_ended(struct wire *wire, enum wire_end how)
{
    struct cli_link *link = (struct cli_link *)wire;
    if (link->bound && link->open == 0 && how != WIRE_OWN_CLOSE)
        link->client->report.lost++;
    if (!link->bound && !link->refused)
        refuse(link, early_ends[how]);
    for (unsigned i = 0; i < link->client->options.outstanding; i++)
        if (link->slots[i].own_id != 0)
            cli_outcome(link->client, &link->slots[i], ends[how]);
    link->open = 0;
    link->bound = false;
}

static void on_pause_over(uv_timer_t *timer)
{
    cli_link_open(timer->data);
}

/* The connection is gone, or never was. */
static void after_end(struct cli_link *link)
{
    const struct client *client = link->client;
    link->alive = false;
    attempt_over(link);
    if (wants_more(link))
        uv_timer_start(&link->pause, on_pause_over, link->refused ? RETRY_PAUSE : 0, 0);
    else if (client->options.hold && client->phase != CLI_LAST)
        rest(link);
    else
        cli_link_finished(link->client);
}

static void on_freed(struct wire *wire)
{
    after_end((struct cli_link *)wire);
}

static void on_no_socket(uv_timer_t *timer)
{
    struct cli_link *link = timer->data;
    refuse(link, early_ends[WIRE_NOT_CONNECTED]);
    after_end(link);
}

static const struct wire_events events = { .opened = on_opened, .pdu = on_pdu, .ended = on_ended, .freed = on_freed };

void cli_link_open(struct cli_link *link)
{
    struct client *client = link->client;
    link->alive = true;
    link->attempting = true;
    link->refused = false;
    link->spent = false;
    link->last_call_id = 0;
    link->since = uv_hrtime();
    client->opening++;
    if (wire_connect(&link->wire, &client->turn, &events, &client->options.server) != 0)
        uv_timer_start(&link->pause, on_no_socket, 0, 0); /* not at once: our caller may be opening many */
}

void cli_link_more(struct cli_link *link, uint32_t calls)
{
    link->left = calls;
    link->spent = false;
    if (link->bound)
        cli_link_next(link);
    else if (!link->alive)
        cli_link_open(link);
}

struct cli_link *cli_link_new(struct client *client)
{
    struct cli_link *link = calloc(1, sizeof *link + client->options.outstanding * sizeof link->slots[0]);
    if (link == NULL)
        err(1, "connection");
    link->client = client;
    link->left = client->options.calls;
    uv_timer_init(&client->loop, &link->pause);
    link->pause.data = link;
    return link;
}
