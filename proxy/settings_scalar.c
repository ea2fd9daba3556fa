/* Settings of one value: numbers, words, addresses, and where the call log goes. */
#include "settings_rules.h"

#include <stdlib.h>
#include <string.h>

#include "settings_memory.h"

static void *field(void *block, size_t offset)
{
    return (char *)block + offset;
}

static const void *field_of(const void *block, size_t offset)
{
    return (const char *)block + offset;
}

static void keep_text(void *block, size_t offset, const char *text)
{
    char **kept = field(block, offset);
    free(*kept);
    *kept = px_text_kept(text);
}

static void keep_number(const struct px_setting_rule *rule, void *block, int64_t value)
{
    void *at = field(block, rule->offset);
    switch (rule->kind) {
    case PX_VALUE_DURATION:
        *(int64_t *)at = value;
        break;
    case PX_VALUE_SIZE:
        *(size_t *)at = (size_t)value;
        break;
    case PX_VALUE_COUNT:
        *(unsigned *)at = (unsigned)value;
        break;
    }
}

static int64_t kept_number(const struct px_setting_rule *rule, const void *block)
{
    const void *at = field_of(block, rule->offset);
    switch (rule->kind) {
    case PX_VALUE_DURATION:
        return *(const int64_t *)at;
    case PX_VALUE_SIZE:
        return (int64_t) * (const size_t *)at;
    case PX_VALUE_COUNT:
        break;
    }
    return *(const unsigned *)at;
}

void px_read_number(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                    void *block)
{
    const struct px_setting_rule *rule = key->rule;
    char least[PX_VALUE_TEXT], most[PX_VALUE_TEXT];
    const char *why;
    int64_t value;
    if (!px_node_is(reading, node, PX_NODE_SCALAR))
        return;
    if (rule->none != NULL && strcmp(node->text, rule->none) == 0) {
        keep_number(rule, block, 0);
        return;
    }
    if (!px_value_parse(rule->kind, node->text, &value, &why)) {
        px_report_error(reading->report, node->place, "'%s' is not a %s: %s", node->text, key->type, why);
        return;
    }
    if (value < rule->least || value > rule->most) {
        px_report_error(reading->report, node->place, "'%s' is not between %s and %s%s%s", node->text,
                        px_value_format(rule->kind, rule->least, least),
                        px_value_format(rule->kind, rule->most, most), rule->none != NULL ? ", nor " : "",
                        rule->none != NULL ? rule->none : "");
        return;
    }
    keep_number(rule, block, value);
}

void px_print_number(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    char text[PX_VALUE_TEXT];
    int64_t value = kept_number(key->rule, block);
    fprintf(printing->out, " %s\n",
            value == 0 && key->rule->none != NULL ? key->rule->none : px_value_format(key->rule->kind, value, text));
}

void px_read_word(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                  void *block)
{
    const char *const *words = key->rule->words;
    unsigned value = 0;
    if (!px_node_is(reading, node, PX_NODE_SCALAR))
        return;
    while (words[value] != NULL && strcmp(words[value], node->text) != 0)
        value++;
    if (words[value] == NULL)
        px_report_error(reading->report, node->place, "'%s' is not %s", node->text, key->type);
    else /* an enum without negative values is an unsigned int */
        *(unsigned *)field(block, key->rule->offset) = value;
}

void px_print_word(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    fprintf(printing->out, " %s\n", key->rule->words[*(const unsigned *)field_of(block, key->rule->offset)]);
}

/* A slash is asked for, so that a misspelt "stderr" does not become a file. */
void px_read_log_target(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                        void *block)
{
    if (!px_node_is(reading, node, PX_NODE_SCALAR))
        return;
    if (strcmp(node->text, "stderr") != 0 && strcmp(node->text, "none") != 0 && strchr(node->text, '/') == NULL)
        px_report_error(reading->report, node->place, "'%s' is neither stderr nor none nor a path with a slash",
                        node->text);
    else
        keep_text(block, key->rule->offset, node->text);
}

static in_port_t port_of(const struct px_address *address)
{
    switch (address->any.sa_family) {
    case AF_INET:
        return ntohs(address->v4.sin_port);
    case AF_INET6:
        return ntohs(address->v6.sin6_port);
    default:
        return UINT16_MAX;
    }
}

void px_read_address(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                     void *block)
{
    struct px_address address;
    const char *why;
    if (!px_node_is(reading, node, PX_NODE_SCALAR))
        return;
    if (!px_address_parse(node->text, &address, &why)) {
        px_report_error(reading->report, node->place, "'%s' is not an address: %s", node->text, why);
        return;
    }
    if (port_of(&address) < key->rule->least) {
        px_report_error(reading->report, node->place, "'%s' has port 0, which only a listener may have", node->text);
        return;
    }
    keep_text(block, key->rule->offset, node->text);
    *(struct px_address *)field(block, key->rule->address_offset) = address;
}

void px_print_text(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    fputc(' ', printing->out);
    px_print_scalar(*(char *const *)field_of(block, key->rule->offset), printing->out);
    fputc('\n', printing->out);
}
