/* What became of replayed calls. */
#ifndef INSPECT_OUTCOME_H
#define INSPECT_OUTCOME_H

#include <stdio.h>

#include "../proxy/settings.h"
#include "inspect_replay.h"

/* Calls that were not replayed. */
struct outcome_left {
    uint64_t elsewhere; /* to no server of the settings */
    uint64_t unknown;   /* of which the capture does not have the end */
    uint64_t pipes;     /* over SMB, or called back */
};

struct outcome {
    const char *file; /* of the settings */
    const struct replay *replay;
    const struct px_server *servers;
    struct outcome_left left;
    FILE *out;
};

/* Sorts the calls by their numbers. */
void outcome_print(const struct outcome *o, bool json);

#endif
