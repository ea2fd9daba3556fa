/* The list of interfaces, and what each of their operations has of its own. */
#include "settings_rules.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "settings_memory.h"

#define INTERFACES_MOST 1024u
#define OPNUM_MOST      65535 /* it has 16 bits (C706 12.6.4.9) */

void px_read_uuid(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                  void *block)
{
    struct px_interface *interface = block;
    (void)key;
    if (!px_node_is(reading, node, PX_NODE_SCALAR))
        return;
    if (!dis_uuid_parse(node->text, &interface->uuid))
        px_report_error(reading->report, node->place,
                        "'%s' is not a UUID: it needs 32 hexadecimal digits in groups of 8-4-4-4-12", node->text);
    else
        interface->uuid_text = px_text_kept(node->text);
}

void px_read_version(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                     void *block)
{
    struct px_interface *interface = block;
    (void)key;
    if (!px_node_is(reading, node, PX_NODE_SCALAR))
        return;
    if (!px_version_parse(node->text, &interface->major, &interface->minor))
        px_report_error(reading->report, node->place,
                        "'%s' is not a version: it has the form M.m, both from 0 to 65535, such as 1.0", node->text);
    else
        interface->version_text = px_text_kept(node->text);
}

static bool same_version(const struct px_interface *a, const struct px_interface *b)
{
    if (a->version_text == NULL || b->version_text == NULL)
        return a->version_text == b->version_text;
    return a->major == b->major && a->minor == b->minor;
}

static void check_unlike(struct px_reading *reading, const struct px_node *node, unsigned index)
{
    const struct px_interface *interfaces = reading->settings->interfaces, *last = &interfaces[index];
    for (unsigned i = 0; last->uuid_text != NULL && i < index; i++) {
        const struct px_interface *earlier = &interfaces[i];
        if (earlier->uuid_text == NULL || !dis_uuid_equal(&earlier->uuid, &last->uuid) ||
            !same_version(earlier, last))
            continue;
        px_report_error(reading->report, node->place, "the interface %s, version %s, was given before, in line %u",
                        last->uuid_text, last->version_text != NULL ? last->version_text : "any", earlier->line);
        return;
    }
}

void px_read_interfaces(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                        void *block)
{
    struct px_settings *settings = block;
    unsigned count = px_node_children(node);
    (void)key;
    if (!px_node_is(reading, node, PX_NODE_LIST))
        return;
    if (count > INTERFACES_MOST) {
        px_report_error(reading->report, node->place, "at most %u interfaces are possible", INTERFACES_MOST);
        return;
    }
    settings->interfaces = px_must(calloc(count + 1, sizeof *settings->interfaces));
    for (const struct px_node *child = node->first; child != NULL; child = child->next) {
        unsigned index = settings->interface_count++;
        settings->interfaces[index].line = child->place.line;
        px_read_block(reading, "interfaces.*", child, &settings->interfaces[index]);
        check_unlike(reading, child, index);
    }
}

/* Returns false, and reports, when the key is no opnum or that of an earlier operation. */
static bool read_opnum(struct px_reading *reading, const struct px_node *node, uint8_t seen[], uint16_t *opnum)
{
    const char *why;
    int64_t value;
    if (!px_value_parse(PX_VALUE_COUNT, node->key, &value, &why) || value > OPNUM_MOST) {
        px_report_error(reading->report, node->key_place,
                        "'%s' is not the number of an operation, which is from 0 to %d", node->key, OPNUM_MOST);
        return false;
    }
    if ((seen[value / 8] & 1 << value % 8) != 0) {
        px_report_error(reading->report, node->key_place, "the operation %" PRId64 " was given before", value);
        return false;
    }
    seen[value / 8] |= (uint8_t)(1 << value % 8);
    *opnum = (uint16_t)value;
    return true;
}

static int by_opnum(const void *left, const void *right)
{
    const struct px_operation *a = left, *b = right;
    return (a->opnum > b->opnum) - (a->opnum < b->opnum);
}

void px_read_operations(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                        void *block)
{
    struct px_interface *interface = block;
    uint8_t seen[(OPNUM_MOST + 1) / 8] = { 0 };
    (void)key;
    if (!px_node_is(reading, node, PX_NODE_MAPPING))
        return;
    interface->operations = px_must(calloc(px_node_children(node) + 1u, sizeof *interface->operations));
    for (const struct px_node *child = node->first; child != NULL; child = child->next) {
        struct px_operation *operation = &interface->operations[interface->operation_count];
        if (!read_opnum(reading, child, seen, &operation->opnum))
            continue;
        interface->operation_count++;
        px_read_block(reading, "interfaces.*.operations.*", child, operation);
    }
    if (interface->operation_count > 1)
        qsort(interface->operations, interface->operation_count, sizeof *interface->operations, by_opnum);
}

void px_print_interfaces(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    const struct px_settings *settings = block;
    (void)key;
    fputc('\n', printing->out);
    for (unsigned i = 0; i < settings->interface_count; i++)
        px_print_item(printing, "interfaces.*", &settings->interfaces[i]);
}

void px_print_operations(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    const struct px_interface *interface = block;
    (void)key;
    fputc('\n', printing->out);
    for (unsigned i = 0; i < interface->operation_count; i++) {
        char name[8];
        snprintf(name, sizeof name, "%u", interface->operations[i].opnum);
        px_print_entry(printing, name, "interfaces.*.operations.*", &interface->operations[i]);
    }
}

void px_interfaces_free(struct px_settings *settings)
{
    for (unsigned i = 0; i < settings->interface_count; i++) {
        struct px_interface *interface = &settings->interfaces[i];
        for (unsigned j = 0; j < interface->operation_count; j++)
            free(interface->operations[j].name);
        free(interface->operations);
        free(interface->name);
        free(interface->version_text);
        free(interface->uuid_text);
    }
    free(settings->interfaces);
}
