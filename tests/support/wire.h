/* A non-blocking socket: whole PDUs come in, bytes go out once per turn of the loop.
 *
 *     CONNECTING --> OPEN --> CLOSING (when all is written: FIN) --> CLOSED
 *          |          | `---> RESETTING (one more write, then RST) ---^
 *          `----------+--------- the peer ended it, or wrote rubbish -' */
#ifndef SUP_WIRE_H
#define SUP_WIRE_H

#include <sys/queue.h>
#include <uv.h>

#include "bytes.h"
#include "proxy/address.h"

enum wire_end {
    WIRE_PEER_CLOSED,   /* FIN */
    WIRE_PEER_RESET,    /* RST, or the connection failed otherwise */
    WIRE_NOT_CONNECTED, /* refused, unreachable */
    WIRE_BAD_FRAME,     /* what came is no DCE/RPC stream; answered by RST, as Samba does */
    WIRE_OWN_CLOSE,
    WIRE_OWN_RESET
};

enum wire_state { WIRE_CONNECTING, WIRE_OPEN, WIRE_CLOSING, WIRE_RESETTING, WIRE_CLOSED };

struct wire;

/* What the owner of a wire is told. `opened` is called for wire_connect() alone. After `ended` only `freed`
 * follows, once the loop no longer knows the wire: its memory may go, or serve again. */
struct wire_events {
    void (*opened)(struct wire *wire);
    void (*pdu)(struct wire *wire, const uint8_t *bytes, size_t length);
    void (*ended)(struct wire *wire, enum wire_end how);
    void (*freed)(struct wire *wire);
};

TAILQ_HEAD(wire_list, wire);

/* The loop's side: which wires have something to write at the end of this turn. */
struct wire_turn {
    uv_loop_t *loop;
    uv_prepare_t sweep;
    struct wire_list dirty;
    uint8_t scratch[65536]; /* what was just read */
};

struct wire {
    uv_poll_t poll;
    struct wire_turn *turn;
    const struct wire_events *events;
    struct bytes in;  /* the beginning of a PDU; empty otherwise */
    struct bytes out; /* append here, then wire_touch() */
    TAILQ_ENTRY(wire) link;
    int fd;
    int watched; /* enum uv_poll_event that the loop is asked for */
    enum wire_state state;
    bool dirty;
};

/* Also raises the limit on open files as far as it goes. */
void wire_turn_start(struct wire_turn *turn, uv_loop_t *loop);

/* `wire` must be zeroed, or freed and left alone since. */
void wire_adopt(struct wire *wire, struct wire_turn *turn, const struct wire_events *events, int fd);

/* 0, or an errno; then the wire was not started and no event follows. */
int wire_connect(struct wire *wire, struct wire_turn *turn, const struct wire_events *events,
                 const struct px_address *to);

void wire_touch(struct wire *wire); /* `out` was added to */
void wire_close(struct wire *wire); /* once `out` is written */
void wire_reset(struct wire *wire); /* after one try to write `out` */

#endif
