/* Writes PDUs. Every function fills one writer from front to back and closes it: too little room is noticed
 * once, at the end. */
#include "compose.h"

#include <string.h>

const uint8_t dis_little_endian[4] = { 0x10, 0, 0, 0 };
const uint8_t dis_big_endian_drep[4] = { 0, 0, 0, 0 };

enum { WHOLE = DIS_FIRST_FRAG | DIS_LAST_FRAG };

struct writer {
    uint8_t *out;
    size_t room;
    size_t at;
    bool big_endian;
    bool full; /* something did not fit: nothing more is written, and the result is 0 */
};

static void put_bytes(struct writer *w, const void *bytes, size_t length)
{
    if (w->full || length > w->room - w->at) {
        w->full = true;
        return;
    }
    if (length != 0)
        memcpy(w->out + w->at, bytes, length);
    w->at += length;
}

static void put_u8(struct writer *w, uint8_t value)
{
    put_bytes(w, &value, 1);
}

static void put_u16(struct writer *w, uint16_t value)
{
    uint8_t low = (uint8_t)value;
    uint8_t high = (uint8_t)(value >> 8);
    put_u8(w, w->big_endian ? high : low);
    put_u8(w, w->big_endian ? low : high);
}

static void put_u32(struct writer *w, uint32_t value)
{
    uint16_t low = (uint16_t)value;
    uint16_t high = (uint16_t)(value >> 16);
    put_u16(w, w->big_endian ? high : low);
    put_u16(w, w->big_endian ? low : high);
}

static void put_zeros(struct writer *w, size_t count)
{
    while (count-- > 0)
        put_u8(w, 0);
}

static void put_uuid(struct writer *w, const struct dis_uuid *uuid)
{
    const uint8_t *b = uuid->bytes;
    put_u32(w, (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]);
    put_u16(w, (uint16_t)(b[4] << 8 | b[5]));
    put_u16(w, (uint16_t)(b[6] << 8 | b[7]));
    put_bytes(w, b + 8, 8);
}

static void put_syntax(struct writer *w, const struct dis_syntax *syntax)
{
    put_uuid(w, &syntax->uuid);
    put_u32(w, (uint32_t)syntax->minor << 16 | syntax->major);
}

/* A list's count and the three reserved bytes behind it. */
static void put_count(struct writer *w, uint8_t count)
{
    put_u8(w, count);
    put_zeros(w, 3);
}

/* C706 12.6.3.1; frag_length is filled in by finish(). */
static struct writer start(uint8_t *out, size_t room, enum dis_ptype type, const struct dis_head *head,
                           unsigned flags)
{
    struct writer w = { .out = out, .room = room, .big_endian = dis_big_endian(head->drep) };
    put_u8(&w, 5);
    put_u8(&w, head->minor);
    put_u8(&w, (uint8_t)type);
    put_u8(&w, (uint8_t)(head->flags | flags));
    put_bytes(&w, head->drep, 4);
    put_u16(&w, 0);
    put_u16(&w, 0);
    put_u32(&w, head->call_id);
    return w;
}

static size_t finish(struct writer *w)
{
    size_t length = w->at;
    if (w->full || length > DIS_PDU_SIZE_MAX)
        return 0;
    w->at = 8;
    put_u16(w, (uint16_t)length);
    return length;
}

size_t dis_compose_bind(uint8_t *out, size_t room, enum dis_ptype type, const struct dis_head *head,
                        const struct dis_bind *sizes, const struct dis_offer *offers, uint8_t offer_count)
{
    struct writer w = start(out, room, type, head, WHOLE);
    put_u16(&w, sizes->max_xmit_frag);
    put_u16(&w, sizes->max_recv_frag);
    put_u32(&w, sizes->assoc_group_id);
    put_count(&w, offer_count);
    for (unsigned i = 0; i < offer_count; i++) {
        put_u16(&w, offers[i].id);
        put_u8(&w, offers[i].transfer_count);
        put_u8(&w, 0);
        put_syntax(&w, &offers[i].abstract);
        for (unsigned j = 0; j < offers[i].transfer_count; j++)
            put_syntax(&w, &offers[i].transfers[j]);
    }
    return finish(&w);
}

size_t dis_compose_bind_ack(uint8_t *out, size_t room, enum dis_ptype type, const struct dis_head *head,
                            const struct dis_bind_ack *sizes, const char *secondary,
                            const struct dis_context_result *results, uint8_t result_count)
{
    size_t secondary_length = *secondary == '\0' ? 0 : strlen(secondary) + 1;
    if (secondary_length > DIS_PDU_SIZE_MAX)
        return 0;
    struct writer w = start(out, room, type, head, WHOLE);
    put_u16(&w, sizes->max_xmit_frag);
    put_u16(&w, sizes->max_recv_frag);
    put_u32(&w, sizes->assoc_group_id);
    put_u16(&w, (uint16_t)secondary_length);
    put_bytes(&w, secondary, secondary_length);
    put_zeros(&w, -w.at & 3);
    put_count(&w, result_count);
    for (unsigned i = 0; i < result_count; i++) {
        put_u16(&w, results[i].result);
        put_u16(&w, results[i].reason);
        put_syntax(&w, &results[i].transfer);
    }
    return finish(&w);
}

size_t dis_compose_bind_nak(uint8_t *out, size_t room, const struct dis_head *head, enum dis_nak_reason reason)
{
    struct writer w = start(out, room, DIS_BIND_NAK, head, WHOLE);
    put_u16(&w, (uint16_t)reason);
    put_u8(&w, 1);
    put_u8(&w, 5);
    put_u8(&w, 0);
    put_zeros(&w, 3);
    return finish(&w);
}

size_t dis_compose_fault(uint8_t *out, size_t room, const struct dis_head *head, uint16_t context_id, uint32_t status)
{
    enum { FAULT_SIZE = 32 };
    struct writer w = start(out, room, DIS_FAULT, head, WHOLE);
    put_u32(&w, FAULT_SIZE);
    put_u16(&w, context_id);
    put_u8(&w, 0);
    put_u8(&w, 0);
    put_u32(&w, status);
    put_u32(&w, 0);
    return finish(&w);
}

size_t dis_compose_request(uint8_t *out, size_t room, const struct dis_head *head, uint16_t context_id,
                           uint16_t opnum, const struct dis_uuid *object, uint32_t alloc_hint, const uint8_t *stub,
                           size_t stub_length)
{
    struct writer w = start(out, room, DIS_REQUEST, head, object != NULL ? DIS_OBJECT_UUID : 0);
    put_u32(&w, alloc_hint);
    put_u16(&w, context_id);
    put_u16(&w, opnum);
    if (object != NULL)
        put_uuid(&w, object);
    put_bytes(&w, stub, stub_length);
    return finish(&w);
}

size_t dis_compose_response(uint8_t *out, size_t room, const struct dis_head *head, uint16_t context_id,
                            uint32_t alloc_hint, const uint8_t *stub, size_t stub_length)
{
    struct writer w = start(out, room, DIS_RESPONSE, head, 0);
    put_u32(&w, alloc_hint);
    put_u16(&w, context_id);
    put_u16(&w, 0);
    put_bytes(&w, stub, stub_length);
    return finish(&w);
}

size_t dis_compose_control(uint8_t *out, size_t room, enum dis_ptype type, const struct dis_head *head)
{
    struct writer w = start(out, room, type, head, WHOLE);
    return finish(&w);
}

struct dis_syntax dis_feature_syntax(uint64_t features)
{
    struct dis_syntax syntax = {
        .uuid = { { 0x6c, 0xb7, 0x1c, 0x2c, 0x98, 0x12, 0x45, 0x40 } },
        .major = 1,
    };
    for (unsigned i = 0; i < 8; i++)
        syntax.uuid.bytes[8 + i] = (uint8_t)(features >> (8 * i));
    return syntax;
}

/* ---- in place ---- */

/* Offsets: C706 12.6.3.1 and 12.6.4. */
enum { TYPE_AT = 2, FLAGS_AT = 3, DREP_AT = 4, CALL_ID_AT = 12, SIZES_AT = 16, CONTEXT_AT = 20, GROUP_AT = 20 };

static struct writer patch(uint8_t *pdu, size_t at, size_t length)
{
    return (struct writer){ .out = pdu, .room = at + length, .at = at, .big_endian = dis_big_endian(pdu + DREP_AT) };
}

void dis_set_call_id(uint8_t *pdu, uint32_t call_id)
{
    struct writer w = patch(pdu, CALL_ID_AT, 4);
    put_u32(&w, call_id);
}

void dis_set_context_id(uint8_t *pdu, uint16_t context_id)
{
    struct writer w = patch(pdu, CONTEXT_AT, 2);
    put_u16(&w, context_id);
}

void dis_set_flags(uint8_t *pdu, uint8_t flags)
{
    pdu[FLAGS_AT] = flags;
}

void dis_set_group(uint8_t *pdu, uint32_t group)
{
    struct writer w = patch(pdu, GROUP_AT, 4);
    put_u32(&w, group);
}

void dis_set_sizes(uint8_t *pdu, uint16_t size)
{
    struct writer w = patch(pdu, SIZES_AT, 4);
    put_u16(&w, size);
    put_u16(&w, size);
}

void dis_set_type(uint8_t *pdu, enum dis_ptype type)
{
    pdu[TYPE_AT] = (uint8_t)type;
}
