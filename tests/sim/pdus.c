/* PDUs from and for a connection, and auth trailers that carry a sequence number in place of a signature. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include "dissect/frame.h"
#include "dissect/pdu.h"

#define TRAILER 8u  /* C706 13.2.6.1 */
#define TOKEN   16u /* bytes of our signatures */

size_t pdus_next(struct sim_reader *r, struct net_conn *c, unsigned end, const uint8_t **bytes)
{
    static uint8_t pdu[70000];
    for (size_t n; (n = net_read(c, end, r->bytes + r->length, sizeof r->bytes - r->length)) > 0;)
        r->length += n;
    struct dis_frame frame = dis_frame_next(r->bytes, r->length);
    if (frame.status == DIS_FRAME_BAD)
        sim_broken("the proxy wrote what is no PDU: %s", frame.error.what);
    if (frame.status == DIS_FRAME_MORE)
        return 0;
    memcpy(pdu, r->bytes, frame.length);
    r->length -= frame.length;
    memmove(r->bytes, r->bytes + frame.length, r->length);
    *bytes = pdu;
    return frame.length;
}

static void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

/* The common header has frag_length at 8 and auth_length at 10 (C706 12.6.3.1). */
size_t pdus_sign(uint8_t *pdu, size_t length, uint8_t level, uint32_t sequence)
{
    size_t padding = (16 - length % 16) % 16;
    uint8_t *trailer = pdu + length + padding;
    memset(pdu + length, 0, padding);
    memcpy(trailer, (const uint8_t[TRAILER]){ 10, level, (uint8_t)padding }, TRAILER);
    memset(trailer + TRAILER, 0x5a, TOKEN);
    memcpy(trailer + TRAILER, &sequence, sizeof sequence);
    put16(pdu + 8, length + padding + TRAILER + TOKEN);
    put16(pdu + 10, TOKEN);
    return length + padding + TRAILER + TOKEN;
}

bool pdus_signature(const uint8_t *pdu, uint32_t *sequence)
{
    size_t length = pdu[8] | (size_t)pdu[9] << 8, token = pdu[10] | (size_t)pdu[11] << 8;
    if (token != TOKEN)
        return false;
    memcpy(sequence, pdu + length - TOKEN, sizeof *sequence);
    return true;
}
