/* The last judgement: how each call ended for its client, for its server, and in the log. */
#include <stdio.h>
#include <string.h>

#include "agenda.h"
#include "promises.h"

struct ending {
    const char *name;
    bool answered, faulted; /* what its client heard */
    uint32_t status[3];     /* or of the proxy's faults; 0: none */
    bool dne;
    bool by_end;      /* or nothing but the end of its connection */
    bool client_left; /* it was the client who ended it */
};

#define S1722 0x6bau
#define S1723 0x1c010014u
#define S1726 0x1c000012u
#define S1727 0x6bfu
#define S1818 0x1c00000du

static const struct ending endings[] = {
    { "answered", .answered = true },
    { "fault", .faulted = true },
    { "maybe-sent", .answered = false },
    { "unavailable", .status = { S1722 }, .by_end = true },
    { "withdrawn", .client_left = true },
    { "client-left", .client_left = true },
    { "server-lost", .status = { S1726 }, .by_end = true },
    { "not-sent", .status = { S1727 }, .by_end = true },
    { "answer-cut", .by_end = true },
    { "drained", .status = { S1726, S1727 }, .by_end = true },
    { "refused", .status = { S1723 } },
    { "timed-out", .status = { S1818 }, .by_end = true },
    { "cut-off", .status = { S1726, S1727 }, .by_end = true },
    { "cancelled", .status = { S1818 }, .by_end = true },
};

static const struct ending *ending_of(const struct call *k)
{
    for (unsigned i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strcmp(endings[i].name, k->ending) == 0)
            return &endings[i];
    return NULL;
}

static bool has_status(const struct ending *e, uint32_t status)
{
    for (unsigned i = 0; i < 3; i++)
        if (status && e->status[i] == status)
            return true;
    return false;
}

static const char *const outcome_names[] = { "nothing", "an answer", "its server's fault", "a fault of the proxy's" };

/* The line says what the client heard. */
static bool agrees(const struct call *k, const struct ending *e)
{
    if (may_share(&world.clients[k->client]) && k->answer_begun && e->by_end && k->outcome != PROXY_FAULT)
        return true; /* its client is cut off when it has what was said by then: the rest of an answer too, if it comes soon */
    switch (k->outcome) {
    case ANSWERED:
        return e->answered;
    case SERVER_FAULT: /* the proxy's, that it is too busy, is like the server's own that was not passed on */
        return e->faulted || (k->refused && has_status(e, k->status));
    case PROXY_FAULT:
        return has_status(e, k->status);
    default:
        return true;
    }
}

/* bind-timeout may have ended it at any moment. */
static bool is_overdue(const struct client *c)
{
    return world.plan.binds_end && !c->bound;
}

/* Nothing on its side, and no end of the proxy's, kept it from hearing of this. */
static bool hears_all(const struct call *k)
{
    const struct client *c = &world.clients[k->client];
    int64_t heard_at = k->line_at + 7 * SECOND; /* a closing client has 5 s, and may have a second more */
    return !(c->left && c->left_at < heard_at) && !c->host_died && !c->garbled && !c->slow_reader &&
           strcmp(c->reason, "client-timeout") != 0 && !(c->forgets && c->ended_by_reset) && !is_overdue(c) &&
           world.over_at > heard_at;
}

/* The client heard what the line says. */
static bool was_told(const struct call *k, const struct ending *e)
{
    const struct client *c = &world.clients[k->client];
    bool condemned = c->link && c->link->condemned;
    if (k->outcome != UNTOLD || k->maybe || k->orphaned || !hears_all(k))
        return true;
    if (e->answered || e->faulted || (e->status[0] && !e->by_end))
        return false;
    if (!e->by_end)
        return true;
    if (!c->ended)
        return false;
    return c->ended_by_reset || condemned || c->out.sent < c->out.length || c->stall_at;
}

static void judge_faults(const struct call *k)
{
    static const uint32_t with_proof[] = { S1722, S1723, S1727 };
    bool proof = false;
    if (k->dne && repeat_may_have_run(k) && may_share(&world.clients[k->client]))
        broken(PROVEN, "call %u was told did-not-execute, and may have run in one of its attempts", call_number(k));
    if (k->outcome != PROXY_FAULT)
        return;
    for (unsigned i = 0; i < 3; i++)
        proof = proof || with_proof[i] == k->status;
    if (strcmp(k->ending, "cancelled") == 0) /* while it waited, or later */
        proof = proof || (k->status == S1818 && (k->attempts ? k->dne : strcmp(k->evidence, "nothing") == 0));
    if (k->dne != proof)
        broken(PROVEN, "call %u was told %#x %s did-not-execute", call_number(k), k->status,
               k->dne ? "with" : "without");
    if (k->dne && (k->executed || repeat_may_have_run(k)))
        broken(PROVEN, "call %u was told did-not-execute, and its server has it", call_number(k));
}

/* P5 is what the server said, the others are our own; P4 allows for the first fragment. The log tells of the last attempt. */
static void judge_proof(const struct call *k)
{
    bool whole = strcmp(k->proof, "P4") == 0 || strcmp(k->proof, "P5") == 0;
    if (k->proof[0] && (k->executed || repeat_may_have_run(k)))
        broken(TRUE_LINE, "call %u has proof %s, and may have run", call_number(k), k->proof);
    if (k->proof[0] && !whole && k->attempts < 2 && k->fragments_come)
        broken(TRUE_LINE, "call %u has proof %s, and its server has its first fragment", call_number(k), k->proof);
    if (strcmp(k->evidence, "nothing") == 0 && k->fragments_come && k->attempts == 0)
        broken(TRUE_LINE, "nothing of call %u was let go, says its line, and its server has it", call_number(k));
    if (k->withheld && k->fragments_come)
        broken(VERBATIM, "call %u came to the server in part", call_number(k));
}

/* It has said half of something, or says or reads it ever so slowly. */
static bool may_owe(const struct client *c)
{
    return c->stall_at || c->slow_reader || c->writes || c->host_died;
}

/* It was the client who ended it: by leaving, by nonsense, or by never being bound. */
static bool may_have_left(const struct call *k)
{
    const struct client *c = &world.clients[k->client];
    return (c->left && c->left_at <= k->line_at) || c->garbled || c->host_died || world.over_at <= k->line_at ||
           is_overdue(c) || (strcmp(c->reason, "client-timeout") == 0 && may_owe(c));
}

static void judge_reason(const struct client *c)
{
    if (strcmp(c->reason, "client-timeout") == 0 && !may_owe(c))
        broken(TRUE_LINE, "%s was ended by client-timeout, and owes nothing", c->host.name);
}

#define LATE 200 /* ms: the machine has other work at times */

/* What a call may take is in the settings; before its bind, and for clients that share links, the
 * wait for a member comes on top. Nobody waits any more for
 * one whose client has gone, or that is cut off by another's end. */
static void judge_times(const struct call *k, const struct ending *e)
{
    const struct client *c = &world.clients[k->client];
    const struct plan *p = &world.plan;
    bool gone = e->client_left || strcmp(k->ending, "cut-off") == 0 || (c->reason[0] && c->over_at < k->line_at) ||
                (k->orphaned && may_share(c));
    int64_t deadline = rules_of(k)->pending ? 0 : rules_of(k)->deadline;
    bool waits = c->eager || may_share(c); /* for a member, or behind a bind */
    int64_t more = LATE + (waits ? p->unavailable_wait + p->connect_timeout + p->member_bind_timeout : 0);
    bool in_order = may_share(c); /* one call at a time, or a link of its own when those before it are over */
    if (deadline && k->took > (deadline + more) * MS && !gone)
        broken(NO_ENDLESS_WAIT, "call %u took %u µs, and its deadline is %ld ms", call_number(k), k->took,
               (long)deadline);
    if (k->waited > (p->waiting_longest + more) * MS && !in_order)
        broken(NO_ENDLESS_WAIT, "call %u waited %u µs, and %ld ms are the longest", call_number(k), k->waited,
               (long)p->waiting_longest);
}

static void judge_call(const struct call *k)
{
    const struct client *c = &world.clients[k->client];
    const struct ending *e = ending_of(k);
    judge_faults(k);
    if (k->lines == 0) {
        if (k->outcome != UNTOLD || k->fragments_come)
            broken(ONE_LINE, "call %u has no line; its client was told %s, its server has %u fragments",
                   call_number(k), outcome_names[k->outcome], k->fragments_come);
        return;
    }
    if (!e) {
        broken(TRUE_LINE, "call %u ended as \"%s\", which is no ending", call_number(k), k->ending);
        return;
    }
    if (strcmp(k->ending, "cancelled") == 0 && !(world.cancels_asked >> (k->call_id & 63) & 1))
        broken(TRUE_LINE, "call %u was cancelled, says its line, and nobody wanted that", call_number(k));
    judge_proof(k);
    judge_times(k, e);
    repeat_judge(k);
    if (!agrees(k, e) || !was_told(k, e))
        broken(TRUE_LINE, "call %u ended as %s, says its line, and its client heard %s (%#x)%s", call_number(k),
               k->ending, outcome_names[k->outcome], k->status,
               !c->ended           ? ""
               : c->ended_by_reset ? " and a reset"
                                   : " and a FIN");
    bool given_up = k->orphaned && may_share(c); /* its connection stays, and nobody waits for this one */
    if (e->client_left && !given_up && !may_have_left(k))
        broken(TRUE_LINE, "call %u ended as %s, says its line, and its client is there", call_number(k), k->ending);
}

void judge_end(void)
{
    int64_t most = world.plan.drain + 3000;
    if (now - world.over_at > most * MS)
        broken(NO_ENDLESS_WAIT, "to drain took %ld ms, and %ld were given", (long)((now - world.over_at) / MS),
               (long)world.plan.drain);
    for (uint32_t i = 0; i < world.client_count; i++)
        judge_reason(&world.clients[i]);
    for (uint32_t i = 0; i < world.call_count; i++)
        judge_call(&world.calls[i]);
}
