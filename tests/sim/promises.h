/* What rpcward promises, as sentences that a schedule can break. */
#ifndef SIM_PROMISES_H
#define SIM_PROMISES_H

#include "world.h"

enum promise {
    AT_MOST_ONCE,
    PROVEN, /* who is told did-not-execute was not executed */
    NO_ENDLESS_WAIT,
    CALLS_LIMIT,
    CLIENTS_LIMIT,
    NO_CROSSING, /* no byte of one client on another's link, nobody in a foreign association group */
    VERBATIM,
    OWN_ANSWER,
    NO_LATE_ANSWER,
    ONE_LINE,
    TRUE_LINE,
    ALL_FREE,
    IN_BOUNDS,
    ONE_TRIAL, /* of a member that is down, at a time */
    AVAILABLE, /* a server that is well serves whoever comes */
    LINKS_LIMIT,
    DRAINED,   /* a server that was drained gets no calls */
    ANSWERS,   /* of the control socket */
    REPEATS,   /* no more than allowed, nowhere but where allowed */
    RECOVERED, /* what provably did not run, and may be repeated, is */
    PROMISES
};

extern const char *const promise_names[PROMISES];

/* Ends the program, unless another promise is looked for. */
void broken(enum promise which, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A PDU has come to a server: whose is it? NULL: the proxy's own. */
struct said *judge_up(struct link *l, const uint8_t *pdu, size_t length);
/* The proxy asks a member whether it is well. */
void judge_check(const struct link *l, const struct dis_pdu *pdu);
/* A PDU has come to a client: what its server said, or NULL: the proxy's own. */
struct said *judge_down(struct client *c, const uint8_t *pdu, size_t length);

void judge_executed(struct call *k);
void judge_inside(void);  /* one more call is inside the server */
void judge_drained(void); /* the administrator was told that it is */
void judge_turn(void);    /* after each turn of the loop */
void judge_group(struct link *l, uint32_t group);
void judge_patience(void); /* every call that has a time-out is over by now */
void judge_com_timeout(int64_t silent_since);
void judge_newcomer(const struct client *c);
void judge_dead(void); /* all servers are gone: every call is over */
void judge_end(void);  /* the proxy is gone */

/* shared.c */
struct said *shared_up(struct link *l, const uint8_t *pdu, size_t length);
struct said *shared_down(struct client *c, const uint8_t *pdu, size_t length);
void shared_judge_links(void);

/* health.c */
void health_said(const char *address, bool up); /* by the log */
void health_dialled(struct endpoint *e);
void health_heard(const struct endpoint *e);
void health_left(const char *address); /* a client, of this member */
void health_reloaded(void);
void health_judge_shut(void);

#endif
