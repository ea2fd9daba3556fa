/* The parts of the test client, and what they share.
 *
 *     client_main ---> client_run ---> client_link ---> client_answer
 *                                           `-----------------`-----> client_report */
#ifndef SUP_CLIENT_H
#define SUP_CLIENT_H

#include <stdio.h>

#include "dissect/compose.h"
#include "dissect/gather.h"
#include "testif.h"
#include "wire.h"

#define CLI_FRAGMENT_MAX 5840u       /* bytes of a PDU; what the bind offers */
#define CLI_PAYLOAD_MAX  (64u << 20) /* bytes, as the server has it */
#define CLI_CONTEXT      0u          /* the one presentation context */

struct cli_options {
    struct px_address server;
    uint32_t connections;
    uint32_t calls;   /* on each connection */
    uint32_t seconds; /* more than 0: for so long, whatever `calls` */
    uint32_t size;
    uint32_t answer; /* or TESTIF_ECHO_SIZE */
    uint32_t behaviour;
    uint32_t a;
    uint32_t b;
    uint32_t outstanding; /* calls at once on each connection; more than 1 asks for multiplexing */
    uint32_t fragment;    /* bytes of a request PDU at most; 0: what the server grants */
    uint32_t timeout;     /* ms; 0: waits for ever */
    bool big_endian;
    bool reconnect;
    bool hold;
    bool json;
    const char *expect; /* how every outcome must begin */
    const char *outcomes;
};

/* Latencies in buckets that are 3 % wide. */
#define CLI_BUCKETS 2048u

struct cli_report {
    FILE *outcomes; /* NULL: not kept */
    uint64_t calls; /* that have ended */
    uint64_t answered;
    uint64_t faults;
    uint64_t unexpected;
    uint64_t strays; /* answers that came when no call was open */
    uint64_t lost;   /* connections that ended unasked while no call was open */
    uint64_t first;  /* ns; the first call began */
    uint64_t last;   /* ns; the last call ended */
    uint64_t buckets[CLI_BUCKETS];
};

/* RUNNING -> HOLDING (all calls done, connections open, until told) -> LAST (a call each) */
enum cli_phase { CLI_RUNNING, CLI_HOLDING, CLI_LAST };

struct cli_link;

struct client {
    uv_loop_t loop;
    struct wire_turn turn;
    struct cli_options options;
    struct cli_report report;
    struct cli_link **links;
    unsigned opened;  /* links that were started at all */
    unsigned opening; /* not yet bound */
    unsigned resting; /* while holding: links whose calls are done */
    unsigned finished;
    uint64_t last_own_id;
    uint64_t deadline; /* ns; 0: none yet */
    enum cli_phase phase;
    struct bytes stub; /* of the request being written */
    uv_poll_t input;
    uv_timer_t watchdog;
    uv_signal_t signals[2];
};

/* One call that is open. */
struct cli_slot {
    uint64_t own_id; /* 0: the slot is free */
    uint64_t begun;  /* ns */
    uint32_t call_id;
    struct dis_gather gather; /* the answer, where it comes in fragments */
};

/* One connection, and its successors where it is replaced. */
struct cli_link {
    struct wire wire; /* must be first */
    struct client *client;
    uv_timer_t pause; /* before another attempt */
    uint32_t left;
    uint32_t last_call_id;
    uint16_t fragment_max; /* bytes of a request PDU */
    bool alive;            /* from the attempt to connect until the socket is gone */
    bool attempting;       /* not bound yet */
    bool bound;
    bool refused;   /* the attempt failed before a call could begin */
    bool spent;     /* has carried its call, where each call has a connection of its own */
    bool resting;   /* has no more to do until told */
    uint64_t since; /* ns; when the attempt began */
    unsigned open;  /* slots in use */
    struct cli_slot slots[];
};

/* client_run */
void cli_run(struct client *client);
void cli_link_settled(struct client *client);  /* is bound, or failed to be */
void cli_link_resting(struct client *client);  /* has no more to do, stays open */
void cli_link_finished(struct client *client); /* has no more to do, is closed */

/* client_link */
struct cli_link *cli_link_new(struct client *client);
void cli_link_open(struct cli_link *link);
void cli_link_more(struct cli_link *link, uint32_t calls);    /* of a link that rests */
void cli_link_next(struct cli_link *link);                    /* a call has ended: go on */
void cli_link_expire(struct cli_link *link, uint64_t before); /* drop it if it has waited since before, in ns */

/* client_answer */
const char *cli_bind_refusal(const struct dis_pdu *pdu); /* NULL: the context was accepted */
void cli_answer(struct cli_link *link, const struct dis_pdu *pdu);

/* client_report */
extern const char cli_answered[];
void cli_outcome(struct client *client, struct cli_slot *slot, const char *outcome); /* frees the slot */
void cli_outcome_fault(struct client *client, struct cli_slot *slot, uint32_t status, bool did_not_execute);
void cli_report_print(const struct client *client);
bool cli_report_good(const struct client *client);

#endif
