/* Connections that a server's side cuts after so many bytes, read or written: at every place there is, when there are seeds enough. */
#include "counts.h"

#include "agenda.h"
#include "draw.h"
#include "trace.h"
#include "world.h"

#define REACH 600u /* bytes: a bind and some calls */

const char *const cut_names[CUTS] = {
    [CUT_FIN] = "FIN", [CUT_RESET] = "RST", [CUT_SILENCE] = "silence", [CUT_HALF] = "FIN, and reading on"
};

void cut_draw(struct link *l)
{
    l->cut = (struct cut){ .is_due = !world.well && chance(world.simple ? 60 : 12),
                           .kind = (uint8_t)below(CUTS),
                           .of_answers = chance(40),
                           .at = chance(85) ? below(REACH) : below(20 * REACH) };
}

uint32_t cut_room(const struct link *l, bool of_answers)
{
    uint32_t done = of_answers ? l->out.sent : l->read;
    if (!l->cut.is_due || world.well || l->cut.of_answers != of_answers)
        return UINT32_MAX;
    return l->cut.at > done ? l->cut.at - done : 0;
}

static void heard_again(void *who, uint32_t number)
{
    struct member *m = who;
    (void)number;
    if (!m->frozen)
        net_set_silent(&m->host, false);
}

static void close_now(void *who, uint32_t generation)
{
    struct link *l = who;
    if (l->generation == generation)
        link_close(l, chance(30));
}

bool cut_now(struct link *l)
{
    if (cut_room(l, l->cut.of_answers) > 0)
        return false;
    l->cut.is_due = false;
    counts.cuts[l->cut.kind]++;
    trace("%s link %u is cut by %s, %u bytes %s", l->member->host.name, (unsigned)(l - world.links),
          cut_names[l->cut.kind], l->cut.at, l->cut.of_answers ? "written" : "read");
    if (l->cut.kind == CUT_SILENCE) {
        net_set_silent(&l->member->host, true);
        agenda_at(now + below(6 * SECOND), heard_again, l->member, 0);
    } else if (l->cut.kind == CUT_HALF) {
        net_end(l->endpoint);
        agenda_at(now + below(20 * MS), close_now, l, l->generation);
    } else {
        link_close(l, l->cut.kind == CUT_RESET);
    }
    return true;
}
