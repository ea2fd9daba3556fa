/* A body for the brain of rpcward that lives on captured calls, in virtual time.
 *
 * A server answers a call as long after it was given it as it did in the capture. A client makes its next call on a
 * connection as long after the one before it had ended as it did there, and no sooner than there; it waits as long for
 * an answer as it did. Where rpcward ended its connection, it opens another one for its next call. */
#ifndef INSPECT_REPLAY_H
#define INSPECT_REPLAY_H

#include "../policy/policy.h"

#define REPLAY_NONE UINT32_MAX
#define REPLAY_OPEN 0xffu /* as an ending: it has none when the capture ends */

/* Times are ns. */
struct replay_call {
    /* As it was captured; the caller's. */
    uint64_t number;
    uint64_t connection;
    struct pol_identity client;
    uint32_t server;
    uint32_t rule;
    uint32_t status;
    int64_t begun; /* since the capture began */
    int64_t over;  /* the same; when it ended in the capture */
    int64_t first; /* from the request's end to the answer; -1: there was none */
    int64_t last;
    int64_t left;     /* from its beginning until its client closed the connection; -1: it did not */
    int64_t lost;     /* from the request's end until the server's side ended the connection; -1: it did not */
    uint8_t captured; /* enum dis_ending */
    uint8_t level;
    bool fault;
    bool dne;
    bool maybe;
    bool silent; /* the server's host was gone: keep-alives find it out */
    /* What becomes of it. */
    bool finished;
    bool turned_away; /* with its connection, before it began */
    bool probed;
    bool due;        /* waits for the call before it */
    uint8_t ending;  /* enum pol_ending, or REPLAY_OPEN */
    uint32_t told;   /* status that rpcward gave its client; 0: none */
    uint32_t before; /* of its connection: the one that had ended before it began; REPLAY_NONE: none */
    uint32_t behind; /* in the queue of its connection */
    uint32_t slot;   /* of the brain's table; REPLAY_NONE: none */
    uint32_t link;
    uint32_t link_generation;
    int64_t began; /* -1: never */
    int64_t sent;  /* to the server; -1: never */
    int64_t ended;
};

struct replay_server {
    uint32_t listener;  /* by which its clients come */
    int64_t dead_after; /* ns that keep-alives take to find a host gone */
};

struct replay {
    struct replay_call *calls; /* in any order; sorted by connection and time here */
    uint32_t count;
    const struct pol_settings *settings; /* the sizes of tables are set here */
    const struct replay_server *servers;
    int64_t end;         /* of the capture */
    uint64_t reconnects; /* out: connections that clients opened anew */
};

/* False where there is not enough memory. */
bool replay_run(struct replay *r);

#endif
