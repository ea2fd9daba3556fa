/* The fragments of one request or response, gathered to one stub (C706 12.6.3.1, MS-RPCE 3.3.1.5.8). */
#ifndef DIS_GATHER_H
#define DIS_GATHER_H

#include "pdu.h"

enum dis_gather_status { DIS_GATHER_DONE, DIS_GATHER_MORE, DIS_GATHER_BAD };

/* Zero-initialise, then set `limit`. Owns `stub`; dis_gather_reset() gives it back. */
struct dis_gather {
    size_t limit; /* most bytes of stub data */
    uint8_t *stub;
    size_t length;   /* bytes gathered */
    size_t capacity; /* bytes of `stub` */
    unsigned fragments;
    bool open; /* a first fragment was seen, the last was not */
    struct dis_header first;
    uint16_t context_id;
    uint16_t opnum;  /* of a request */
    uint32_t status; /* of a fault */
    bool has_object;
    struct dis_uuid object;
};

/* Takes the next request, response or fault PDU. DONE: all is there; read it, then reset.
 * BAD: *error says why (no first fragment, a second first one, another call's fragment, limit, memory); what
 * was gathered is kept until reset. */
enum dis_gather_status dis_gather_add(struct dis_gather *g, const struct dis_pdu *pdu, struct dis_error *error);

void dis_gather_reset(struct dis_gather *g); /* frees the stub, keeps the limit */

#endif
