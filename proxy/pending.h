/* Operations that by design return only when something happens. */
#ifndef PX_PENDING_H
#define PX_PENDING_H

#include "../dissect/uuid.h"

struct px_pending_operation {
    const char *uuid;
    uint16_t major;
    uint16_t opnum;
    const char *source; /* the specification, its section, and the name of the operation there */
};

extern const struct px_pending_operation px_pending_operations[];
extern const unsigned px_pending_operation_count;

bool px_pending_is_of(const struct px_pending_operation *pending, const struct dis_uuid *uuid, uint16_t major);

/* NULL where the operation is none of them. */
const struct px_pending_operation *px_pending_find(const struct dis_uuid *uuid, uint16_t major, uint16_t opnum);

#endif
