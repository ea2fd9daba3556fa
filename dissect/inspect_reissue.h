/* Calls that were given up and made again, by client, server and operation. Bounded; what is beyond is not
 * remembered. */
#ifndef INSPECT_REISSUE_H
#define INSPECT_REISSUE_H

#include "conversation.h"
#include "inspect_findings.h"

#define REISSUE_MOST   4096u       /* clients with something given up */
#define REISSUE_WITHIN 60000000000 /* ns after giving up, in which the same operation is the same call again */
#define REISSUE_STORM  10u         /* so many, and */
#define REISSUE_FACTOR 2u          /* so many attempts for each call, are a storm */

struct reissue_client;
struct reissue_operation;

/* Zero-initialise; reissue_free() after use. */
struct reissue {
    struct reissue_client **clients; /* by hash */
    struct reissue_operation *operations;
    size_t client_count;
};

/* A request's first fragment; a call that its client has given up. */
void reissue_begin(struct reissue *r, const struct dis_call *call);
void reissue_left(struct reissue *r, const struct dis_call *call, struct dis_place place);

/* It was answered all the same, and its client has the answer. */
void reissue_answered(struct reissue *r, const struct dis_call *call);

/* Adds what was found, at the end. */
void reissue_tell(const struct reissue *r, struct findings *f);

void reissue_free(struct reissue *r);

#endif
