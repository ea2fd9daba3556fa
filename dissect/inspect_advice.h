/* What each finding means, and what to do about it. Data. */
#ifndef INSPECT_ADVICE_H
#define INSPECT_ADVICE_H

#include "inspect_judge.h"

struct advice {
    const char *name;
    const char *means;
    const char *action;
};

/* Of any but FINDING_NONE. */
const struct advice *advice_of(enum finding finding);

#endif
