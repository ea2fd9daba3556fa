/* Rows of members only ever grow; a server that gets other members gets new rows. */
#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include "call_rules.h"
#include "origin.h"
#include "settings_memory.h"

bool px_roster_init(struct px_roster *roster)
{
    *roster = (struct px_roster){
        .members = calloc(PX_MOST_MEMBERS + PX_MOST_DESTINATIONS, sizeof *roster->members),
        .places = calloc(PX_MOST_MEMBERS, sizeof *roster->places),
        .first = calloc(PX_MOST_SERVERS, sizeof *roster->first),
        .destinations = calloc(PX_MOST_DESTINATIONS, sizeof *roster->destinations),
    };
    return roster->members && roster->places && roster->first && roster->destinations;
}

void px_roster_free(struct px_roster *roster)
{
    for (uint32_t i = 0; i < roster->member_count; i++)
        free(roster->members[i].text);
    free(roster->members);
    free(roster->places);
    free(roster->first);
    free(roster->destinations);
    *roster = (struct px_roster){ 0 };
}

static bool has_same_members(const struct px_roster *roster, const struct px_settings *settings, uint32_t server)
{
    const struct px_server *s = &settings->servers[server];
    uint32_t first = roster->first[server], count = 0;
    while (first + count < roster->member_count && roster->members[first + count].server == server &&
           count < s->member_count && strcmp(roster->members[first + count].text, s->members[count].text) == 0)
        count++;
    bool ends = first + count == roster->member_count || roster->members[first + count].server != server;
    return count == s->member_count && ends;
}

bool px_roster_fits(const struct px_roster *roster, const struct px_settings *settings)
{
    size_t members = roster->member_count;
    for (uint32_t i = 0; i < settings->server_count && i < PX_MOST_SERVERS; i++)
        if (!has_same_members(roster, settings, i))
            members += settings->servers[i].member_count;
    return settings->server_count <= PX_MOST_SERVERS && settings->listener_count <= PX_MOST_LISTENERS &&
           members <= PX_MOST_MEMBERS;
}

static uint32_t place_of(const struct px_roster *roster, const struct px_address *address)
{
    uint32_t m = 0;
    while (roster->members[m].address.length != address->length ||
           memcmp(&roster->members[m].address.any, &address->any, address->length) != 0)
        m++; /* it is itself the last one */
    return m;
}

static void add_member(struct px_roster *roster, const struct px_member *member, uint32_t server)
{
    uint32_t m = roster->member_count++;
    roster->members[m] = (struct px_roster_member){ .text = px_must(strdup(member->text)),
                                                    .address = member->address,
                                                    .server = server };
    roster->places[m] = place_of(roster, &member->address);
}

void px_roster_take(struct px_roster *roster, const struct px_settings *settings)
{
    for (uint32_t i = 0; i < settings->server_count; i++) {
        const struct px_server *s = &settings->servers[i];
        if (has_same_members(roster, settings, i))
            continue;
        roster->first[i] = roster->member_count;
        for (unsigned m = 0; m < s->member_count; m++)
            add_member(roster, &s->members[m], i);
    }
}

/* ---- for the brain ---- */

static int64_t time_of(int64_t ms)
{
    return ms == PX_NEVER ? 0 : ms;
}

static const uint8_t farewells[] = { [PX_ON_TIMEOUT_ABANDON] = POL_SAY_NOTHING,
                                     [PX_ON_TIMEOUT_CANCEL] = POL_SAY_CANCEL,
                                     [PX_ON_TIMEOUT_ORPHAN] = POL_SAY_ORPHANED };

/* The brain's rows are those of the settings. */
static const struct pol_call_rules *describe_rules(const struct px_call_rules_table *table)
{
    struct pol_call_rules *rules = px_must(calloc(table->row_count, sizeof *rules));
    for (uint32_t i = 0; i < table->row_count; i++) {
        const struct px_call_rules *from = &table->rows[i];
        rules[i] = (struct pol_call_rules){ .com_timeout = time_of(from->com_timeout),
                                            .call_timeout = time_of(from->call_timeout),
                                            .deadline = time_of(from->deadline),
                                            .farewell = farewells[from->on_timeout],
                                            .pending = from->pending };
    }
    return rules;
}

static struct pol_server describe_server(const struct px_server *from)
{
    return (struct pol_server){ .connections = from->connections,
                                .calls_per_connection = from->calls_per_connection,
                                .idle_keep = from->idle_keep,
                                .validate_after = from->validate_after,
                                .spare = from->retired ? 0 : from->spare,
                                .attempts = from->attempts,
                                .retry_budget = from->retry_budget,
                                .retry_floor = from->retry_floor,
                                .retry_backoff = from->retry_backoff,
                                .retry_longest = from->retry_longest,
                                .across_versions = from->across_versions,
                                .calls = from->calls,
                                .waiting_length = from->waiting_length,
                                .waiting_longest = from->waiting_longest,
                                .abandoned = from->abandoned,
                                .connect_timeout = from->connect_timeout,
                                .bind_timeout = from->bind_timeout,
                                .unavailable_wait = from->unavailable_wait,
                                .failures = from->failures,
                                .refuse_when_down = from->when_down == PX_WHEN_DOWN_REFUSE,
                                .backoff = from->backoff,
                                .longest_backoff = from->longest_backoff,
                                .check_every = from->retired || from->check == PX_CHECK_NONE ? 0 : from->check_every,
                                .member_count = from->member_count };
}

/* A number for each version of a server's members, from 1: that of the first one with the same text. */
static uint32_t version_of(const struct px_server *server, unsigned member)
{
    const char *version = server->members[member].version;
    for (unsigned i = 0; version && i <= member; i++)
        if (server->members[i].version && strcmp(server->members[i].version, version) == 0)
            return i + 1;
    return 0;
}

/* Destinations' members have no limits of their own. */
static const struct pol_member *describe_members(const struct px_roster *roster, const struct px_settings *settings)
{
    struct pol_member *members = px_must(calloc(PX_MOST_MEMBERS + roster->destination_count, sizeof *members));
    for (uint32_t i = 0; i < settings->server_count; i++)
        for (unsigned m = 0; m < settings->servers[i].member_count; m++)
            members[roster->first[i] + m] = (struct pol_member){
                .connections = settings->servers[i].members[m].connections,
                .version = version_of(&settings->servers[i], m)
            };
    for (uint32_t m = 0; m < roster->member_count; m++)
        members[m].twin = roster->places[m] == m ? 0 : roster->places[m] + 1;
    return members;
}

/* A shim's own listener has no server: each of its clients has one. */
static struct pol_listener describe_listener(const struct px_listener *from)
{
    return (struct pol_listener){ .server = from->shim != NULL ? POL_NONE : from->server,
                                  .clients = from->clients,
                                  .clients_per_address = from->clients_per_address,
                                  .bind_timeout = from->bind_timeout,
                                  .client_timeout = from->client_timeout,
                                  .idle_timeout = from->idle_timeout };
}

/* Whether it is well is seen at each connect to it: nobody else needs to look, or may close its listener. */
bool px_roster_describe_destination(const struct px_roster *roster, const struct px_settings *settings,
                                    uint32_t index, struct pol_listener *listener, struct pol_server *server)
{
    const struct px_destination *d = &roster->destinations[index];
    *listener = describe_listener(&settings->listeners[d->listener]);
    listener->server = d->server;
    if (d->is_server_own)
        return false;
    listener->server = PX_MOST_SERVERS + index;
    *server = describe_server(&settings->servers[d->server]);
    server->check_every = 0;
    server->spare = 0;
    server->refuse_when_down = false;
    server->member_first = PX_MOST_MEMBERS + index;
    server->member_count = 1;
    return true;
}

static uint32_t rows(uint32_t count, uint32_t most, const struct px_roster *roster)
{
    return roster->destination_count > 0 ? most + roster->destination_count : count;
}

/* The rows in between are left out. */
static void describe_destinations(const struct px_roster *roster, const struct px_settings *settings,
                                  struct pol_server *servers, struct pol_listener *listeners)
{
    for (uint32_t i = settings->listener_count; roster->destination_count && i < PX_MOST_LISTENERS; i++)
        listeners[i].server = POL_NONE;
    for (uint32_t i = 0; i < roster->destination_count; i++)
        px_roster_describe_destination(roster, settings, i, &listeners[PX_MOST_LISTENERS + i],
                                       &servers[PX_MOST_SERVERS + i]);
}

void px_roster_describe(const struct px_roster *roster, const struct px_settings *settings,
                        struct pol_settings *described)
{
    uint32_t server_count = rows(settings->server_count, PX_MOST_SERVERS, roster);
    uint32_t listener_count = rows(settings->listener_count, PX_MOST_LISTENERS, roster);
    struct pol_server *servers = px_must(calloc(server_count, sizeof *servers));
    struct pol_listener *listeners = px_must(calloc(listener_count, sizeof *listeners));
    for (uint32_t i = 0; i < settings->server_count; i++) {
        servers[i] = describe_server(&settings->servers[i]);
        servers[i].member_first = roster->first[i];
    }
    for (uint32_t i = 0; i < settings->listener_count; i++)
        listeners[i] = describe_listener(&settings->listeners[i]);
    describe_destinations(roster, settings, servers, listeners);
    *described = (struct pol_settings){ .servers = servers,
                                        .server_count = server_count,
                                        .members = describe_members(roster, settings),
                                        .listeners = listeners,
                                        .listener_count = listener_count,
                                        .rules = describe_rules(settings->call_rules),
                                        .rule_count = settings->call_rules->row_count,
                                        .drain = settings->drain,
                                        .max_servers = PX_MOST_SERVERS + PX_MOST_DESTINATIONS,
                                        .max_members = PX_MOST_MEMBERS + PX_MOST_DESTINATIONS,
                                        .max_listeners = PX_MOST_LISTENERS + PX_MOST_DESTINATIONS };
}

void px_roster_forget(struct pol_settings *described)
{
    free((void *)described->servers);
    free((void *)described->members);
    free((void *)described->listeners);
    free((void *)described->rules);
}
