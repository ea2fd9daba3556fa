/* What the settings of a shim need beside single values: matches, what goes with what, and the server for the rest. */
#include "settings_rules.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "settings_memory.h"

#define MATCHES_MOST 1000u

void px_read_matches(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                     void *block)
{
    struct px_server *server = block;
    (void)key;
    if (!px_node_is(reading, node, PX_NODE_LIST))
        return;
    if (node->first == NULL || px_node_children(node) > MATCHES_MOST) {
        px_report_error(reading->report, node->place, "from 1 to %u networks are possible", MATCHES_MOST);
        return;
    }
    server->matches = px_must(calloc(px_node_children(node), sizeof *server->matches));
    for (const struct px_node *child = node->first; child != NULL; child = child->next) {
        struct px_match *match = &server->matches[server->match_count];
        if (!px_node_is(reading, child, PX_NODE_SCALAR))
            continue;
        const char *why = shim_net_parse(child->text, (unsigned)strlen(child->text), &match->net);
        if (why != NULL) {
            px_report_error(reading->report, child->place, "'%s' is not a network and port: %s", child->text, why);
            continue;
        }
        match->text = px_text_kept(child->text);
        server->match_count++;
    }
}

void px_print_matches(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    const struct px_server *server = block;
    (void)key;
    fputs(" [ ", printing->out);
    for (unsigned i = 0; i < server->match_count; i++)
        fprintf(printing->out, "%s\"%s\"", i > 0 ? ", " : "", server->matches[i].text);
    fputs(" ]\n", printing->out);
}

void px_read_path(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                  void *block)
{
    struct px_listener *listener = block;
    char *local, *text;
    const char *why = NULL;
    struct px_address address;
    (void)key;
    if (!px_node_is(reading, node, PX_NODE_SCALAR))
        return;
    if (asprintf(&local, "unix:%s", node->text) < 0 || asprintf(&text, "shim:%s", node->text) < 0)
        abort();
    if (!px_address_parse(local, &address, &why)) {
        px_report_error(reading->report, node->place, "'%s' is no path of a socket: %s", node->text, why);
        free(text);
    } else {
        free(listener->text);
        listener->text = text;
        listener->shim = text + sizeof "shim:" - 1;
        listener->address = address;
    }
    free(local);
}

bool px_given_servers(const struct px_setting_key *key, const void *block)
{
    const struct px_settings *settings = block;
    (void)key;
    return settings->server_count > 1 || (settings->server_count == 1 && !settings->servers[0].implied);
}

bool px_given_address(const struct px_setting_key *key, const void *block)
{
    const struct px_listener *listener = block;
    (void)key;
    return listener->text != NULL && listener->shim == NULL;
}

bool px_given_server_name(const struct px_setting_key *key, const void *block)
{
    const struct px_listener *listener = block;
    (void)key;
    return listener->server != PX_NO_SERVER;
}

/* ---- what goes with what ---- */

static const struct px_node *entry(const struct px_node *mapping, const char *key)
{
    const struct px_node *node = mapping->kind == PX_NODE_MAPPING ? mapping->first : NULL;
    while (node != NULL && strcmp(node->key, key) != 0)
        node = node->next;
    return node;
}

static void need(struct px_reading *reading, const struct px_node *mapping, const char *key)
{
    if (mapping->kind == PX_NODE_MAPPING && entry(mapping, key) == NULL)
        px_report_error(reading->report, mapping->place, "the key '%s' is missing", key);
}

void px_check_server(struct px_reading *reading, const struct px_node *node, const struct px_server *server)
{
    (void)server;
    if (entry(node, "match") == NULL)
        need(reading, node, "members");
}

/* Only where every listener is a shim's can there be no server: each destination is one. */
void px_check_root(struct px_reading *reading, const struct px_node *root)
{
    const struct px_node *listeners = entry(root, "listeners");
    bool only_shims = listeners != NULL && listeners->kind == PX_NODE_LIST;
    for (const struct px_node *child = only_shims ? listeners->first : NULL; child != NULL; child = child->next)
        only_shims = only_shims && entry(child, "shim") != NULL;
    if (!only_shims)
        need(reading, root, "servers");
}

static void forbid(struct px_reading *reading, const struct px_node *mapping, const char *key, const char *why)
{
    const struct px_node *node = entry(mapping, key);
    if (node != NULL)
        px_report_error(reading->report, node->key_place, "'%s' %s", key, why);
}

void px_check_listener(struct px_reading *reading, const struct px_node *node, const struct px_listener *listener)
{
    (void)listener;
    if (entry(node, "shim") == NULL) {
        need(reading, node, "address");
        need(reading, node, "server");
        forbid(reading, node, "other", "is for a listener with 'shim' only");
        return;
    }
    forbid(reading, node, "address", "cannot stand beside 'shim', which listens at addresses of its own");
    forbid(reading, node, "server", "cannot stand beside 'shim': its clients choose; see 'match' of servers");
}

/* ---- destinations that no server's block names ---- */

static bool is_needed(const struct px_settings *settings)
{
    bool needed = false;
    for (unsigned i = 0; i < settings->listener_count; i++)
        needed = needed || settings->listeners[i].shim != NULL;
    return needed;
}

void px_imply_server(struct px_reading *reading)
{
    static const struct px_node empty = { .kind = PX_NODE_MAPPING };
    struct px_settings *settings = reading->settings;
    if (!is_needed(settings))
        return;
    size_t size = (settings->server_count + 1) * sizeof *settings->servers;
    settings->servers = px_must(realloc(settings->servers, size));
    struct px_server *server = &settings->servers[settings->server_count++];
    memset(server, 0, sizeof *server);
    px_read_block(reading, "servers.*", &empty, server);
    server->name = px_text_kept("(any)");
    server->implied = true;
}
