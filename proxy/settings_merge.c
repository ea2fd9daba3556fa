/* Blocks are moved by copying them and forgetting the original: what they point to stays where it is. */
#include "settings_merge.h"

#include <stdlib.h>
#include <string.h>

#include "call_rules.h"
#include "settings_memory.h"

/* ---- where each block goes ---- */

static unsigned server_at(const struct px_server *servers, unsigned count, const char *name)
{
    unsigned i = 0;
    while (i < count && strcmp(servers[i].name, name) != 0)
        i++;
    return i;
}

static unsigned listener_at(const struct px_listener *listeners, unsigned count, const char *text)
{
    unsigned i = 0;
    while (i < count && strcmp(listeners[i].text, text) != 0)
        i++;
    return i;
}

/* The old ones in their order, then those that are new. Returns how many there are; `places` gets the new index of each
 * fresh one. */
static unsigned merge_servers(const struct px_settings *old, const struct px_settings *fresh,
                              struct px_server *merged, unsigned *places)
{
    unsigned count = old->server_count;
    memcpy(merged, old->servers, old->server_count * sizeof *merged);
    for (unsigned i = 0; i < old->server_count; i++)
        merged[i].retired = true;
    for (unsigned i = 0; i < fresh->server_count; i++) {
        places[i] = server_at(old->servers, old->server_count, fresh->servers[i].name);
        if (places[i] == old->server_count)
            places[i] = count++;
        merged[places[i]] = fresh->servers[i];
    }
    return count;
}

static unsigned merge_listeners(const struct px_settings *old, const struct px_settings *fresh,
                                struct px_listener *merged, const unsigned *server_places)
{
    unsigned count = old->listener_count;
    memcpy(merged, old->listeners, old->listener_count * sizeof *merged);
    for (unsigned i = 0; i < old->listener_count; i++)
        merged[i].retired = true;
    for (unsigned i = 0; i < fresh->listener_count; i++) {
        unsigned place = listener_at(old->listeners, old->listener_count, fresh->listeners[i].text);
        if (place == old->listener_count)
            place = count++;
        merged[place] = fresh->listeners[i];
        if (fresh->listeners[i].server != PX_NO_SERVER)
            merged[place].server = server_places[fresh->listeners[i].server];
    }
    return count;
}

/* ---- merging ---- */

bool px_settings_merge(const struct px_settings *old, struct px_settings *fresh)
{
    struct px_settings merged = *fresh;
    unsigned *places = px_must(calloc(fresh->server_count, sizeof *places));
    merged.servers = px_must(calloc(old->server_count + fresh->server_count, sizeof *merged.servers));
    merged.listeners = px_must(calloc(old->listener_count + fresh->listener_count, sizeof *merged.listeners));
    merged.server_count = merge_servers(old, fresh, merged.servers, places);
    merged.listener_count = merge_listeners(old, fresh, merged.listeners, places);
    merged.call_rules = px_call_rules_create(&merged);
    free(places);
    if (merged.call_rules == NULL) {
        free(merged.servers);
        free(merged.listeners);
        return false;
    }
    free(fresh->servers);
    free(fresh->listeners);
    px_call_rules_destroy(fresh->call_rules);
    *fresh = merged;
    return true;
}

static void forget_server(struct px_server *server)
{
    server->name = NULL;
    server->members = NULL;
    server->matches = NULL;
    server->member_count = server->match_count = 0;
}

void px_settings_follow(struct px_settings *old, const struct px_settings *fresh)
{
    for (unsigned i = 0; i < old->server_count; i++)
        if (fresh->servers[i].retired)
            forget_server(&old->servers[i]);
    for (unsigned i = 0; i < old->listener_count; i++)
        if (fresh->listeners[i].retired)
            old->listeners[i].text = NULL;
}

void px_settings_dismiss(struct px_settings *fresh)
{
    for (unsigned i = 0; i < fresh->server_count; i++)
        if (fresh->servers[i].retired)
            forget_server(&fresh->servers[i]);
    for (unsigned i = 0; i < fresh->listener_count; i++)
        if (fresh->listeners[i].retired)
            fresh->listeners[i].text = NULL;
}
