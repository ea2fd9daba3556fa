/* A ring; the newest overwrites the oldest. */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>

bool px_history_init(struct px_history *history)
{
    *history = (struct px_history){ .ring = calloc(PX_HISTORY_CALLS, sizeof *history->ring) };
    return history->ring != NULL;
}

void px_history_free(struct px_history *history)
{
    free(history->ring);
    *history = (struct px_history){ 0 };
}

void px_history_add(struct px_history *history, const struct px_call *k, unsigned ending, unsigned proof,
                    int64_t now_us)
{
    struct px_ended *e = &history->ring[history->added++ % PX_HISTORY_CALLS];
    e->call = *k;
    e->call.ended = k->ended >= 0 ? k->ended : now_us;
    e->call.association = &e->whose;
    e->whose.client = e->client;
    e->whose.server = px_call_server(k) ? e->server : NULL;
    snprintf(e->server, sizeof e->server, "%s", e->whose.server ? px_call_server(k) : "");
    e->whose.serial = k->association->serial;
    e->ending = (uint8_t)ending;
    e->proof = (uint8_t)proof;
    snprintf(e->client, sizeof e->client, "%s", k->association->client);
}

const struct px_ended *px_history_at(const struct px_history *history, unsigned back)
{
    if (back >= PX_HISTORY_CALLS || back >= history->added)
        return NULL;
    return &history->ring[(history->added - 1 - back) % PX_HISTORY_CALLS];
}
