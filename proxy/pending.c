/* The table of operations that are pending by design, in order of opnum for each interface. A row needs a specification
 * that says so; what else waits, the administrator knows. */
#include "pending.h"

const struct px_pending_operation px_pending_operations[] = {
    /* "A call to this method is suspended until the server has a new change notification for the client." */
    { "76f03f96-cdfd-44fc-a22c-64950a001209", 1, 61, "MS-PAR 3.1.4.9.4 RpcAsyncGetRemoteNotifications" },
    /* "The server MUST wait until" there is a notification; from version 2 on it ends by the server's own timer. */
    { "ccd8c074-d0e5-4a40-92b4-d074faa6ba28", 1, 3, "MS-SWN 3.1.4.4 WitnessrAsyncNotify" },
};

const unsigned px_pending_operation_count = sizeof px_pending_operations / sizeof *px_pending_operations;

bool px_pending_is_of(const struct px_pending_operation *pending, const struct dis_uuid *uuid, uint16_t major)
{
    struct dis_uuid own;
    return pending->major == major && dis_uuid_parse(pending->uuid, &own) && dis_uuid_equal(&own, uuid);
}

const struct px_pending_operation *px_pending_find(const struct dis_uuid *uuid, uint16_t major, uint16_t opnum)
{
    for (unsigned i = 0; i < px_pending_operation_count; i++)
        if (px_pending_operations[i].opnum == opnum && px_pending_is_of(&px_pending_operations[i], uuid, major))
            return &px_pending_operations[i];
    return NULL;
}
