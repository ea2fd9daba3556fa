/* A program's question: where shall this socket connect to, or where was it led? */
#ifndef PX_ASKING_H
#define PX_ASKING_H

#include <stdbool.h>

#include "shim.h"

#define PX_ASK_LOOK 5 /* ms between two looks, while destinations are dialled */

/* Takes over an accepted descriptor of the socket for questions. */
void px_asking_open(struct px_shim *shim, int fd);

/* Ends what has waited long enough; true while one waits for its destination. */
bool px_asking_tidy(struct px_shim *shim, int64_t now);

void px_asking_end(struct px_shim *shim); /* all of them: refused */

#endif
