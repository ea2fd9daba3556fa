/* The only place where an action of the brain's becomes I/O. */
#ifndef PX_APPLY_H
#define PX_APPLY_H

#include "loop.h"

void px_apply(struct px_loop *loop, const struct pol_action *action);

#endif
