/* Which shared link a call of a plain client goes up on: one that carries nothing of another identity, on which the
 * presentation is accepted that its client was promised, at the member with the fewest calls inside. */
#include "brain.h"

#define LOOKED_AT 64 /* links; what has not been found among those that were used last is dialled */

bool pol_link_presents(const struct link *l, uint32_t presentation)
{
    for (unsigned i = 0; i < l->presentation_count; i++)
        if (l->presentations[i] == presentation)
            return true;
    return false;
}

static bool is_stale(const struct pol_brain *b, const struct server *s, const struct link *l)
{
    return l->calls == 0 && s->settings.validate_after && b->now >= l->idle_since + s->settings.validate_after;
}

/* Of one member's links the fullest with room: what goes up on the same link goes with one write, and comes with one read. */
static bool is_better(const struct pol_brain *b, const struct link *l, const struct link *other)
{
    uint32_t inside = b->members[l->member].inside, others = b->members[other->member].inside;
    return l->member != other->member && inside != others ? inside < others : l->calls > other->calls;
}

uint32_t pol_reuse(struct pol_brain *b, uint32_t call)
{
    const struct call *k = &b->calls[call];
    const struct server *s = &b->servers[k->server];
    uint32_t best = POL_NONE;
    unsigned looked = 0;
    for (uint32_t i = s->open_first; i != POL_NONE && looked < LOOKED_AT; i = b->links[i].pool_next, looked++) {
        const struct link *l = &b->links[i];
        if (!pol_identity_equal(l->carried, b->clients[k->client].carried) ||
            !pol_link_presents(l, k->presentation) || !pol_member_serves(b, l->member) ||
            !pol_retry_may_go_to(b, k, l->member) || is_stale(b, s, l) || (k->alone && l->calls > 0))
            continue;
        if (best == POL_NONE || is_better(b, l, &b->links[best]))
            best = i;
        if (s->settings.calls_per_connection <= 1 && s->settings.member_count == 1)
            break; /* they are all alike */
    }
    return best;
}
