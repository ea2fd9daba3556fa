/* Which server and which rules a call would have had is for the proxy's own settings to say. */
#include "inspect_whatif.h"

#include <stdlib.h>
#include <string.h>

#include "../proxy/call_rules.h"
#include "../proxy/roster.h"
#include "inspect_outcome.h"
#include "inspect_plain.h"

#define MS 1000000

#define STATUS_TOO_BUSY       0x1c010014u /* nca_s_server_too_busy */
#define STATUS_TOO_BUSY_WIN32 0x000006bbu /* 1723 */

#define ENDPOINTS_MOST 1024u

/* A connection that did not come about. Where its address is that of a server is known at the end. */
struct refusal {
    struct dis_endpoint to;
    int64_t time;
    bool reset;
};

struct whatif {
    const char *file;
    struct px_settings settings;
    struct px_roster roster;
    struct replay_server *servers;
    struct plain *plain;
    struct past past;
    struct replay_call *calls;
    uint32_t count;
    uint32_t room;
    struct refusal *refusals;
    uint32_t refusal_count;
    uint32_t refusal_room;
    struct dis_endpoint *endpoints; /* at which there were servers, ENDPOINTS_MOST */
    uint32_t endpoint_count;
    struct outcome_left left;
};

/* Of several listeners of a server the first: which one a client would have come by is not known. */
static void describe_servers(struct whatif *w)
{
    const struct px_settings *s = &w->settings;
    for (uint32_t i = 0; i < s->server_count; i++) {
        const struct px_server *server = &s->servers[i];
        w->servers[i].listener = REPLAY_NONE;
        w->servers[i].dead_after = server->keepalive_every * MS * server->keepalive_losses;
        for (uint32_t l = s->listener_count; l-- > 0;)
            if (s->listeners[l].server == i)
                w->servers[i].listener = l;
    }
}

struct whatif *whatif_new(const char *settings_file)
{
    static const struct px_overrides none = { 0 };
    struct whatif *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    w->file = settings_file;
    unsigned errors = px_settings_load(settings_file, &none, &w->settings, stderr);
    w->servers = errors == 0 ? calloc(w->settings.server_count + 1, sizeof(*w->servers)) : NULL;
    if (w->servers == NULL || !px_roster_init(&w->roster) || !px_roster_fits(&w->roster, &w->settings)) {
        whatif_free(w);
        return NULL;
    }
    px_roster_take(&w->roster, &w->settings);
    describe_servers(w);
    w->plain = plain_new(&w->settings);
    w->endpoints = calloc(ENDPOINTS_MOST, sizeof(*w->endpoints));
    if (w->plain == NULL || w->endpoints == NULL) {
        whatif_free(w);
        return NULL;
    }
    return w;
}

/* ---- which calls ---- */

static bool is_at(const struct px_address *a, const struct dis_endpoint *e)
{
    if (e->version == 4)
        return a->any.sa_family == AF_INET && ntohs(a->v4.sin_port) == e->port &&
               memcmp(&a->v4.sin_addr, e->address, 4) == 0;
    return a->any.sa_family == AF_INET6 && ntohs(a->v6.sin6_port) == e->port &&
           memcmp(&a->v6.sin6_addr, e->address, 16) == 0;
}

/* The server that has this member; where the settings have one server, that. */
static uint32_t server_of(const struct whatif *w, const struct dis_endpoint *e)
{
    const struct px_settings *s = &w->settings;
    for (uint32_t i = 0; i < s->server_count; i++)
        for (unsigned m = 0; m < s->servers[i].member_count; m++)
            if (is_at(&s->servers[i].members[m].address, e) && w->servers[i].listener != REPLAY_NONE)
                return i;
    return s->server_count == 1 && w->servers[0].listener != REPLAY_NONE ? 0 : REPLAY_NONE;
}

/* The member at this address, by the brain's index; where the settings do not have it, the first one of that server. */
static uint32_t member_of(const struct whatif *w, uint32_t server, const struct dis_endpoint *e)
{
    const struct px_server *s = &w->settings.servers[server];
    for (unsigned m = 0; m < s->member_count; m++)
        if (is_at(&s->members[m].address, e))
            return w->roster.first[server] + m;
    return w->roster.first[server];
}

static struct pol_identity identity_of(const struct dis_endpoint *e)
{
    struct pol_identity identity;
    memcpy(&identity.high, e->address, sizeof(identity.high));
    memcpy(&identity.low, e->address + 8, sizeof(identity.low));
    return identity;
}

static uint32_t rule_of(const struct whatif *w, const struct dis_call *call, uint32_t server)
{
    const struct px_call_rules_table *table = w->settings.call_rules;
    return px_call_rules_row(call->has_interface ? px_call_rules_find(table, &call->interface) : &table->none, server,
                             call->opnum);
}

/* The clock of a capture may go backwards, and a damaged one says anything: each time is bounded, so that sums are. */
static int64_t between(int64_t from, int64_t to)
{
    if (to <= from)
        return 0;
    return to - from < REPLAY_LONGEST ? to - from : REPLAY_LONGEST;
}

static int64_t after(int64_t from, const struct dis_place *to)
{
    return between(from, to->time);
}

/* ---- how servers were ---- */

static bool is_server(const struct whatif *w, const struct dis_endpoint *e)
{
    for (uint32_t i = 0; i < w->endpoint_count; i++)
        if (dis_endpoint_equal(&w->endpoints[i], e))
            return true;
    return false;
}

static void see(struct whatif *w, uint32_t server, const struct dis_endpoint *e, int64_t time, enum past_state state)
{
    past_see(&w->past, member_of(w, server, e), time, state);
}

void whatif_pdu(struct whatif *w, const struct dis_sighting *s, int64_t start)
{
    const struct dis_endpoint *e = &s->in->end[s->in->client == 0];
    uint32_t server = s->in->transport == DIS_OVER_TCP && s->in->client >= 0 ? server_of(w, e) : REPLAY_NONE;
    if (server == REPLAY_NONE)
        return;
    if (!is_server(w, e) && w->endpoint_count < ENDPOINTS_MOST)
        w->endpoints[w->endpoint_count++] = *e;
    plain_pdu(w->plain, s, server);
    if (s->decoded && s->pdu.header.type == DIS_BIND_ACK)
        see(w, server, e, after(start, &s->found->last), PAST_WELL);
}

void whatif_attempt(struct whatif *w, const struct dis_attempt *a, int64_t start)
{
    if (w->refusal_count == w->refusal_room) {
        w->refusal_room = w->refusal_room == 0 ? 64 : 2 * w->refusal_room;
        w->refusals = reallocarray(w->refusals, w->refusal_room, sizeof(*w->refusals));
        if (w->refusals == NULL)
            abort();
    }
    w->refusals[w->refusal_count++] = (struct refusal){ a->to, after(start, &a->place), a->reset };
}

/* Who closes first closes of its own accord. */
void whatif_conversation(struct whatif *w, const struct dis_conversation *c, int64_t start)
{
    const struct dis_endpoint *e = &c->end[c->client == 0];
    uint32_t server = c->transport == DIS_OVER_TCP ? server_of(w, e) : REPLAY_NONE;
    if (server == REPLAY_NONE || c->client < 0)
        return;
    const struct dis_wire_way *own = &c->wire->way[c->client == 0];
    const struct dis_wire_way *other = &c->wire->way[c->client != 0];
    const struct dis_place *at = own->fin ? &own->fin_at : &own->rst_at;
    bool other_first = (other->fin && other->fin_at.frame < at->frame) ||
                       (other->rst && other->rst_at.frame < at->frame);
    if ((own->fin || own->rst) && !other_first)
        see(w, server, e, after(start, at), PAST_ENDED);
}

static bool is_busy(const struct dis_call *call)
{
    return call->answer == DIS_ANSWER_FAULT && call->did_not_execute &&
           (call->status == STATUS_TOO_BUSY || call->status == STATUS_TOO_BUSY_WIN32);
}

static void see_answer(struct whatif *w, const struct dis_call *call, const struct replay_call *k, int64_t start)
{
    const struct dis_endpoint *e = &call->in->end[!call->way];
    if (call->answer == DIS_NO_ANSWER)
        return;
    see(w, k->server, e, after(start, &call->request_last), is_busy(call) ? PAST_BUSY : PAST_WELL);
    if (call->answer == DIS_ANSWER_RESPONSE)
        past_answer(&w->past, k->server, past_operation(&w->past, k->server, call), k->last);
}

/* A connection that was not answered may be to no server at all. */
static void see_refusals(struct whatif *w)
{
    for (uint32_t i = 0; i < w->refusal_count; i++) {
        const struct refusal *r = &w->refusals[i];
        uint32_t server = server_of(w, &r->to);
        bool is_member =
            server != REPLAY_NONE &&
            (is_server(w, &r->to) ||
             is_at(
                 &w->settings.servers[server].members[member_of(w, server, &r->to) - w->roster.first[server]].address,
                 &r->to));
        if (is_member)
            see(w, server, &r->to, r->time, r->reset ? PAST_REFUSED : PAST_SILENT);
    }
    past_settle(&w->past);
}

/* ---- calls ---- */

/* When it was over for its client. */
static int64_t over_at(const struct dis_call *call)
{
    const struct dis_wire_way *server = &call->in->wire->way[!call->way];
    if (call->answer != DIS_NO_ANSWER)
        return call->answer_last.time;
    if (call->left)
        return call->left_at.time;
    return server->rst ? server->rst_at.time : server->fin ? server->fin_at.time : call->request_last.time;
}

/* One that has only closed its side may still wait for the answer, and did where there is one. */
static bool has_left(const struct dis_call *call)
{
    const struct dis_wire_way *client = &call->in->wire->way[call->way];
    bool reset = client->rst && client->rst_at.frame == call->left_at.frame;
    return call->left && !call->orphaned && !call->cancelled && (reset || call->answer == DIS_NO_ANSWER);
}

static struct replay_call recorded(const struct whatif *w, const struct dis_call *call, uint32_t server,
                                   int64_t start)
{
    const struct dis_wire_way *end = &call->in->wire->way[!call->way];
    int64_t sent = call->request_last.time;
    bool answered = call->answer != DIS_NO_ANSWER;
    const struct dis_place *ended_at = end->rst ? &end->rst_at : &end->fin_at;
    bool ended = !answered && dis_is_unanswered(call->ending) && (end->rst || end->fin);
    bool follows = call->left && call->left_at.frame < ended_at->frame; /* it closes because its client did */
    return (struct replay_call){
        .number = call->number,
        .connection = call->in->number,
        .client = identity_of(&call->in->end[call->way]),
        .server = server,
        .rule = rule_of(w, call, server),
        .status = call->status,
        .begun = after(start, &call->request_first),
        .over = between(start, over_at(call)),
        .first = answered ? after(sent, &call->answer_first) : -1,
        .last = answered ? after(sent, &call->answer_last) : -1,
        .left = has_left(call) ? after(call->request_first.time, &call->left_at) : -1,
        .lost = ended && !follows ? after(sent, ended_at) : -1,
        .dropped = ended && follows ? after(sent, ended_at) : -1,
        .captured = (uint8_t)call->ending,
        .level = call->auth_level != 0 ? call->auth_level : call->in->auth_level,
        .fault = call->answer == DIS_ANSWER_FAULT,
        .dne = call->did_not_execute,
        .maybe = call->ending == DIS_END_MAYBE,
    };
}

static struct replay_call *add(struct whatif *w)
{
    if (w->count == w->room) {
        w->room = w->room == 0 ? 1024 : 2 * w->room;
        w->calls = reallocarray(w->calls, w->room, sizeof(*w->calls));
        if (w->calls == NULL)
            abort();
    }
    return &w->calls[w->count++];
}

/* What is not asked about would have been there all the same, so it is among them. */
void whatif_call(struct whatif *w, const struct dis_call *call, int64_t start, bool wanted, bool host_gone)
{
    uint32_t server = server_of(w, &call->in->end[!call->way]);
    bool known = call->ending != DIS_END_GAP && call->ending != DIS_END_ONE_SIDED &&
                 call->ending != DIS_END_FORGOTTEN;
    if (call->in->transport != DIS_OVER_TCP || call->in->client == (int)!call->way) {
        w->left.pipes += wanted;
    } else if (server == REPLAY_NONE) {
        w->left.elsewhere += wanted;
    } else if (!known || !call->has_request) {
        w->left.unknown += wanted;
    } else {
        struct replay_call *k = add(w);
        *k = recorded(w, call, server, start);
        k->silent = host_gone;
        k->wanted = wanted;
        k->operation = past_operation(&w->past, server, call);
        plain_call(w->plain, call, k);
        see_answer(w, call, k, start);
    }
}

/* ---- the end ---- */

void whatif_end(struct whatif *w, int64_t length, FILE *out, bool json)
{
    struct pol_settings settings;
    px_roster_describe(&w->roster, &w->settings, &settings);
    for (uint32_t i = 0; i < w->settings.server_count; i++)
        w->servers[i].multiplexes = plain_multiplexes(w->plain, i);
    see_refusals(w);
    struct replay r = {
        .calls = w->calls,
        .count = w->count,
        .settings = &settings,
        .servers = w->servers,
        .past = &w->past,
        .plain = w->plain,
        .presents = plain_presents,
        .offers = plain_offers(w->plain),
        .end = between(0, length),
    };
    if (!replay_run(&r))
        abort();
    px_roster_forget(&settings);
    struct outcome o = { .file = w->file, .replay = &r, .servers = w->settings.servers, .left = w->left, .out = out };
    outcome_print(&o, json);
}

void whatif_free(struct whatif *w)
{
    if (w == NULL)
        return;
    if (w->roster.first != NULL)
        px_roster_free(&w->roster);
    plain_free(w->plain);
    past_free(&w->past);
    px_settings_free(&w->settings);
    free(w->endpoints);
    free(w->refusals);
    free(w->servers);
    free(w->calls);
    free(w);
}
