/* The settings of a schedule: drawn, written as YAML, and read by the proxy's own reader. */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define OPS          4u
#define MEMBERS_MOST 3u

/* ms; 0: never */
struct rules {
    int64_t com_timeout, call_timeout, deadline;
    enum farewell { ABANDON, CANCEL, ORPHAN } farewell;
    bool pending;
};

struct plan {
    uint32_t calls, abandoned, waiting_length, clients, clients_per_address; /* 0: no limit, or not given */
    int64_t waiting_longest, connect_timeout, bind_timeout, drain;           /* ms */
    int64_t keepalive_every;
    int64_t unavailable_wait, member_bind_timeout, client_timeout, idle_timeout, backoff, longest_backoff,
        check_every;
    uint32_t failures;
    enum check { CHECK_NONE, CHECK_CONNECT, CHECK_BIND, CHECK_LISTENING } check;
    bool refuses; /* when-down: refuse */
    bool control;
    uint32_t keepalive_losses, members;
    struct rules rules[OPS]; /* by opnum; the first are the server's */
};

struct px_settings;

#define PLANS 512u /* different ones; reading YAML is slower than a schedule */

/* Owned by the plan's table until the program ends. */
struct px_settings *plan_take(uint64_t number, struct plan *plan);
void plan_free_all(void);

#endif
