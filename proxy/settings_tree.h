/* Settings as a tree of scalars, lists and mappings, each with its place: from YAML or from the command line. */
#ifndef PX_SETTINGS_TREE_H
#define PX_SETTINGS_TREE_H

#include <stddef.h>

#include "settings.h"
#include "settings_report.h"

#define PX_TREE_DEPTH 16u /* most lists and mappings within one another */

enum px_node_kind { PX_NODE_SCALAR, PX_NODE_LIST, PX_NODE_MAPPING };

struct px_node {
    enum px_node_kind kind;
    struct px_place place;
    struct px_place key_place;
    char *key;             /* of an entry of a mapping; owned; NULL elsewhere */
    char *text;            /* of a scalar: owned, "" where the value was left out; NULL elsewhere */
    struct px_node *first; /* of a list or mapping, in the order of the file */
    struct px_node *last;
    struct px_node *next; /* in the parent */
};

/* A new last child of `parent`; NULL makes a root. `key` becomes the node's; `place` is that of key and value. */
struct px_node *px_node_new(struct px_node *parent, enum px_node_kind kind, struct px_place place, char *key);

void px_tree_free(struct px_node *root);

/* Takes what settings need: one document of mappings, lists and scalars, whose keys are scalars. No aliases,
 * anchors and tags. Returns NULL for an empty document and, with the errors in the report, for one that cannot be
 * read. */
struct px_node *px_tree_from_yaml(const char *text, size_t length, struct px_report *report);

/* The tree of a file with one server, called "default", and its listeners. The places point into `overrides`
 * and into the report. */
struct px_node *px_tree_from_overrides(const struct px_overrides *overrides, struct px_report *report);

/* The shim of the file is at that path instead; without one, there is one. NULL makes a root. */
struct px_node *px_tree_with_shim(struct px_node *root, const char *path);

#endif
