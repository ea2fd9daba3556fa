/* One step of the brain: the event to its handler, then whatever follows as far as there is room to say it. */
#include "brain.h"

#include <stdlib.h>

/* ---- memory ---- */

static uint32_t members_of(const struct pol_settings *s)
{
    uint32_t members = 0;
    for (uint32_t i = 0; i < s->server_count; i++)
        if (s->servers[i].member_first + s->servers[i].member_count > members)
            members = s->servers[i].member_first + s->servers[i].member_count;
    return members;
}

static bool make_tables(struct pol_brain *b)
{
    uint32_t buckets = 16;
    while (buckets < b->max_links)
        buckets *= 2;
    b->hash_mask = buckets - 1;
    b->clients = calloc(b->max_clients, sizeof *b->clients);
    b->links = calloc(b->max_links, sizeof *b->links);
    b->calls = calloc(b->max_calls, sizeof *b->calls);
    b->members = calloc(b->max_members, sizeof *b->members);
    b->servers = calloc(b->max_servers, sizeof *b->servers);
    b->listeners = calloc(b->max_listeners, sizeof *b->listeners);
    b->offers = calloc(b->max_offers ? b->max_offers : 1, sizeof *b->offers);
    b->groups = calloc(b->group_rows, sizeof *b->groups);
    b->addresses = calloc(b->max_clients, sizeof *b->addresses);
    b->group_heads = malloc(buckets * sizeof *b->group_heads);
    b->address_heads = malloc(buckets * sizeof *b->address_heads);
    uint32_t who = b->max_clients + b->max_links + 1 + b->max_calls + b->max_servers + b->max_members;
    bool timers = pol_deadlines_init(&b->deadlines, who);
    return timers && b->clients && b->links && b->calls && b->members && b->servers && b->listeners && b->groups &&
           b->offers && b->addresses && b->group_heads && b->address_heads;
}

static void clear_server(struct pol_brain *b, uint32_t server)
{
    b->servers[server] = (struct server){
        .down_since = POL_NEVER,
        .unbound_at = POL_NEVER,
        .turn = { POL_NONE, POL_NONE },
        .open_first = POL_NONE,
        .client_first = POL_NONE,
        .client_last = POL_NONE,
    };
}

static void clear_member(struct pol_brain *b, uint32_t member, uint32_t server)
{
    b->members[member] = (struct member){ .server = server, .prober = POL_NONE, .trial = POL_NONE };
}

/* Rows may be taken in any order. Those that come after all that were ever taken cost no memory yet. */
static void grow(struct pol_brain *b, uint32_t servers, uint32_t members, uint32_t listeners)
{
    assert(servers <= b->max_servers && members <= b->max_members && listeners <= b->max_listeners);
    for (; b->server_count < servers; b->server_count++)
        clear_server(b, b->server_count);
    for (; b->member_count < members; b->member_count++)
        clear_member(b, b->member_count, POL_NONE);
    for (; b->listener_count < listeners; b->listener_count++)
        b->listeners[b->listener_count].settings.server = POL_NONE;
}

static void renew_server(struct pol_brain *b, uint32_t server, const struct pol_server *settings)
{
    b->servers[server].settings = *settings;
    for (uint32_t m = settings->member_first; m < settings->member_first + settings->member_count; m++)
        if (b->members[m].server != server)
            clear_member(b, m, server);
    b->servers[server].pool_changed = settings->spare > 0;
    b->pool_changed = b->pool_changed || settings->spare > 0;
}

static struct pol_call_rules *copy_rules(const struct pol_settings *s)
{
    struct pol_call_rules *rules = calloc(s->rule_count ? s->rule_count : 1, sizeof *rules);
    for (uint32_t i = 0; rules && i < s->rule_count; i++)
        rules[i] = s->rules[i];
    return rules;
}

bool pol_renew(struct pol_brain *b, const struct pol_settings *s)
{
    struct pol_call_rules *rules = copy_rules(s);
    if (!rules)
        return false;
    assert(s->server_count >= b->server_count && s->listener_count >= b->listener_count);
    grow(b, s->server_count, members_of(s), s->listener_count);
    free(b->rules);
    b->rules = rules;
    b->rule_count = s->rule_count;
    for (uint32_t i = 0; i < s->server_count; i++)
        renew_server(b, i, &s->servers[i]);
    for (uint32_t i = 0; i < s->listener_count; i++)
        b->listeners[i].settings = s->listeners[i];
    for (uint32_t i = 0; s->members && i < members_of(s); i++)
        b->members[i].settings = s->members[i];
    b->drain_time = s->drain;
    b->review_link = 0;
    b->pool_changed = b->pool_changed || b->links_high > 0;
    b->listeners_change = true; /* what is closed may belong to another server now */
    for (uint32_t i = 0; i < s->server_count; i++) {
        pol_server_renewed(b, i);
        if (s->servers[i].check_every)
            pol_server_suspect(b, i);
    }
    return true;
}

static void place_server(struct pol_brain *b, uint32_t server, const struct pol_server *settings)
{
    uint32_t end = settings->member_first + settings->member_count;
    grow(b, server + 1, end, 0);
    clear_server(b, server);
    for (uint32_t m = settings->member_first; m < end; m++)
        clear_member(b, m, server);
    b->servers[server].settings = *settings;
}

void pol_place(struct pol_brain *b, uint32_t listener, const struct pol_listener *l, const struct pol_server *s)
{
    assert(l->server < b->max_servers);
    grow(b, 0, 0, listener + 1);
    b->listeners[listener] = (struct listener){ .settings = *l };
    b->listeners_change = true;
    if (s)
        place_server(b, l->server, s);
}

struct pol_brain *pol_create(const struct pol_settings *s)
{
    struct pol_brain *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->max_clients = s->max_clients;
    b->max_links = s->max_links;
    b->max_calls = s->max_calls;
    b->max_servers = s->max_servers ? s->max_servers : s->server_count;
    b->max_members = s->max_members ? s->max_members : members_of(s);
    b->max_listeners = s->max_listeners ? s->max_listeners : s->listener_count;
    b->max_offers = s->max_offers;
    b->group_rows = 2 * (s->max_links + s->max_clients);
    b->seed = s->seed;
    b->dice = s->seed | 1;
    b->group_free = b->group_oldest = b->group_newest = b->address_free = b->link_free = POL_NONE;
    b->settling_first = b->settling_last = b->alarm_link = b->credit_first = POL_NONE;
    if (!make_tables(b)) {
        pol_destroy(b);
        return NULL;
    }
    if (!pol_renew(b, s)) {
        pol_destroy(b);
        return NULL;
    }
    for (uint32_t i = 0; i <= b->hash_mask; i++)
        b->group_heads[i] = b->address_heads[i] = POL_NONE;
    return b;
}

void pol_destroy(struct pol_brain *b)
{
    if (!b)
        return;
    pol_deadlines_free(&b->deadlines);
    void *tables[] = { b->clients, b->links,  b->calls,     b->members,     b->servers,       b->listeners,
                       b->rules,   b->groups, b->addresses, b->group_heads, b->address_heads, b->offers };
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++)
        free(tables[i]);
    free(b);
}

/* ---- small services ---- */

struct pol_action *pol_emit(struct pol_brain *b, enum pol_action_kind kind)
{
    static const struct pol_id none = { POL_NONE, 0 };
    assert(b->out->count < POL_ACTIONS_MAX);
    struct pol_action *a = &b->out->item[b->out->count++];
    *a = (struct pol_action){ .kind = (uint8_t)kind, .client = none, .link = none, .call = none };
    return a;
}

struct pol_id pol_client_id(const struct pol_brain *b, uint32_t client)
{
    return (struct pol_id){ client, client == POL_NONE ? 0 : b->clients[client].generation };
}

struct pol_id pol_link_id(const struct pol_brain *b, uint32_t link)
{
    return (struct pol_id){ link, link == POL_NONE ? 0 : b->links[link].generation };
}

struct pol_id pol_call_id(const struct pol_brain *b, uint32_t call)
{
    return (struct pol_id){ call, call == POL_NONE ? 0 : b->calls[call].generation };
}

/* ---- drain ---- */

static uint32_t drain_who(const struct pol_brain *b)
{
    return b->max_clients + b->max_links;
}

static void drain_due(struct pol_brain *b)
{
    b->drain_over = true;
    b->drain_client = 0; /* once more, for those that are closing and take their time */
}

/* Asked for a second time, there is no more time. */
static void drain(struct pol_brain *b, const struct pol_event *e)
{
    (void)e;
    if (b->draining)
        drain_due(b);
    b->draining = true;
    pol_deadline_set(&b->deadlines, drain_who(b), b->drain_over ? POL_NEVER : b->now + b->drain_time);
}

static bool drain_sweep(struct pol_brain *b)
{
    for (; b->drain_listener < b->listener_count; b->drain_listener++) {
        if (!pol_has_room(b))
            return true;
        pol_emit(b, POL_LISTEN_OFF)->listener = b->drain_listener;
    }
    for (; b->drain_client < b->clients_high; b->drain_client++) {
        if (!pol_has_room(b))
            return true;
        pol_client_drain(b, b->drain_client);
    }
    for (; b->drain_pool < b->links_high; b->drain_pool++) {
        if (!pol_has_room(b))
            return true;
        pol_pool_drain(b, b->drain_pool);
    }
    for (; b->drain_over && b->drain_link < b->links_high; b->drain_link++) {
        if (!pol_has_room(b))
            return true;
        pol_link_cut(b, b->drain_link);
    }
    return false;
}

bool pol_drained(const struct pol_brain *b)
{
    return b->draining && b->clients_alive == 0 && b->links_alive == 0;
}

/* ---- steps ---- */

static void tick(struct pol_brain *b, const struct pol_event *e)
{
    (void)b;
    (void)e;
}

static void (*const handlers[])(struct pol_brain *, const struct pol_event *) = {
    [POL_TICK] = tick,
    [POL_CLIENT_OPENED] = pol_client_opened,
    [POL_CLIENT_BIND] = pol_client_bind,
    [POL_AUTH_LEG] = pol_client_pdu,
    [POL_CALL_BEGIN] = pol_client_call,
    [POL_CLIENT_CONTROL] = pol_client_control,
    [POL_CLIENT_STRAY] = pol_client_pdu,
    [POL_CLIENT_END] = pol_client_end,
    [POL_CLIENT_GONE] = pol_client_gone,
    [POL_CLIENT_OWES] = pol_client_owes,
    [POL_CREDIT] = pol_credit,
    [POL_DIALLED] = pol_link_dialled,
    [POL_PRESENTS] = pol_pool_presents,
    [POL_BOUND] = pol_link_bound,
    [POL_ACCEPTED] = pol_call_accepted,
    [POL_ANSWER_BEGIN] = pol_answer_begin,
    [POL_ANSWER_END] = pol_answer_end,
    [POL_PROGRESS] = pol_call_progress,
    [POL_CALLBACK_DOWN] = pol_link_callback,
    [POL_CALLBACK_UP] = pol_client_callback,
    [POL_LINK_STRAY] = pol_link_stray,
    [POL_LIVENESS] = pol_probe_liveness,
    [POL_LINK_END] = pol_link_end,
    [POL_LINK_GONE] = pol_link_gone,
    [POL_CHECKED] = pol_member_checked,
    [POL_SERVER_DRAIN] = pol_admit_drain,
    [POL_CALL_CANCEL] = pol_call_cancel,
    [POL_DRAIN] = drain,
};
static_assert(sizeof handlers / sizeof *handlers == POL_EVENT_KINDS, "a handler for each event");

/* That a server's row of clients may try a member is seen by its sweep, in the same step; and so is a spare that is missing. */
static void others_due(struct pol_brain *b, uint32_t who)
{
    if (who < b->max_calls)
        pol_call_due(b, who);
    else if (who >= b->max_calls + b->max_servers)
        pol_member_due(b, who - b->max_calls - b->max_servers);
    else
        b->servers[who - b->max_calls].pool_changed = b->pool_changed = true;
}

static bool deadlines_sweep(struct pol_brain *b)
{
    b->hastened = false;
    while (pol_has_room(b)) {
        uint32_t who;
        if (!pol_deadline_pop(&b->deadlines, b->now, &who))
            return false;
        if (who < b->max_clients)
            pol_client_due(b, who);
        else if (who < drain_who(b))
            pol_link_due(b, who - b->max_clients);
        else if (who == drain_who(b))
            drain_due(b);
        else
            others_due(b, who - drain_who(b) - 1);
    }
    return pol_deadline_first(&b->deadlines) <= b->now;
}

/* The order is that of cause and effect: what is due ends links, ended links free slots, slots go to the line. */
static bool sweep(struct pol_brain *b, bool in_time)
{
    bool more = in_time && deadlines_sweep(b);
    if (b->draining)
        more = drain_sweep(b) || more;
    if (b->settling_first != POL_NONE)
        more = pol_links_sweep(b) || more;
    if (b->credit_first != POL_NONE)
        more = pol_credit_sweep(b) || more;
    if (b->listeners_change)
        more = pol_listeners_sweep(b) || more;
    if (b->alarm_link != POL_NONE)
        more = pol_probe_sweep(b) || more;
    if (b->pool_changed)
        more = pol_pool_sweep(b) || more;
    if (b->clients_waiting)
        more = pol_unavailable_sweep(b) || more;
    if (b->line_total)
        more = pol_admit_sweep(b) || more;
    return more || b->hastened;
}

/* What has been said and given is told in one go, when some of it may already be due: no time is up before all of it is told. */
static bool is_traffic(unsigned kind)
{
    static const bool are[POL_EVENT_KINDS] = {
        [POL_ACCEPTED] = true, [POL_ANSWER_BEGIN] = true, [POL_ANSWER_END] = true,
        [POL_PROGRESS] = true, [POL_CLIENT_OWES] = true,  [POL_CREDIT] = true,
        [POL_DIALLED] = true,  [POL_CLIENT_GONE] = true,  [POL_LINK_GONE] = true,
    };
    return are[kind];
}

void pol_step(struct pol_brain *b, const struct pol_event *event, int64_t now, struct pol_actions *actions)
{
    assert(now >= b->now);
    b->now = now;
    b->out = actions;
    actions->count = 0;
    handlers[event->kind](b, event);
    actions->more = sweep(b, !is_traffic(event->kind));
}

/* No event comes for the spares that new settings ask for. */
int64_t pol_next_wake(const struct pol_brain *b)
{
    return b->pool_changed ? b->now : pol_deadline_first(&b->deadlines);
}

uint32_t pol_calls_inside(const struct pol_brain *b, uint32_t server)
{
    return b->servers[server].inside;
}

uint32_t pol_calls_waiting(const struct pol_brain *b, uint32_t server)
{
    return b->servers[server].waiting[LINE_OWNED] + b->servers[server].waiting[LINE_PLAIN];
}
