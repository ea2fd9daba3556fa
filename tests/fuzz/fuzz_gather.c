/* Any sequence of fragments, against a model that keeps everything. */
#include "gather.h"

#include "fuzz.h"

enum { LIMIT = 300, STEP = 4 };

struct model {
    uint8_t stub[LIMIT];
    size_t length;
    unsigned fragments;
    bool open;
    uint8_t type;
    uint32_t call_id;
    bool big_endian;
};

/* Each step of the input: type and byte order, flags, call id, length of the stub that follows. */
static struct dis_pdu pdu_of(const uint8_t *step, const uint8_t *stub)
{
    static const uint8_t types[] = { DIS_REQUEST, DIS_RESPONSE, DIS_FAULT, DIS_BIND };
    struct dis_pdu pdu = {
        .header = { .type = types[step[0] & 3], .flags = step[1], .call_id = step[2] & 3u },
    };
    pdu.header.drep[0] = (step[0] & 0x30) == 0x30 ? 0x00 : 0x10;
    if (pdu.header.type == DIS_REQUEST)
        pdu.request = (struct dis_request){ .stub = stub, .stub_length = step[3] };
    else if (pdu.header.type == DIS_RESPONSE)
        pdu.response = (struct dis_response){ .stub = stub, .stub_length = step[3] };
    else if (pdu.header.type == DIS_FAULT)
        pdu.fault = (struct dis_fault){ .stub = stub, .stub_length = step[3] };
    return pdu;
}

static bool acceptable(const struct model *m, const struct dis_header *h)
{
    if (h->type == DIS_BIND)
        return false;
    if ((h->flags & DIS_FIRST_FRAG) != 0)
        return !m->open;
    return m->open && h->type == m->type && h->call_id == m->call_id && dis_big_endian(h->drep) == m->big_endian;
}

static enum dis_gather_status model_add(struct model *m, const struct dis_header *h, const uint8_t *stub,
                                        size_t length)
{
    if (!acceptable(m, h))
        return DIS_GATHER_BAD;
    if ((h->flags & DIS_FIRST_FRAG) != 0)
        *m = (struct model){
            .open = true, .type = h->type, .call_id = h->call_id, .big_endian = dis_big_endian(h->drep)
        };
    if (length > LIMIT - m->length)
        return DIS_GATHER_BAD;
    memcpy(m->stub + m->length, stub, length);
    m->length += length;
    m->fragments++;
    m->open = (h->flags & DIS_LAST_FRAG) == 0;
    return m->open ? DIS_GATHER_MORE : DIS_GATHER_DONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dis_gather g = { .limit = LIMIT };
    struct model m = { 0 };
    while (size >= STEP && size - STEP >= data[3]) {
        struct dis_error error;
        uint8_t *stub = exact_copy(data + STEP, data[3]);
        struct dis_pdu pdu = pdu_of(data, stub);
        enum dis_gather_status status = dis_gather_add(&g, &pdu, &error);
        CHECK(status == model_add(&m, &pdu.header, stub, data[3]));
        CHECK((status == DIS_GATHER_BAD) == (error.what != NULL));
        CHECK(g.length == m.length && g.fragments == m.fragments && g.open == m.open);
        CHECK(g.length <= g.capacity && g.capacity <= LIMIT);
        CHECK(g.length == 0 || memcmp(g.stub, m.stub, g.length) == 0);
        free(stub);
        if ((data[1] & 0x80) != 0) {
            dis_gather_reset(&g);
            m = (struct model){ 0 };
        }
        size -= STEP + (size_t)data[3];
        data += STEP + (size_t)data[3];
    }
    dis_gather_reset(&g);
    return 0;
}
