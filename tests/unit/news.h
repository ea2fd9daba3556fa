/* What was told, kept for tests: calls and conversations that have ended, PDUs counted. */
#ifndef TESTS_NEWS_H
#define TESTS_NEWS_H

#include <stdlib.h>
#include <string.h>

#include "compose.h"
#include "conversation.h"

enum { TOLD_MOST = 4096 };

struct told {
    struct dis_call calls[TOLD_MOST]; /* `in` is not to be followed: it may have gone */
    unsigned call_count;
    enum dis_ending endings[TOLD_MOST]; /* of conversations */
    char pipe_names[TOLD_MOST][DIS_PIPE_NAME];
    uint64_t streams[TOLD_MOST];
    unsigned conversation_count;
    unsigned pdus;
    unsigned cut; /* PDUs of which bytes are missing */
    unsigned bound;
    unsigned datagrams;
};

static inline void told_pdu(void *context, const struct dis_sighting *s)
{
    struct told *t = context;
    t->pdus++;
    t->cut += s->found->missing != 0;
}

static inline void told_datagram(void *context, const struct dis_datagram_sighting *s)
{
    (void)s;
    ((struct told *)context)->datagrams++;
}

static inline void told_call(void *context, const struct dis_call *call)
{
    struct told *t = context;
    if (t->call_count == TOLD_MOST)
        abort();
    t->calls[t->call_count++] = *call;
}

static inline void told_bound(void *context, const struct dis_conversation *c, const struct dis_bound *bound)
{
    (void)c;
    (void)bound;
    ((struct told *)context)->bound++;
}

static inline void told_conversation(void *context, const struct dis_conversation *c)
{
    struct told *t = context;
    if (t->conversation_count == TOLD_MOST)
        abort();
    memcpy(t->pipe_names[t->conversation_count], c->pipe_name, DIS_PIPE_NAME);
    t->streams[t->conversation_count] = c->stream;
    t->endings[t->conversation_count++] = c->ending;
}

static inline struct dis_news told_news(struct told *t)
{
    return (struct dis_news){ .context = t,
                              .pdu = told_pdu,
                              .datagram = told_datagram,
                              .call = told_call,
                              .bound = told_bound,
                              .conversation = told_conversation };
}

/* PDUs to say. */
struct said {
    uint8_t bytes[512];
    size_t length;
};

static inline struct said say_bind(uint32_t call_id)
{
    static const struct dis_bind sizes = { .max_xmit_frag = 4280, .max_recv_frag = 4280 };
    struct dis_head head = { .drep = dis_little_endian, .call_id = call_id };
    struct dis_offer offer = { .id = 0, .transfers = &dis_ndr, .transfer_count = 1 };
    struct said s;
    dis_uuid_parse("60a15ec5-4de8-11d7-a637-005056a20182", &offer.abstract.uuid);
    offer.abstract.major = 1;
    s.length = dis_compose_bind(s.bytes, sizeof(s.bytes), DIS_BIND, &head, &sizes, &offer, 1);
    return s;
}

static inline struct said say_bind_ack(uint32_t call_id)
{
    static const struct dis_bind_ack sizes = { .max_xmit_frag = 4280, .max_recv_frag = 4280 };
    struct dis_head head = { .drep = dis_little_endian, .call_id = call_id };
    struct dis_context_result result = { .transfer = dis_ndr };
    struct said s;
    s.length = dis_compose_bind_ack(s.bytes, sizeof(s.bytes), DIS_BIND_ACK, &head, &sizes, "135", &result, 1);
    return s;
}

static inline struct said say_request(uint32_t call_id, unsigned flags, uint16_t opnum)
{
    static const uint8_t stub[40] = { 1, 2, 3 };
    struct dis_head head = { .drep = dis_little_endian, .call_id = call_id, .flags = (uint8_t)flags };
    struct said s;
    s.length = dis_compose_request(s.bytes, sizeof(s.bytes), &head, 0, opnum, NULL, 40, stub, sizeof(stub));
    return s;
}

static inline struct said say_response(uint32_t call_id, unsigned flags)
{
    static const uint8_t stub[24] = { 4, 5, 6 };
    struct dis_head head = { .drep = dis_little_endian, .call_id = call_id, .flags = (uint8_t)flags };
    struct said s;
    s.length = dis_compose_response(s.bytes, sizeof(s.bytes), &head, 0, 24, stub, sizeof(stub));
    return s;
}

static inline struct said say_fault(uint32_t call_id, unsigned flags, uint32_t status)
{
    struct dis_head head = { .drep = dis_little_endian, .call_id = call_id, .flags = (uint8_t)flags };
    struct said s;
    s.length = dis_compose_fault(s.bytes, sizeof(s.bytes), &head, 0, status);
    return s;
}

static inline struct said say_control(enum dis_ptype type, uint32_t call_id)
{
    struct dis_head head = { .drep = dis_little_endian, .call_id = call_id };
    struct said s;
    s.length = dis_compose_control(s.bytes, sizeof(s.bytes), type, &head);
    return s;
}

#endif
