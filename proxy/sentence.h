/* What happened to a call, as a sentence for people: on what evidence, and what is proven. Pure. */
#ifndef PX_SENTENCE_H
#define PX_SENTENCE_H

#include "association.h"

#define PX_SENTENCE 1024u

/* The line before the server of a call that waits. */
struct px_line_before {
    const char *server; /* its name; NULL: not known */
    uint32_t inside, waiting, calls;
};

void px_sentence_open(const struct px_call *call, const struct px_line_before *line, int64_t now_us,
                      char text[PX_SENTENCE]);
void px_sentence_ended(const struct px_call *call, unsigned ending, unsigned proof, int64_t now_us,
                       char text[PX_SENTENCE]);

/* "waiting", "inside" or "answering": nothing of it was let go, it was, its answer has begun. */
const char *px_call_state(const struct px_call *call);

/* What write() took of the request. */
const char *px_call_evidence(const struct px_call *call);

#endif
