/* Calls that can be sent up once more: their requests are kept until they are over, and what became of each attempt is noted. */
#ifndef PX_REPEAT_H
#define PX_REPEAT_H

#include "loop.h"

#define PX_KEPT_MOST (64u << 20) /* bytes of all requests that are kept; a call beyond that is not repeated */

/* Keeps the request, as its client sent it; false: it cannot be repeated. */
bool px_repeat_keep(struct px_loop *loop, struct px_call *k, const uint8_t *bytes, size_t length);
void px_repeat_forget(struct px_loop *loop, struct px_call *k);

/* An attempt came to nothing; `proof` that it did not run, or POL_UNPROVEN. It is as if it had not been leased. */
void px_repeat_again(struct px_call *k, unsigned proof);

#endif
