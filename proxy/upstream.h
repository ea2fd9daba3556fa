/* Our connection to a member of a server. */
#ifndef PX_UPSTREAM_H
#define PX_UPSTREAM_H

#include "loop.h"
#include "socket.h"

struct px_upstream {
    struct px_socket socket;
    struct px_loop *loop;
    struct px_association *association;
    struct px_downstream *downstream; /* NULL: its client has gone */
    struct px_buffer in;              /* the part of a PDU that has come */
    struct pol_id id;
    struct px_keepalive *keepalive; /* while it is probed; owned */
    int64_t opened;                 /* µs */
    uint32_t server;                /* of the settings */
    size_t limit;                   /* bytes that may wait for the server */
    bool connected;
    bool pass;    /* what the brain said of the PDU that it was asked about */
    bool stopped; /* the brain knows that this server does not read */
    bool ended;   /* the brain knows that no more comes */
    bool is_closing;
};

/* Begins to connect for this client; the outcome is told to the brain. */
void px_upstream_dial(struct px_loop *loop, struct pol_id id, const struct px_roster_member *member,
                      struct px_downstream *downstream);

/* Whole PDUs for the server. */
void px_upstream_write(struct px_upstream *u, const uint8_t *bytes, size_t length);

/* A PDU of our own for the server; the bytes of no call are among it. */
void px_upstream_say(struct px_upstream *u, const uint8_t *pdu, size_t length);

void px_upstream_probe(struct px_upstream *u, bool on);
void px_upstream_set_paused(struct px_upstream *u, bool paused);
void px_upstream_end_input(struct px_upstream *u);
void px_upstream_close(struct px_upstream *u, bool reset, enum pol_when when, unsigned reason);

#endif
