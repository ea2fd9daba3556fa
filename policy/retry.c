/* "Worth another try, where, when?" A call is repeated where a proof says that it has not run. Without one it is repeated only
 * where it does no harm to run it twice, and only from the budget of its server: repeats must not be what keeps a server
 * down (Bronson et al., Metastable Failures, HotOS 2021). */
#include "brain.h"

#define ONE 100 /* the budget counts hundredths of a repeat */

/* ---- the budget ---- */

/* What is older than the window does not count any more. */
static void turn_window(struct pol_brain *b, struct server *s)
{
    int64_t second = b->now / 1000;
    if (second - s->budget_second > POL_BUDGET_SECONDS)
        s->budget_second = second - POL_BUDGET_SECONDS;
    while (s->budget_second < second)
        s->budget[++s->budget_second % POL_BUDGET_SECONDS] = 0;
}

static int64_t balance(const struct server *s)
{
    int64_t sum = (int64_t)s->settings.retry_floor * ONE * POL_BUDGET_SECONDS;
    for (unsigned i = 0; i < POL_BUDGET_SECONDS; i++)
        sum += s->budget[i];
    return sum;
}

static void add(struct server *s, int32_t hundredths)
{
    int32_t *now = &s->budget[s->budget_second % POL_BUDGET_SECONDS];
    if (*now < INT32_MAX - ONE)
        *now += hundredths;
}

void pol_retry_deposit(struct pol_brain *b, uint32_t server)
{
    struct server *s = &b->servers[server];
    turn_window(b, s);
    add(s, (int32_t)s->settings.retry_budget);
}

static bool withdraw(struct pol_brain *b, struct server *s)
{
    turn_window(b, s);
    if (balance(s) < ONE)
        return false;
    add(s, -ONE);
    return true;
}

/* ---- the verdict ---- */

/* What was sent on a link of somebody's own is bound to that link; a call that took too long would take too long again. */
static bool can_be_repeated(const struct pol_brain *b, const struct call *k)
{
    bool in_time = k->rules.deadline == 0 || b->now < k->begun + k->rules.deadline;
    return k->presentation && k->kept && k->client != POL_NONE && b->servers[k->server].settings.attempts > 1 &&
           !k->overdue && !k->cancelled && !k->orphaned && in_time && !b->draining;
}

/* A busy server says so as often as it is asked: not the number of attempts ends that, but the time in line. */
static bool has_attempts(const struct pol_brain *b, const struct call *k, enum pol_proof proof)
{
    const struct pol_server *s = &b->servers[k->server].settings;
    bool in_line = s->waiting_longest == 0 || b->now < k->begun + s->waiting_longest;
    return proof == POL_P5_FAULT_DNE ? in_line : k->attempts < s->attempts;
}

/* What went up before its server was known to be busy is not what keeps it so. */
static bool costs(const struct pol_brain *b, const struct call *k, enum pol_proof proof)
{
    const struct server *s = &b->servers[k->server];
    bool before = s->busy_limit && k->leased <= s->busy_since;
    return proof == POL_UNPROVEN || (proof == POL_P5_FAULT_DNE && !before);
}

bool pol_retry_may(struct pol_brain *b, uint32_t call, enum pol_proof proof)
{
    struct call *k = &b->calls[call];
    if (!can_be_repeated(b, k) || !has_attempts(b, k, proof))
        return false;
    if (proof == POL_UNPROVEN && !k->idempotent)
        return false;
    return !costs(b, k, proof) || withdraw(b, &b->servers[k->server]);
}

/* Between half of it and all of it. */
int64_t pol_retry_backoff(struct pol_brain *b, const struct call *k)
{
    const struct pol_server *s = &b->servers[k->server].settings;
    int64_t time = s->retry_backoff;
    for (unsigned i = 1; i < k->attempts && time < s->retry_longest; i++)
        time *= 2;
    if (time > s->retry_longest)
        time = s->retry_longest;
    return time - (int64_t)(pol_dice(b) % (uint64_t)(time / 2 + 1));
}

bool pol_retry_may_go_to(const struct pol_brain *b, const struct call *k, uint32_t member)
{
    return k->attempts == 0 || b->servers[k->server].settings.across_versions ||
           b->members[member].settings.version == k->version;
}
