/* The calls that ended last, for those who ask how. */
#ifndef PX_HISTORY_H
#define PX_HISTORY_H

#include "address.h"
#include "association.h"

#define PX_HISTORY_CALLS 256u

/* A call outlives its connection here: `call.association` is a copy with what its line needs. */
struct px_ended {
    struct px_call call;
    struct px_association whose;
    char client[PX_ADDRESS_TEXT], server[PX_ADDRESS_TEXT];
    uint8_t ending, proof;
};

struct px_history {
    struct px_ended *ring; /* PX_HISTORY_CALLS */
    uint64_t added;
};

bool px_history_init(struct px_history *history);
void px_history_free(struct px_history *history);
void px_history_add(struct px_history *history, const struct px_call *call, unsigned ending, unsigned proof,
                    int64_t now_us);

/* The one that ended `back` calls before the last; NULL where it is forgotten, or never was. */
const struct px_ended *px_history_at(const struct px_history *history, unsigned back);

#endif
