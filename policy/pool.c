/* The links that plain clients share: dialled when a call waits for one or as spares, bound, lent, kept, and closed when nobody
 * has needed them for long, or when there must be room for another one. */
#include "brain.h"

#define ALTER_FORGOTTEN   600000 /* ms; a member that seems not to take alter_context is asked again after this */
#define REFUSAL_FORGOTTEN 10000  /* ms */
#define SPARE_PAUSE       1000   /* ms; some servers close connections on which nothing is said */
#define DEATHS            2 /* in a row, of links that were sent an alter_context: one may have been dead before */

#define STATUS_CALL_FAILED_DNE 0x000006bfu /* 1727 */

static uint32_t server_of(const struct pol_brain *b, uint32_t link)
{
    return b->members[b->links[link].member].server;
}

/* ---- how many there may be ---- */

bool pol_owned_has_room(const struct pol_brain *b, uint32_t server)
{
    const struct server *s = &b->servers[server];
    return s->settings.connections == 0 || s->links < s->settings.connections;
}

bool pol_pool_has_room(const struct pol_brain *b, uint32_t server)
{
    const struct server *s = &b->servers[server];
    uint32_t most = s->settings.connections ? s->settings.connections : POL_POOL_DEFAULT;
    return pol_owned_has_room(b, server) && s->shared < most;
}

static void change(struct pol_brain *b, uint32_t server)
{
    b->servers[server].pool_changed = b->pool_changed = true;
}

/* ---- the list of those with room for a call ---- */

static void take_off_list(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    struct server *s = &b->servers[server_of(b, link)];
    if (!l->open)
        return;
    l->open = false;
    *(l->pool_previous == POL_NONE ? &s->open_first : &b->links[l->pool_previous].pool_next) = l->pool_next;
    if (l->pool_next != POL_NONE)
        b->links[l->pool_next].pool_previous = l->pool_previous;
}

static void put_on_list(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    struct server *s = &b->servers[server_of(b, link)];
    if (l->open)
        return;
    l->open = true;
    l->pool_previous = POL_NONE;
    l->pool_next = s->open_first;
    if (l->pool_next != POL_NONE)
        b->links[l->pool_next].pool_previous = link;
    s->open_first = link;
}

static bool has_room(const struct pol_brain *b, const struct link *l)
{
    uint32_t most = l->multiplex ? b->servers[b->members[l->member].server].settings.calls_per_connection : 1;
    return l->state == LINK_POOLED && !l->stopped && l->pauses == 0 && l->calls < (most ? most : 1) && !l->alone;
}

static void look_at_idle(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    int64_t keep = b->servers[server_of(b, link)].settings.idle_keep;
    l->idle_since = b->now;
    if (b->draining && b->servers[server_of(b, link)].waiting[LINE_PLAIN] == 0)
        pol_link_close(b, link, false, POL_NOW, POL_BY_DRAIN);
    else if (!pol_member_serves(b, l->member))
        pol_link_close(b, link, false, POL_NOW, POL_BY_IDLE_LINK);
    else if (keep && pol_deadline_at(&b->deadlines, b->max_clients + link) == POL_NEVER)
        pol_link_set_deadline(b, link, b->now + keep); /* put off when it is due, not with each call */
}

/* Whatever is inside on it, nobody waits for. Where nobody counts it either, or it will never end, the server learns that its
 * clients have gone. */
static bool is_forsaken(const struct pol_brain *b, const struct link *l)
{
    bool limited = b->servers[b->members[l->member].server].settings.calls != 0;
    if (l->state != LINK_POOLED || l->calls == 0 || l->deserted < l->calls)
        return false;
    for (uint32_t k = l->first_call; limited && k != POL_NONE; k = b->calls[k].next)
        if (b->calls[k].last_done && !b->calls[k].orphaned)
            return false;
    return true;
}

void pol_pool_open(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    if (is_forsaken(b, l)) {
        pol_link_settle(b, link, true, (enum pol_reason)b->calls[l->first_call].left_by);
        return;
    }
    if (has_room(b, l))
        put_on_list(b, link);
    else
        take_off_list(b, link);
    if (l->state == LINK_POOLED && l->calls == 0)
        look_at_idle(b, link);
}

void pol_pool_drain(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    if (l->state == LINK_SPARE)
        pol_link_close(b, link, false, POL_NOW, POL_BY_DRAIN);
    else if (l->state == LINK_POOLED && l->calls == 0)
        look_at_idle(b, link);
}

/* ---- counting ---- */

static void set_preparing(struct pol_brain *b, uint32_t link, bool preparing)
{
    struct link *l = &b->links[link];
    struct server *s = &b->servers[server_of(b, link)];
    s->preparing += (uint32_t)preparing - (uint32_t)l->preparing;
    l->preparing = preparing;
}

static void set_spare(struct pol_brain *b, uint32_t link, bool spare)
{
    struct link *l = &b->links[link];
    struct server *s = &b->servers[server_of(b, link)];
    s->spares += (uint32_t)spare - (uint32_t)l->spare;
    l->spare = spare;
    change(b, server_of(b, link));
}

void pol_pool_share(struct pol_brain *b, uint32_t link)
{
    b->servers[server_of(b, link)].shared += !b->links[link].shared;
    b->links[link].shared = true;
}

void pol_pool_unshare(struct pol_brain *b, uint32_t link)
{
    b->servers[server_of(b, link)].shared -= b->links[link].shared;
    b->links[link].shared = false;
}

void pol_pool_end(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    if (l->spare) {
        b->servers[server_of(b, link)].spare_at = b->now + SPARE_PAUSE;
        set_spare(b, link, false);
        pol_server_wake(b, server_of(b, link));
    }
    set_preparing(b, link, false);
    take_off_list(b, link);
}

/* ---- making room ---- */

static void retire(struct pol_brain *b, uint32_t link, enum pol_reason reason)
{
    b->servers[server_of(b, link)].retiring++;
    b->links[link].retiring = true;
    pol_link_close(b, link, false, POL_NOW, reason);
}

static uint32_t idle_link(const struct pol_brain *b, uint32_t server)
{
    uint32_t found = POL_NONE;
    for (uint32_t i = b->servers[server].open_first; i != POL_NONE; i = b->links[i].pool_next)
        if (b->links[i].calls == 0)
            found = i; /* the last one has not been used for longest */
    return found;
}

void pol_pool_make_room(struct pol_brain *b, uint32_t server)
{
    struct server *s = &b->servers[server];
    uint32_t link = s->retiring ? POL_NONE : idle_link(b, server);
    if (link == POL_NONE && !s->retiring && s->spares > 0)
        link = pol_pool_spare(b, server, NULL);
    if (link != POL_NONE)
        retire(b, link, POL_BY_NO_ROOM);
}

/* ---- preparing a link ---- */

void pol_pool_bind(struct pol_brain *b, uint32_t link, uint32_t presentation, bool alter)
{
    struct link *l = &b->links[link];
    take_off_list(b, link);
    l->wanted = presentation;
    set_preparing(b, link, true);
    pol_link_move(b, link, LINK_BINDING);
    pol_link_asked_bind(b, link);
    struct pol_action *a = pol_link_emit(b, POL_BIND, link);
    a->presentation = presentation;
    a->alter = alter;
    l->altering = alter;
}

static bool takes_alter(const struct pol_brain *b, const struct link *l)
{
    return b->members[l->member].no_alter_until <= b->now;
}

/* A link that is bound and has no call can be had for this by an alter_context: it is added, or it proves that the link is
 * alive. */
static bool alter_idle(struct pol_brain *b, const struct call *k)
{
    struct server *s = &b->servers[k->server];
    for (uint32_t i = s->open_first; i != POL_NONE; i = b->links[i].pool_next) {
        struct link *l = &b->links[i];
        bool fits = pol_link_presents(l, k->presentation) || l->presentation_count < POL_PRESENTATIONS_MAX;
        if (l->calls > 0 || !pol_identity_equal(l->carried, b->clients[k->client].carried))
            continue;
        if (fits && takes_alter(b, l) && !pol_member_refuses(b, l->member, k->presentation) &&
            pol_retry_may_go_to(b, k, l->member)) {
            pol_pool_bind(b, i, k->presentation, true);
            return true;
        }
    }
    return false;
}

uint32_t pol_pool_spare(const struct pol_brain *b, uint32_t server, const struct pol_identity *carried)
{
    for (uint32_t i = 0; i < b->links_high && b->servers[server].spares > 0; i++) {
        const struct link *l = &b->links[i];
        if (l->state == LINK_SPARE && server_of(b, i) == server &&
            (!carried || pol_identity_equal(l->carried, *carried)))
            return i;
    }
    return POL_NONE;
}

uint32_t pol_pool_take_spare(struct pol_brain *b, uint32_t server, struct pol_identity carried)
{
    uint32_t link = b->servers[server].spares ? pol_pool_spare(b, server, &carried) : POL_NONE;
    if (link != POL_NONE) {
        set_spare(b, link, false);
        pol_link_set_deadline(b, link, POL_NEVER);
    }
    return link;
}

static bool dial_member(struct pol_brain *b, uint32_t member, uint32_t presentation, struct pol_identity carried)
{
    uint32_t link = member == POL_NONE ? POL_NONE : pol_link_dial(b, POL_NONE, member);
    if (link == POL_NONE)
        return false;
    b->links[link].carried = carried;
    b->links[link].wanted = presentation;
    pol_pool_share(b, link);
    if (presentation)
        set_preparing(b, link, true);
    else
        set_spare(b, link, true);
    return true;
}

static bool dial(struct pol_brain *b, uint32_t server, uint32_t presentation, const struct call *k,
                 struct pol_identity carried)
{
    return dial_member(b, pol_member_pick_for(b, server, presentation, k), presentation, carried);
}

/* A member on which no link is, because it was down or is new, would never be found by calls that are served elsewhere. */
void pol_pool_balance(struct pol_brain *b, uint32_t call)
{
    const struct call *k = &b->calls[call];
    const struct server *s = &b->servers[k->server];
    if (s->settings.member_count < 2 || s->preparing > 0 || s->draining || b->draining ||
        !pol_pool_has_room(b, k->server))
        return;
    uint32_t member = pol_member_pick_empty(b, k->server, k->presentation);
    if (member != POL_NONE)
        dial_member(b, member, k->presentation, b->clients[k->client].carried);
}

/* ---- for calls that wait ---- */

/* The server offers nowhere any more what this call's client was promised. */
static bool is_refused_everywhere(const struct pol_brain *b, const struct call *k)
{
    const struct pol_server *s = &b->servers[k->server].settings;
    for (uint32_t m = s->member_first; m < s->member_first + s->member_count; m++)
        if (!pol_member_refuses(b, m, k->presentation))
            return false;
    return true;
}

static void break_promise(struct pol_brain *b, uint32_t call)
{
    uint32_t server = b->calls[call].server, client = b->calls[call].client;
    for (uint32_t i = 0; i < b->max_offers; i++)
        b->offers[i].known = b->offers[i].known && b->offers[i].server != server;
    pol_call_refuse(b, call, POL_NOT_SENT, STATUS_CALL_FAILED_DNE);
    pol_client_cut(b, client, false, POL_BY_BROKEN_PROMISE);
}

uint32_t pol_pool_prospects(const struct pol_brain *b, uint32_t server)
{
    const struct server *s = &b->servers[server];
    uint32_t limit = s->settings.connections;
    uint32_t most = limit ? limit : POL_POOL_DEFAULT, there = limit ? s->links : s->shared;
    uint32_t count = s->preparing + (there < most ? most - there : 0);
    for (uint32_t i = s->open_first; i != POL_NONE; i = b->links[i].pool_next)
        count += b->links[i].calls == 0;
    return count;
}

void pol_pool_prepare(struct pol_brain *b, uint32_t call)
{
    const struct call *k = &b->calls[call];
    struct server *s = &b->servers[k->server];
    struct pol_identity carried = b->clients[k->client].carried;
    if (b->drain_over)
        return;
    if (is_refused_everywhere(b, k)) {
        break_promise(b, call);
        return;
    }
    if (s->preparing >= s->waiting[LINE_PLAIN] || alter_idle(b, k))
        return;
    uint32_t spare = pol_pool_take_spare(b, k->server, carried);
    if (spare != POL_NONE)
        pol_pool_bind(b, spare, k->presentation, false);
    else if (!pol_pool_has_room(b, k->server))
        pol_pool_make_room(b, k->server);
    else
        dial(b, k->server, k->presentation, k, carried);
    pol_server_wake(b, k->server);
}

/* Those that wait may have waited for as long as they would wait for a server that is not there. */
void pol_pool_failed(struct pol_brain *b, uint32_t server)
{
    struct server *s = &b->servers[server];
    bool was_away = s->away;
    s->away = s->serving == 0 && pol_member_pick(b, server, POL_NONE, true) == POL_NONE;
    pol_server_wake(b, server);
    if (was_away || !s->away || s->turn[LINE_PLAIN] == POL_NONE)
        return;
    uint32_t row = s->turn[LINE_PLAIN];
    do {
        for (uint32_t k = b->addresses[row].line_first[LINE_PLAIN]; k != POL_NONE; k = b->calls[k].line_next)
            pol_call_away(b, k);
        row = b->addresses[row].turn_next[LINE_PLAIN];
    } while (row != s->turn[LINE_PLAIN]);
}

/* ---- the life of a shared link ---- */

void pol_pool_connected(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    b->servers[server_of(b, link)].away = false;
    if (l->spare) {
        pol_link_move(b, link, LINK_SPARE);
        pol_member_well(b, l->member);
        if (b->draining) /* it was being dialled when the others were closed */
            pol_pool_drain(b, link);
        else if (!pol_member_serves(b, l->member))
            pol_link_close(b, link, false, POL_NOW, POL_BY_IDLE_LINK);
    } else if (b->drain_over) {
        pol_link_close(b, link, false, POL_NOW, POL_BY_DRAIN);
    } else {
        pol_pool_bind(b, link, l->wanted, false);
    }
}

void pol_pool_presents(struct pol_brain *b, const struct pol_event *e)
{
    struct link *l = e->link.index < b->links_high ? &b->links[e->link.index] : NULL;
    if (l && pol_id_equal(e->link, pol_link_id(b, e->link.index)) && l->state == LINK_BINDING &&
        !pol_link_presents(l, e->presentation) && l->presentation_count < POL_PRESENTATIONS_MAX)
        l->presentations[l->presentation_count++] = e->presentation;
}

/* No client may join the groups of shared links. */
static const struct pol_identity nobody = { UINT64_MAX, UINT64_MAX };

void pol_pool_serve(struct pol_brain *b, uint32_t link, uint32_t group)
{
    pol_group_granted(b, link, group, nobody);
    b->servers[server_of(b, link)].away = false;
    b->servers[server_of(b, link)].unbound_at = POL_NEVER;
    pol_link_move(b, link, LINK_POOLED);
    pol_pool_open(b, link);
}

static void bound(struct pol_brain *b, uint32_t link, const struct pol_event *e)
{
    struct link *l = &b->links[link];
    struct member *m = &b->members[l->member];
    set_preparing(b, link, false);
    pol_link_set_deadline(b, link, POL_NEVER);
    pol_link_emit(b, POL_SWALLOW, link);
    if (l->altering)
        m->deaths = 0;
    if (!e->accepted)
        pol_member_failed(b, l->member);
    if (e->accepted && !pol_link_presents(l, l->wanted)) {
        m->refuses = l->wanted;
        m->refuses_until = b->now + REFUSAL_FORGOTTEN;
    }
    if (!e->accepted || l->presentation_count == 0) {
        pol_link_close(b, link, false, POL_NOW, POL_BY_BROKEN_PROMISE);
        pol_pool_failed(b, server_of(b, link));
    } else {
        pol_pool_serve(b, link, e->group);
    }
    if (!e->accepted || !pol_link_presents(l, l->wanted))
        b->servers[server_of(b, link)].unbound_at = b->now;
}

void pol_pool_bound(struct pol_brain *b, const struct pol_event *e)
{
    struct link *l = &b->links[e->link.index];
    if (!l->altering) /* that is settled by the first bind */
        l->multiplex = e->multiplex;
    if (l->client != POL_NONE)
        pol_plain_bound(b, l->client, e);
    else
        bound(b, e->link.index, e);
}

/* Some servers reset a connection on which they are sent an alter_context. */
void pol_pool_unbound(struct pol_brain *b, uint32_t link)
{
    struct member *m = &b->members[b->links[link].member];
    if (!b->links[link].altering || ++m->deaths < DEATHS)
        return;
    m->deaths = 0;
    m->no_alter_until = b->now + ALTER_FORGOTTEN;
}

void pol_pool_due(struct pol_brain *b, uint32_t link)
{
    struct link *l = &b->links[link];
    int64_t keep = b->servers[server_of(b, link)].settings.idle_keep;
    if (l->calls > 0 || keep == 0)
        return;
    if (l->idle_since + keep > b->now)
        pol_link_set_deadline(b, link, l->idle_since + keep);
    else
        retire(b, link, POL_BY_IDLE_LINK);
}

/* ---- spares ---- */

static const struct pol_identity ours; /* spares carry nothing of anybody's */

static bool sweep_server(struct pol_brain *b, uint32_t server)
{
    struct server *s = &b->servers[server];
    while (s->spares < s->settings.spare && !s->draining && !b->draining && b->now >= s->spare_at &&
           pol_pool_has_room(b, server)) {
        if (!pol_has_room(b))
            return true;
        if (!dial(b, server, 0, NULL, ours))
            break;
    }
    s->pool_changed = false;
    pol_server_wake(b, server);
    return false;
}

/* By other settings their members may have left: no call comes to those links any more, and spares would stand for ever. */
static bool review(struct pol_brain *b)
{
    for (; b->review_link < b->links_high; b->review_link++) {
        const struct link *l = &b->links[b->review_link];
        bool is_idle = l->state == LINK_SPARE || (l->state == LINK_POOLED && l->calls == 0);
        if (!pol_has_room(b))
            return true;
        if (is_idle && !pol_member_serves(b, l->member))
            pol_link_close(b, b->review_link, false, POL_NOW, POL_BY_IDLE_LINK);
    }
    return false;
}

bool pol_pool_sweep(struct pol_brain *b)
{
    bool more = review(b);
    for (uint32_t i = 0; i < b->server_count; i++)
        more = (b->servers[i].pool_changed && sweep_server(b, i)) || more;
    return b->pool_changed = more;
}

/* ---- words ---- */

const char *pol_link_class(const struct pol_brain *b, struct pol_id id)
{
    if (id.index >= b->links_high || !pol_id_equal(id, pol_link_id(b, id.index)))
        return NULL;
    const struct link *l = &b->links[id.index];
    return l->spare ? "fresh" : l->shared ? "plain" : "owned";
}
