/* Calls that are sent up more than once: whether they may be, and what is remembered of the attempts before. */
#include <string.h>

#include "promises.h"
#include "trace.h"

/* A server that was declared to begin with a call after its last fragment does. */
static uint32_t fragments_that_run(const struct call *k)
{
    bool whole_only = world.plan.retry.starts_last && !world.plan.retry.pipes;
    return whole_only && may_share(&world.clients[k->client]) ? k->fragments : 1;
}

static bool may_run_now(const struct call *k)
{
    return k->fragments_come >= fragments_that_run(k) && !k->refused;
}

bool repeat_may_have_run(const struct call *k)
{
    return k->may_have_run || may_run_now(k);
}

/* Nothing more of it can come on the connection that it was on, or it was refused there. */
static bool is_over(const struct call *k)
{
    const struct endpoint *e = k->link->endpoint;
    return k->refused || !k->link->open || !e->peer || !e->peer->held || e->peer->dead;
}

static void judge(const struct call *k, const struct link *l)
{
    const struct retry *r = &world.plan.retry;
    uint32_t number = call_number(k);
    const struct member *now_at = l->member, *was_at = k->link->member;
    bool differs = r->versions[now_at - world.members] != r->versions[was_at - world.members];
    if (!is_over(k))
        broken(AT_MOST_ONCE, "call %u came again, and the connection that it was on is not given up", number);
    if (repeat_may_have_run(k) && !rules_of(k)->idempotent)
        broken(AT_MOST_ONCE, "call %u came again, and may have run", number);
    if (r->attempts < 2)
        broken(REPEATS, "call %u came again, and one attempt is allowed", number);
    if (k->answer_begun || k->outcome != UNTOLD)
        broken(REPEATS, "call %u came again when its client was told of it", number);
    if (differs && !r->across)
        broken(REPEATS, "call %u came again at a member of another version", number);
}

static void mark(struct stream *s, const struct call *k, bool taken)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->said[i].call == call_number(k))
            s->said[i].taken = taken;
}

void repeat_begins(struct call *k, struct link *l)
{
    trace("call %u comes again", call_number(k));
    judge(k, l);
    mark(&k->link->out, k, true); /* what was said to it is not passed on any more */
    mark(&world.clients[k->client].out, k, false);
    k->may_have_run = repeat_may_have_run(k);
    k->attempt++;
    k->fragments_come = 0;
    k->answers = k->answers_left = 0;
    k->refused = k->is_inside = k->is_answered = k->is_silenced = k->answer_is_fault = false;
}
