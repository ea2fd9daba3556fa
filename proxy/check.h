/* Finds out whether a member is well, on a connection of its own: POL_CHECK, answered by POL_CHECKED. How long that may take
 * the brain knows. */
#ifndef PX_CHECK_H
#define PX_CHECK_H

#include "loop.h"

/* By what its server's settings say; where they say nothing, by a bind. */
void px_check_begin(struct px_loop *loop, uint32_t member);
void px_check_stop(struct px_loop *loop, uint32_t member); /* nothing is told any more */

#endif
