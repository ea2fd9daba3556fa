/* What the log says of each call and of each connection (docs/call-log.md tells the reader). */
#ifndef PX_CALLLOG_H
#define PX_CALLLOG_H

#include "association.h"
#include "log.h"

void px_calllog_call(struct px_log *log, const struct px_call *call, unsigned ending, unsigned proof, int64_t now_us);

/* `side` is "client" or "server": whose connection ended; `reason` one of pol_reason_name(). */
void px_calllog_connection(struct px_log *log, const struct px_association *a, const char *side, unsigned reason,
                           int64_t now_us);

#endif
