/* What if rpcward had stood there? Captured calls, kept until the end, through its brain with the settings of a
 * file. */
#ifndef INSPECT_WHATIF_H
#define INSPECT_WHATIF_H

#include <stdio.h>

#include "conversation.h"

struct whatif;

/* NULL where the settings are no good, which has been said on stderr then. */
struct whatif *whatif_new(const char *settings_file);

/* What is seen, as it is told (struct dis_news); times count from `start`, when the capture began. */
void whatif_pdu(struct whatif *w, const struct dis_sighting *s, int64_t start);
void whatif_attempt(struct whatif *w, const struct dis_attempt *a, int64_t start);
void whatif_conversation(struct whatif *w, const struct dis_conversation *c, int64_t start);

/* A call that has ended. `wanted`: it is asked about; `host_gone`: that is why there is no answer. */
void whatif_call(struct whatif *w, const struct dis_call *call, int64_t start, bool wanted, bool host_gone);

/* The capture has ended, so long after it began: totals, and a line for each call that would have gone otherwise; in
 * JSON for each. */
void whatif_end(struct whatif *w, int64_t length, FILE *out, bool json);

void whatif_free(struct whatif *w);

#endif
