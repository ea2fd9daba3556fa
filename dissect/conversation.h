/* What two sides said to each other over a connection or a pipe: contexts, calls with their answers.
 *
 * Requests and answers are paired by call id and direction, whether or not a bind was seen: call ids may be used again,
 * answers may come in any order, servers may call back. */
#ifndef DIS_CONVERSATION_H
#define DIS_CONVERSATION_H

#include "rpc_call.h"
#include "reader.h"
#include "wire.h"

#define DIS_CALLS_OPEN_MOST 1024u /* of one conversation; the oldest is given up for a new one */
#define DIS_CONTEXTS_MOST   1024u /* of one conversation; others are not remembered */
#define DIS_PIPE_TEXT       40u
#define DIS_PIPE_NAME       64u

enum dis_transport { DIS_OVER_TCP, DIS_OVER_SMB, DIS_OVER_SMB2 };

enum dis_context_state { DIS_CONTEXT_OFFERED, DIS_CONTEXT_ACCEPTED, DIS_CONTEXT_REFUSED };

/* A presentation context that was offered on this conversation. */
struct dis_bound {
    uint16_t id;
    uint8_t place;  /* in the bind that offered it */
    uint32_t offer; /* which bind that was */
    enum dis_context_state state;
    uint16_t reason; /* refused by a bind_ack: enum dis_result_reason; by a bind_nak: its reason */
    bool by_nak;
    struct dis_place answered; /* accepted or refused */
    bool features;             /* no interface: the negotiation of features */
    struct dis_syntax interface;
    const struct dis_interface *known;
};

struct dis_conversation {
    uint64_t number; /* of all, by first PDU; from 1 */
    uint64_t stream; /* number of its TCP connection, as tshark counts: from 0 */
    enum dis_transport transport;
    struct dis_endpoint end[2]; /* way 0 is from end[0] to end[1] */
    char pipe[DIS_PIPE_TEXT];   /* the handle, as text; "" over TCP */
    char pipe_name[DIS_PIPE_NAME];
    bool bind_seen;
    const struct dis_wire *wire; /* of its connection; not owned */
    bool begins[2];              /* way's first byte was seen, and no gap since */
    int client;                  /* the end that binds or calls; -1: not known yet */
    uint8_t auth_type;           /* of the last bind that had a trailer; level 0: none */
    uint8_t auth_level;
    uint32_t assoc_group;
    uint64_t pdus;
    uint64_t calls;
    uint64_t unmatched; /* answers whose requests were not seen */
    uint32_t gaps[2];   /* by way */
    struct dis_place first;
    struct dis_place last;
    enum dis_ending ending; /* CLOSED, RESET, CAPTURE, FORGOTTEN */
    struct dis_bound *contexts;
    uint32_t context_count;
    uint32_t offers;
    struct dis_call *open; /* oldest first */
    struct dis_call **open_end;
    uint32_t open_count;
    struct dis_news *news;
};

/* A PDU that was read. Good during the call that tells it. */
struct dis_sighting {
    const struct dis_conversation *in;
    unsigned way;
    const struct dis_found *found;
    unsigned index; /* of the PDUs that end in this packet; from 0 */
    bool decoded;
    struct dis_pdu pdu;
    struct dis_error error;
    const struct dis_call *call; /* to which it belongs, or NULL */
};

struct dis_datagram_sighting;

/* Somebody tried to open a connection, and none came about. */
struct dis_attempt {
    struct dis_endpoint from;
    struct dis_endpoint to;
    unsigned syns;
    bool reset; /* refused; else nothing answered */
    struct dis_place place;
};

/* Whom to tell what. Any of them may be NULL. `number` is counted here. */
struct dis_news {
    void *context;
    void (*pdu)(void *context, const struct dis_sighting *sighting);
    void (*datagram)(void *context, const struct dis_datagram_sighting *sighting);
    void (*call)(void *context, const struct dis_call *call); /* it has ended */
    void (*left)(void *context, const struct dis_call *call); /* its client has given it up */
    void (*bound)(void *context, const struct dis_conversation *c,
                  const struct dis_bound *bound);                          /* a result is known */
    void (*conversation)(void *context, const struct dis_conversation *c); /* it has ended */
    void (*attempt)(void *context, const struct dis_attempt *attempt);
    uint64_t calls;
    uint64_t conversations;
    uint64_t last_frame; /* of the last PDU told */
    unsigned index;
    uint64_t contexts_dropped;
    uint64_t calls_dropped;
};

/* How many PDUs that were told before end in the same packet. */
unsigned dis_news_index(struct dis_news *news, uint64_t frame);

struct dis_conversation *dis_conversation_new(struct dis_news *news);

/* A PDU, in the order of its way. */
void dis_conversation_take(struct dis_conversation *c, unsigned way, const struct dis_found *found);

/* The connection has ended within this PDU: where it is the first fragment of a request, that is a call that failed. */
void dis_conversation_rest(struct dis_conversation *c, unsigned way, const struct dis_found *found);

/* That end has closed or reset the connection. */
void dis_conversation_leave(struct dis_conversation *c, unsigned way, struct dis_place place);

/* Bytes of that way are missing. */
void dis_conversation_gap(struct dis_conversation *c, unsigned way);

/* Tells the ends of all that is open, and frees. */
void dis_conversation_end(struct dis_conversation *c, enum dis_ending ending);

#endif
