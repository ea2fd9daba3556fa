/* A body for the brain of rpcward that lives on captured calls, in virtual time.
 *
 * A server answers a call as long after it was given it as it did in the capture. A client makes its next call on a
 * connection as long after the one before it had ended as it did there, and no sooner than there; it waits as long for
 * an answer as it did. Where rpcward ended its connection, it opens another one for its next call, and binds again.
 *
 * Of what is not in the capture the past decides (inspect_past.h): who can be connected to, and what a call is answered
 * that is sent once more. */
#ifndef INSPECT_REPLAY_H
#define INSPECT_REPLAY_H

#include "../policy/policy.h"
#include "inspect_past.h"

#define REPLAY_NONE UINT32_MAX
#define REPLAY_OPEN 0xffu /* as an ending: it has none when the capture ends */

#define REPLAY_LONGEST 31536000000000000 /* ns, a year; longer times, and times behind that, count as that */

#define REPLAY_BINDS 6u /* of a connection; what comes behind them changes nothing that is looked at */

/* A bind or alter_context that was accepted. */
struct replay_bind {
    uint32_t offer; /* 0: it is not plain */
    bool multiplex;
};

struct replay_client {
    uint8_t bind_count; /* 0: none was seen */
    struct replay_bind binds[REPLAY_BINDS];
};

/* Times are ns, up to REPLAY_LONGEST. */
struct replay_call {
    /* As it was captured; the caller's. */
    uint64_t number;
    uint64_t connection;
    const struct replay_client *from;
    struct pol_identity client;
    uint32_t server;
    uint32_t rule;
    uint32_t status;
    int64_t begun; /* since the capture began */
    int64_t over;  /* the same; when it ended in the capture */
    int64_t first; /* from the request's end to the answer; -1: there was none */
    int64_t last;
    int64_t left;    /* from its beginning until its client closed the connection; -1: it did not */
    int64_t lost;    /* from the request's end until the server's side ended the connection; -1: it did not */
    int64_t dropped; /* from the request's end until its server closed because its client had; -1: it did not */
    const struct past_operation *operation;
    uint32_t presentation; /* 0: it is not plain */
    uint8_t captured;      /* enum dis_ending */
    uint8_t level;
    uint8_t binds; /* of its connection, before it */
    bool idempotent;
    bool whole_only;
    bool alone;
    bool kept;
    bool fault;
    bool dne;
    bool maybe;
    bool silent; /* the server's host was gone: keep-alives find it out */
    bool wanted; /* it is asked about */
    /* What becomes of it. */
    bool finished;
    bool turned_away; /* with its connection, before it began */
    bool probed;
    bool shared;    /* its connection was not its client's own */
    bool due;       /* waits for the call before it */
    bool busy;      /* its server refuses this attempt */
    bool unsent;    /* it is due, and not with its server */
    uint8_t ending; /* enum pol_ending, or REPLAY_OPEN */
    uint8_t proof;  /* enum pol_proof: why it was repeated last */
    uint32_t attempts;
    uint32_t told;   /* status that rpcward gave its client; 0: none */
    uint32_t before; /* of its connection: the one that had ended before it began; REPLAY_NONE: none */
    uint32_t behind; /* in the queue of its connection */
    uint32_t slot;   /* of the brain's table; REPLAY_NONE: none */
    uint32_t link;
    uint32_t link_generation;
    int64_t began;  /* -1: never */
    int64_t leased; /* first sent to the server; -1: never */
    int64_t sent;   /* the last time; -1: it is not there */
    int64_t ended;
};

struct replay_server {
    uint32_t listener;  /* by which its clients come */
    int64_t dead_after; /* ns that keep-alives take to find a host gone */
    bool multiplexes;   /* it takes several calls at once on a connection */
};

struct replay {
    struct replay_call *calls; /* in any order; sorted by connection and time here */
    uint32_t count;
    const struct pol_settings *settings; /* the sizes of tables are set here */
    const struct replay_server *servers;
    const struct past *past; /* how the servers were */
    const void *plain;       /* for presents() */
    uint32_t (*presents)(const void *plain, uint32_t offer, unsigned i);
    uint32_t offers;
    int64_t end;         /* of the capture */
    uint64_t reconnects; /* out: connections that clients opened anew */
    uint32_t sessions;   /* out: connections of clients in the capture */
    uint32_t links;      /* out: connections to servers, at one time at most */
};

/* False where there is not enough memory. */
bool replay_run(struct replay *r);

#endif
