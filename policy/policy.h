/* The brain without a body: what to do about each client, link and call.
 *
 * Facts come in as events, decisions go out as actions. Both are plain structs of small ids, integers and a monotonic
 * time in milliseconds. There is no byte, socket, clock, log or allocation in here once pol_create() has returned, so
 * the same brain runs behind live sockets, in virtual time, and over a capture.
 *
 * Who is who: a *client* is one connection to us, a *link* is one connection of ours to a member of a server, a *call*
 * is one request and what becomes of it. Ids of clients and calls are given out by the body, ids of links by the
 * brain; each is an index below the limits of pol_create() with a generation that makes a re-used index a new id.
 *
 * Plain clients use no authentication and only interfaces that are known to keep no state. They have no link of their own:
 * their binds are answered from what the server has answered before, and each of their calls goes up on any link of a
 * pool. An *offer* is a bind or alter_context as far as its answer depends on it, a *presentation* is an abstract with an
 * accepted transfer syntax; the body numbers both from 1.
 *
 * How an event is answered: most events only inform. Those marked "asks" tell of a PDU that stands at the front of
 * its connection and goes nowhere until an action names it: POL_PASS or POL_LEASE (it goes on), POL_SWALLOW (it is
 * dropped), POL_FAULT or POL_ANSWER_BIND (it is answered here), POL_CLOSE, or POL_HOLD: it waits, nothing behind it
 * is read, and one of the others comes later. */
#ifndef POL_POLICY_H
#define POL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POL_NONE UINT32_MAX /* index of no object */

struct pol_id {
    uint32_t index;
    uint32_t generation;
};

static inline bool pol_id_equal(struct pol_id a, struct pol_id b)
{
    return a.index == b.index && a.generation == b.generation;
}

/* Who a connection belongs to, as far as we can tell: an IPv6 or mapped IPv4 address, or a uid. Never looked into. */
struct pol_identity {
    uint64_t high;
    uint64_t low;
};

/* ---- settings ---- */

/* How many links a server is given for clients that share them, where `connections` does not say. */
#define POL_POOL_DEFAULT 8u

struct pol_server {
    uint32_t connections; /* most links to it at once; 0: no limit, but POL_POOL_DEFAULT for those that are shared */
    uint32_t calls_per_connection; /* most calls at once on a link that is shared; 0 stands for 1 */
    int64_t idle_keep;             /* ms that a shared link is kept without a call; 0: for ever */
    int64_t validate_after; /* ms without a call after which a link is proven alive before its next call; 0: never */
    uint32_t spare;         /* links that are dialled ahead */
    uint32_t attempts;      /* most of one call; 0 and 1: it is never repeated */
    uint32_t retry_budget; /* repeats for which there need be no proof, in percent of its calls, over ten seconds … */
    uint32_t retry_floor;    /* … and so many a second in any case */
    int64_t retry_backoff;   /* ms before a call is repeated; doubles each time … */
    int64_t retry_longest;   /* … up to this */
    bool across_versions;    /* a call may be repeated at a member of another version */
    uint32_t calls;          /* most calls inside it at once; 0: no limit */
    uint32_t waiting_length; /* most calls in the line before it; UINT32_MAX: no limit */
    int64_t waiting_longest; /* ms that a call may stand in line; 0: for ever */
    uint32_t abandoned; /* most calls inside it that were given up; 0: as many as `calls`, or 16 without a limit */
    int64_t connect_timeout;  /* ms */
    int64_t bind_timeout;     /* ms for a member to answer a bind or alter_context; 0: for ever */
    int64_t unavailable_wait; /* ms that a client of which nothing was sent up waits for a member; 0: not at all */
    uint32_t failures;        /* of a member, in a row, after which it is down; 0: it never is */
    int64_t backoff; /* ms before a member that failed is tried again by those who wait; doubles each time … */
    int64_t longest_backoff; /* … up to this */
    bool
        refuse_when_down; /* its listeners are closed when all its members are down for longer than unavailable_wait */
    int64_t check_every;  /* ms between two checks of a member; 0: it is checked only when all slots are abandoned */
    uint32_t member_first; /* its members have the indices member_first … member_first + member_count - 1 */
    uint32_t member_count;
};

/* What the server of a call that is given up is told. */
enum pol_farewell {
    POL_SAY_NOTHING,
    POL_SAY_CANCEL,   /* co_cancel */
    POL_SAY_ORPHANED, /* where it has granted to keep the connection after that; else nothing */
};

/* What holds for a kind of calls. Times are ms, 0: never. */
struct pol_call_rules {
    int64_t com_timeout;  /* inside its server, before the connection is proven alive by keep-alive */
    int64_t call_timeout; /* of silence from the server, while a call is inside it */
    int64_t deadline;     /* of a whole call, waiting included */
    uint8_t farewell;     /* enum pol_farewell: what the server is told, where no security context forbids it */
    bool pending;         /* it returns only when something happens: takes no slot, and no time-out but com_timeout */
};

/* Of a member alone, beside those of its server. */
struct pol_member {
    uint32_t connections; /* most links to it at once; 0: no limit */
    uint32_t version;     /* of what runs there: a number for each; 0: not said */
    uint32_t twin;        /* one more than the index of the first member at the same address; 0: that is itself */
};

struct pol_listener {
    uint32_t server;              /* POL_NONE: nobody comes here */
    uint32_t clients;             /* most at once; 0: no limit */
    uint32_t clients_per_address; /* most at once of one identity; 0: no limit */
    int64_t
        bind_timeout; /* ms from accept to the first PDU, and from a connection to an accepted bind; 0: for ever */
    int64_t client_timeout; /* ms that a bound client may owe something (POL_CLIENT_OWES); 0: for ever */
    int64_t idle_timeout;   /* ms that one may be without a call; 0: for ever */
};

struct pol_settings {
    const struct pol_server *servers; /* copied */
    uint32_t server_count;
    const struct pol_member *members;     /* copied; by the indices that the servers name; NULL: all are zeros */
    const struct pol_listener *listeners; /* copied */
    uint32_t listener_count;
    const struct pol_call_rules *rules; /* copied; POL_CALL_BEGIN names one */
    uint32_t rule_count;                /* 0: one rule of zeros */
    int64_t drain;                      /* ms */
    uint32_t max_clients;               /* sizes of the tables: indices stay below these */
    uint32_t max_links;
    uint32_t max_calls;
    uint32_t max_servers; /* for pol_renew(); 0: as many as there are */
    uint32_t max_members;
    uint32_t max_listeners;
    uint32_t max_offers; /* offers are numbered from 1 to this; 0: no client is plain */
    uint64_t seed;       /* any number an attacker cannot guess; orders hash tables, decides nothing */
};

/* ---- events ---- */

enum pol_event_kind {
    POL_TICK,          /* nothing happened but time: after pol_next_wake(), or because `more` was set */
    POL_CLIENT_OPENED, /* client listener identity carried */
    POL_CLIENT_BIND,   /* client level group alter offer multiplex · asks */
    POL_AUTH_LEG,      /* client · an auth3 · asks */
    POL_CALL_BEGIN, /* client call level maybe rule opnum presentation alone kept idempotent whole_only · first fragment of a request · asks; later ones … */
                    /* … flow on the lease */
    POL_CLIENT_CONTROL, /* client call (index POL_NONE: none matches) orphaned · else co_cancel · asks */
    POL_CLIENT_STRAY,   /* client · any other PDU · asks */
    POL_CLIENT_END,     /* client how cut · no more comes from it; cut: in the middle of a request */
    POL_CLIENT_GONE,    /* client · its socket is closed, its index is free again */
    POL_CLIENT_OWES, /* client on · on: it stands within a PDU or request, or has not taken what it was sent; again: … */
                     /* … some of that has come or gone; off: it owes nothing any more */
    POL_CREDIT,        /* client or link, room · false: its reader has stopped; true: it takes bytes again */
    POL_DIALLED,       /* link error ours · 0: connected; else errno */
    POL_PRESENTS,      /* link presentation · of the answer to a bind of ours that is told next: it was accepted */
    POL_BOUND,         /* link accepted group keeps multiplex differs · the server answered a bind; asks */
    POL_ACCEPTED,      /* call first_done last_done · what write() has taken of its request; less than before: … */
                       /* … its link is dead, and the rest has never left this host */
    POL_ANSWER_BEGIN,  /* call fault status dne · first fragment of the answer · asks */
    POL_ANSWER_END,    /* call · the last one */
    POL_PROGRESS,      /* call · some more of its request was taken, or of its answer has come */
    POL_CALLBACK_DOWN, /* link · a request of the server's, nested in an open call · asks */
    POL_CALLBACK_UP,   /* client · its answer to one · asks */
    POL_LINK_STRAY,    /* link fault status · a PDU that belongs to no open call · asks */
    POL_LIVENESS,      /* link silent · true: a keep-alive of its was not answered in time; false: now it is */
    POL_LINK_END,      /* link how */
    POL_LINK_GONE,     /* link · its socket is closed, its index is free again */
    POL_CHECKED,       /* member error · a check of it is over; 0: it is well */
    POL_SERVER_DRAIN,  /* server on · on: no more calls go into it, off: they do again */
    POL_CALL_CANCEL,   /* call · the administrator gives it up */
    POL_DRAIN,         /* the administrator wants us to stop; a second time: at once */
    POL_EVENT_KINDS
};

enum pol_how {
    POL_FIN,   /* in order */
    POL_RESET, /* RST, or an error of the socket */
    POL_BAD,   /* bytes that are no DCE/RPC */
    POL_FULL,  /* of a client: there is no room for its call */
};

struct pol_event {
    uint8_t kind;  /* enum pol_event_kind */
    uint8_t how;   /* enum pol_how */
    uint8_t level; /* auth level, 0 to 6 (MS-RPCE 2.2.1.1.8); 0 and 1: none */
    bool alter;    /* alter_context, not bind */
    bool maybe;
    bool cut;
    bool orphaned;
    bool room;
    bool silent;
    bool accepted; /* bind_ack or alter_context_resp; false: bind_nak */
    bool keeps;    /* it has granted to keep the connection after an orphaned (MS-RPCE 2.2.2.14) */
    bool first_done;
    bool last_done;
    bool fault;
    bool dne; /* PFC_DID_NOT_EXECUTE */
    bool on;
    bool ours;       /* of an error: we lacked something, and the member was not asked */
    bool kept;       /* all of it is kept, so that it can be repeated */
    bool idempotent; /* it does no harm to run it twice */
    bool whole_only; /* its server does not begin to run it before its last fragment has come */
    bool alone;      /* larger than may be sent beside other calls */
    bool
        multiplex; /* concurrent multiplexing (C706 12.6.3.1, PFC_CONC_MPX): a client asks for it, a server grants it */
    bool unlearned; /* of an offer: it is new, whatever its number meant before */
    bool differs; /* of an answer to a bind that was replayed or learned anew: it is not what its clients were told */
    struct pol_id client;
    struct pol_id link;
    struct pol_id call;
    uint32_t listener;
    uint32_t server;
    uint32_t member;
    uint32_t rule;
    uint32_t group;        /* association group id; 0: none */
    uint32_t offer;        /* what a plain client's bind offers, see below; 0: it is not plain */
    uint32_t presentation; /* abstract and transfer syntax of a plain client's call, or of a link; 0: none */
    uint32_t status;       /* of a fault */
    uint32_t opnum;
    int error; /* errno */
    struct pol_identity identity;
    struct pol_identity carried; /* what links that serve it carry of its identity; zero: nothing */
};

/* ---- actions ---- */

enum pol_action_kind {
    POL_PASS,    /* client, link or call: the PDU that was asked about goes on */
    POL_SWALLOW, /* link or call: it is dropped, and so are the fragments that belong to it */
    POL_LEASE,   /* call client link: the request goes up on that link, its later fragments without asking */
    POL_HOLD,    /* client: the PDU at its front waits */
    POL_PAUSE,   /* client or link: read nothing from it until POL_RESUME */
    POL_RESUME,  /* client or link */
    POL_DIAL,    /* link member client: connect, for this client if one is named; else POL_OWN may follow */
    POL_OWN,     /* client link: it has that link to itself from now on */
    POL_BIND,    /* link client offer alter group replay, or link presentation alter: bind it so; POL_BOUND answers */
    POL_ANSWER_BIND, /* client ack offer group: answer the bind at its front */
    POL_FAULT,       /* call status dne: tell the client */
    POL_PROBE,       /* client or link, on: keep-alives begin, or stop */
    POL_END_INPUT,   /* link: nothing more will be sent up; a FIN goes once all is written. Answers still come */
    POL_CLOSE,       /* client or link, reset when reason */
    POL_LISTEN_OFF,  /* listener */
    POL_LISTEN_ON,   /* listener: one that was closed because its server was down */
    POL_AGAIN,       /* call proof: what went up on its link is over; a later POL_LEASE sends it up once more */
    POL_END,         /* call ending proof: it is over, its index is free again; write its line */
    POL_ABANDON, /* call ending proof farewell: write its line; it stays inside the server, its answer is dropped */
    POL_RELEASE, /* call: one that was abandoned is over, its index is free again */
    POL_MEMBER,  /* member, on: it is up again; off: it is down. Tell the administrator */
    POL_CHECK,   /* member, on: find out whether it is well; off: that takes too long, stop it */
    POL_ACTION_KINDS
};

enum pol_when {
    POL_NOW,     /* what is not written yet is lost */
    POL_FLUSHED, /* when all has been written */
    POL_ACKED,   /* when the peer's kernel has acknowledged all, so that a reset cannot overtake an answer */
};

/* Why a connection ended. */
enum pol_reason {
    POL_BY_CLIENT_FIN,
    POL_BY_CLIENT_RESET,
    POL_BY_CLIENT_BAD,
    POL_BY_SERVER_FIN,
    POL_BY_SERVER_RESET,
    POL_BY_SERVER_BAD,
    POL_BY_UNAVAILABLE,
    POL_BY_BIND_TIMEOUT,
    POL_BY_CLIENTS_LIMIT,
    POL_BY_ADDRESS_LIMIT,
    POL_BY_LINKS_LIMIT,
    POL_BY_GROUP_GUARD,
    POL_BY_DRAIN,
    POL_BY_LINGER,
    POL_BY_REFUSAL,
    POL_BY_TABLE_FULL,
    POL_BY_CALL_TIMEOUT,
    POL_BY_CLIENT_TIMEOUT,
    POL_BY_IDLE_TIMEOUT,
    POL_BY_CONNECTIONS_LIMIT, /* of the server */
    POL_BY_BROKEN_PROMISE,    /* the server does not offer any more what a client was told */
    POL_BY_IDLE_LINK,         /* of a link: nobody has needed it */
    POL_BY_NO_ROOM,           /* of a link: it had to make room for another one */
    POL_REASONS
};

/* How a call ended; rpcward(8) says what each means to the people on both sides. */
enum pol_ending {
    POL_ANSWERED,
    POL_FAULTED,
    POL_MAYBE_SENT,
    POL_UNAVAILABLE,
    POL_WITHDRAWN,
    POL_CLIENT_LEFT,
    POL_SERVER_LOST,
    POL_NOT_SENT,
    POL_ANSWER_CUT,
    POL_DRAINED,
    POL_REFUSED,
    POL_TIMED_OUT,
    POL_CUT_OFF,
    POL_CANCELLED,
    POL_ENDINGS
};

/* Why a call cannot have run, or why that is not known (rpcward(8): P1 to P6). */
enum pol_proof {
    POL_UNPROVEN,
    POL_P1_NOT_CONNECTED, /* no connection to the server came about */
    POL_P2_NOT_BOUND,     /* one did, and its bind was refused or not answered before it ended */
    POL_P3_FIRST_PARTIAL, /* the kernel never had the whole first fragment, and the connection is closed */
    POL_P4_LAST_PARTIAL,  /* the same of its last fragment, at a server that does not begin before that */
    POL_P5_FAULT_DNE,     /* the server said so: PFC_DID_NOT_EXECUTE */
    POL_P6_IN_PROXY,      /* the request never left the proxy */
    POL_PROOFS
};

struct pol_action {
    uint8_t kind; /* enum pol_action_kind */
    uint8_t when; /* enum pol_when */
    uint8_t reason;
    uint8_t ending;
    uint8_t proof;
    bool on;          /* POL_PROBE, POL_MEMBER, POL_CHECK */
    bool reset;       /* POL_CLOSE: by RST, not by FIN */
    bool ack;         /* POL_ANSWER_BIND: accept it; false: bind_nak 0 */
    uint8_t farewell; /* POL_ABANDON: enum pol_farewell */
    bool dne;
    bool alter;           /* POL_BIND: by alter_context */
    bool replay;          /* POL_BIND: a client was told the answer already; compare */
    bool may_have_run;    /* POL_PASS: of a fault; an earlier attempt may have: no did-not-execute in it */
    bool regroup;         /* POL_PASS: of a bind or its answer, with `group` in it */
    struct pol_id client; /* the ids that do not apply have the index POL_NONE */
    struct pol_id link;
    struct pol_id call;
    uint32_t listener;
    uint32_t member;
    uint32_t offer;        /* 0: none */
    uint32_t presentation; /* 0: none */
    uint32_t group;
    uint32_t status;
    uint32_t delay; /* POL_CLOSE: ms to let pass after `when` has come */
};

#define POL_ACTIONS_MAX 40u

struct pol_actions {
    unsigned count;
    bool more; /* there was no room for all: send POL_TICK at once */
    struct pol_action item[POL_ACTIONS_MAX];
};

/* ---- the brain ---- */

struct pol_brain;

/* NULL when there is not enough memory. Nothing is allocated after this, but by pol_renew(). */
struct pol_brain *pol_create(const struct pol_settings *settings);

/* Other settings for what begins from now on; then send POL_TICK. Servers, members and listeners keep their indices: there
 * may be more of them than before, not fewer, and no more than the tables have room for; a server's members may be others.
 * False when there is not enough memory; nothing has changed then. The sizes of the tables are not looked at. */
bool pol_renew(struct pol_brain *brain, const struct pol_settings *settings);

/* The same for one listener alone and, unless that is NULL, for the server that is named there, in place of whatever had
 * these rows: nothing may be under way there any more. Rows may be left out. */
void pol_place(struct pol_brain *brain, uint32_t listener, const struct pol_listener *l, const struct pol_server *s);
void pol_destroy(struct pol_brain *brain);

/* Tells the brain one thing at the time `now` (ms, never decreasing) and fetches what follows from it. What is due by then may
 * wait for the next POL_TICK: see pol_next_wake(). */
void pol_step(struct pol_brain *brain, const struct pol_event *event, int64_t now, struct pol_actions *actions);

/* When to send POL_TICK at the latest; INT64_MAX: nothing is due. */
int64_t pol_next_wake(const struct pol_brain *brain);

/* True once a drain has left nothing behind: the process may go. */
bool pol_drained(const struct pol_brain *brain);

/* Calls of this server that hold a slot, and that wait for one. For tests, statistics and traces. */
uint32_t pol_calls_inside(const struct pol_brain *brain, uint32_t server);
uint32_t pol_calls_waiting(const struct pol_brain *brain, uint32_t server);

/* Whether a link is `fresh`, `plain` or `owned`; what it does, in a word. */
const char *pol_link_class(const struct pol_brain *brain, struct pol_id link);

/* Clients that wait for a member of this server; whether a member is up; whether the server is drained. */
uint32_t pol_clients_waiting(const struct pol_brain *brain, uint32_t server);
bool pol_member_up(const struct pol_brain *brain, uint32_t member);
bool pol_server_draining(const struct pol_brain *brain, uint32_t server);

/* Words for logs, traces and documents; NULL for what is out of range. */
const char *pol_event_name(unsigned kind);
const char *pol_action_name(unsigned kind);
const char *pol_reason_name(unsigned reason);
const char *pol_ending_name(unsigned ending);
const char *pol_proof_name(unsigned proof);
const char *pol_proof_clause(unsigned proof); /* why it proves that; NULL also for POL_UNPROVEN */

#endif
