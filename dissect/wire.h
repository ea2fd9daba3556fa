/* What TCP itself did under a conversation, whatever was said: who sent, acknowledged, probed, closed, and when. */
#ifndef DIS_WIRE_H
#define DIS_WIRE_H

#include "packet.h"

#define DIS_WIRE_QUIET 1000000000 /* ns without a packet that count as quiet */

/* What one end sent, and what the other said of it. */
struct dis_wire_way {
    bool heard;
    bool opened; /* a SYN */
    bool fin;
    bool rst;
    bool acked;            /* `acknowledged` is known */
    uint32_t sent;         /* sequence number behind all of it, SYN and FIN counted */
    uint32_t acknowledged; /* by the other end */
    uint32_t repeated;     /* segments, SYN and FIN included, that had been sent before */
    uint32_t probes;       /* keep-alives */
    uint32_t probes_open;  /* of them, since the other end was heard last */
    uint32_t reading;      /* sequence number behind the segment that is being read */
    uint32_t rst_sequence;
    struct dis_place last;
    struct dis_place fin_at;
    struct dis_place rst_at;
};

/* Zero-initialise. */
struct dis_wire {
    struct dis_wire_way way[2];
    struct dis_place last; /* packet of either */
    int64_t quiet;         /* ns before `quiet_until`, in which nobody said anything */
    uint64_t quiet_until;  /* the frame that ended it */
};

/* Each packet of the connection, in the order of the capture. */
void dis_wire_note(struct dis_wire *w, unsigned way, const struct dis_packet *packet, struct dis_place place);

/* Whether the other end has acknowledged what was sent on `way` before `sequence`. */
bool dis_wire_has(const struct dis_wire *w, unsigned way, uint32_t sequence);

/* Whether all that was sent on `way` was acknowledged. */
bool dis_wire_has_all(const struct dis_wire *w, unsigned way);

#endif
