/* Which members can be dialled. A member that fails too often in a row is down: its breaker is open, in the words of
 * others. What fails: a dial, a bind that is not answered, a connection that dies with calls inside, a call's time-out.
 * One that answers anything is well. While it is down, one link at a time tries it, after a pause that grows. */
#include "brain.h"

static bool is_up(const struct pol_brain *b, const struct member *m)
{
    uint32_t most = b->servers[m->server].settings.failures;
    return most == 0 || m->failures < most;
}

bool pol_member_serves(const struct pol_brain *b, uint32_t member)
{
    const struct pol_server *s = &b->servers[b->members[member].server].settings;
    return member - s->member_first < s->member_count;
}

bool pol_member_up(const struct pol_brain *b, uint32_t member)
{
    return is_up(b, &b->members[member]);
}

/* ---- picking ---- */

bool pol_identity_equal(struct pol_identity a, struct pol_identity b)
{
    return a.high == b.high && a.low == b.low;
}

static bool may_try(const struct pol_brain *b, const struct member *m)
{
    return m->trial == POL_NONE && b->now >= m->retry_at;
}

static bool can_be_dialled(const struct pol_brain *b, const struct member *m, bool waited)
{
    if (m->settings.connections && m->links >= m->settings.connections)
        return false;
    return m->failures == 0 || (!waited && is_up(b, m)) || may_try(b, m);
}

/* Is `a` better than `other`? */
static bool is_better(const struct member *a, const struct member *other)
{
    if ((a->failures == 0) != (other->failures == 0))
        return a->failures == 0;
    return a->inside != other->inside ? a->inside < other->inside : a->links < other->links;
}

static uint32_t pick(const struct pol_brain *b, uint32_t server, uint32_t wanted, uint32_t presentation,
                     const struct call *k, bool waited)
{
    const struct server *s = &b->servers[server];
    uint32_t best = POL_NONE;
    if (s->draining)
        return POL_NONE;
    if (wanted - s->settings.member_first < s->settings.member_count &&
        can_be_dialled(b, &b->members[wanted], waited))
        return wanted;
    for (uint32_t i = 0; i < s->settings.member_count; i++) {
        uint32_t m = s->settings.member_first + i;
        if (can_be_dialled(b, &b->members[m], waited) && !pol_member_refuses(b, m, presentation) &&
            (!k || pol_retry_may_go_to(b, k, m)) &&
            (best == POL_NONE || is_better(&b->members[m], &b->members[best])))
            best = m;
    }
    return best;
}

bool pol_member_refuses(const struct pol_brain *b, uint32_t member, uint32_t presentation)
{
    const struct member *m = &b->members[member];
    return presentation && m->refuses == presentation && b->now < m->refuses_until;
}

uint32_t pol_member_pick_empty(const struct pol_brain *b, uint32_t server, uint32_t presentation)
{
    const struct pol_server *s = &b->servers[server].settings;
    for (uint32_t m = s->member_first; m < s->member_first + s->member_count; m++)
        if (b->members[m].links == 0 && can_be_dialled(b, &b->members[m], true) &&
            !pol_member_refuses(b, m, presentation))
            return m;
    return POL_NONE;
}

uint32_t pol_member_pick_for(const struct pol_brain *b, uint32_t server, uint32_t presentation, const struct call *k)
{
    return pick(b, server, POL_NONE, presentation, k, true);
}

uint32_t pol_member_pick(const struct pol_brain *b, uint32_t server, uint32_t wanted, bool waited)
{
    return pick(b, server, wanted, 0, NULL, waited);
}

void pol_member_dialled(struct pol_brain *b, uint32_t link)
{
    struct member *m = &b->members[b->links[link].member];
    if (m->failures > 0 && m->trial == POL_NONE)
        m->trial = link;
}

void pol_member_link_over(struct pol_brain *b, uint32_t link)
{
    struct member *m = &b->members[b->links[link].member];
    if (m->trial == link)
        m->trial = POL_NONE;
}

/* ---- listeners of a server that is down ---- */

static bool all_are_down(const struct pol_brain *b, uint32_t server)
{
    const struct pol_server *s = &b->servers[server].settings;
    for (uint32_t m = s->member_first; m < s->member_first + s->member_count; m++)
        if (is_up(b, &b->members[m]))
            return false;
    return true;
}

static void shut(struct pol_brain *b, uint32_t server, bool on)
{
    struct server *s = &b->servers[server];
    b->listeners_change = b->listeners_change || s->shut != on;
    s->shut = on;
}

/* Clients that have come wait as long as they may; whoever comes later is refused, as by the server itself. */
static void look_whether_down(struct pol_brain *b, uint32_t server)
{
    const struct server *s = &b->servers[server];
    if (s->settings.refuse_when_down && all_are_down(b, server) && s->down_since != POL_NEVER &&
        b->now >= s->down_since + s->settings.unavailable_wait)
        shut(b, server, true);
}

bool pol_listeners_sweep(struct pol_brain *b)
{
    for (uint32_t i = 0; i < b->listener_count; i++) {
        struct listener *l = &b->listeners[i];
        bool wanted = l->settings.server != POL_NONE && b->servers[l->settings.server].shut;
        if (l->closed == wanted || b->draining)
            continue;
        if (!pol_has_room(b))
            return true;
        l->closed = wanted;
        pol_emit(b, wanted ? POL_LISTEN_OFF : POL_LISTEN_ON)->listener = i;
    }
    b->listeners_change = false;
    return false;
}

static void next_check(struct pol_brain *b, uint32_t member);

/* ---- well or not ---- */

static void tell(struct pol_brain *b, uint32_t member, bool up)
{
    struct pol_action *a = pol_emit(b, POL_MEMBER);
    a->member = member;
    a->on = up;
}

void pol_member_well(struct pol_brain *b, uint32_t member)
{
    struct member *m = &b->members[member];
    bool was_up = is_up(b, m);
    if (m->failures == 0)
        return;
    m->failures = m->rounds = 0;
    m->retry_at = 0;
    m->trial = POL_NONE;
    if (was_up)
        return;
    tell(b, member, true);
    b->servers[m->server].down_since = POL_NEVER;
    shut(b, m->server, false);
}

/* xorshift64 (Marsaglia): spreads the trials of many rpcwards over time, and decides nothing else. */
uint64_t pol_dice(struct pol_brain *b)
{
    b->dice ^= b->dice << 13;
    b->dice ^= b->dice >> 7;
    b->dice ^= b->dice << 17;
    return b->dice;
}

/* Doubled each time, and between half of that and all of it. */
static int64_t backoff(struct pol_brain *b, struct member *m)
{
    const struct pol_server *s = &b->servers[m->server].settings;
    int64_t time = s->backoff;
    for (uint32_t i = 0; i < m->rounds && time < s->longest_backoff; i++)
        time *= 2;
    if (time > s->longest_backoff)
        time = s->longest_backoff;
    return time - (int64_t)(pol_dice(b) % (uint64_t)(time / 2 + 1));
}

/* Many may fail in one round, such as all that were dialled before the first of them was refused. */
void pol_member_failed(struct pol_brain *b, uint32_t member)
{
    struct member *m = &b->members[member];
    bool was_up = is_up(b, m);
    if (m->failures < UINT32_MAX)
        m->failures++;
    if (b->now >= m->retry_at) {
        m->retry_at = b->now + backoff(b, m);
        m->rounds++;
    }
    if (!was_up || is_up(b, m))
        return;
    tell(b, member, false);
    if (all_are_down(b, m->server))
        b->servers[m->server].down_since = b->now;
    if (b->servers[m->server].settings.refuse_when_down && !m->checking)
        next_check(b, member);
}

/* ---- checks ---- */

static void set_deadline(struct pol_brain *b, uint32_t member, int64_t at)
{
    pol_deadline_set(&b->deadlines, b->max_clients + b->max_links + 1 + b->max_calls + b->max_servers + member, at);
}

static void check(struct pol_brain *b, uint32_t member, bool on)
{
    struct pol_action *a = pol_emit(b, POL_CHECK);
    a->member = member;
    a->on = on;
    b->members[member].checking = on;
}

static void next_check(struct pol_brain *b, uint32_t member)
{
    const struct member *m = &b->members[member];
    const struct pol_server *s = &b->servers[m->server].settings;
    int64_t at = s->check_every ? b->now + s->check_every : POL_NEVER;
    if (s->refuse_when_down && !is_up(b, m)) /* no client comes to try it */
        at = m->retry_at > b->now ? m->retry_at : b->now + 1;
    set_deadline(b, member, !b->draining && pol_member_serves(b, member) ? at : POL_NEVER);
}

void pol_member_checked(struct pol_brain *b, const struct pol_event *e)
{
    if (e->member >= b->member_count || !b->members[e->member].checking)
        return;
    b->members[e->member].checking = false;
    if (e->error)
        pol_member_failed(b, e->member);
    else
        pol_member_well(b, e->member);
    look_whether_down(b, b->members[e->member].server);
    next_check(b, e->member);
}

void pol_member_due(struct pol_brain *b, uint32_t member)
{
    struct member *m = &b->members[member];
    const struct pol_server *s = &b->servers[m->server].settings;
    if (m->checking) {
        check(b, member, false);
        pol_member_failed(b, member);
        look_whether_down(b, m->server);
        next_check(b, member);
    } else if (!b->draining && pol_member_serves(b, member)) {
        m->checked = b->now;
        check(b, member, true);
        set_deadline(b, member, b->now + s->connect_timeout + s->bind_timeout);
    }
}

/* By other settings its members may be others, or be up after as many failures; or nobody is to be refused any more. */
void pol_server_renewed(struct pol_brain *b, uint32_t server)
{
    const struct pol_server *s = &b->servers[server].settings;
    bool down = all_are_down(b, server);
    if (!down)
        b->servers[server].down_since = POL_NEVER;
    if (!down || !s->refuse_when_down)
        shut(b, server, false);
    for (uint32_t m = s->member_first; down && s->refuse_when_down && m < s->member_first + s->member_count; m++)
        if (!b->members[m].checking)
            next_check(b, m);
}

#define CHECK_PAUSE 1000 /* ms: whoever is refused may ask again at once */

void pol_server_suspect(struct pol_brain *b, uint32_t server)
{
    const struct pol_server *s = &b->servers[server].settings;
    for (uint32_t i = s->member_first; i < s->member_first + s->member_count; i++) {
        struct member *m = &b->members[i];
        if (!m->checking && (m->checked == 0 || b->now >= m->checked + CHECK_PAUSE))
            set_deadline(b, i, b->now);
    }
}
