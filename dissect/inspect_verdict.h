/* Was it safe to make a call again? What a capture shows, put to the proofs that the proxy works by. */
#ifndef INSPECT_VERDICT_H
#define INSPECT_VERDICT_H

#include "conversation.h"

#define VERDICT_TEXT 512u

enum verdict {
    VERDICT_NONE,    /* it did not fail */
    VERDICT_SAFE,    /* it has provably not run */
    VERDICT_MAY_RUN, /* it may have run, or run yet */
    VERDICT_UNKNOWN  /* nothing in the capture tells */
};

/* `proof` is its name, such as "P5", or NULL. */
enum verdict verdict_of(const struct dis_call *call, const char **proof);

/* "safe", "may-have-run", "unknown"; NULL for VERDICT_NONE. */
const char *verdict_name(enum verdict verdict);

/* Why, in a sentence. Returns `text`, empty for VERDICT_NONE. */
const char *verdict_sentence(const struct dis_call *call, char text[VERDICT_TEXT]);

#endif
