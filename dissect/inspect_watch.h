/* Watches a capture for findings: news in, groups of findings out. */
#ifndef INSPECT_WATCH_H
#define INSPECT_WATCH_H

#include "inspect_findings.h"
#include "inspect_hosts.h"
#include "inspect_reissue.h"

/* Zero-initialise, set `late`; watch_free() after use. */
struct watch {
    int64_t late; /* ns from which an answer is late */
    int64_t now;  /* of the last packet; kept by the reader */
    struct findings findings;
    struct hosts hosts;
    struct reissue reissue;
};

void watch_pdu(struct watch *w, const struct dis_sighting *s);
void watch_left(struct watch *w, const struct dis_call *call);
void watch_attempt(struct watch *w, const struct dis_attempt *attempt);

/* A call, or a conversation, that has ended. */
void watch_call(struct watch *w, const struct dis_call *call);
void watch_conversation(struct watch *w, const struct dis_conversation *c);

/* Whether its server's host was gone. */
bool watch_host_gone(const struct watch *w, const struct dis_call *call);

/* The capture has ended. */
void watch_end(struct watch *w);

void watch_free(struct watch *w);

#endif
