/* A client's connection to us. */
#ifndef PX_DOWNSTREAM_H
#define PX_DOWNSTREAM_H

#include "endpoints.h"
#include "loop.h"
#include "origin.h"
#include "socket.h"

/* What the brain has said of the PDU at the front. */
enum px_front {
    PX_FRONT_NEW,   /* it has not been asked yet */
    PX_FRONT_ASKED, /* it holds it */
    PX_FRONT_PASS,  /* it goes up */
    PX_FRONT_DROP,  /* it was answered here */
};

struct px_downstream {
    struct px_socket socket;
    struct px_loop *loop;
    struct px_association *association;
    struct px_upstream *upstream; /* NULL before the dial and after the link's end */
    struct px_downstream *next_ready;
    struct px_buffer in; /* bytes that were read and cannot go on yet; the front is the first PDU of them */
    struct px_call *front_call;
    struct px_keepalive *keepalive; /* while it is probed; owned */
    struct pol_id id;
    struct px_target target; /* where it meant to go */
    struct px_towers towers; /* of answers of an endpoint mapper */
    uint8_t front;           /* enum px_front */
    bool is_ready;           /* stands in loop->ready */
    bool paused;             /* by the brain: the server does not take bytes */
    bool full;               /* it has as many open calls as one may have */
    bool stopped;            /* the brain knows that this client does not read */
    bool ended;              /* the brain knows that no more comes */
    bool owes;               /* the brain knows that it keeps us waiting … */
    bool is_closing;
    uint64_t done; /* … and how many bytes had come and gone when it was last told so */
    size_t unit; /* bytes of what stands at the front, once it was asked about: more than one PDU of a plain client */
    uint64_t dropped;           /* bytes that came and did not go up as they were */
    const uint8_t *front_bytes; /* while it is being asked about, or held, unless … */
    bool taken;                 /* … the call at the front keeps them */
    uint32_t group;             /* regroup: what its bind says instead */
    bool regroup;
};

/* The client with that id, or NULL. */
static inline struct px_downstream *px_downstream_of(const struct px_loop *loop, struct pol_id id)
{
    struct px_downstream *d = id.index < loop->max_clients ? loop->clients[id.index] : NULL;
    return d && pol_id_equal(d->id, id) ? d : NULL;
}

/* Takes over an accepted descriptor, and what the target holds; on failure both are given up. `peer` is who it is, for
 * people. */
void px_downstream_open(struct px_loop *loop, int fd, const struct px_target *target, struct pol_identity identity,
                        struct pol_identity carried, const char *peer);

/* The brain's verdict on its front. */
void px_downstream_verdict(struct px_downstream *d, enum px_front verdict);
void px_downstream_regroup(struct px_downstream *d, uint32_t group); /* its bind asks to join that one */
void px_downstream_probe(struct px_downstream *d, bool on);
void px_downstream_set_paused(struct px_downstream *d, bool paused);

/* Whole PDUs for the client; may be cut anywhere by the kernel. */
void px_downstream_write(struct px_downstream *d, const uint8_t *bytes, size_t length);

void px_downstream_close(struct px_downstream *d, bool reset, enum pol_when when, uint32_t delay, unsigned reason);

/* It has a link of its own: a request that its call keeps goes up there as it came. */
void px_downstream_give_back(struct px_downstream *d);

/* Goes on with what waits at its front, after a verdict. */
void px_downstream_go_on(struct px_downstream *d);

/* One of its calls has ended: room for another one. */
void px_downstream_call_ended(struct px_downstream *d);

#endif
