/* Our connection to a member of a server. */
#ifndef PX_UPSTREAM_H
#define PX_UPSTREAM_H

#include "loop.h"
#include "origin.h"
#include "socket.h"

struct px_upstream {
    struct px_socket socket;
    struct px_loop *loop;
    struct px_association *association; /* its client's; or its own, as long as it belongs to no client */
    struct px_downstream *downstream;   /* NULL: its client has gone, or it is shared */
    struct px_destination *destination; /* that it keeps; or NULL */
    struct px_pooled *pooled;           /* what is known of it as a shared link; NULL: it is its client's. Owned */
    const char *member;                 /* as configured; lives as long as the process */
    struct px_upstream *next_flush;
    bool flushes;        /* it stands in loop->flush */
    struct px_buffer in; /* the part of a PDU that has come */
    struct pol_id id;
    struct px_keepalive *keepalive; /* while it is probed; owned */
    int64_t opened;                 /* µs */
    uint32_t server;                /* of the settings */
    size_t limit;                   /* bytes that may wait for the server */
    bool connected;
    bool regroup; /* beside POL_PASS: the association group that its client is told */
    uint32_t group;
    bool may_have_run; /* beside POL_PASS of a fault: no did-not-execute in it */
    bool pass;         /* what the brain said of the PDU that it was asked about */
    bool stopped;      /* the brain knows that this server does not read */
    bool ended;        /* the brain knows that no more comes */
    bool is_closing;
};

/* Begins to connect, for this client or (NULL) for nobody yet; the outcome is told to the brain. */
void px_upstream_dial(struct px_loop *loop, struct pol_id id, const struct px_roster_member *member,
                      struct px_downstream *downstream);

/* It belongs to this client from now on. */
void px_upstream_own(struct px_upstream *u, struct px_downstream *downstream);

/* Tells the brain when so much waits for the server that no more should be read for it. */
void px_upstream_tell_room(struct px_upstream *u);

/* The ports that an endpoint mapper names to a shim's client must be known to programs before it can go there. */
void px_upstream_note_endpoints(struct px_downstream *d, const struct px_call *call, const struct dis_pdu *pdu);

/* Whole PDUs for the server. */
void px_upstream_write(struct px_upstream *u, const uint8_t *bytes, size_t length);

/* A PDU of our own for the server; the bytes of no call are among it. */
void px_upstream_say(struct px_upstream *u, const uint8_t *pdu, size_t length);

void px_upstream_probe(struct px_upstream *u, bool on);
void px_upstream_set_paused(struct px_upstream *u, bool paused);
void px_upstream_end_input(struct px_upstream *u);
void px_upstream_close(struct px_upstream *u, bool reset, enum pol_when when, unsigned reason);

#endif
