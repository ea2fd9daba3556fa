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
 *                   +-----------------+-----------+----------+---------------------+--> CLOSING --> FREE
 *
 * A plain client: OPENED --> PLAIN where the answer to its bind is known, else OPENED --> DIALLING --> BINDING --> PLAIN.
 * One that turns out not to be plain: PLAIN --> DIALLING --> BINDING (its binds are replayed) --> RELAYING. */
enum client_state {
    CLIENT_FREE,
    CLIENT_OPENED,      /* nothing has come yet; it has no link */
    CLIENT_WAITING,     /* the same, until a member can be dialled: it stands in its server's row of clients */
    CLIENT_DIALLING,    /* its first PDU waits at its front until its link is up */
    CLIENT_BINDING,     /* its link is bound for it, by a bind of ours */
    CLIENT_PLAIN,       /* it has no link; its calls go up on links that are shared */
    CLIENT_RELAYING,    /* it has its link to itself */
    CLIENT_UNAVAILABLE, /* no link could be had; we accepted its bind so that a request can be told the truth */
    CLIENT_LEAVING,     /* its FIN was seen; it may still be answered, nothing more is read */
    CLIENT_CLOSING,     /* was told to close; has no link and no call; only POL_CLIENT_GONE may follow */
};

/* What stands at a client's front, unanswered. */
enum client_front { FRONT_EMPTY, FRONT_PDU, FRONT_CONTROL, FRONT_BIND, FRONT_CALL };

/* Most binds and alter_contexts of a plain client; one with more is given a link of its own. */
#define POL_BINDS_MAX 4u

struct client {
    uint32_t generation;
    uint8_t state;     /* enum client_state */
    uint8_t front;     /* enum client_front */
    uint8_t level;     /* highest auth level of its binds */
    bool alter;        /* front is an alter_context */
    bool bound;        /* a server has accepted a bind of its */
    bool crowded;      /* WAITING: for a connection, of which its server has none left, not for a member */
    bool multiplex;    /* plain: it may have several calls inside at once */
    bool stopped;      /* it does not read */
    bool paused;       /* plain, and not read: its request does not go on */
    bool moving;       /* plain, and it will have a link of its own once it has no call inside */
    uint8_t binds;     /* plain: how many of `offers` it was told the answer of */
    uint8_t replayed;  /* BINDING: how many of them its new link has answered */
    bool owes;         /* it keeps us waiting, since … */
    int64_t touched;   /* … or it has been idle since; looked at when something is due, not each time it changes */
    uint32_t group;    /* that the bind at its front asks to join */
    uint32_t call;     /* FRONT_CALL: which */
    uint32_t offer;    /* of the bind at its front; 0: it is not plain */
    uint32_t learning; /* DIALLING, BINDING: the offer whose answer its link will tell; 0: none */
    uint32_t offers[POL_BINDS_MAX];
    uint32_t group_entry; /* plain: row of groups that it keeps alive, or POL_NONE */
    uint32_t link;
    uint32_t first_call; /* of those that are inside and not abandoned */
    uint32_t calls;      /* how many */
    uint32_t long_calls; /* of them: for longer than com-timeout */
    uint32_t listener;
    uint32_t server;         /* of its listener, when it came */
    uint32_t address;        /* its row of addresses */
    uint32_t dials;          /* since it began to want a link */
    uint32_t wanted;         /* WAITING: the member that granted the group which it asks to join, or POL_NONE */
    uint32_t next, previous; /* WAITING */
    int64_t wait_since;      /* when it began to want a link */
    int64_t wait_until;      /* WAITING: no longer than that */
    struct pol_identity identity;
    struct pol_identity carried;
};

/*         dial            connected                 client gone, calls inside
 *   FREE -----> DIALLING ----------> RELAYING ----------------------------> ORPHANED
 *                  |                    | connection ended                      |
 *                  |                    +---------> SETTLING <-----------------+
 *                  +----------------------------------+--> CLOSING --> FREE
 *
 * A link that is shared: DIALLING --> BINDING <--> POOLED, where an alter_context adds a presentation or proves it alive.
 * DIALLING --> SPARE --> BINDING or RELAYING where it was dialled ahead. BINDING --> RELAYING where binds were replayed. */
enum link_state {
    LINK_FREE,
    LINK_DIALLING,
    LINK_SPARE,    /* connected, nothing was said on it */
    LINK_BINDING,  /* a bind or alter_context of ours is not answered yet */
    LINK_POOLED,   /* bound, and takes calls of plain clients */
    LINK_RELAYING, /* serves its client */
    LINK_ORPHANED, /* its client has gone; the calls inside the server still count, their answers are swallowed */
    LINK_SETTLING, /* the connection is over; its calls are being ended, one after the other */
    LINK_CLOSING,  /* was told to close; only POL_LINK_GONE may follow */
};

/* Most presentations of a link that is shared; what needs another one is given another link. */
#define POL_PRESENTATIONS_MAX 8u

struct link {
    uint32_t generation;
    uint8_t state;  /* enum link_state */
    bool shared;    /* DIALLING to POOLED, and while it ends: it counts among the links of the pool */
    bool preparing; /* shared: DIALLING or BINDING, for whoever needs it first */
    bool open;      /* POOLED: it stands in its server's list of links with room for a call */
    bool multiplex; /* shared: its server takes several calls at once on it */
    bool stopped;   /* POOLED: its server does not take bytes */
    bool alone;     /* POOLED: a request goes up that is too large to have others beside it */
    bool spare;     /* dialled ahead, for nobody in particular */
    bool altering;  /* BINDING: by an alter_context */
    bool retiring;  /* CLOSING: to make room */
    uint8_t presentation_count;
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
    uint32_t deserted;   /* of them: not abandoned, their client has gone */
    uint32_t long_calls; /* of them: inside for longer than com-timeout */
    bool probing;        /* keep-alives are sent on it, and on its client's connection while that is there */
    uint32_t callbacks;  /* of the server's, that its client has not answered yet */
    uint32_t pauses;     /* POOLED: calls of clients that do not read; while there are some, the link is … */
    bool held;           /* … not read itself, … */
    int64_t held_until;  /* … and was not until then */
    bool credit_changed; /* it stands in the list of those of which that has to be looked at */
    uint32_t credit_next;
    uint32_t wanted; /* preparing: the presentation it is bound for; 0: none, it is a spare */
    uint32_t presentations[POL_PRESENTATIONS_MAX];
    struct pol_identity carried; /* shared: whose clients it may serve */
    int64_t idle_since;          /* SPARE, POOLED */
    uint32_t pool_next, pool_previous;
    uint32_t next; /* FREE or SETTLING: in that list */
};

/*   FREE --> WAITING --> INSIDE --> ANSWERING --> FREE     (any of them may end early)
 *                         | ^ `----> ABANDONED ------^
 *                         v |
 *                        AGAIN  */
enum call_state {
    CALL_FREE,
    CALL_WAITING,   /* at its client's front, nothing of it has gone up */
    CALL_INSIDE,    /* leased: it holds a slot of its server */
    CALL_ANSWERING, /* its answer has begun; it still holds the slot */
    CALL_AGAIN, /* an attempt came to nothing; it waits, first for a while, then in line, to be sent up once more */
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
    bool alone;     /* it has its link to itself while it goes up */
    bool pauses;    /* its client does not read, so its link is not read either */
    bool is_away;   /* WAITING: its server was away for as long as it may wait for one */
    bool kept;      /* it can be repeated */
    bool idempotent;
    bool whole_only;       /* its server does not begin before it has its last fragment */
    bool may_have_run;     /* an attempt of it that came to nothing: no proof says that it did not */
    uint8_t proof;         /* AGAIN: that the last attempt did not run, enum pol_proof */
    bool was_refused;      /* the last attempt, by a server that was too busy */
    uint8_t attempts;      /* how often it was leased */
    uint32_t version;      /* of the member of the last attempt */
    uint32_t refusal;      /* was_refused: its status */
    int64_t waits_since;   /* WAITING: since it began; AGAIN: since its last attempt came to nothing */
    bool condemns;         /* ANSWERING: its client's connection ends with it, as it would without us */
    uint8_t left_by;       /* once its client is gone: why, enum pol_reason */
    uint64_t operation;    /* its opnum, rule and presentation */
    uint32_t presentation; /* of a plain client's call; 0: it goes up on its client's own link */
    int64_t leased;
    int64_t begun;
    int64_t touched;             /* when its server, or the way to it, last moved */
    struct pol_call_rules rules; /* as they were when it began */
    uint32_t client;
    uint32_t link;
    uint32_t server;
    uint32_t next, previous;               /* on its link */
    uint32_t client_next, client_previous; /* among its client's */
    uint32_t line_next, line_previous;     /* in line: among those of its client's address */
};

struct member {
    struct pol_member settings;
    uint32_t server;
    uint32_t links;  /* that are not FREE */
    uint32_t inside; /* calls on them */

    /* what it said to our own alter_contexts and binds */
    uint8_t deaths;         /* links in a row that ended instead of answering an alter_context */
    int64_t no_alter_until; /* it does not take any, as it seems */
    uint32_t refuses;       /* a presentation that it does not offer, … */
    int64_t refuses_until;  /* … for so long */

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

/* Calls wait in one of two lines: for a slot and then their client's own link, or for a slot and any link that is shared. */
enum line { LINE_OWNED, LINE_PLAIN, LINES };

#define POL_BUDGET_SECONDS 10

/* An operation that a server refuses as too busy, and of which no call was answered since. */
struct refused {
    uint64_t operation;
    uint32_t answered; /* calls of the server by then */
    uint8_t count;     /* refusals; 0: it is none */
    bool always;       /* whatever the load is */
};

#define POL_REFUSED_MAX 8u

struct server {
    struct pol_server settings;
    uint32_t inside;
    uint32_t abandoned; /* of them */
    uint32_t waiting[LINES];
    uint32_t turn[LINES]; /* the address whose turn it is; POL_NONE: nobody waits */
    uint8_t next_line;    /* the one that is served first when a slot becomes free */

    /* links */
    uint32_t links;      /* that are not FREE */
    uint32_t shared;     /* of them, until they are gone */
    uint32_t serving;    /* POOLED */
    uint32_t retiring;   /* being closed to make room */
    uint32_t preparing;  /* of those */
    uint32_t spares;     /* SPARE, or DIALLING to be one */
    uint32_t open_first; /* shared links with room for a call, the one that was used last first */
    int64_t spare_at;    /* no spare is dialled before */
    int64_t unbound_at;  /* when a link for calls that wait was last not bound; POL_NEVER: one was since */
    bool away;           /* no link could be had for calls that wait */
    uint32_t busy_limit; /* most calls inside, as it seems: above it the server refused some; 0: it has not lately */
    int64_t busy_since;  /* when it was found */
    struct refused refused[POL_REFUSED_MAX];
    uint32_t refusals, next_refused;    /* rows that are in use; the one that is taken next */
    uint32_t answered;                  /* calls, ever */
    int32_t budget[POL_BUDGET_SECONDS]; /* of repeats, in percent of one: what each of the last seconds has added */
    int64_t budget_second;              /* the last of them */
    bool pool_changed;                  /* its spares have to be looked at */

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
    uint32_t member; /* the first one at its address; or POL_OF_SERVER(server): we made it up for a plain client */
    uint32_t id;
    uint32_t
        granted; /* made up: the id that a server granted when one of its clients got a link of its own; 0: none */
    uint32_t granted_by; /* the member */
    uint32_t links;      /* alive in it, or clients where it was made up */
    int64_t released;    /* ms; when links became 0 */
    uint32_t next;
    uint32_t older, newer; /* among those without links, oldest first */
};

struct address {
    struct pol_identity identity;
    uint32_t listener;
    uint32_t clients;
    uint32_t next;
    uint32_t line_first[LINES], line_last[LINES];    /* its calls in the lines */
    uint32_t turn_next[LINES], turn_previous[LINES]; /* while it has some: in the ring of its server */
};

/* What a server answers to an offer. */
struct offer {
    uint32_t server;
    bool known;
    bool multiplex;
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
    struct offer *offers;                  /* by their numbers less 1 */
    uint32_t *group_heads, *address_heads; /* hash buckets, hash_mask + 1 of each */
    uint32_t hash_mask;
    uint64_t seed;

    uint32_t max_clients, max_links, max_calls;
    uint32_t server_count, member_count, listener_count, rule_count, group_rows;
    uint32_t max_servers, max_members, max_listeners, max_offers;
    uint32_t groups_made;                          /* their ids count up */
    uint32_t group_free, address_free, link_free;  /* rows that were used and are free again */
    uint32_t group_high, address_high, links_high; /* rows from here on were never used */
    uint32_t clients_high;
    uint32_t group_oldest, group_newest; /* without links */
    uint32_t clients_alive, links_alive;
    uint32_t settling_first, settling_last;
    uint32_t alarm_link;      /* next one that the sweep looks at after a member fell silent; POL_NONE: none did */
    uint32_t line_total;      /* calls in all lines */
    bool pool_changed;        /* a server's has */
    bool hastened;            /* calls are due that the sweep has not seen */
    uint32_t review_link;     /* next one of which the sweep looks whether its member still serves */
    uint32_t clients_waiting; /* for members of all servers */
    uint64_t dice;            /* state of the random numbers that spread trials */
    struct pol_deadlines deadlines; /* clients, then links, then the drain, then calls, servers and members */
    int64_t drain_time;
    int64_t now;
    bool draining;
    uint32_t credit_first;                                         /* of links, see credit_changed */
    bool listeners_change;                                         /* one has to be closed or opened */
    bool drain_over;                                               /* its time is up */
    uint32_t drain_listener, drain_client, drain_pool, drain_link; /* next ones that its sweep looks at */
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
void pol_client_undialled(struct pol_brain *b, uint32_t client, bool ours);
void pol_client_dial(struct pol_brain *b, uint32_t client, uint32_t member);
void pol_client_cancel(struct pol_brain *b, uint32_t client);      /* the call at its front */
void pol_client_called_back(struct pol_brain *b, uint32_t client); /* by its server, nested in a call of its */
void pol_client_bound(struct pol_brain *b, uint32_t client);       /* the server has accepted a bind of its */
void pol_client_link_lost(struct pol_brain *b, uint32_t client, const struct link *link);
void pol_client_wait(struct pol_brain *b, uint32_t client, bool crowded);    /* until a member can be dialled */
void pol_client_seek(struct pol_brain *b, uint32_t client, uint32_t wanted); /* a link to this member, or any */
void pol_client_owns(struct pol_brain *b, uint32_t client); /* its link is its own from now on: what waits goes up */
void pol_client_move(struct pol_brain *b, uint32_t client, enum client_state to);
struct pol_action *pol_client_emit(struct pol_brain *b, enum pol_action_kind kind, uint32_t client);
/* A call of its was given up in the middle of the answer, or its server condemned its connection. */
void pol_client_cut(struct pol_brain *b, uint32_t client, bool reset, enum pol_reason reason);
bool pol_client_waits_for_drain(const struct pol_brain *b, uint32_t client);
void pol_client_pass(struct pol_brain *b, uint32_t client);
void pol_client_refuse(struct pol_brain *b, uint32_t client, enum pol_ending ending, uint32_t status); /* its front */

/* ---- patience with bound clients (patience.c) ---- */
void pol_patience_begin(struct pol_brain *b, uint32_t client); /* anew, by what it owes now */
void pol_patience_due(struct pol_brain *b, uint32_t client);
bool pol_patience_applies(const struct pol_brain *b, uint32_t client);

/* ---- plain clients (plain.c) ---- */
void pol_plain_asked(struct pol_brain *b, uint32_t client);     /* something new stands at its front */
void pol_plain_begin(struct pol_brain *b, uint32_t client);     /* it has said its first bind, which is plain */
bool pol_plain_answer(struct pol_brain *b, uint32_t client);    /* the bind at its front, if the answer is known */
void pol_plain_connected(struct pol_brain *b, uint32_t client); /* so its link is to be bound */
void pol_plain_bound(struct pol_brain *b, uint32_t client, const struct pol_event *e);
void pol_plain_call_over(struct pol_brain *b, uint32_t client);
bool pol_plain_stays(struct pol_brain *b, uint32_t client); /* what it was to move for has been refused */
/* It is being closed: its calls lose their client. `plain`: it has no link of its own that would see to them. */
void pol_plain_left(struct pol_brain *b, uint32_t client, bool plain, enum pol_reason reason);
/* One of its calls is over: perhaps that was what it, or a drain, was waiting for. */
void pol_client_call_over(struct pol_brain *b, uint32_t client);
void pol_client_close(struct pol_brain *b, uint32_t client, bool reset, enum pol_when when, enum pol_reason reason);
/* A drain closes it, unless it has a call in flight; one that is closing already is cut when the drain is over. */
void pol_client_drain(struct pol_brain *b, uint32_t client);

/* ---- links (link.c) ---- */
/* Returns POL_NONE when there is no room for another link. */
uint32_t pol_link_dial(struct pol_brain *b, uint32_t client, uint32_t member); /* client: or POL_NONE */
void pol_link_move(struct pol_brain *b, uint32_t link, enum link_state to);
void pol_link_set_deadline(struct pol_brain *b, uint32_t link, int64_t at);
struct pol_action *pol_link_emit(struct pol_brain *b, enum pol_action_kind kind, uint32_t link);
void pol_link_dialled(struct pol_brain *b, const struct pol_event *e);
void pol_link_asked_bind(struct pol_brain *b, uint32_t link); /* one goes up: it is to be answered in time */
void pol_link_bound(struct pol_brain *b, const struct pol_event *e);
void pol_link_callback(struct pol_brain *b, const struct pol_event *e);
void pol_link_stray(struct pol_brain *b, const struct pol_event *e);
bool pol_is_about_connection(const struct pol_event *fault);
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
void pol_probe_long_call(struct pol_brain *b, uint32_t call);      /* one more */
void pol_probe_long_call_over(struct pol_brain *b, uint32_t call); /* one less */
void pol_probe_client_over(struct pol_brain *b, uint32_t client);  /* of its long calls, one less */
void pol_probe_link_over(struct pol_brain *b, uint32_t link);      /* it is being closed */
void pol_probe_liveness(struct pol_brain *b, const struct pol_event *e);
bool pol_probe_sweep(struct pol_brain *b); /* true: there is more to do */

/* ---- links that are shared (pool.c) ---- */
bool pol_pool_has_room(const struct pol_brain *b, uint32_t server);  /* for one more link that is shared */
bool pol_owned_has_room(const struct pol_brain *b, uint32_t server); /* for one more at all */
void pol_pool_make_room(struct pol_brain *b, uint32_t server); /* closes a link without calls, or a spare, if any */
uint32_t pol_pool_spare(const struct pol_brain *b, uint32_t server,
                        const struct pol_identity *carried);                                     /* NULL: any */
uint32_t pol_pool_take_spare(struct pol_brain *b, uint32_t server, struct pol_identity carried); /* or POL_NONE */
void pol_pool_share(struct pol_brain *b, uint32_t link);   /* it counts among the shared ones from now on … */
void pol_pool_unshare(struct pol_brain *b, uint32_t link); /* … and no longer */
void pol_pool_bind(struct pol_brain *b, uint32_t link, uint32_t presentation, bool alter);
/* Links that calls which wait may have before any call is over. */
uint32_t pol_pool_prospects(const struct pol_brain *b, uint32_t server);
void pol_pool_prepare(struct pol_brain *b, uint32_t call); /* a link for it: nobody waits behind a closed door */
void pol_pool_balance(struct pol_brain *b, uint32_t call); /* it was leased: are there links to all members? */
void pol_pool_connected(struct pol_brain *b, uint32_t link);
void pol_pool_presents(struct pol_brain *b, const struct pol_event *e);
void pol_pool_bound(struct pol_brain *b, const struct pol_event *e);
void pol_pool_serve(struct pol_brain *b, uint32_t link,
                    uint32_t group);                       /* it is bound, in that group: it takes calls */
void pol_pool_open(struct pol_brain *b, uint32_t link);    /* looks whether it has room for a call */
void pol_pool_unbound(struct pol_brain *b, uint32_t link); /* it was ended without an answer to its bind */
void pol_pool_drain(struct pol_brain *b, uint32_t link);   /* closed, unless it is needed */
void pol_pool_due(struct pol_brain *b, uint32_t link);
void pol_pool_failed(struct pol_brain *b, uint32_t server); /* a dial for it has */
void pol_pool_end(struct pol_brain *b, uint32_t link);      /* it is ending: no call comes to it any more */
bool pol_pool_sweep(struct pol_brain *b);                   /* true: there is more to do */

/* ---- readers that have stopped (credit.c) ---- */
void pol_credit(struct pol_brain *b, const struct pol_event *e);
void pol_credit_answering(struct pol_brain *b, uint32_t call);  /* its answer begins */
void pol_credit_read_again(struct pol_brain *b, uint32_t call); /* its client reads, or does not matter any more */
void pol_credit_sent(struct pol_brain *b,
                     uint32_t client); /* the request that it was sending needs its link no more */
void pol_credit_owned(struct pol_brain *b, uint32_t client); /* it has a link of its own */
void pol_credit_gone(struct pol_brain *b, uint32_t link);
bool pol_credit_sweep(struct pol_brain *b); /* true: there is more to do */

/* ---- which shared link a call goes up on (reuse.c) ---- */
bool pol_link_presents(const struct link *l, uint32_t presentation);
uint32_t pol_reuse(struct pol_brain *b, uint32_t call); /* one that can take it now, or POL_NONE */

/* ---- health (health.c) ---- */
/* The same for a link that is to be bound with this presentation, when calls wait for it. */
uint32_t pol_member_pick_for(const struct pol_brain *b, uint32_t server, uint32_t presentation,
                             const struct call *k); /* k: that waits for it, or NULL */
/* One of those that have no link and may be tried now, or POL_NONE. */
uint32_t pol_member_pick_empty(const struct pol_brain *b, uint32_t server, uint32_t presentation);
bool pol_member_refuses(const struct pol_brain *b, uint32_t member, uint32_t presentation);
bool pol_member_serves(const struct pol_brain *b, uint32_t member); /* or has it left its server by other settings? */
bool pol_identity_equal(struct pol_identity a, struct pol_identity b);
/* The server is looked at again when the next of its members may be tried. */
void pol_server_wake(struct pol_brain *b, uint32_t server);

/* The member to dial: `wanted` if it can be, else the least busy one. POL_NONE: none can be, now. Those who have `waited` for
 * it are let at one that has failed one by one, and after a pause. */
uint32_t pol_member_pick(const struct pol_brain *b, uint32_t server, uint32_t wanted, bool waited);
void pol_member_dialled(struct pol_brain *b, uint32_t link);   /* a link to it is being dialled */
void pol_member_link_over(struct pol_brain *b, uint32_t link); /* it is being closed, or nobody's: it is no trial */
void pol_member_well(struct pol_brain *b, uint32_t member);
void pol_member_failed(struct pol_brain *b, uint32_t member);
void pol_member_checked(struct pol_brain *b, const struct pol_event *e);
void pol_member_due(struct pol_brain *b, uint32_t member);
bool pol_listeners_sweep(struct pol_brain *b);                 /* true: there is more to do */
void pol_server_renewed(struct pol_brain *b, uint32_t server); /* it has other settings */
void pol_server_suspect(struct pol_brain *b,
                        uint32_t server); /* its members are checked, if they were not just now */

/* ---- clients that wait for a member (unavailable.c) ---- */
void pol_unavailable_enter(struct pol_brain *b, uint32_t client);
void pol_unavailable_leave(struct pol_brain *b, uint32_t client);
bool pol_unavailable_sweep(struct pol_brain *b); /* true: there is more to do */

/* ---- calls (call.c) ---- */
void pol_call_begin(struct pol_brain *b, const struct pol_event *e);
void pol_call_lease(struct pol_brain *b, uint32_t call);
void pol_call_stand(struct pol_brain *b,
                    uint32_t call);                     /* it stands behind another one of its client's, or a drain */
void pol_call_wait(struct pol_brain *b, uint32_t call); /* it stands in line, and not for ever */
void pol_call_away(struct pol_brain *b, uint32_t call); /* it waits for a server that is away */
void pol_call_orphan(struct pol_brain *b, uint32_t call, enum pol_reason reason); /* its client has gone */
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

/* It has come to nothing and is not sent up once more: that follows soon, since a client may have many of those. */
void pol_call_hasten(struct pol_brain *b, uint32_t call);
void pol_call_withdraw(struct pol_brain *b, uint32_t call, enum pol_reason reason); /* and its client has gone */

/* ---- repeating calls (retry.c) ---- */
void pol_retry_deposit(struct pol_brain *b, uint32_t server); /* a call has finished */
/* May a call whose attempt came to nothing be sent up once more? `proof`: that it did not run; without one it takes from
 * the budget, and is taken from it. */
bool pol_retry_may(struct pol_brain *b, uint32_t call, enum pol_proof proof);
int64_t pol_retry_backoff(struct pol_brain *b, const struct call *k); /* ms to wait before that */
bool pol_retry_may_go_to(const struct pol_brain *b, const struct call *k, uint32_t member);
uint64_t pol_dice(struct pol_brain *b); /* random, for spreading things over time */

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

/* ---- what a server has said of its own limit (busy.c) ---- */
uint32_t pol_takes(const struct pol_brain *b, const struct server *s); /* most calls inside, or UINT32_MAX */
void pol_busy_refused(struct pol_brain *b, const struct call *k);      /* it has refused it as too busy */
void pol_busy_answered(struct pol_brain *b, const struct call *k);

/* ---- association groups (group.c) ---- */
enum group_verdict { GROUP_UNKNOWN, GROUP_OWN, GROUP_FOREIGN };
/* Who holds `id` at one of these `count` members; *member is set for GROUP_OWN. */
enum group_verdict pol_group_ask(struct pol_brain *b, uint32_t first, uint32_t count, uint32_t id,
                                 struct pol_identity who, uint32_t *member);
void pol_group_granted(struct pol_brain *b, uint32_t link, uint32_t id, struct pol_identity who);
void pol_group_left(struct pol_brain *b, uint32_t link);
/* For plain clients, who are in no group of the server's: one is made up, or joined. Returns its id. */
#define POL_OF_SERVER(server) (UINT32_MAX / 2 + (server)) /* stands for a member: above all of them */
uint32_t pol_group_make(struct pol_brain *b, uint32_t client, uint32_t id); /* 0: a new one */
enum group_verdict pol_group_ask_made(struct pol_brain *b, uint32_t client, uint32_t id);
void pol_group_leave(struct pol_brain *b, uint32_t client);
/* The made-up group of a client that has a link of its own: what the server is asked to join, and what it granted. */
uint32_t pol_group_member(const struct pol_brain *b,
                          uint32_t client); /* that has granted one in its place, or POL_NONE */
uint32_t pol_group_of_server(const struct pol_brain *b, uint32_t client, uint32_t member);
void pol_group_learned(struct pol_brain *b, uint32_t client, uint32_t member, uint32_t id);

#endif
