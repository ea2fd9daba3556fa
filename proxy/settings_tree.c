/* Nodes, and the tree that the command line stands for: as if its options had been written in a file. */
#include "settings_tree.h"

#include <stdlib.h>
#include <string.h>

#include "settings_memory.h"

struct px_node *px_node_new(struct px_node *parent, enum px_node_kind kind, struct px_place place, char *key)
{
    struct px_node *node = px_must(calloc(1, sizeof *node));
    *node = (struct px_node){ .kind = kind, .place = place, .key_place = place, .key = key };
    if (parent == NULL)
        return node;
    if (parent->last != NULL)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    return node;
}

/* Recursion ends at PX_TREE_DEPTH. */
void px_tree_free(struct px_node *root)
{
    if (root == NULL)
        return;
    for (struct px_node *child = root->first, *next; child != NULL; child = next) {
        next = child->next;
        px_tree_free(child);
    }
    free(root->key);
    free(root->text);
    free(root);
}

static struct px_node *add_scalar(struct px_node *parent, struct px_place place, const char *key, const char *text)
{
    struct px_node *node = px_node_new(parent, PX_NODE_SCALAR, place, key != NULL ? px_text_kept(key) : NULL);
    node->text = px_text_kept(text);
    return node;
}

static struct px_node *add_mapping(struct px_node *parent, struct px_place place, const char *key)
{
    return px_node_new(parent, PX_NODE_MAPPING, place, key != NULL ? px_text_kept(key) : NULL);
}

/* The mapping of that name in `parent`, made when it is not there yet. */
static struct px_node *mapping_within(struct px_node *parent, struct px_place place, const char *key)
{
    for (struct px_node *child = parent->first; child != NULL; child = child->next)
        if (child->kind == PX_NODE_MAPPING && strcmp(child->key, key) == 0)
            return child;
    return add_mapping(parent, place, key);
}

/* "keepalive.every=1s" becomes { keepalive: { every: 1s } }. */
static void add_set(struct px_node *server, const char *set, struct px_report *report)
{
    struct px_place place = { .option = px_report_option(report, "--set", set) };
    const char *equals = strchr(set, '=');
    struct px_node *parent = server;
    char *path, *key, *dot;
    if (equals == NULL) {
        px_report_error(report, place, "it must have the form key=value");
        return;
    }
    path = px_must(strndup(set, (size_t)(equals - set)));
    for (key = path; (dot = strchr(key, '.')) != NULL && parent != NULL; key = dot + 1) {
        *dot = '\0';
        parent = mapping_within(parent, place, key);
    }
    add_scalar(parent, place, key, equals + 1);
    free(path);
}

struct px_node *px_tree_from_overrides(const struct px_overrides *overrides, struct px_report *report)
{
    const struct px_place listen = { .option = "--listen" }, member = { .option = "--server" };
    struct px_node *root = add_mapping(NULL, member, NULL);
    struct px_node *server = add_mapping(add_mapping(root, member, "servers"), member, "default");
    struct px_node *members = px_node_new(server, PX_NODE_LIST, member, px_text_kept("members"));
    struct px_node *listeners = px_node_new(root, PX_NODE_LIST, listen, px_text_kept("listeners"));
    for (unsigned i = 0; i < overrides->server_count; i++) {
        const char *text = overrides->server[i];
        add_scalar(members, (struct px_place){ .option = px_report_option(report, "--server", text) }, NULL, text);
    }
    for (unsigned i = 0; i < overrides->listen_count; i++) {
        const char *text = overrides->listen[i];
        struct px_place place = { .option = px_report_option(report, "--listen", text) };
        struct px_node *listener = add_mapping(listeners, place, NULL);
        add_scalar(listener, place, "address", text);
        add_scalar(listener, place, "server", "default");
    }
    for (unsigned i = 0; i < overrides->set_count; i++)
        add_set(server, overrides->set[i], report);
    return root;
}

static struct px_node *child_of(struct px_node *parent, const char *key)
{
    struct px_node *child = parent->first;
    while (child != NULL && (child->key == NULL || strcmp(child->key, key) != 0))
        child = child->next;
    return child;
}

/* What is written wrongly is left for px_settings_read() to find. */
static struct px_node *shim_of(struct px_node *listeners)
{
    struct px_node *shim = NULL;
    for (struct px_node *l = listeners->first; l != NULL && shim == NULL; l = l->next)
        shim = l->kind == PX_NODE_MAPPING ? child_of(l, "shim") : NULL;
    return shim;
}

struct px_node *px_tree_with_shim(struct px_node *root, const char *path)
{
    const struct px_place place = { .option = "--shim" };
    if (root == NULL)
        root = add_mapping(NULL, place, NULL);
    struct px_node *listeners = root->kind == PX_NODE_MAPPING ? child_of(root, "listeners") : NULL;
    if (listeners == NULL && root->kind == PX_NODE_MAPPING)
        listeners = px_node_new(root, PX_NODE_LIST, place, px_text_kept("listeners"));
    if (listeners == NULL || listeners->kind != PX_NODE_LIST)
        return root;
    struct px_node *shim = shim_of(listeners);
    if (shim == NULL) {
        add_scalar(add_mapping(listeners, place, NULL), place, "shim", path);
    } else if (shim->kind == PX_NODE_SCALAR) {
        free(shim->text);
        shim->text = px_text_kept(path);
        shim->place = place;
    }
    return root;
}
