/* A shim's client from its connect to its first bytes. If those are DCE/RPC it becomes a downstream; else it is relayed
 * as it is, or refused. */
#ifndef PX_PASSAGE_H
#define PX_PASSAGE_H

#include "shim.h"

/* Takes over an accepted descriptor, and what the target holds. */
void px_passage_open(struct px_shim *shim, int fd, const struct px_target *target, struct pol_identity identity,
                     const char *name);

/* Ends those that have said nothing for too long; true while there are others that have not. */
bool px_passage_tidy(struct px_shim *shim, int64_t now);

/* Ends those that have said nothing yet, or all. */
void px_passage_end(struct px_shim *shim, bool all);

#endif
