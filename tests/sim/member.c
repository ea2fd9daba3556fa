/* Members of the server as processes: they come, are stopped, die, and come back. */
#include <assert.h>
#include <string.h>

#include "agenda.h"
#include "draw.h"
#include "trace.h"
#include "world.h"

/* ---- who connects ---- */

/* A process that hangs does not close what the proxy has given up. */
static bool is_over(const struct link *l)
{
    return !l->open || l->endpoint->dead || l->endpoint->fin_come;
}

/* Checks come again and again: the place of one that is over is used again. */
static struct link *free_link(void)
{
    struct link *l = world.links, *last = l + world.link_count;
    while (l < last && (l->is_used || !is_over(l)))
        l++;
    if (l == last)
        world.link_count++;
    else if (l->open)
        net_close(l->endpoint, true);
    assert(world.link_count <= LINKS);
    return l;
}

static void knocked(void *owner, struct endpoint *inner)
{
    struct link *l = free_link();
    uint32_t generation = l->generation + 1;
    memset(l, 0, offsetof(struct link, out));
    l->generation = generation;
    l->out.length = l->out.sent = l->out.count = l->out.next = 0;
    l->in.length = 0;
    l->member = owner;
    l->endpoint = inner;
    l->open = true;
    l->never_closes = chance(5);
    l->keeps = world.keeps;
    cut_draw(l);
    inner->wake = link_step;
    inner->owner = l;
    trace("%s has link %u", l->member->host.name, (unsigned)(l - world.links));
}

static void close_all(struct member *m, bool reset)
{
    for (uint32_t i = 0; i < world.link_count; i++)
        if (world.links[i].member == m)
            link_close(&world.links[i], reset);
}

/* ---- processes ---- */

void member_die(struct member *m, bool reset)
{
    trace("%s dies", m->host.name);
    counts.restarts++;
    m->door->open = false;
    close_all(m, reset);
}

void member_restart(struct member *m)
{
    if (m->frozen)
        return;
    trace("%s is back", m->host.name);
    m->door->open = true;
}

static void restart(void *who, uint32_t number)
{
    (void)number;
    member_restart(who);
}

void member_restart_later(struct member *m, uint32_t us)
{
    agenda_at(now + below(us), restart, m, 0);
}

void member_stop(struct member *m, bool stopped)
{
    if (m->frozen)
        return;
    trace("%s is %s", m->host.name, stopped ? "stopped" : "continued");
    m->stopped = stopped;
    for (uint32_t i = 0; !stopped && i < world.link_count; i++)
        if (world.links[i].member == m && world.links[i].open)
            link_step(&world.links[i]);
}

void member_recover(struct member *m)
{
    net_set_silent(&m->host, false);
    m->door->deaf = false;
    member_restart(m);
    member_stop(m, false);
}

void member_begin(struct member *m, uint32_t number)
{
    static const char *const names[MEMBERS_MOST] = { "member0", "member1", "member2" };
    static const uint32_t paces[] = { 300, 5 * MS, 100 * MS, 900 * MS };
    *m = (struct member){ .host = { .name = names[number], .address = (10u << 24) + (1u << 8) + 1 + number },
                          .at_first = (world.plan.retry.pipes || !world.plan.retry.starts_last) && chance(40),
                          .slowest = paces[below(4)],
                          .never_percent = chance(40) ? between(5, 40) : 0,
                          .fault_percent = between(0, 20),
                          .callback_percent = chance(20) ? 25 : 0,
                          .mischief_permille = chance(40) ? 60 : 5,
                          .most = chance(world.simple ? 60 : 15) ? between(1, 3) : 0 };
    m->door = net_door(&m->host, MEMBER_PORT);
    m->door->knock = knocked;
    m->door->owner = m;
    m->door->open = chance(93);
    m->door->deaf = chance(2);
    if (!m->door->open)
        member_restart_later(m, 400 * MS);
}
