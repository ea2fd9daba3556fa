/* Joins fragments. The only file of the library that allocates. */
#include "gather.h"

#include <stdlib.h>
#include <string.h>

struct stub {
    const uint8_t *bytes;
    size_t length;
};

static struct stub stub_of(const struct dis_pdu *pdu)
{
    switch (pdu->header.type) {
    case DIS_REQUEST:
        return (struct stub){ pdu->request.stub, pdu->request.stub_length };
    case DIS_RESPONSE:
        return (struct stub){ pdu->response.stub, pdu->response.stub_length };
    default:
        return (struct stub){ pdu->fault.stub, pdu->fault.stub_length };
    }
}

/* Later fragments repeat these fields, and servers read the first one's only. */
static void begin(struct dis_gather *g, const struct dis_pdu *pdu)
{
    *g = (struct dis_gather){
        .limit = g->limit, .stub = g->stub, .capacity = g->capacity, .open = true, .first = pdu->header
    };
    if (pdu->header.type == DIS_REQUEST) {
        g->context_id = pdu->request.context_id;
        g->opnum = pdu->request.opnum;
        g->has_object = pdu->request.has_object;
        g->object = pdu->request.object;
    } else if (pdu->header.type == DIS_RESPONSE) {
        g->context_id = pdu->response.context_id;
    } else {
        g->context_id = pdu->fault.context_id;
        g->status = pdu->fault.status;
    }
}

/* Why the PDU is not what may come next, or NULL. One direction carries one incomplete call at a time, even
 * where calls are multiplexed (MS-RPCE 3.3.1.5.8). */
static const char *misplaced(const struct dis_gather *g, const struct dis_header *next)
{
    if (next->type != DIS_REQUEST && next->type != DIS_RESPONSE && next->type != DIS_FAULT)
        return "not a fragment of a call";
    bool first = (next->flags & DIS_FIRST_FRAG) != 0;
    if (first)
        return g->open ? "a first fragment inside another call" : NULL;
    if (!g->open)
        return "no first fragment before this one";
    if (next->type != g->first.type || next->call_id != g->first.call_id)
        return "a fragment of another call";
    if (dis_big_endian(next->drep) != dis_big_endian(g->first.drep))
        return "fragments in two byte orders";
    return NULL;
}

/* Grows by doubling, and never on the sender's word (alloc_hint) alone. */
static bool make_room(struct dis_gather *g, size_t length)
{
    if (length <= g->capacity)
        return true;
    size_t capacity = g->capacity > g->limit / 2 ? g->limit : g->capacity * 2;
    if (capacity < length)
        capacity = length;
    uint8_t *stub = realloc(g->stub, capacity);
    if (stub == NULL)
        return false;
    g->stub = stub;
    g->capacity = capacity;
    return true;
}

static const char *append(struct dis_gather *g, struct stub stub)
{
    if (stub.length > g->limit - g->length)
        return "more stub data than the limit";
    if (!make_room(g, g->length + stub.length))
        return "out of memory";
    if (stub.length != 0)
        memcpy(g->stub + g->length, stub.bytes, stub.length);
    g->length += stub.length;
    g->fragments++;
    return NULL;
}

enum dis_gather_status dis_gather_add(struct dis_gather *g, const struct dis_pdu *pdu, struct dis_error *error)
{
    const char *what = misplaced(g, &pdu->header);
    if (what == NULL) {
        if ((pdu->header.flags & DIS_FIRST_FRAG) != 0)
            begin(g, pdu);
        what = append(g, stub_of(pdu));
    }
    *error = (struct dis_error){ .what = what };
    if (what != NULL)
        return DIS_GATHER_BAD;
    g->open = (pdu->header.flags & DIS_LAST_FRAG) == 0;
    return g->open ? DIS_GATHER_MORE : DIS_GATHER_DONE;
}

void dis_gather_reset(struct dis_gather *g)
{
    free(g->stub);
    *g = (struct dis_gather){ .limit = g->limit };
}
