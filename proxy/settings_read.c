/* From a tree to settings: each mapping against the rows of the table, servers before the listeners that name them. */
#include "settings_rules.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "call_rules.h"
#include "nearest.h"
#include "settings_memory.h"

#define LIST_MOST 1000u /* servers, listeners, members of a server */

static const char *const kind_names[] = {
    [PX_NODE_SCALAR] = "a single value", [PX_NODE_LIST] = "a list", [PX_NODE_MAPPING] = "a mapping"
};

bool px_node_is(const struct px_reading *reading, const struct px_node *node, enum px_node_kind kind)
{
    if (node->kind == kind)
        return true;
    if (node->kind == PX_NODE_SCALAR && *node->text == '\0')
        px_report_error(reading->report, node->place, "%s is expected here, and nothing is given", kind_names[kind]);
    else
        px_report_error(reading->report, node->place, "%s is expected here, not %s", kind_names[kind],
                        kind_names[node->kind]);
    return false;
}

const char *px_setting_path_below(const char *path, const char *prefix)
{
    size_t length = strlen(prefix);
    if (length == 0)
        return path;
    return strncmp(path, prefix, length) == 0 && path[length] == '.' ? path + length + 1 : NULL;
}

/* The first row of the key `name` in the block of `prefix`: its own, or one of a mapping of that name. */
static unsigned row_of(const char *prefix, const char *name)
{
    size_t length = strlen(name);
    unsigned row = 0;
    for (; row < px_setting_key_count; row++) {
        const char *rest = px_setting_path_below(px_setting_keys[row].path, prefix);
        if (rest != NULL && strcspn(rest, ".") == length && strncmp(rest, name, length) == 0)
            break;
    }
    return row;
}

static void report_unknown(struct px_reading *reading, const char *prefix, const struct px_node *node)
{
    struct px_nearest nearest = px_nearest_to(node->key);
    for (unsigned row = 0; row < px_setting_key_count; row++) {
        const char *rest = px_setting_path_below(px_setting_keys[row].path, prefix);
        if (rest != NULL)
            px_nearest_offer(&nearest, rest, strcspn(rest, "."));
    }
    if (nearest.best != NULL)
        px_report_error(reading->report, node->key_place, "unknown key '%s'; did you mean '%.*s'?", node->key,
                        (int)nearest.best_length, nearest.best);
    else
        px_report_error(reading->report, node->key_place, "unknown key '%s'", node->key);
}

static void report_again(struct px_reading *reading, const struct px_node *node, const struct px_node *before)
{
    if (before->key_place.line != 0)
        px_report_error(reading->report, node->key_place, "'%s' was given before, in line %u", node->key,
                        before->key_place.line);
    else
        px_report_error(reading->report, node->key_place, "'%s' was given before", node->key);
}

/* Puts each entry of the mapping to its row; what has none, or is there twice, is reported. */
static void sort_entries(struct px_reading *reading, const char *prefix, const struct px_node *mapping,
                         const struct px_node *by_row[PX_SETTING_ROWS_MOST])
{
    for (const struct px_node *node = mapping->first; node != NULL; node = node->next) {
        unsigned row = row_of(prefix, node->key);
        if (row == px_setting_key_count)
            report_unknown(reading, prefix, node);
        else if (by_row[row] != NULL)
            report_again(reading, node, by_row[row]);
        else
            by_row[row] = node;
    }
}

/* Defaults go in first, so that they stand where a value is missing. */
static void set_defaults(struct px_reading *reading, const char *prefix, void *block)
{
    for (unsigned row = 0; row < px_setting_key_count; row++) {
        const struct px_setting_key *key = &px_setting_keys[row];
        const char *rest = px_setting_path_below(key->path, prefix);
        if (rest == NULL || strchr(rest, '*') != NULL || key->unset == NULL || *key->unset == '\0')
            continue;
        struct px_node node = { .kind = PX_NODE_SCALAR, .text = (char *)key->unset };
        key->rule->read(reading, key, &node, block);
    }
}

static void read_value(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                       void *block)
{
    key->rule->read(reading, key, node, block);
    if (key->rule->origin_offset != 0)
        *(struct px_origin *)((char *)block + key->rule->origin_offset) = (struct px_origin){
            .given = true, .line = node->key_place.line
        };
}

static void read_entries(struct px_reading *reading, const char *prefix, const struct px_node *mapping, void *block)
{
    const struct px_node *by_row[PX_SETTING_ROWS_MOST] = { NULL };
    if (!px_node_is(reading, mapping, PX_NODE_MAPPING))
        return;
    sort_entries(reading, prefix, mapping, by_row);
    /* In the order of the table, whatever that of the file: a listener names a server. */
    for (unsigned row = 0; row < px_setting_key_count; row++) {
        const struct px_setting_key *key = &px_setting_keys[row];
        const char *rest = px_setting_path_below(key->path, prefix);
        if (rest == NULL)
            continue;
        bool leaf = strchr(rest, '.') == NULL;
        if (by_row[row] != NULL && leaf) {
            read_value(reading, key, by_row[row], block);
        } else if (by_row[row] != NULL) {
            char *below = px_must(strndup(key->path, (size_t)(rest - key->path) + strcspn(rest, ".")));
            read_entries(reading, below, by_row[row], block);
            free(below);
        } else if (leaf && key->unset != NULL && *key->unset == '\0') {
            px_report_error(reading->report, mapping->place, "the key '%s' is missing", rest);
        }
    }
}

void px_read_block(struct px_reading *reading, const char *prefix, const struct px_node *mapping, void *block)
{
    set_defaults(reading, prefix, block);
    read_entries(reading, prefix, mapping, block);
}

unsigned px_node_children(const struct px_node *node)
{
    unsigned count = 0;
    for (const struct px_node *child = node->first; child != NULL; child = child->next)
        count++;
    return count;
}

/* Whether a list or mapping is one, and of a good length. */
static bool is_filled(struct px_reading *reading, const struct px_node *node, enum px_node_kind kind,
                      const char *what)
{
    if (!px_node_is(reading, node, kind))
        return false;
    if (node->first == NULL)
        px_report_error(reading->report, node->place, "at least one %s is needed", what);
    else if (px_node_children(node) > LIST_MOST)
        px_report_error(reading->report, node->place, "at most %u %ss are possible", LIST_MOST, what);
    else
        return true;
    return false;
}

static unsigned server_named(const struct px_settings *settings, const char *name)
{
    unsigned i = 0;
    while (i < settings->server_count && strcmp(settings->servers[i].name, name) != 0)
        i++;
    return i;
}

void px_read_servers(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                     void *block)
{
    struct px_settings *settings = block;
    (void)key;
    if (!is_filled(reading, node, PX_NODE_MAPPING, "server"))
        return;
    settings->servers = px_must(calloc(px_node_children(node), sizeof *settings->servers));
    for (const struct px_node *child = node->first; child != NULL; child = child->next) {
        if (server_named(settings, child->key) < settings->server_count) {
            px_report_error(reading->report, child->key_place, "there is already a server '%s'", child->key);
            continue;
        }
        px_name_is_good(reading, child->key, child->key_place);
        struct px_server *server = &settings->servers[settings->server_count++];
        server->name = px_text_kept(child->key);
        px_read_block(reading, "servers.*", child, server);
        px_check_server(reading, child, server);
    }
}

void px_read_members(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                     void *block)
{
    struct px_server *server = block;
    (void)key;
    if (!is_filled(reading, node, PX_NODE_LIST, "member"))
        return;
    server->members = px_must(calloc(px_node_children(node), sizeof *server->members));
    for (const struct px_node *child = node->first; child != NULL; child = child->next) {
        struct px_member *member = &server->members[server->member_count++];
        const struct px_setting_key *address = &px_setting_keys[row_of("servers.*.members.*", "address")];
        if (child->kind == PX_NODE_MAPPING)
            px_read_block(reading, "servers.*.members.*", child, member);
        else
            address->rule->read(reading, address, child, member);
    }
}

/* Two listeners at port 0 are given different ones by the kernel. */
static bool same_place(const struct px_address *a, const struct px_address *b)
{
    bool any_port = a->any.sa_family != AF_UNIX && a->v4.sin_port == 0;
    return a->length != 0 && !any_port && a->length == b->length && memcmp(&a->any, &b->any, a->length) == 0;
}

static void check_unlike(struct px_reading *reading, const struct px_node *node, unsigned index)
{
    const struct px_listener *listeners = reading->settings->listeners;
    const struct px_node *child = node->first;
    for (unsigned i = 0; i < index; i++) {
        if (!same_place(&listeners[i].address, &listeners[index].address))
            continue;
        while (strcmp(child->key, "address") != 0)
            child = child->next;
        px_report_error(reading->report, child->place, "'%s' is the address of an earlier listener", child->text);
        return;
    }
}

void px_read_listeners(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                       void *block)
{
    struct px_settings *settings = block;
    (void)key;
    if (!is_filled(reading, node, PX_NODE_LIST, "listener"))
        return;
    settings->listeners = px_must(calloc(px_node_children(node), sizeof *settings->listeners));
    for (const struct px_node *child = node->first; child != NULL; child = child->next) {
        unsigned index = settings->listener_count++;
        settings->listeners[index].server = PX_NO_SERVER;
        px_read_block(reading, "listeners.*", child, &settings->listeners[index]);
        px_check_listener(reading, child, &settings->listeners[index]);
        check_unlike(reading, child, index);
    }
}

void px_read_server_name(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                         void *block)
{
    struct px_listener *listener = block;
    (void)key;
    if (!px_node_is(reading, node, PX_NODE_SCALAR))
        return;
    listener->server = server_named(reading->settings, node->text);
    if (listener->server < reading->settings->server_count)
        return;
    struct px_nearest nearest = px_nearest_to(node->text);
    for (unsigned i = 0; i < reading->settings->server_count; i++)
        px_nearest_offer(&nearest, reading->settings->servers[i].name, strlen(reading->settings->servers[i].name));
    if (nearest.best != NULL)
        px_report_error(reading->report, node->place, "there is no server '%s'; did you mean '%s'?", node->text,
                        nearest.best);
    else
        px_report_error(reading->report, node->place, "there is no server '%s'", node->text);
}

/* Asked only when there are no errors, so the servers are those of the tree, one by one. */
static void warn_unused(struct px_reading *reading, const struct px_node *root)
{
    const struct px_settings *settings = reading->settings;
    const struct px_node *node = root->first;
    while (node != NULL && strcmp(node->key, "servers") != 0)
        node = node->next;
    node = node != NULL ? node->first : NULL;
    for (unsigned i = 0; node != NULL; i++, node = node->next) {
        unsigned uses = settings->servers[i].match_count;
        for (unsigned j = 0; j < settings->listener_count; j++)
            uses += settings->listeners[j].server == i;
        if (uses == 0)
            px_report_warning(reading->report, node->key_place, "no listener leads to the server '%s'", node->key);
    }
}

void px_settings_read(const struct px_node *root, struct px_settings *settings, struct px_report *report)
{
    struct px_reading reading = { .settings = settings, .report = report };
    const struct px_node empty = { .kind = PX_NODE_MAPPING, .place = { .line = 1, .column = 1 } };
    px_check_root(&reading, root != NULL ? root : &empty);
    px_read_block(&reading, "", root != NULL ? root : &empty, settings);
    if (report->errors != 0 || root == NULL)
        return;
    warn_unused(&reading, root);
    px_imply_server(&reading);
    settings->call_rules = px_call_rules_create(settings);
    if (settings->call_rules == NULL)
        px_report_error(
            report, root->place,
            "servers times interfaces and operations with rules of their own are more than %u; give rules "
            "to fewer operations",
            PX_CALL_RULES_ROWS_MOST);
}
