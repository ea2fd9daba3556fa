/* Calls that are sent up more than once: whether they may be, and what is remembered of the attempts before. */
#include <string.h>

#include "agenda.h"
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

/* The proxy has it no more: nothing that is said there counts. What it sent before may come all the same, and late. */
static bool is_given_up(const struct link *l)
{
    const struct endpoint *e = l->endpoint->peer;
    return !l->open || !e || !e->held || e->dead;
}

/* The kernel may have had it when the proxy gave its connection up, and the server reads it when another attempt has begun; it
 * runs what it has, and nobody hears of it. */
bool repeat_is_late(struct call *k, const struct link *l, uint32_t fragment)
{
    bool runs = l->member->at_first ? fragment == 0 : fragment + 1 == k->fragments;
    bool is_last = fragment == 0 ? !k->link || is_given_up(k->link) : k->attempt == 0 && k->late != l;
    if (k->link == l || !is_given_up(l) || is_last)
        return false;
    k->late = l;
    trace("fragment %u of an earlier attempt of call %u comes late", fragment, call_number(k));
    if (runs)
        judge_executed(k);
    return true;
}

static void judge(const struct call *k, const struct link *l)
{
    const struct retry *r = &world.plan.retry;
    uint32_t number = call_number(k);
    const struct member *now_at = l->member, *was_at = k->link->member;
    bool differs = r->versions[now_at - world.members] != r->versions[was_at - world.members];
    if (!k->refused && !is_given_up(k->link) && !is_given_up(l))
        broken(AT_MOST_ONCE, "call %u came again, and the connection that it was on is not given up", number);
    if (repeat_may_have_run(k) && !rules_of(k)->idempotent)
        broken(AT_MOST_ONCE, "call %u came again, and may have run", number);
    if (r->attempts < 2)
        broken(REPEATS, "call %u came again, and one attempt is allowed", number);
    if (k->answer_begun && !is_given_up(l))
        broken(REPEATS, "call %u came again, and its answer has begun", number);
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

/* ---- at the end ---- */

#define S1726 0x1c000012u
#define S1727 0x000006bfu
#define TICKS 2 /* ms: the proxy's clock counts whole ones */

static int64_t least(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Of what keeps a call from being repeated nothing can have been, but that it had no proof, or that there was no time. */
static bool could_be_repeated(const struct call *k)
{
    const struct plan *p = &world.plan;
    const struct client *c = &world.clients[k->client];
    const struct rules *r = rules_of(k);
    bool is_plain = world.simple && !p->rules[2].pending && !c->group && !world.reloaded;
    bool is_cancelled = world.cancels_asked >> (k->call_id & 63) & 1;
    bool has_room = p->waiting_length >= 1000 && p->unavailable_wait && world.over_at > k->line_at && !is_cancelled;
    int64_t time = least(least(p->waiting_longest, p->unavailable_wait), least(r->deadline, r->call_timeout));
    return is_plain && has_room && p->retry.attempts > 1 && k->attempts > 0 && k->took < (time - TICKS) * MS;
}

void repeat_judge(const struct call *k)
{
    bool at_will = world.plan.retry.floor == RETRY_AT_WILL, is_last = k->attempts >= world.plan.retry.attempts;
    bool part = strcmp(k->evidence, "all") != 0 &&
                (strcmp(k->evidence, "first-fragment") != 0 || fragments_that_run(k) == k->fragments);
    uint32_t number = call_number(k);
    if (!could_be_repeated(k))
        return;
    if (k->outcome == SERVER_FAULT && k->refused && !k->is_answered && at_will)
        broken(RECOVERED, "call %u was told that its server is busy, and there was time to ask again", number);
    if (k->outcome != PROXY_FAULT || is_last)
        return;
    if (k->status == S1727 || (k->status == S1726 && part))
        broken(RECOVERED, "call %u provably did not run, and was not sent again", number);
    if (k->status == S1726 && rules_of(k)->idempotent && at_will)
        broken(RECOVERED, "call %u is idempotent and was lost, and was not sent again", number);
}
