/* What is known of one client connection and the connection that serves it, as a conversation: presentation contexts,
 * authentication, open calls. It has no socket; it lives as long as either side does.
 *
 * "Association" is C706's word for a connection that is bound (C706 9.3). */
#ifndef PX_ASSOCIATION_H
#define PX_ASSOCIATION_H

#include "../dissect/names.h"
#include "../dissect/pdu.h"
#include "../policy/policy.h"
#include "call_rules.h"

#define PX_NO_TIME (-1) /* µs: has not happened */

/* A presentation context, offered and perhaps accepted. Kept small: thousands of idle clients each have one or two. */
struct px_context {
    const struct dis_interface *known;      /* NULL: no name */
    const struct px_interface_rules *rules; /* see px_association_rules() */
    struct dis_syntax interface;
    uint16_t id;
    bool offered; /* in the bind that has no answer yet; else accepted */
};

/* An attempt of a call that came to nothing. */
struct px_try {
    const char *server; /* the member */
    const char *evidence;
    uint8_t proof; /* enum pol_proof: that it did not run */
};

#define PX_TRIES_MOST 4u

/* One call: what its log line will say, and where its bytes stand. Times are µs of the monotonic clock. */
struct px_call {
    struct pol_id id;
    struct pol_id client;
    uint32_t next, previous; /* among the open calls of its association, oldest first; POL_NONE ends */
    uint32_t call_id;
    uint64_t number; /* among the calls of its connection, from 1: clients use a call_id again */
    uint16_t context_id;
    uint16_t opnum;
    const struct dis_interface *known;
    struct dis_syntax interface; /* nil where the bind was not seen or not kept */
    uint8_t drep[4];
    uint8_t minor;
    uint8_t auth_type, auth_level;
    uint8_t write_seen; /* what the brain was told last: 0 nothing, 1 first fragment done, 3 all done */
    bool leased;        /* let go onto the link */
    bool request_done;  /* last fragment arrived */
    bool answer_begun;
    bool answer_done; /* the last fragment of the answer was relayed; the brain has not said the end yet */
    bool swallow_answer;
    bool watched;   /* its time-out begins anew with each progress */
    bool abandoned; /* its line is written; it stays until the server is done with it */
    bool plain;     /* it goes up on a link that is shared */
    bool has_status;
    uint32_t status; /* of a fault */
    uint32_t fragments_in, fragments_out;
    uint64_t bytes_in, bytes_out; /* whole PDUs */
    uint64_t first_end, last_end; /* offsets in the upward stream; 0: not passed on yet */
    int64_t begun, leased_at, first_answer, ended;
    struct px_association *association;
    const char *server; /* the member that it went to, as configured; NULL: none. Lives as long as the process */

    /* of a plain client's call */
    uint8_t *kept; /* the request, so that it can be sent up once more; NULL: it cannot; owned */
    size_t kept_length;
    struct px_try tries[PX_TRIES_MOST]; /* the attempts before this one, the last of them */
    uint8_t try_count;
    uint8_t attempts; /* leases, ever */

    /* on a shared link, plain */
    struct px_upstream *upstream;
    uint32_t presentation;             /* of its context, see offers.h */
    uint32_t upper_id;                 /* its call_id there */
    uint32_t link_next, link_previous; /* among the calls there, in the order of their requests; POL_NONE ends */
};

/* Most binds and alter_contexts of a plain client, as the brain has it. */
#define PX_OFFERS_MAX 4u

struct px_association {
    /* for the log */
    char *client; /* "address:port" or "unix:UID:PID"; owned */
    char *server; /* the member's address as configured; NULL before it was dialled; owned */
    uint64_t serial;
    int64_t opened; /* µs */
    uint64_t bytes_up, bytes_down, calls;
    uint32_t parties; /* connections, and calls on shared links, that still need it */
    uint8_t offences; /* that the log was told of */

    /* binding */
    struct px_context *contexts;                             /* owned; NULL: none */
    uint32_t context_count, context_capacity, context_limit; /* the limit is never 0 */
    uint8_t bind_auth_type, bind_auth_level;                 /* highest level seen */
    bool starts_whole; /* its server begins a call when its last fragment has come, where there are no pipes */
    bool may_share;    /* its server's settings let clients share links */
    bool has_bound;    /* a bind was seen */
    bool plain;        /* its binds are those of `offers`, and were answered here; it has no contexts */
    bool multiplex;    /* plain: its bind asked for several calls at once */
    uint8_t offer_count;
    uint16_t frag_size; /* plain: bytes, both ways, as it was told */
    uint32_t offers[PX_OFFERS_MAX];
    uint32_t offer; /* of the bind at the front; 0: it is not plain */
    bool unoffered; /* its contexts are not known here yet: they are when it goes on, which it may not */

    /* calls */
    uint32_t first_call, last_call; /* open ones, oldest first */
    uint32_t open_calls;
    uint32_t incoming;         /* the one request that is not complete, or POL_NONE */
    uint32_t unaccepted;       /* oldest call of which write() has not taken all, or POL_NONE */
    uint32_t rules_generation; /* of the table that the contexts' rules are from */
    uint32_t server_index;     /* of its calls' server in the settings */
    uint64_t progress_up;      /* bytes of the upward stream that write() had taken when the brain was last told */
    uint64_t passed_up;        /* bytes passed on upwards: offsets of px_call are in this stream */
    bool callback_down;        /* fragments of a callback request come down … */
    bool swallow_callback;
    bool callback_up;     /* … and of its answer go up */
    bool had_maybe;       /* some servers answer calls that want no answer: an answer's call_id must then be right */
    bool flowing_stray;   /* the response that is coming matches no call */
    bool refused_request; /* the rest of the one that is coming goes the way of its first fragment */
};

/* What of its request the first `taken` bytes of the upward stream have: 0 nothing, 1 its first fragment, 3 all of it. */
static inline uint8_t px_call_seen(const struct px_call *k, uint64_t taken)
{
    bool first = k->first_end != 0 && k->first_end <= taken;
    bool last = k->last_end != 0 && k->last_end <= taken;
    return (uint8_t)(first | last << 1);
}

/* The member that it went to, or would go to; NULL: none yet. */
static inline const char *px_call_server(const struct px_call *k)
{
    return k->server ? k->server : k->association->server;
}

/* The open calls of all associations. An index belongs to one call until px_call_free(). */
struct px_calls {
    struct px_call **chunks;
    uint32_t limit;                          /* most calls */
    uint32_t high;                           /* indices from here on were never used */
    uint32_t free;                           /* list through `next` */
    struct px_offers *offers;                /* of all plain clients; owned by the loop */
    const struct px_call_rules_table *rules; /* that hold for calls which begin now; whoever changes it … */
    uint32_t rules_generation;               /* … counts this up */
};

bool px_calls_init(struct px_calls *calls, uint32_t limit);
void px_calls_free(struct px_calls *calls);

static inline struct px_call *px_call_at(const struct px_calls *calls, uint32_t index)
{
    return &calls->chunks[index / 1024][index % 1024];
}

/* NULL when the limit is reached or there is no memory. Appends it to the association's open calls. */
struct px_call *px_call_new(struct px_calls *calls, struct px_association *a);
void px_call_free(struct px_calls *calls, struct px_call *k);

/* The open call that an answer, a cancel or an orphaned with this call_id means, or NULL. `only_one` lets the sole
 * call inside the server match whatever id its answer carries: Wine's server answers 1 to everything. */
struct px_call *px_call_find(const struct px_calls *calls, const struct px_association *a, uint32_t call_id,
                             bool only_one);

struct px_association *px_association_new(uint32_t context_limit, uint32_t server);
void px_association_release(struct px_association *a); /* by one party; the last one frees it */

/* The contexts of a bind or alter_context, until its answer comes. Contexts beyond the limit are not kept: calls on
 * them are relayed all the same, without a name. Returns the number that was not kept. */
unsigned px_association_offer(struct px_association *a, const struct px_calls *calls, const struct dis_bind *bind);
void px_association_answered(struct px_association *a, const struct dis_bind_ack *ack); /* NULL: refused */
const struct px_context *px_association_context(const struct px_association *a, uint16_t id);

/* The rules of a context (NULL: one that is not known), as they are now. */
const struct px_interface_rules *px_association_rules(struct px_association *a, const struct px_calls *calls,
                                                      const struct px_context *context);

#endif
