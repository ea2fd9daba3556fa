/* Bodies of the bind family: lists stay inside, and a bind that was understood is written again as it was. */
#include "bind.h"
#include "compose.h"

#include "fuzz.h"

enum { OFFERS = 8, TRANSFERS = 8, ROOM = 28 + OFFERS * (24 + TRANSFERS * 20) };

/* Writes the bind anew and reads it again: every field must be the same. Long lists are left out. */
static void check_round_trip(const struct dis_bind *bind, const uint8_t *drep)
{
    struct dis_offer offers[OFFERS];
    struct dis_syntax transfers[OFFERS][TRANSFERS];
    struct dis_list contexts = bind->contexts;
    struct dis_context context;
    uint8_t count = 0;
    if (contexts.count > OFFERS)
        return;
    for (; dis_next_context(&contexts, &context); count++) {
        if (context.transfers.count > TRANSFERS)
            return;
        offers[count] = (struct dis_offer){ .id = context.id, .abstract = context.abstract };
        offers[count].transfers = transfers[count];
        offers[count].transfer_count = context.transfers.count;
        for (unsigned i = 0; dis_next_syntax(&context.transfers, &transfers[count][i]); i++)
            continue;
    }
    uint8_t out[ROOM];
    struct dis_head head = { .drep = drep };
    struct dis_pdu again;
    struct dis_error error;
    size_t length = dis_compose_bind(out, sizeof(out), DIS_BIND, &head, bind, offers, count);
    CHECK(length >= 28 && dis_pdu_decode(out, length, &again, &error));
    CHECK(again.bind.max_xmit_frag == bind->max_xmit_frag && again.bind.max_recv_frag == bind->max_recv_frag);
    CHECK(again.bind.assoc_group_id == bind->assoc_group_id && again.bind.contexts.count == count);
    for (unsigned i = 0; dis_next_context(&again.bind.contexts, &context); i++) {
        struct dis_syntax syntax;
        CHECK(context.id == offers[i].id && dis_syntax_equal(&context.abstract, &offers[i].abstract));
        CHECK(context.transfers.count == offers[i].transfer_count);
        for (unsigned j = 0; dis_next_syntax(&context.transfers, &syntax); j++)
            CHECK(dis_syntax_equal(&syntax, &transfers[i][j]));
    }
}

static void try_bind(struct dis_cursor c)
{
    struct dis_bind bind;
    dis_bind_decode(&c, &bind);
    if (!dis_cursor_ok(&c))
        return;
    struct dis_list contexts = bind.contexts;
    struct dis_context context;
    unsigned count = 0;
    for (; dis_next_context(&contexts, &context); count++) {
        uint64_t features;
        struct dis_syntax syntax;
        dis_is_feature_negotiation(&context, &features);
        CHECK(context.transfers.at + context.transfers.count * (size_t)20 <= c.end);
        while (dis_next_syntax(&context.transfers, &syntax))
            CHECK(context.transfers.at <= c.end);
        CHECK(contexts.at <= c.end);
    }
    CHECK(count == bind.contexts.count);
    CHECK(contexts.at == c.at);
    check_round_trip(&bind, c.big_endian ? dis_big_endian_drep : dis_little_endian);
}

static void try_bind_ack(struct dis_cursor c)
{
    struct dis_bind_ack ack;
    struct dis_context_result result;
    dis_bind_ack_decode(&c, &ack);
    if (!dis_cursor_ok(&c))
        return;
    CHECK((const uint8_t *)ack.secondary_address + ack.secondary_length <= c.base + c.end);
    CHECK(ack.results.at % 4 == 0);
    while (dis_next_result(&ack.results, &result))
        CHECK(ack.results.at <= c.end);
    CHECK(ack.results.at == c.at);
}

static void try_bind_nak(struct dis_cursor c)
{
    struct dis_bind_nak nak;
    dis_bind_nak_decode(&c, &nak);
    if (dis_cursor_ok(&c) && nak.version_count > 0)
        CHECK(nak.versions + nak.version_count * (size_t)2 <= c.base + c.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < DIS_HEADER_SIZE || size > DIS_PDU_SIZE_MAX)
        return 0;
    uint8_t *bytes = exact_copy(data, size);
    struct dis_cursor body = dis_cursor_over(bytes, size, (data[0] & 1) != 0);
    body.at = DIS_HEADER_SIZE;
    try_bind(body);
    try_bind_ack(body);
    try_bind_nak(body);
    free(bytes);
    return 0;
}
