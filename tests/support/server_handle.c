/* Context handles: state that a server keeps for a client between calls. All connections of an association group may
 * use one; when the last of them has gone, the server runs it down. */
#include "server.h"

#include <err.h>
#include <sys/random.h>

#define HANDLES_MAX 256u

static struct srv_handle handles[HANDLES_MAX];

struct srv_handle *srv_handle_new(uint16_t group, uint32_t seed)
{
    for (unsigned i = 0; i < HANDLES_MAX; i++) {
        if (handles[i].group != 0)
            continue;
        handles[i] = (struct srv_handle){ .group = group, .seed = seed, .next = seed };
        if (getrandom(&handles[i].uuid, sizeof handles[i].uuid, 0) != sizeof handles[i].uuid)
            err(1, "getrandom");
        return &handles[i];
    }
    return NULL;
}

struct srv_handle *srv_handle_find(uint16_t group, const struct dis_uuid *uuid)
{
    for (unsigned i = 0; i < HANDLES_MAX; i++)
        if (handles[i].group == group && dis_uuid_equal(&handles[i].uuid, uuid))
            return &handles[i];
    return NULL;
}

void srv_handle_free(struct srv_handle *handle)
{
    handle->group = 0;
}

void srv_handles_run_down(struct server *server, uint16_t group)
{
    for (unsigned i = 0; i < HANDLES_MAX; i++) {
        if (handles[i].group != group)
            continue;
        ledger_line(&server->events, "rundown %u", handles[i].seed);
        srv_handle_free(&handles[i]);
    }
}
