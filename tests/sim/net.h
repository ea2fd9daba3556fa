/* The network between hosts: connections as pairs of endpoints with bounded buffers, delays, loss of a whole host, and
 * TCP's own time-outs as Linux has them. The proxy reaches it by descriptors (kernel.h), clients and servers directly. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_ROOM      131072u /* most bytes of a buffer */
#define NET_ENDPOINTS 192u    /* at once */

struct bytes {
    uint32_t begin, end;
    uint8_t at[NET_ROOM];
};

struct host {
    const char *name;
    uint32_t address; /* IPv4, host order */
    bool silent;      /* drops everything, both ways */
};

struct endpoint {
    struct endpoint *peer;
    struct host *host;
    void (*wake)(void *owner); /* something has changed; NULL: it is polled */
    void *owner;
    uint32_t number, out_room, in_room;
    uint16_t port;
    uint32_t to;     /* the address that it connects to */
    bool held;       /* a process has it open */
    bool connected;  /* SYN answered */
    bool dead;       /* state CLOSE: reset, timed out, or refused */
    bool closing;    /* no more is sent by its process; a FIN follows `out` */
    bool fin_taken;  /* the peer's kernel has it */
    bool fin_come;   /* the peer's */
    bool delivering; /* an entry of the agenda is under way */
    bool by_reset;   /* SO_LINGER of 0: close() resets */
    bool keepalive;
    int error;                      /* SO_ERROR */
    uint32_t unsent;                /* dead: bytes that had not left by then */
    uint32_t idle, interval, count; /* keep-alive: s, s, probes */
    uint32_t timer;                 /* the entry that counts */
    uint32_t generation;            /* whose place it has: entries of the agenda that mean an earlier one are void */
    int64_t heard;                  /* when its peer was last heard of, while it is silent */
    int64_t moved;                  /* when the peer last took bytes, or there were none */
    int64_t fin_at;
    int64_t slow_from, slow_to; /* bytes may not go out between these */
    struct bytes out, in;
};

void net_begin(void);
bool net_polled_changed(void); /* since it was last asked: there may be something for those who poll */
bool net_is_wide(void);        /* buffers hold more than the proxy reads at once */

/* Where connects go: what listens at a port of a host. */
struct door {
    struct host *host;
    uint16_t port;
    bool open;
    bool deaf;                                          /* it does not answer a SYN, though the host is there */
    void (*knock)(void *owner, struct endpoint *inner); /* one has connected */
    void *owner;
};
struct door *net_door(struct host *host, uint16_t port); /* open; the one that was there, if there was one */

/* Begins to connect; `connected`, or `dead` with `error`, comes later. */
struct endpoint *net_dial(struct host *from, uint32_t address, uint16_t port);

size_t net_send(struct endpoint *e, const uint8_t *bytes, size_t length); /* what was taken */
size_t net_read(struct endpoint *e, uint8_t *bytes, size_t room);
void net_end(struct endpoint *e); /* FIN */
void net_close(struct endpoint *e, bool reset);

uint32_t net_room(const struct endpoint *e); /* bytes that net_send() would take */
uint32_t net_unacked(const struct endpoint *e);
static inline uint32_t net_waiting(const struct endpoint *e)
{
    return e->in.end - e->in.begin;
}

/* One of the two hosts is silent. */
static inline bool net_is_mute(const struct endpoint *e)
{
    return e->host->silent || (e->peer && e->peer->host->silent);
}

/* The peer has no room for more. */
static inline bool net_window_is_closed(const struct endpoint *e)
{
    return e->peer && net_waiting(e->peer) >= e->peer->in_room;
}

void net_set_silent(struct host *host, bool silent);
void net_options_changed(struct endpoint *e);

/* Bytes that have not left this host; while it is not dead they may yet. */
uint32_t net_unsent(const struct endpoint *e);
/* What TCP_INFO tells: ms since the last acknowledgement, segments that are not acknowledged, probes that were not answered. */
uint32_t net_last_ack_ms(const struct endpoint *e);
uint32_t net_in_flight(const struct endpoint *e);
uint32_t net_unanswered_probes(const struct endpoint *e);

#endif
