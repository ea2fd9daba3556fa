/* A call as a reader of captured traffic knows it. */
#ifndef DIS_RPC_CALL_H
#define DIS_RPC_CALL_H

#include "packet.h"
#include "pdu.h"

struct dis_conversation;

/* How a call ended, or why that is not known. The last ones are no ends: nobody may call them a hang. */
enum dis_ending {
    DIS_END_OPEN,      /* it has not */
    DIS_END_ANSWERED,  /* response */
    DIS_END_FAULT,     /* fault */
    DIS_END_MAYBE,     /* its client wanted no answer */
    DIS_END_CLOSED,    /* unanswered: its connection or pipe was closed */
    DIS_END_RESET,     /* unanswered: its connection was reset */
    DIS_END_GAP,       /* bytes in which the answer may lie are not in the capture */
    DIS_END_ONE_SIDED, /* nothing of its server is in the capture */
    DIS_END_CAPTURE,   /* the capture ends before it */
    DIS_END_FORGOTTEN, /* more calls were open than are kept */
    DIS_END_COUNT
};

enum dis_answer { DIS_NO_ANSWER, DIS_ANSWER_RESPONSE, DIS_ANSWER_FAULT };

struct dis_call {
    struct dis_call *next;
    const struct dis_conversation *in;
    uint64_t number; /* of all calls of a capture, by their first fragment; from 1 */
    unsigned way;    /* of the request: from in->end[way] to in->end[!way] */
    uint32_t id;
    uint16_t context_id;
    uint16_t opnum;
    bool has_request; /* false: only the answer was seen, and opnum means nothing */
    bool has_object;
    bool has_interface; /* the bind was seen */
    bool complete;      /* the request's last fragment was seen */
    bool partial;       /* its connection ended within the first fragment, so its client never sent that whole */
    bool cancelled;
    bool orphaned;
    bool gap; /* bytes of the answering side are missing since the request */
    bool did_not_execute;
    bool id_differs;   /* the answer had another call id, and the call was the only one open */
    bool left;         /* its client cancelled it, or closed or reset its connection, before it was answered */
    uint8_t auth_type; /* of its first PDU's trailer; level 0: it has none */
    uint8_t auth_level;
    struct dis_uuid object;
    struct dis_syntax interface;
    const struct dis_interface *known; /* NULL: no name for it */
    struct dis_place request_first;
    struct dis_place request_last;
    struct dis_place answer_first;
    struct dis_place answer_last;
    struct dis_place left_at;
    int64_t quiet_before;     /* ns in which nothing was sent on its connection before it; 0: not so long */
    uint32_t request_end;     /* sequence number behind the segment with its last byte */
    uint32_t repeated_before; /* of what its way counts in struct dis_wire, when it began */
    uint32_t probes_before;
    unsigned request_fragments;
    unsigned answer_fragments;
    uint64_t request_bytes; /* stub data */
    uint64_t answer_bytes;
    enum dis_answer answer;
    uint32_t status; /* of a fault */
    enum dis_ending ending;
};

/* "answered", "capture-ends", … */
const char *dis_ending_name(enum dis_ending ending);

/* Whether nobody answered, though nothing is missing that may be the answer. */
bool dis_is_unanswered(enum dis_ending ending);

/* ns from the request's first fragment to the answer's first and last one; -1 where there is none. */
int64_t dis_call_first(const struct dis_call *call);
int64_t dis_call_last(const struct dis_call *call);

#endif
