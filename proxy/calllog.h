/* What the log says of each call and of each connection (rpcward(8) tells the reader). */
#ifndef PX_CALLLOG_H
#define PX_CALLLOG_H

#include "association.h"
#include "log.h"
#include "stats.h"

/* The line of a call that has ended, which is counted. */
void px_calllog_call(struct px_log *log, struct px_stats *stats, const struct px_call *call, unsigned ending,
                     unsigned proof, int64_t now_us);

/* The same line for somebody who asked: it was counted before. */
void px_calllog_line(struct px_log *log, const struct px_call *call, unsigned ending, unsigned proof, int64_t now_us);

/* A part of it: what was called. */
void px_calllog_interface(struct px_log *log, const struct px_call *call);

/* `side` is "client" or "server": whose connection ended; `reason` one of pol_reason_name(). */
void px_calllog_connection(struct px_log *log, struct px_stats *stats, const struct px_association *a,
                           const char *side, unsigned reason, int64_t now_us);

/* Something that the other side will have to judge, or that was refused. Only the first few of a connection are told. */
void px_calllog_offence(struct px_log *log, struct px_association *a, const char *side, const char *what);

#endif
