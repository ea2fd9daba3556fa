/* What is answered to a request on the control socket: made in slices, each of which takes a fraction of a millisecond,
 * however many clients and calls there are. An answer is no snapshot: what begins or ends meanwhile may be in it or not. */
#ifndef PX_ANSWER_H
#define PX_ANSWER_H

#include "command.h"
#include "history.h"
#include "loop.h"

struct px_answer {
    struct px_command command;
    const struct px_history *history;
    uint32_t at;         /* the next row of its table */
    unsigned back;       /* the next row of the history */
    uint64_t found;      /* calls of that name */
    struct pol_id waits; /* PX_COMMAND_WAIT: the open call */
};

/* Writes the next lines. True when there are no more. */
bool px_answer_slice(struct px_loop *loop, struct px_answer *answer, struct px_log *out);

/* The call that a request to wait means, once its last slice is made: NULL where none of that name is open. */
struct px_call *px_answer_awaited(const struct px_loop *loop, const struct px_answer *answer);

/* The last line: NULL, or what is wrong. */
void px_answer_end(struct px_log *out, const char *error);

/* The line of an event: "waiting" or "inside"; and of a call's end. */
void px_answer_event(struct px_log *out, const struct px_call *call, const char *event);
void px_answer_event_ended(struct px_log *out, const struct px_call *call, unsigned ending, unsigned proof,
                           int64_t now_us);

#endif
