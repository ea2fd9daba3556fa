/* The table of rules: entries for the interfaces that have any, then a row for each server and operation. */
#include "call_rules.h"

#include <stdlib.h>
#include <string.h>

#include "../dissect/names.h"
#include "settings_memory.h"

/* ---- one row ---- */

static void take_value(struct px_call_rules *to, const struct px_call_rules *from, enum px_call_rule rule)
{
    switch (rule) {
    case PX_RULE_COM_TIMEOUT:
        to->com_timeout = from->com_timeout;
        break;
    case PX_RULE_CALL_TIMEOUT:
        to->call_timeout = from->call_timeout;
        break;
    case PX_RULE_DEADLINE:
        to->deadline = from->deadline;
        break;
    case PX_RULE_ON_TIMEOUT:
        to->on_timeout = from->on_timeout;
        break;
    case PX_RULE_PENDING:
        to->pending = from->pending;
        break;
    case PX_CALL_RULES:
        break;
    }
}

static void take_given(struct px_resolved_rules *resolved, const struct px_call_rules *rules,
                       const struct px_origin origins[PX_CALL_RULES], enum px_rule_level level)
{
    for (unsigned rule = 0; rule < PX_CALL_RULES; rule++) {
        if (!origins[rule].given)
            continue;
        take_value(&resolved->rules, rules, (enum px_call_rule)rule);
        resolved->sources[rule] = (struct px_rule_source){ .level = level, .line = origins[rule].line };
    }
}

/* Least specific first, so that each later one writes over those before. */
struct px_resolved_rules px_call_rules_resolve(const struct px_server *server, const struct px_interface *block,
                                               const struct px_operation *operation,
                                               const struct dis_operation *known)
{
    struct px_resolved_rules resolved = { .rules = server->rules }; /* its defaults are in there */
    take_given(&resolved, &server->rules, server->origins, PX_RULE_SERVER);
    if (known != NULL && known->pending != NULL) {
        resolved.rules.pending = true;
        resolved.sources[PX_RULE_PENDING] = (struct px_rule_source){ .level = PX_RULE_BUILT_IN };
    }
    if (block != NULL)
        take_given(&resolved, &block->rules, block->origins, PX_RULE_INTERFACE);
    if (operation != NULL)
        take_given(&resolved, &operation->rules, operation->origins, PX_RULE_OPERATION);
    return resolved;
}

static int by_opnum(const void *left, const void *right)
{
    const struct px_operation *a = left, *b = right;
    return (a->opnum > b->opnum) - (a->opnum < b->opnum);
}

const struct px_operation *px_call_rules_operation(const struct px_interface *block, uint16_t opnum)
{
    const struct px_operation key = { .opnum = opnum };
    if (block == NULL || block->operation_count == 0)
        return NULL;
    return bsearch(&key, block->operations, block->operation_count, sizeof key, by_opnum);
}

/* ---- the entries ---- */

static bool has_rules(const struct px_operation *operation)
{
    for (unsigned rule = 0; rule < PX_CALL_RULES; rule++)
        if (operation->origins[rule].given)
            return true;
    return false;
}

static int by_number(const void *left, const void *right)
{
    return *(const uint16_t *)left - *(const uint16_t *)right;
}

/* Opnums of the block's operations with rules, and of those that are pending by design, each once. */
static void collect_opnums(struct px_interface_rules *entry)
{
    unsigned given = entry->block != NULL ? entry->block->operation_count : 0;
    uint32_t count = 0, kept = 0;
    unsigned known = entry->known != NULL ? entry->known->operation_count : 0;
    entry->opnums = px_must(calloc(given + known + 1u, sizeof *entry->opnums));
    for (unsigned i = 0; i < given; i++)
        if (has_rules(&entry->block->operations[i]))
            entry->opnums[count++] = entry->block->operations[i].opnum;
    for (unsigned i = 0; i < known; i++)
        if (entry->known->operations[i].pending != NULL)
            entry->opnums[count++] = entry->known->operations[i].opnum;
    qsort(entry->opnums, count, sizeof *entry->opnums, by_number);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || entry->opnums[i] != entry->opnums[i - 1])
            entry->opnums[kept++] = entry->opnums[i];
    entry->count = kept;
}

static void add_block(struct px_call_rules_table *table, const struct px_interface *block)
{
    struct px_interface_rules *entry = &table->interfaces[table->interface_count++];
    *entry = (struct px_interface_rules){ .uuid = block->uuid, .match = PX_VERSION_ANY, .block = block };
    if (block->version_text == NULL)
        return;
    const struct dis_syntax syntax = { .uuid = block->uuid, .major = block->major, .minor = block->minor };
    entry->match = PX_VERSION_EXACT;
    entry->major = block->major;
    entry->minor = block->minor;
    entry->known = dis_interface_find(&syntax);
}

/* What is built in holds for every minor version, since those only add operations; but for no other major version
 * than its own. So it gets an entry beside that of the block for any version, and with its rules. */
static void add_known(struct px_call_rules_table *table, const struct px_settings *settings,
                      const struct dis_interface *known)
{
    struct px_interface_rules entry = {
        .uuid = known->uuid, .match = PX_VERSION_MAJOR, .major = known->major, .known = known
    };
    for (unsigned i = 0; i < settings->interface_count; i++)
        if (settings->interfaces[i].version_text == NULL &&
            dis_uuid_equal(&settings->interfaces[i].uuid, &entry.uuid))
            entry.block = &settings->interfaces[i];
    table->interfaces[table->interface_count++] = entry;
}

static int by_interface(const void *left, const void *right)
{
    const struct px_interface_rules *a = left, *b = right;
    int order = memcmp(&a->uuid, &b->uuid, sizeof a->uuid);
    if (order == 0)
        order = (int)a->match - (int)b->match;
    if (order == 0)
        order = a->major - b->major;
    return order != 0 ? order : a->minor - b->minor;
}

/* Whether anything that is built in is a rule of its calls. */
static bool has_pending(const struct dis_interface *known)
{
    for (unsigned i = 0; i < known->operation_count; i++)
        if (known->operations[i].pending != NULL)
            return true;
    return false;
}

/* Returns the rows that one server needs. */
static uint64_t add_interfaces(struct px_call_rules_table *table, const struct px_settings *settings)
{
    uint64_t rows = 1; /* that of the server itself */
    table->interfaces = px_must(calloc(settings->interface_count + dis_interface_count, sizeof *table->interfaces));
    for (unsigned i = 0; i < settings->interface_count; i++)
        add_block(table, &settings->interfaces[i]);
    for (size_t i = 0; i < dis_interface_count; i++)
        if (has_pending(&dis_interfaces[i]))
            add_known(table, settings, &dis_interfaces[i]);
    qsort(table->interfaces, table->interface_count, sizeof *table->interfaces, by_interface);
    for (unsigned i = 0; i < table->interface_count; i++) {
        collect_opnums(&table->interfaces[i]);
        table->interfaces[i].first = (uint32_t)rows;
        rows += 1u + table->interfaces[i].count;
    }
    return rows;
}

/* ---- the table ---- */

static struct px_call_rules *fill_entry(struct px_call_rules *row, const struct px_interface_rules *entry,
                                        const struct px_server *server)
{
    *row++ = px_call_rules_resolve(server, entry->block, NULL, NULL).rules;
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct px_operation *operation = px_call_rules_operation(entry->block, entry->opnums[i]);
        const struct dis_operation *known = dis_operation_find(entry->known, entry->opnums[i]);
        *row++ = px_call_rules_resolve(server, entry->block, operation, known).rules;
    }
    return row;
}

static void fill_rows(struct px_call_rules_table *table, const struct px_settings *settings)
{
    struct px_call_rules *row = table->rows;
    for (unsigned server = 0; server < settings->server_count; server++) {
        *row++ = settings->servers[server].rules;
        for (unsigned i = 0; i < table->interface_count; i++)
            row = fill_entry(row, &table->interfaces[i], &settings->servers[server]);
    }
}

struct px_call_rules_table *px_call_rules_create(const struct px_settings *settings)
{
    struct px_call_rules_table *table = px_must(calloc(1, sizeof *table));
    uint64_t stride = add_interfaces(table, settings);
    if (stride * settings->server_count > PX_CALL_RULES_ROWS_MOST) {
        px_call_rules_destroy(table);
        return NULL;
    }
    table->none.stride = (uint32_t)stride;
    for (unsigned i = 0; i < table->interface_count; i++)
        table->interfaces[i].stride = (uint32_t)stride;
    table->row_count = (uint32_t)stride * settings->server_count;
    table->rows = px_must(calloc(table->row_count, sizeof *table->rows));
    fill_rows(table, settings);
    return table;
}

void px_call_rules_destroy(struct px_call_rules_table *table)
{
    if (table == NULL)
        return;
    for (unsigned i = 0; i < table->interface_count; i++)
        free(table->interfaces[i].opnums);
    free(table->interfaces);
    free(table->rows);
    free(table);
}

const struct px_interface_rules *px_call_rules_find(const struct px_call_rules_table *table,
                                                    const struct dis_syntax *interface)
{
    const struct px_interface_rules keys[] = {
        { .uuid = interface->uuid, .match = PX_VERSION_EXACT, .major = interface->major, .minor = interface->minor },
        { .uuid = interface->uuid, .match = PX_VERSION_MAJOR, .major = interface->major },
        { .uuid = interface->uuid, .match = PX_VERSION_ANY },
    };
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct px_interface_rules *found = bsearch(&keys[i], table->interfaces, table->interface_count,
                                                         sizeof *keys, by_interface);
        if (found != NULL)
            return found;
    }
    return &table->none;
}

uint32_t px_call_rules_row(const struct px_interface_rules *rules, uint32_t server, uint16_t opnum)
{
    uint32_t low = 0, high = rules->count, row = server * rules->stride + rules->first;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rules->opnums[middle] == opnum)
            return row + 1 + middle;
        if (rules->opnums[middle] < opnum)
            low = middle + 1;
        else
            high = middle;
    }
    return row;
}
