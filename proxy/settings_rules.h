/* How the value of a key is read, kept and printed: what the rows of the table in settings_keys.c refer to. */
#ifndef PX_SETTINGS_RULES_H
#define PX_SETTINGS_RULES_H

#include <stdint.h>
#include <stdio.h>

#include "settings.h"
#include "settings_report.h"
#include "settings_tree.h"
#include "value.h"

#define PX_SETTING_ROWS_MOST 128u

struct px_reading {
    struct px_settings *settings;
    struct px_report *report;
};

/* `block` is the struct that the key belongs to: px_settings, px_server, px_listener or px_member. */
typedef void px_read_function(struct px_reading *reading, const struct px_setting_key *key,
                              const struct px_node *node, void *block);

struct px_printing {
    const struct px_settings *settings;
    FILE *out;
    unsigned indent; /* columns before the key */
};

/* Whether a key that may be left out was not. */
typedef bool px_given_function(const struct px_setting_key *key, const void *block);

/* Prints what follows "key:", its line end included. */
typedef void px_print_function(struct px_printing *printing, const struct px_setting_key *key, const void *block);

struct px_setting_rule {
    px_read_function *read;
    px_print_function *print;
    px_given_function *given; /* where `unset` is NULL */
    size_t offset;            /* of the value in the block */
    size_t origin_offset;     /* of the struct px_origin of that value; 0: it has none */
    size_t address_offset;    /* of the struct px_address that belongs to the text at `offset` */
    enum px_value_kind kind;  /* of a number: duration int64_t, size size_t, count unsigned */
    int64_t least, most;      /* of a number; of an address: the least port */
    int64_t whole;            /* of a number: what it must be a multiple of; 0: of nothing */
    const char *none;         /* the word that stands for `none_value`, which no number may then be; or NULL */
    int64_t none_value;
    const char *const *words; /* of an enum, by value, NULL at the end */
};

/* Scalars: settings_scalar.c. */
px_read_function px_read_number, px_read_com_timeout, px_read_word, px_read_flag, px_read_name, px_read_log_target,
    px_read_control, px_read_address;
px_print_function px_print_number, px_print_word, px_print_flag, px_print_text;
px_given_function px_given_number, px_given_text, px_given_origin;

/* What has more than one value, or refers to another: settings_read.c and settings_print.c. */
px_read_function px_read_servers, px_read_listeners, px_read_members, px_read_server_name, px_read_matches,
    px_read_path;
px_print_function px_print_servers, px_print_listeners, px_print_members, px_print_server_name, px_print_matches;
px_given_function px_given_servers, px_given_server_name, px_given_address;

/* What a shim needs: settings_shim.c. */
void px_check_root(struct px_reading *reading, const struct px_node *root);
void px_check_server(struct px_reading *reading, const struct px_node *node, const struct px_server *server);
void px_check_listener(struct px_reading *reading, const struct px_node *node, const struct px_listener *listener);
void px_imply_server(struct px_reading *reading);

/* The list of interfaces: settings_interfaces.c. */
px_read_function px_read_interfaces, px_read_uuid, px_read_version, px_read_operations;
px_print_function px_print_interfaces, px_print_operations;
void px_interfaces_free(struct px_settings *settings);

/* The keys of a mapping, by the rows whose path begins with `prefix`, into and from the struct `block`. */
void px_read_block(struct px_reading *reading, const char *prefix, const struct px_node *mapping, void *block);
void px_print_item(const struct px_printing *printing, const char *prefix, const void *block); /* of a list */
void px_print_entry(const struct px_printing *printing, const char *name, const char *prefix, const void *block);

unsigned px_node_children(const struct px_node *node);

/* Reports, and returns false, when `text` is no name. Names appear in log lines, so they are kept simple. */
bool px_name_is_good(const struct px_reading *reading, const char *text, struct px_place place);

/* Reports, and returns false, when the node is not of that kind. */
bool px_node_is(const struct px_reading *reading, const struct px_node *node, enum px_node_kind kind);

/* A scalar that YAML reads back as the same text, in quotes where it needs them. */
void px_print_scalar(const char *text, FILE *out);

/* What is left of `path` behind "prefix.", or NULL. The prefix "" is that of every path. */
const char *px_setting_path_below(const char *path, const char *prefix);

/* All settings from the root of a tree (NULL: an empty one) into *settings, which is zeroed before. */
void px_settings_read(const struct px_node *root, struct px_settings *settings, struct px_report *report);

#endif
