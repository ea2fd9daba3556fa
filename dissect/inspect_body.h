/* A body for the brain in virtual time: its connections and calls, and what becomes of them by the brain's actions.
 *
 * What follows from an action is put on the agenda, so that nothing is told within a step. */
#ifndef INSPECT_BODY_H
#define INSPECT_BODY_H

#include "inspect_agenda.h"
#include "inspect_replay.h"

#define BODY_MS 1000000 /* ns */

/* What stands on the agenda: of a call (its generation is the attempt), of a session, of a link, of a member, of a client. */
enum body_what {
    CALL_DUE,
    NEXT,
    DIALLED,
    BOUND,
    ACCEPTED,
    FIRST,
    LAST,
    LOST,
    DROPPED,
    LEFT,
    DONE,
    LINK_FIN,
    CHECKED,
    AWAY,
    CLIENT_GONE,
    LINK_GONE
};

enum body_front { FRONT_NOTHING, FRONT_BIND, FRONT_CALL };

struct body_client {
    struct pol_id id;
    uint32_t session;
    uint32_t link;
    uint32_t call;  /* at its front */
    uint32_t binds; /* that were answered */
    enum body_front front;
    bool used, open, bound, paused;
    bool plain; /* its binds were answered for all who share */
};

struct body_link {
    struct pol_id id;
    uint32_t client; /* POL_NONE: nobody has it yet */
    uint32_t member;
    uint32_t calls;        /* inside */
    uint32_t offer;        /* in the bind that waits for its answer, or … */
    uint32_t presentation; /* … this; 0 and 0: it is a client's own */
    bool open, ended;
};

/* A connection of the capture, which may be one after the other here. */
struct body_session {
    uint32_t first; /* of its calls */
    uint32_t past;
    uint32_t client; /* its connection now; REPLAY_NONE: it has none */
    uint32_t queue;  /* calls that are due */
    uint32_t queue_last;
    uint32_t opened;
    uint32_t finished; /* calls */
};

struct body {
    struct replay *r;
    struct pol_brain *brain;
    struct agenda agenda;
    struct body_client *clients;
    struct body_link *links;
    struct body_session *sessions;
    uint32_t *session_of; /* by call */
    struct pol_id *slots; /* the brain's calls: which they are now */
    uint32_t *call_in;
    uint32_t session_count;
    uint32_t peers;
    uint32_t slot_count;
    uint32_t links_open;
    uint32_t unsent; /* calls that are due and not with their servers */
    int64_t now;
};

void body_put(struct body *w, int64_t time, enum body_what what, uint32_t index, uint32_t generation);
struct pol_event body_event(enum pol_event_kind kind);

/* Tells the brain, and does what it says. */
void body_tell(struct body *w, struct pol_event e);

struct body_link *body_link(struct body *w, uint32_t index, uint32_t generation); /* NULL: it is closed */
uint32_t body_index_of(const struct body *w, const struct replay_call *k);

/* A call is due, or must be sent once more; it is sent, or will not be. */
void body_owe(struct body *w, struct replay_call *k, bool unsent);

/* A call is over for its client; once. */
void body_finish(struct body *w, struct replay_call *k, uint8_t ending);

/* The next call that is due, taken off the queue, which is not empty. */
uint32_t body_pop(struct body *w, struct body_session *s);

#endif
