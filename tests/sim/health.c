/* Members that are down: the log says so, and from then on the proxy may only try them, one connection at a time. */
#include <stdio.h>
#include <string.h>

#include "agenda.h"
#include "promises.h"
#include "trace.h"

/* A trial, and beside it a check: which of the two a connection is for cannot be seen before it has said a word. */
#define TRIALS 2u

static struct member *member_of(const struct endpoint *e)
{
    for (uint32_t i = 0; i < world.member_count; i++)
        if (e->peer ? e->peer->host == &world.members[i].host : world.members[i].host.address == e->to)
            return &world.members[i];
    return NULL;
}

static struct member *named(const char *address)
{
    unsigned number = 0;
    bool known = sscanf(address, "10.0.1.%u:", &number) == 1 && number > 0 && number <= MEMBERS_MOST;
    return known ? &world.members[number - 1] : NULL;
}

void health_said(const char *address, bool up)
{
    struct member *m = named(address);
    if (!m)
        return;
    trace("the log says that %s is %s", m->host.name, up ? "up" : "down");
    m->is_down = !up || world.reloaded;
    m->may_try = !up && !world.reloaded;
    memset(m->trials, 0, sizeof m->trials);
}

static bool is_under_way(const struct endpoint *e, uint32_t generation)
{
    return e && e->generation == generation && e->held && !e->dead;
}

void health_dialled(struct endpoint *e)
{
    struct member *m = member_of(e);
    unsigned i = 0;
    if (!m || !m->may_try)
        return;
    while (i < TRIALS && is_under_way(m->trials[i].endpoint, m->trials[i].generation))
        i++;
    if (i == TRIALS) {
        broken(ONE_TRIAL, "%s is down, and more than %u connections to it are under way", m->host.name, TRIALS);
        return;
    }
    m->trials[i].endpoint = e;
    m->trials[i].generation = e->generation;
}

/* A call of its may be inside for ever, and its link with it: that is no trial any more. Which link it is nobody says. */
void health_left(const char *address)
{
    struct member *m = named(address);
    for (unsigned i = 0; m && i < TRIALS; i++)
        if (is_under_way(m->trials[i].endpoint, m->trials[i].generation)) {
            m->trials[i].endpoint = NULL;
            return;
        }
}

/* What it has answered makes it well, which the log may say a little later; so does, to a check of that kind, a connection. */
void health_heard(const struct endpoint *e)
{
    struct member *m = member_of(e);
    if (m)
        m->may_try = false;
}

/* A server whose members are others begins anew with them, also where they stand at the same addresses: what the log says then
 * may be of either. */
void health_reloaded(void)
{
    world.reloaded = true;
    for (uint32_t i = 0; i < world.member_count; i++) {
        world.members[i].is_down = true;
        world.members[i].may_try = false;
    }
}

/* A server's listeners are closed only when none of its members is up. */
void health_judge_shut(void)
{
    for (uint32_t i = 0; i < world.plan.members; i++)
        if (!world.members[i].is_down)
            broken(AVAILABLE, "the listener is closed, and the log does not say that %s is down",
                   world.members[i].host.name);
}
