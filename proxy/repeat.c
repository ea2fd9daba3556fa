/* Kept requests, and the account of attempts. */
#include "repeat.h"

#include <stdlib.h>
#include <string.h>

#include "pooled.h"
#include "sentence.h"

bool px_repeat_keep(struct px_loop *loop, struct px_call *k, const uint8_t *bytes, size_t length)
{
    if (loop->settings->servers[k->association->server_index].attempts <= 1 || length > PX_KEPT_MOST - loop->kept)
        return false;
    k->kept = malloc(length);
    if (!k->kept)
        return false;
    memcpy(k->kept, bytes, length);
    k->kept_length = length;
    loop->kept += length;
    return true;
}

void px_repeat_forget(struct px_loop *loop, struct px_call *k)
{
    loop->kept -= k->kept_length;
    free(k->kept);
    k->kept = NULL;
    k->kept_length = 0;
}

/* Of many attempts the last ones are told about. */
static struct px_try *new_try(struct px_call *k)
{
    if (k->try_count < PX_TRIES_MOST)
        return &k->tries[k->try_count++];
    memmove(k->tries, k->tries + 1, (PX_TRIES_MOST - 1) * sizeof k->tries[0]);
    return &k->tries[PX_TRIES_MOST - 1];
}

void px_repeat_again(struct px_call *k, unsigned proof)
{
    *new_try(k) = (struct px_try){ .server = k->server, .evidence = px_call_evidence(k), .proof = (uint8_t)proof };
    if (k->upstream)
        px_pooled_forget(k->upstream, k);
    k->leased = k->answer_begun = k->answer_done = k->swallow_answer = k->has_status = false;
    k->write_seen = 0;
    k->first_end = k->last_end = 0;
    k->fragments_in = k->fragments_out = 0;
    k->bytes_in = k->bytes_out = 0;
    k->first_answer = k->ended = PX_NO_TIME;
}
