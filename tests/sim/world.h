/* Who takes part in a schedule, and what each has seen: clients, members of the server, their connections, the calls.
 * The promises are judged by this alone, and by the log; nobody looks into the proxy. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "../../dissect/pdu.h"
#include "counts.h"
#include "net.h"
#include "plan.h"
#include "wire.h"

#define CLIENTS 13u  /* the last one comes when all is over, to see whether it is served */
#define PDUS    512u /* that one side of a connection may say */
#define LINKS   128u
#define CALLS   256u
#define STREAM  262144u /* bytes, likewise */

#define PROXY_PORT   1135
#define MEMBER_PORT  5000
#define CONTROL_PORT 1 /* what the control socket has in place of one */

/* Whose call it is its stub says; clients number their calls as they like, all alike. The call_ids of their other PDUs say who
 * said them. */
#define OTHER_ID_FIRST 0x10000u /* and 256 for each client */

/* Association groups that a server makes have the number of the link for which it did. */
#define GROUP_OF(link) (0x5000u + (uint32_t)(link))

enum outcome { UNTOLD, ANSWERED, SERVER_FAULT, PROXY_FAULT };

/* One request, as its client made it, as the server had it last (repeat.c tells of what came before), as the log tells it. */
struct call {
    uint32_t client, call_id, op;
    uint32_t fragments;
    bool maybe, orphaned, cancelled;
    bool is_sent; /* its client's kernel has all of it */
    int64_t sent_at;
    enum outcome outcome;
    bool dne; /* of the fault that it was told */
    uint32_t status;
    bool answer_begun; /* part of an answer has come */
    int64_t told_at;
    struct link *link; /* NULL: no server has heard of it */
    uint32_t wire_id;  /* as the server knows it … */
    uint16_t wire_context;
    bool wire_big;    /* … and in which byte order */
    bool is_answered; /* to the last fragment */
    uint32_t fragments_come;
    bool refused;            /* the server has said that it did not execute it */
    uint32_t attempt;        /* of those that have reached a server, counted from 0 */
    const struct link *late; /* of an earlier one, what comes when the last has begun */
    bool may_have_run;       /* one before this may have */
    unsigned executed;
    bool is_inside;   /* the server works on it */
    bool is_silenced; /* it will not be answered */
    int64_t inside_at;
    unsigned serial;                /* of what it does next */
    unsigned answers, answers_left; /* fragments */
    bool answer_is_fault, answer_is_dne;
    unsigned lines;
    int64_t line_at;
    char ending[16], proof[4], evidence[16];
    uint32_t waited, took; /* µs; 0: the line has none */
    uint32_t attempts;     /* says its line */
    bool withheld;         /* by the proxy: what its client said after it has come to the server */
};

/* A PDU within what one side says. `call` is CALLS for those of no call. */
struct said {
    uint32_t at, length, call;
    uint32_t fragment; /* of a request */
    uint8_t type;
    bool taken; /* seen by the other side */
};

struct stream {
    uint32_t length, sent; /* bytes said, and those that the kernel has */
    uint32_t count, next;  /* PDUs, and the first that the other side has not seen */
    struct said said[PDUS];
    uint8_t bytes[STREAM];
};

struct inbox {
    uint32_t length;
    uint8_t bytes[2 * NET_ROOM];
};

enum leaving { STAYS, BY_FIN, BY_HALF_CLOSE, BY_CLOSE, BY_RESET };

struct client {
    struct host host;
    struct endpoint *endpoint; /* NULL: has not dialled, or could not */
    struct link *link;         /* that serves it, as far as the server knows */
    bool multiplexes;          /* and says so */
    bool big_endian, eager, forgets, slow_reader, ignores_callbacks, alters;
    bool bound, refused, left, closed, leaves_soon, host_died, garbled, stalled, broken;
    unsigned callbacks_open;    /* of its server's, not answered */
    bool ended, ended_by_reset; /* by the proxy */
    uint8_t level;
    uint32_t group, writes, reads, gap;     /* bytes at once, bytes at once, µs between calls */
    uint32_t calls, begun, open, most_open; /* calls, and those that are open at once */
    uint32_t next_id;                       /* call_id */
    struct call *last;
    uint32_t maybe_percent, cancel_percent, orphan_percent, most_stub, most_fragments;
    uint32_t stall_at; /* offset in its stream at which it stops; 0: it does not */
    uint32_t others;   /* its PDUs that are no requests */
    enum leaving leaving;
    int64_t writes_at, reads_at, calls_at, step_at;
    int64_t dialled_at, bound_at, left_at;
    uint16_t port;    /* of the endpoint, as the log has it */
    char reason[32];  /* why its connection ended, as the log has it … */
    int64_t over_at;  /* … and when */
    bool told_signed; /* a fault of the proxy's, at level packet or above: nothing may follow */
    struct stream out;
    struct inbox in;
};

struct cut {
    bool is_due, of_answers; /* after `at` bytes that were written; else read */
    uint8_t kind;            /* enum cut_kind */
    uint32_t at;
};

struct link {
    struct endpoint *endpoint;
    struct member *member;
    struct client *client;                     /* NULL: has said nothing yet */
    bool open, never_closes, condemned, keeps; /* keeps: it is there after an orphaned */
    bool is_used;                              /* something was said on it */
    uint32_t users;                            /* clients whose calls it has carried: bits */
    unsigned result_count;                     /* of the answer to the bind that came last */
    struct dis_context_result results[WIRE_CONTEXTS];
    bool multiplexes;
    bool is_check; /* the proxy asks here on its own whether the member is well */
    uint32_t generation;
    bool closes; /* a FIN after what is said */
    uint32_t asked_group, group;
    uint32_t read; /* bytes */
    struct cut cut;
    int64_t closed_at, granted_at;
    struct call *incoming;
    struct stream out;
    struct inbox in;
};

struct member {
    struct host host;
    struct door *door;
    bool stopped, frozen;
    bool at_first;    /* it runs calls from their first fragment on, as pipes are */
    uint32_t slowest; /* µs of a call */
    uint32_t never_percent, fault_percent, callback_percent, mischief_permille;
    uint32_t most;         /* calls; above that it refuses them */
    bool is_down, may_try; /* as the log says; and nothing was heard of it since */
    struct {
        const struct endpoint *endpoint;
        uint32_t generation;
    } trials[2];
};

extern struct world {
    uint64_t seed;
    struct plan plan;
    struct client clients[CLIENTS];
    struct member members[MEMBERS_MOST];
    struct link links[LINKS];
    struct call calls[CALLS];
    uint32_t link_count, call_count, member_count, client_count;
    bool frozen; /* nobody begins anything any more … */
    bool well;   /* … but that servers answer all, from here on */
    bool shut;   /* the proxy has closed its listener in this turn */
    bool keeps;  /* servers keep connections after an orphaned */
    bool simple; /* clients do nothing that needs a link of its own, and servers cut many connections */
    bool reloaded;
    uint64_t cancels_asked; /* by the administrator, of calls of whichever connection: bits by call_id */
    bool drained;           /* the administrator was told that nothing is inside, and has not resumed the server */
    bool over;              /* the proxy was told to stop */
    int64_t over_at;
} world;

/* Both sides' streams. */
struct said *stream_add(struct stream *s, const uint8_t *pdu, size_t length, uint8_t type, uint32_t call);
/* Gives the kernel what it takes, up to `most` bytes; true: all is said. */
bool stream_flush(struct stream *s, struct endpoint *e, uint32_t most);
/* The PDUs that have come whole are handed over. */
typedef void inbox_handler(void *owner, const uint8_t *pdu, size_t length);
uint32_t inbox_read(struct inbox *in, struct endpoint *e, uint32_t most, inbox_handler *handler, void *owner);

/* For people, and in its stub. */
static inline uint32_t call_number(const struct call *k)
{
    return (uint32_t)(k - world.calls);
}

static inline struct call *call_of(uint32_t number)
{
    return number < world.call_count ? &world.calls[number] : NULL;
}

static inline const struct rules *rules_of(const struct call *k)
{
    return &world.plan.rules[k->op];
}

/* Such a client may share links, where its interface keeps no state. */
static inline bool may_share(const struct client *c)
{
    return world.plan.shares && c->level == 0;
}

static inline bool is_signed(const struct client *c)
{
    return c->level >= DIS_LEVEL_PACKET;
}

/* client.c */
struct call *client_call(const struct client *c,
                         uint32_t call_id); /* the one that is not over, or the last; or NULL */
void client_begin(struct client *c, uint32_t number);
void client_freeze(struct client *c); /* begins nothing any more, reads all */
void client_leave(struct client *c);
void client_come(struct client *c); /* now; it binds, and that is all */

/* cut.c */
void cut_draw(struct link *l);
uint32_t cut_room(const struct link *l, bool of_answers); /* bytes until then */
bool cut_now(struct link *l);                             /* if it is time */

/* repeat.c */
void repeat_begins(struct call *k, struct link *l); /* its first fragment has come again, on this link */
bool repeat_is_late(struct call *k, const struct link *l, uint32_t fragment); /* of an attempt before the last */
bool repeat_may_have_run(const struct call *k); /* in any of its attempts, for all that its server knows */
void repeat_judge(const struct call *k);        /* at the end: was it repeated where it should be? */

/* server.c */
void link_step(void *link); /* something has changed */
void link_close(struct link *l, bool reset);
uint32_t calls_inside(void);

/* operator.c */
void operator_begin(void);
void operator_settle(void); /* it asks for nothing new, and takes back what lasts */
void operator_judge(void);

/* member.c */
void member_begin(struct member *m, uint32_t number);
void member_die(struct member *m, bool reset);
void member_restart(struct member *m);
void member_recover(struct member *m);                    /* from whatever it has */
void member_restart_later(struct member *m, uint32_t us); /* within that */
void member_stop(struct member *m, bool stopped);

#endif
