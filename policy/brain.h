/* The brain's memory: tables of clients, links, calls, members and association groups. Private to policy/.
 *
 * Objects name each other by index; POL_NONE is no object. A list is its members' `next` and `previous` fields. */
#ifndef POL_BRAIN_H
#define POL_BRAIN_H

#include "deadline.h"
#include "life.h"
#include "policy.h"

/* How long a peer may take to acknowledge what it was last told, and a server to answer our FIN with its own. */
#define POL_CLOSING_TIME 5000  /* ms */
#define POL_LINGER_TIME  30000 /* ms */
#define POL_LAST_TIME    500   /* ms; for both, when the time to drain is over */

/*        accept              first PDU            connected            its FIN
 *   FREE -------> OPENED ----------> DIALLING ----------> RELAYING -----------> LEAVING
 *                   |  no member up   | ^ | dial failed      |                     |
 *                   +-----------> WAITING +--> UNAVAILABLE   |                     |
 *                   +-----------------+-----------+----------+---------------------+--> CLOSING --> FREE  */
enum client_state {
    CLIENT_FREE,
    CLIENT_OPENED,      /* nothing has come yet; it has no link */
    CLIENT_WAITING,     /* the same, until a member can be dialled: it stands in its server's row of clients */
    CLIENT_DIALLING,    /* its first PDU waits at its front until its link is up */
    CLIENT_RELAYING,    /* it has its link to itself */
    CLIENT_UNAVAILABLE, /* no link could be had; we accepted its bind so that a request can be told the truth */
    CLIENT_LEAVING,     /* its FIN was seen; it may still be answered, nothing more is read */
    CLIENT_CLOSING,     /* was told to close; has no link and no call; only POL_CLIENT_GONE may follow */
};

/* What stands at a client's front, unanswered. */
enum client_front { FRONT_EMPTY, FRONT_PDU, FRONT_BIND, FRONT_CALL };

struct client {
    uint32_t generation;
    uint8_t state;   /* enum client_state */
    uint8_t front;   /* enum client_front */
    uint8_t level;   /* highest auth level of its binds */
    bool alter;      /* front is an alter_context */
    bool bound;      /* a server has accepted a bind of its */
    bool owes;       /* it keeps us waiting, since … */
    int64_t touched; /* … or it has been idle since; looked at when something is due, not each time it changes */
    uint32_t group;  /* that the bind at its front asks to join */
    uint32_t call;   /* FRONT_CALL: which */
    uint32_t link;
    uint32_t listener;
    uint32_t server;         /* of its listener, when it came */
    uint32_t address;        /* its row of addresses */
    uint32_t wanted;         /* WAITING: the member that granted the group which it asks to join, or POL_NONE */
    uint32_t next, previous; /* WAITING */
    int64_t wait_until;      /* WAITING, DIALLING: no longer than that for a member */
    struct pol_identity identity;
};

/*         dial            connected                 client gone, calls inside
 *   FREE -----> DIALLING ----------> RELAYING ----------------------------> ORPHANED
 *                  |                    | connection ended                      |
 *                  |                    +---------> SETTLING <-----------------+
 *                  +----------------------------------+--> CLOSING --> FREE  */
enum link_state {
    LINK_FREE,
    LINK_DIALLING,
    LINK_RELAYING, /* serves its client */
    LINK_ORPHANED, /* its client has gone; the calls inside the server still count, their answers are swallowed */
    LINK_SETTLING, /* the connection is over; its calls are being ended, one after the other */
    LINK_CLOSING,  /* was told to close; only POL_LINK_GONE may follow */
};

struct link {
    uint32_t generation;
    uint8_t state;    /* enum link_state */
    uint8_t reason;   /* ORPHANED, SETTLING: enum pol_reason */
    uint8_t left_by;  /* once its client is gone: why that connection ended, enum pol_reason */
    bool condemned;   /* a fault of the server's was about the connection, and not about a call */
    bool keeps;       /* the server keeps it after an orphaned */
    bool reset;       /* SETTLING: not in order */
    bool told;        /* SETTLING: a fault has told the client */
    bool told_signed; /* SETTLING: one has, on a connection whose security context it broke */
    bool untold;      /* SETTLING: a call ended that no fault could tell of */
    uint32_t client;
    uint32_t member;
    uint32_t group_entry; /* row of groups that it keeps alive, or POL_NONE */
    uint32_t first_call;
    uint32_t calls;
    uint32_t abandoned;  /* of them */
    uint32_t long_calls; /* of them: inside for longer than com-timeout */
    bool probing;        /* keep-alives are sent on it, and on its client's connection while that is there */
    uint32_t callbacks;  /* of the server's, that its client has not answered yet */
    uint32_t next;       /* FREE or SETTLING: in that list */
};

/*   FREE --> WAITING --> INSIDE --> ANSWERING --> FREE     (any of them may end early)
 *                          `-----> ABANDONED ------^  */
enum call_state {
    CALL_FREE,
    CALL_WAITING,   /* at its client's front, nothing of it has gone up */
    CALL_INSIDE,    /* leased: it holds a slot of its server */
    CALL_ANSWERING, /* its answer has begun; it still holds the slot */
    CALL_ABANDONED, /* its client was told that it was given up; it still holds the slot until the server is done */
};

struct call {
    uint32_t generation;
    uint8_t state; /* enum call_state */
    uint8_t level;
    bool maybe;
    bool orphaned;   /* its client has told the server that it wants no answer */
    bool first_done; /* the kernel has its whole first fragment */
    bool last_done;  /* the kernel has all of it */
    bool fault;      /* ANSWERING */
    bool dne;        /* ANSWERING: with did-not-execute */
    bool in_line;
    bool overdue;   /* its link is given up because of it */
    bool cancelled; /* it was not time that was up, but the administrator's patience */
    bool is_long;   /* inside for longer than com-timeout */
    int64_t leased;
    int64_t begun;
    int64_t touched;             /* when its server, or the way to it, last moved */
    struct pol_call_rules rules; /* as they were when it began */
    uint32_t client;
    uint32_t link;
    uint32_t server;
    uint32_t next, previous;           /* on its link */
    uint32_t line_next, line_previous; /* in line: among those of its client's address */
};

struct member {
    uint32_t server;
    uint32_t links; /* that are not FREE */

    /* keep-alive: one of its links proves for all that it is alive */
    uint32_t prober; /* link, or POL_NONE */
    bool silent;     /* the prober was not answered */

    /* health */
    bool checking;
    uint32_t failures; /* in a row */
    uint32_t rounds;   /* of them: those that prolonged the backoff */
    uint32_t trial;    /* the link that finds out whether it is well again; POL_NONE: none does */
    int64_t retry_at;  /* no trial before */
    int64_t checked;   /* when the last check began */
};

struct server {
    struct pol_server settings;
    uint32_t inside;
    uint32_t abandoned; /* of them */
    uint32_t waiting;
    uint32_t turn;                      /* the address whose turn it is; POL_NONE: nobody waits */
    uint32_t client_first, client_last; /* clients that wait for a member */
    uint32_t clients_waiting;
    bool draining;      /* no more calls go into it */
    bool shut;          /* its listeners are closed, as long as no member is up */
    int64_t down_since; /* POL_NEVER: a member is up */
};

struct listener {
    struct pol_listener settings;
    bool closed; /* because its server is down */
    uint32_t clients;
};

/* Hash rows of groups and addresses hang in chains; `next` also strings the free ones together. */
struct group {
    struct pol_identity identity; /* whom the server granted it to */
    uint32_t member;
    uint32_t id;
    uint32_t links;   /* alive in it */
    int64_t released; /* ms; when links became 0 */
    uint32_t next;
    uint32_t older, newer; /* among those without links, oldest first */
};

struct address {
    struct pol_identity identity;
    uint32_t listener;
    uint32_t clients;
    uint32_t next;
    uint32_t line_first, line_last;    /* its calls in the line */
    uint32_t turn_next, turn_previous; /* while it has some: in the ring of its server */
};

struct pol_brain {
    struct client *clients;
    struct link *links;
    struct call *calls;
    struct member *members;
    struct server *servers;
    struct listener *listeners;
    struct pol_call_rules *rules;
    struct group *groups;
    struct address *addresses;
    uint32_t *group_heads, *address_heads; /* hash buckets, hash_mask + 1 of each */
    uint32_t hash_mask;
    uint64_t seed;

    uint32_t max_clients, max_links, max_calls;
    uint32_t server_count, member_count, listener_count, rule_count, group_rows;
    uint32_t max_servers, max_members, max_listeners;
    uint32_t group_free, address_free, link_free;  /* rows that were used and are free again */
    uint32_t group_high, address_high, links_high; /* rows from here on were never used */
    uint32_t clients_high;
    uint32_t group_oldest, group_newest; /* without links */
    uint32_t clients_alive, links_alive;
    uint32_t settling_first, settling_last;
    uint32_t alarm_link;      /* next one that the sweep looks at after a member fell silent; POL_NONE: none did */
    uint32_t line_total;      /* calls in all lines */
    uint32_t clients_waiting; /* for members of all servers */
    uint64_t dice;            /* state of the random numbers that spread trials */
    struct pol_deadlines deadlines; /* clients, then links, then the drain, then calls, servers and members */
    int64_t drain_time;
    int64_t now;
    bool draining;
    bool listeners_change;                             /* one has to be closed or opened */
    bool drain_over;                                   /* its time is up */
    uint32_t drain_listener, drain_client, drain_link; /* next ones that its sweep looks at */
    struct pol_actions *out;
};

/* From this auth level on every PDU that is swallowed or foreign breaks the security context: signatures count
 * the PDUs. */
#define POL_LEVEL_PACKET 4

/* ---- actions ---- */

/* Room for this many actions must be left before a sweep takes on another object. */
#define POL_SWEEP_ROOM 16u

static inline bool pol_has_room(const struct pol_brain *b)
{
    return b->out->count + POL_SWEEP_ROOM <= POL_ACTIONS_MAX;
}

/* The next action, ids all POL_NONE. */
struct pol_action *pol_emit(struct pol_brain *b, enum pol_action_kind kind);

struct pol_id pol_client_id(const struct pol_brain *b, uint32_t client);
struct pol_id pol_link_id(const struct pol_brain *b, uint32_t link);
struct pol_id pol_call_id(const struct pol_brain *b, uint32_t call);

/* ---- clients (client.c) ---- */
void pol_client_opened(struct pol_brain *b, const struct pol_event *e);
void pol_client_bind(struct pol_brain *b, const struct pol_event *e);
void pol_client_pdu(struct pol_brain *b, const struct pol_event *e);
void pol_client_control(struct pol_brain *b, const struct pol_event *e);
void pol_client_call(struct pol_brain *b, const struct pol_event *e);
void pol_client_waited_enough(struct pol_brain *b, uint32_t client); /* the call at its front */
void pol_client_unblocked(struct pol_brain *b, uint32_t client);     /* its link has no abandoned call any more */
/* It was told, on a connection with a security context, that a call was given up: nothing may follow that. */
void pol_client_timed_out(struct pol_brain *b, uint32_t client);
void pol_client_callback(struct pol_brain *b, const struct pol_event *e);
void pol_client_owes(struct pol_brain *b, const struct pol_event *e);
void pol_client_end(struct pol_brain *b, const struct pol_event *e);
void pol_client_gone(struct pol_brain *b, const struct pol_event *e);
void pol_client_due(struct pol_brain *b, uint32_t client);
/* Its link is up, or could not be had; a member may be dialled for it now. */
void pol_client_connected(struct pol_brain *b, uint32_t client);
void pol_client_undialled(struct pol_brain *b, uint32_t client);
void pol_client_dial(struct pol_brain *b, uint32_t client, uint32_t member);
void pol_client_cancel(struct pol_brain *b, uint32_t client);      /* the call at its front */
void pol_client_called_back(struct pol_brain *b, uint32_t client); /* by its server, nested in a call of its */
void pol_client_bound(struct pol_brain *b, uint32_t client);       /* the server has accepted a bind of its */
void pol_client_link_lost(struct pol_brain *b, uint32_t client, const struct link *link);
/* One of its calls is over: perhaps that was what it, or a drain, was waiting for. */
void pol_client_call_over(struct pol_brain *b, uint32_t client);
void pol_client_close(struct pol_brain *b, uint32_t client, bool reset, enum pol_when when, enum pol_reason reason);
/* A drain closes it, unless it has a call in flight; one that is closing already is cut when the drain is over. */
void pol_client_drain(struct pol_brain *b, uint32_t client);

/* ---- links (link.c) ---- */
/* Returns POL_NONE when there is no room for another link. */
uint32_t pol_link_dial(struct pol_brain *b, uint32_t client, uint32_t member);
void pol_link_dialled(struct pol_brain *b, const struct pol_event *e);
void pol_link_asked_bind(struct pol_brain *b, uint32_t link); /* one goes up: it is to be answered in time */
void pol_link_bound(struct pol_brain *b, const struct pol_event *e);
void pol_link_callback(struct pol_brain *b, const struct pol_event *e);
void pol_link_stray(struct pol_brain *b, const struct pol_event *e);
void pol_link_fault(struct link *l, const struct pol_event *e); /* what a fault of the server's says of the link */
void pol_link_end(struct pol_brain *b, const struct pol_event *e);
void pol_link_gone(struct pol_brain *b, const struct pol_event *e);
void pol_link_due(struct pol_brain *b, uint32_t link);
void pol_link_close(struct pol_brain *b, uint32_t link, bool reset, enum pol_when when, enum pol_reason reason);
/* Its client will not come back. */
void pol_link_orphan(struct pol_brain *b, uint32_t link, bool reset, enum pol_reason reason);
/* Ends its calls and then itself, as the room for actions allows. */
void pol_link_settle(struct pol_brain *b, uint32_t link, bool reset, enum pol_reason reason);
void pol_link_cut(struct pol_brain *b, uint32_t link); /* the drain is over */
bool pol_links_sweep(struct pol_brain *b);             /* true: there is more to do */

/* ---- keep-alive (probe.c) ---- */
void pol_probe_long_call(struct pol_brain *b, uint32_t link);      /* one more */
void pol_probe_long_call_over(struct pol_brain *b, uint32_t link); /* one less */
void pol_probe_link_over(struct pol_brain *b, uint32_t link);      /* it is being closed */
void pol_probe_liveness(struct pol_brain *b, const struct pol_event *e);
bool pol_probe_sweep(struct pol_brain *b); /* true: there is more to do */

/* ---- health (health.c) ---- */
/* The member to dial: `wanted` if it can be, else the least busy one. POL_NONE: none can be, now. Those who have `waited` for
 * it are let at one that has failed one by one, and after a pause. */
uint32_t pol_member_pick(const struct pol_brain *b, uint32_t server, uint32_t wanted, bool waited);
void pol_member_dialled(struct pol_brain *b, uint32_t link);   /* a link to it is being dialled */
void pol_member_link_over(struct pol_brain *b, uint32_t link); /* it is being closed */
void pol_member_well(struct pol_brain *b, uint32_t member);
void pol_member_failed(struct pol_brain *b, uint32_t member);
void pol_member_checked(struct pol_brain *b, const struct pol_event *e);
void pol_member_due(struct pol_brain *b, uint32_t member);
bool pol_listeners_sweep(struct pol_brain *b); /* true: there is more to do */
void pol_server_suspect(struct pol_brain *b,
                        uint32_t server); /* its members are checked, if they were not just now */

/* ---- clients that wait for a member (unavailable.c) ---- */
void pol_unavailable_enter(struct pol_brain *b, uint32_t client);
void pol_unavailable_leave(struct pol_brain *b, uint32_t client);
bool pol_unavailable_sweep(struct pol_brain *b); /* true: there is more to do */

/* ---- calls (call.c) ---- */
void pol_call_begin(struct pol_brain *b, const struct pol_event *e);
void pol_call_lease(struct pol_brain *b, uint32_t call);
void pol_call_wait(struct pol_brain *b, uint32_t call); /* it stands in line, and not for ever */
void pol_call_due(struct pol_brain *b, uint32_t call);
void pol_call_cancel(struct pol_brain *b, const struct pol_event *e);
void pol_call_orphaned(struct pol_brain *b, const struct pol_event *e);
void pol_call_accepted(struct pol_brain *b, const struct pol_event *e);
void pol_call_progress(struct pol_brain *b, const struct pol_event *e);
void pol_answer_begin(struct pol_brain *b, const struct pol_event *e);
void pol_answer_end(struct pol_brain *b, const struct pol_event *e);
/* Takes it off its link, line and slot, and emits POL_END. */
void pol_call_end(struct pol_brain *b, uint32_t call, enum pol_ending ending);
/* The connection that it was on is over: tells its client where that is possible, and ends it. */
void pol_call_lost(struct pol_brain *b, uint32_t call);
/* It has provably not run and will not be sent: tells the client so by a fault with did-not-execute, and ends it. */
void pol_call_refuse(struct pol_brain *b, uint32_t call, enum pol_ending ending, uint32_t status);

/* ---- admission (admit.c) ---- */
enum admission {
    ADMITTED, /* it holds a slot now */
    IN_LINE,
    REFUSED, /* the line is full, or all slots belong to abandoned calls */
};
enum admission pol_admit(struct pol_brain *b, uint32_t call);
void pol_admit_leave(struct pol_brain *b, uint32_t call);
bool pol_admit_sweep(struct pol_brain *b);
void pol_admit_drain(struct pol_brain *b, const struct pol_event *e); /* of one server */
void pol_address_enter(struct pol_brain *b, uint32_t client);
void pol_address_leave(struct pol_brain *b, uint32_t client);

/* ---- association groups (group.c) ---- */
enum group_verdict { GROUP_UNKNOWN, GROUP_OWN, GROUP_FOREIGN };
/* Who holds `id` at one of these `count` members; *member is set for GROUP_OWN. */
enum group_verdict pol_group_ask(struct pol_brain *b, uint32_t first, uint32_t count, uint32_t id,
                                 struct pol_identity who, uint32_t *member);
void pol_group_granted(struct pol_brain *b, uint32_t link, uint32_t id, struct pol_identity who);
void pol_group_left(struct pol_brain *b, uint32_t link);

#endif
