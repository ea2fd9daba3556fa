/* What if rpcward had stood there? Captured calls, kept until the end, through its brain with the settings of a
 * file. */
#ifndef INSPECT_WHATIF_H
#define INSPECT_WHATIF_H

#include <stdio.h>

#include "conversation.h"

struct whatif;

/* NULL where the settings are no good, which has been said on stderr then. */
struct whatif *whatif_new(const char *settings_file);

/* A call that has ended. `start` is when the capture began; `host_gone`: that is why there is no answer. */
void whatif_call(struct whatif *w, const struct dis_call *call, int64_t start, bool host_gone);

/* The capture has ended, so long after it began: totals, and a line for each call that would have gone otherwise; in
 * JSON for each. */
void whatif_end(struct whatif *w, int64_t length, FILE *out, bool json);

void whatif_free(struct whatif *w);

#endif
