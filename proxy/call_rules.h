/* Which rules hold for a call: what is given for servers, interfaces and operations, resolved once into rows.
 *
 * For each rule by itself the most specific value wins: the operation's, else the interface's, else what is built in
 * (operations that are pending by design), else the server's, else the default. Of an interface the block with the
 * version that was bound is the one; else the block without a version, if there is one.
 *
 * Lookup takes two steps. When an interface is bound, px_call_rules_find() searches for it; its answer is kept beside
 * the presentation context, and lives as long as the table. When a call begins, px_call_rules_row() finds its row from
 * that: a binary search among the operations that have rules of their own, most often none. */
#ifndef PX_CALL_RULES_H
#define PX_CALL_RULES_H

#include "../dissect/interfaces.h"
#include "settings.h"

/* Most rows of a table: servers times interfaces and operations. */
#define PX_CALL_RULES_ROWS_MOST 1000000u

/* In the order in which they are tried. */
enum px_version_match { PX_VERSION_EXACT, PX_VERSION_MAJOR, PX_VERSION_ANY };

struct px_interface_rules {
    struct dis_uuid uuid;
    enum px_version_match match;
    uint16_t major, minor;             /* what does not matter to `match` is 0 */
    const struct px_interface *block;  /* of the settings; NULL: it has none */
    const struct dis_interface *known; /* what is built in; NULL: nothing, or it is for any version */
    uint32_t stride;                   /* rows of one server */
    uint32_t first;   /* row of the interface, for the first server; those of its operations follow */
    uint32_t count;   /* operations with a row of their own */
    uint16_t *opnums; /* theirs, ascending */
};

struct px_call_rules_table {
    struct px_call_rules *rows; /* of the first server, of the second, … */
    uint32_t row_count;
    struct px_interface_rules *interfaces; /* sorted */
    unsigned interface_count;
    struct px_interface_rules none; /* of every other interface: the server's row */
};

/* Where the value of a rule comes from. */
enum px_rule_level { PX_RULE_DEFAULT, PX_RULE_SERVER, PX_RULE_BUILT_IN, PX_RULE_INTERFACE, PX_RULE_OPERATION };

struct px_rule_source {
    enum px_rule_level level;
    unsigned line; /* of the file, unless it is a default or built in; 0: the command line */
};

struct px_resolved_rules {
    struct px_call_rules rules;
    struct px_rule_source sources[PX_CALL_RULES];
};

/* The table of `settings`, which must outlive it; NULL when it would have more than PX_CALL_RULES_ROWS_MOST rows. */
struct px_call_rules_table *px_call_rules_create(const struct px_settings *settings);
void px_call_rules_destroy(struct px_call_rules_table *table); /* or NULL */

/* Never NULL: an interface without rules of its own has those of the server. */
const struct px_interface_rules *px_call_rules_find(const struct px_call_rules_table *table,
                                                    const struct dis_syntax *interface);

/* Index into the rows of the table. `server` is the index in the settings. */
uint32_t px_call_rules_row(const struct px_interface_rules *rules, uint32_t server, uint16_t opnum);

/* The operation of a block, or NULL. */
const struct px_operation *px_call_rules_operation(const struct px_interface *block, uint16_t opnum);

/* What the rows are made by. All but the server may be NULL; `known` is what is built in about the operation. */
struct px_resolved_rules px_call_rules_resolve(const struct px_server *server, const struct px_interface *block,
                                               const struct px_operation *operation,
                                               const struct dis_operation *known);

#endif
