/* The settings of a schedule: drawn, written as YAML, and read by the proxy's own reader. */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define OPS          4u
#define MEMBERS_MOST 3u

#define RETRY_AT_WILL 100000u /* a floor of the budget that no schedule comes to */

enum farewell { ABANDON, CANCEL, ORPHAN };
enum check { CHECK_NONE, CHECK_CONNECT, CHECK_BIND, CHECK_LISTENING };

/* ms; 0: never */
struct rules {
    int64_t com_timeout, call_timeout, deadline;
    unsigned farewells; /* bits of enum farewell */
    bool pending, idempotent;
};

/* How often a call may be sent up, and where. */
struct retry {
    uint32_t attempts, budget, floor;
    int64_t backoff, longest; /* ms */
    bool across;              /* also at a member of another version */
    bool starts_last, pipes;  /* what is declared of the server: when it begins with a call */
    bool versions[MEMBERS_MOST];
};

struct plan {
    uint32_t calls, abandoned, waiting_length, clients, clients_per_address; /* 0: no limit, or not given */
    int64_t waiting_longest, connect_timeout, bind_timeout, drain;           /* ms */
    int64_t keepalive_every;
    int64_t unavailable_wait, member_bind_timeout, client_timeout, idle_timeout, backoff, longest_backoff,
        check_every;
    uint32_t failures;
    unsigned checks; /* bits of enum check */
    bool refuses;    /* when-down: refuse */
    bool control, reloads;
    bool local;           /* clients come over a Unix socket, each as a user of this host */
    bool shares;          /* clients without authentication share links */
    uint32_t connections; /* 0: no limit */
    uint32_t calls_per_connection, spare;
    int64_t idle_keep, validate_after;
    bool binds_end; /* there is a bind-timeout */
    bool crowds;    /* there is a limit of connections */
    uint32_t keepalive_losses, members;
    struct retry retry;
    struct rules rules[OPS]; /* by opnum; the first are the server's */
};

struct px_settings;

#define PLANS 512u /* different ones; reading YAML is slower than a schedule */

void plan_prepare(uint64_t number); /* before plan_take() */

/* Owned by the plan's table until the program ends, but where the plan reloads: then the caller's. */
struct px_settings *plan_take(uint64_t number, struct plan *plan);
void plan_give_back(struct px_settings *settings);
void plan_free_all(void);

#endif
