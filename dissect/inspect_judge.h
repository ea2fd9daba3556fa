/* What is wrong with a call that has ended: one finding, and what of it was seen. */
#ifndef INSPECT_JUDGE_H
#define INSPECT_JUDGE_H

#include "conversation.h"

#define JUDGE_TEXT 512u

enum finding {
    FINDING_NONE,
    FINDING_SERVER_HUNG,
    FINDING_HOST_GONE,
    FINDING_KEEP_ALIVE_MISSING,
    FINDING_STILL_WAITING,
    FINDING_IDLE_CUT,
    FINDING_CONNECTION_RESET,
    FINDING_CONNECTION_CLOSED,
    FINDING_CLIENT_LEFT,
    FINDING_CANCELLED,
    FINDING_ORPHANED,
    FINDING_RETRY_STORM,
    FINDING_REISSUED,
    FINDING_LATE,
    FINDING_TOO_BUSY,
    FINDING_CONTEXT_LOST,
    FINDING_REJECTED,
    FINDING_DENIED,
    FINDING_UNAVAILABLE,
    FINDING_FAULT,
    FINDING_BIND_REFUSED,
    FINDING_ENDPOINT_REFUSED,
    FINDINGS
};

/* What the judgement needs besides the call. */
struct judge {
    int64_t late;  /* ns from which an answer is late, and waiting for one is more than impatience */
    int64_t now;   /* of the last packet so far */
    int64_t alive; /* when the server last said anything, on any connection; 0: never */
};

enum finding judge_call(const struct judge *j, const struct dis_call *call);

/* Whether nobody could know that the server's host was gone, because nobody probed. */
bool judge_lacks_probes(const struct judge *j, const struct dis_call *call, enum finding finding);

/* "frame 8, call 2: …" Returns `text`. */
const char *judge_seen(const struct judge *j, const struct dis_call *call, enum finding finding,
                       char text[JUDGE_TEXT]);

#endif
