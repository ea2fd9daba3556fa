/* Contexts offered and contexts accepted. Lists are checked once, when the PDU is decoded, and then walked in
 * place. */
#include "bind.h"

#include <string.h>

/* The UUIDs of bind-time feature negotiation share their first eight bytes (MS-RPCE 2.2.2.14). */
static const uint8_t feature_prefix[8] = { 0x6c, 0xb7, 0x1c, 0x2c, 0x98, 0x12, 0x45, 0x40 };

static struct dis_list list_here(const struct dis_cursor *c, uint8_t count)
{
    return (struct dis_list){ .base = c->base, .at = (uint32_t)c->at, .count = count, .big_endian = c->big_endian };
}

/* A reader at the list's next element. It needs no end of its own: the decoder walked the same elements with
 * the PDU's. */
static struct dis_cursor cursor_at(const struct dis_list *list)
{
    return (struct dis_cursor){ .base = list->base, .at = list->at, .end = SIZE_MAX, .big_endian = list->big_endian };
}

/* The count of a list and the three reserved bytes behind it (C706 12.6.3.1). */
static uint8_t read_count(struct dis_cursor *c, const char *what)
{
    uint8_t count = dis_u8(c, what);
    dis_take(c, 3, what);
    return count;
}

static struct dis_context read_context(struct dis_cursor *c)
{
    struct dis_context context = { .id = dis_u16(c, "context: id") };
    uint8_t count = dis_u8(c, "context: number of transfer syntaxes");
    dis_u8(c, "context: reserved");
    context.abstract = dis_read_syntax(c, "context: abstract syntax");
    context.transfers = list_here(c, count);
    dis_take(c, count * (size_t)20, "context: transfer syntaxes");
    return context;
}

static struct dis_context_result read_result(struct dis_cursor *c)
{
    struct dis_context_result result = { .result = dis_u16(c, "context result: result") };
    result.reason = dis_u16(c, "context result: reason");
    result.transfer = dis_read_syntax(c, "context result: transfer syntax");
    return result;
}

/* C706 12.6.4.3 */
void dis_bind_decode(struct dis_cursor *body, struct dis_bind *bind)
{
    bind->max_xmit_frag = dis_u16(body, "bind: max_xmit_frag");
    bind->max_recv_frag = dis_u16(body, "bind: max_recv_frag");
    bind->assoc_group_id = dis_u32(body, "bind: assoc_group_id");
    uint8_t count = read_count(body, "bind: number of contexts");
    bind->contexts = list_here(body, count);
    for (unsigned i = 0; i < count && dis_cursor_ok(body); i++)
        read_context(body);
}

/* C706 12.6.4.4. The secondary address is delimited by its length alone: some servers send no NUL. */
void dis_bind_ack_decode(struct dis_cursor *body, struct dis_bind_ack *ack)
{
    ack->max_xmit_frag = dis_u16(body, "bind_ack: max_xmit_frag");
    ack->max_recv_frag = dis_u16(body, "bind_ack: max_recv_frag");
    ack->assoc_group_id = dis_u32(body, "bind_ack: assoc_group_id");
    ack->secondary_length = dis_u16(body, "bind_ack: length of the secondary address");
    ack->secondary_address = (const char *)dis_take(body, ack->secondary_length, "bind_ack: secondary address");
    dis_align(body, 4, "bind_ack: padding of the secondary address");
    uint8_t count = read_count(body, "bind_ack: number of results");
    ack->results = list_here(body, count);
    for (unsigned i = 0; i < count && dis_cursor_ok(body); i++)
        read_result(body);
}

/* C706 12.6.4.5. Some servers end it after the reason; others let extended error information follow the
 * versions. */
void dis_bind_nak_decode(struct dis_cursor *body, struct dis_bind_nak *nak)
{
    *nak = (struct dis_bind_nak){ .reason = dis_u16(body, "bind_nak: reason") };
    if (body->at == body->end)
        return;
    nak->version_count = dis_u8(body, "bind_nak: number of versions");
    nak->versions = dis_take(body, nak->version_count * (size_t)2, "bind_nak: versions");
}

bool dis_next_context(struct dis_list *contexts, struct dis_context *context)
{
    if (contexts->count == 0)
        return false;
    struct dis_cursor c = cursor_at(contexts);
    *context = read_context(&c);
    *contexts = list_here(&c, (uint8_t)(contexts->count - 1));
    return true;
}

bool dis_next_syntax(struct dis_list *transfers, struct dis_syntax *syntax)
{
    if (transfers->count == 0)
        return false;
    struct dis_cursor c = cursor_at(transfers);
    *syntax = dis_read_syntax(&c, "transfer syntax");
    *transfers = list_here(&c, (uint8_t)(transfers->count - 1));
    return true;
}

bool dis_next_result(struct dis_list *results, struct dis_context_result *result)
{
    if (results->count == 0)
        return false;
    struct dis_cursor c = cursor_at(results);
    *result = read_result(&c);
    *results = list_here(&c, (uint8_t)(results->count - 1));
    return true;
}

/* Servers look at the first transfer syntax of an element only (MS-RPCE 3.3.1.5.3). The mask is the last eight
 * bytes of the UUID, least first, whatever the sender's byte order (MS-RPCE 2.2.2.14). */
bool dis_is_feature_negotiation(const struct dis_context *context, uint64_t *features)
{
    struct dis_list transfers = context->transfers;
    struct dis_syntax first;
    if (!dis_next_syntax(&transfers, &first) || first.major != 1 || first.minor != 0)
        return false;
    if (memcmp(first.uuid.bytes, feature_prefix, sizeof(feature_prefix)) != 0)
        return false;
    *features = 0;
    for (unsigned i = 16; i-- > sizeof(feature_prefix);)
        *features = *features << 8 | first.uuid.bytes[i];
    return true;
}
