/* A line on stderr for those who asked for it (-v). */
#ifndef SHIM_SAY_H
#define SHIM_SAY_H

#include "question.h"

/* "rpcward-run: TO -> WHERE", or, where there is no `where`, "rpcward-run: TO: WHY". */
void shim_say(const struct shim_address *to, const struct shim_address *where, const char *why);

#endif
