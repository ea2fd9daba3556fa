/* What the server says: is it the answer to an open call, and is every bit of it right? */
#include "client.h"

const char *cli_bind_refusal(const struct dis_pdu *pdu)
{
    struct dis_context_result result;
    if (pdu->header.type == DIS_BIND_NAK)
        return "refused:bind-nak";
    if (pdu->header.type != DIS_BIND_ACK)
        return "refused:no-bind-ack";
    struct dis_list results = pdu->bind_ack.results;
    if (!dis_next_result(&results, &result) || result.result != DIS_ACCEPTANCE)
        return "refused:context";
    return NULL;
}

static struct cli_slot *find_slot(struct cli_link *link, uint32_t call_id)
{
    for (unsigned i = 0; i < link->client->options.outstanding; i++)
        if (link->slots[i].own_id != 0 && link->slots[i].call_id == call_id)
            return &link->slots[i];
    return NULL;
}

static uint32_t size_wanted(const struct cli_options *options)
{
    bool echoes = options->answer == TESTIF_ECHO_SIZE || options->behaviour == TESTIF_CALL_BACK;
    return echoes ? options->size : options->answer;
}

/* A second execution is what a proxy must never bring about. */
static const char *judge(const struct client *client, const struct cli_slot *slot, const struct dis_header *header,
                         const uint8_t *stub, size_t length)
{
    struct dis_cursor in = dis_cursor_over(stub, length, dis_big_endian(header->drep));
    struct testif_answer answer = testif_read_answer(&in);
    if (!dis_cursor_ok(&in))
        return "wrong:stub";
    if (answer.own_id != slot->own_id)
        return "wrong:own-id";
    if (answer.executed != 1)
        return "wrong:executed-again";
    if (answer.payload_size != size_wanted(&client->options))
        return "wrong:length";
    if (!testif_payload_good(answer.payload, answer.payload_size, answer.own_id))
        return "wrong:payload";
    return cli_answered;
}

static void end_call(struct cli_link *link, struct cli_slot *slot, const char *outcome)
{
    link->open--;
    cli_outcome(link->client, slot, outcome);
    cli_link_next(link);
}

static void response(struct cli_link *link, struct cli_slot *slot, const struct dis_pdu *pdu)
{
    struct dis_gather *gather = &slot->gather;
    struct dis_error error;
    if (dis_is_whole(&pdu->header) && !gather->open) {
        end_call(link, slot, judge(link->client, slot, &pdu->header, pdu->response.stub, pdu->response.stub_length));
        return;
    }
    switch (dis_gather_add(gather, pdu, &error)) {
    case DIS_GATHER_DONE:
        end_call(link, slot, judge(link->client, slot, &gather->first, gather->stub, gather->length));
        break;
    case DIS_GATHER_BAD:
        end_call(link, slot, "wrong:fragments");
        break;
    case DIS_GATHER_MORE:
        break;
    }
}

static void fault(struct cli_link *link, struct cli_slot *slot, const struct dis_pdu *pdu)
{
    link->open--;
    cli_outcome_fault(link->client, slot, pdu->fault.status, (pdu->header.flags & DIS_DID_NOT_EXECUTE) != 0);
    cli_link_next(link);
}

/* The server asks us, inside our own call: what was asked goes back, if it is what we had sent. */
static void called(struct cli_link *link, struct cli_slot *slot, const struct dis_pdu *pdu)
{
    struct dis_cursor in = dis_cursor_over(pdu->request.stub, pdu->request.stub_length,
                                           dis_big_endian(pdu->header.drep));
    struct testif_called asked = testif_read_called(&in);
    if (!dis_cursor_ok(&in) || asked.own_id != slot->own_id ||
        !testif_payload_good(asked.payload, asked.payload_size, asked.own_id)) {
        end_call(link, slot, "wrong:callback");
        return;
    }
    struct bytes *stub = &link->client->stub;
    struct bytes *out = &link->wire.out;
    struct dis_head head = { .drep = pdu->header.drep,
                             .call_id = pdu->header.call_id,
                             .flags = DIS_FIRST_FRAG | DIS_LAST_FRAG };
    stub->length = 0;
    stub->big_endian = dis_big_endian(pdu->header.drep);
    testif_write_called_answer(stub, &asked);
    uint8_t *to = bytes_reserve(out, CLI_FRAGMENT_MAX); /* enough: what was asked came in one fragment */
    out->length += dis_compose_response(to, CLI_FRAGMENT_MAX, &head, pdu->request.context_id, (uint32_t)stub->length,
                                        stub->data, stub->length);
    wire_touch(&link->wire);
}

/* Nothing on this connection can be trusted after an answer that nobody waits for. */
static void stray(struct cli_link *link)
{
    if (link->open == 0)
        link->client->report.strays++;
    for (unsigned i = 0; i < link->client->options.outstanding; i++)
        if (link->slots[i].own_id != 0)
            cli_outcome(link->client, &link->slots[i], "wrong:stray-answer");
    link->open = 0;
    wire_close(&link->wire);
}

void cli_answer(struct cli_link *link, const struct dis_pdu *pdu)
{
    static void (*const handlers[DIS_PTYPE_COUNT])(struct cli_link *, struct cli_slot *, const struct dis_pdu *) = {
        [DIS_RESPONSE] = response,
        [DIS_FAULT] = fault,
        [DIS_REQUEST] = called,
    };
    struct cli_slot *slot = find_slot(link, pdu->header.call_id);
    if (slot == NULL || pdu->header.type >= DIS_PTYPE_COUNT || handlers[pdu->header.type] == NULL)
        stray(link);
    else
        handlers[pdu->header.type](link, slot, pdu);
}
