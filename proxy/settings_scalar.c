/* Settings of one value: numbers, words, addresses, and where the call log goes. */
#include "settings_rules.h"

#include <stdlib.h>
#include <string.h>

#include "settings_memory.h"

#define NAME_MOST 63u /* bytes */

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
        keep_number(rule, block, rule->none_value);
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
    if (rule->whole != 0 && value % rule->whole != 0) {
        px_report_error(reading->report, node->place, "'%s' is not a multiple of %s", node->text,
                        px_value_format(rule->kind, rule->whole, least));
        return;
    }
    keep_number(rule, block, value);
}

/* What RpcMgmtSetComTimeout takes, in minutes: Windows 2000 and later, "Preventing client-side hangs" of the Win32
 * documentation. 10, RPC_C_BINDING_INFINITE_TIMEOUT, is PX_NEVER. */
#define COM_TIMEOUT_INFINITE 10
static const int64_t com_timeout_minutes[COM_TIMEOUT_INFINITE] = { 2, 4, 6, 8, 10, 12, 14, 16, 18, 20 };

void px_read_com_timeout(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                         void *block)
{
    const char *why;
    int64_t level;
    if (node->kind != PX_NODE_SCALAR || !px_value_parse(PX_VALUE_COUNT, node->text, &level, &why))
        px_read_number(reading, key, node, block);
    else if (level > COM_TIMEOUT_INFINITE)
        px_report_error(reading->report, node->place,
                        "'%s' is not between 0 and %d, and a duration needs one of the units ms, s, m, h, d",
                        node->text, COM_TIMEOUT_INFINITE);
    else
        keep_number(key->rule, block, level < COM_TIMEOUT_INFINITE ? com_timeout_minutes[level] * 60000 : PX_NEVER);
}

bool px_given_origin(const struct px_setting_key *key, const void *block)
{
    const struct px_origin *origin = field_of(block, key->rule->origin_offset);
    return origin->given;
}

bool px_given_text(const struct px_setting_key *key, const void *block)
{
    return *(char *const *)field_of(block, key->rule->offset) != NULL;
}

bool px_given_number(const struct px_setting_key *key, const void *block)
{
    return kept_number(key->rule, block) != 0;
}

void px_print_number(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    char text[PX_VALUE_TEXT];
    int64_t value = kept_number(key->rule, block);
    fprintf(printing->out, " %s\n",
            value == key->rule->none_value && key->rule->none != NULL
                ? key->rule->none
                : px_value_format(key->rule->kind, value, text));
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

void px_read_flag(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                  void *block)
{
    if (!px_node_is(reading, node, PX_NODE_SCALAR))
        return;
    if (strcmp(node->text, "yes") != 0 && strcmp(node->text, "no") != 0)
        px_report_error(reading->report, node->place, "'%s' is not %s", node->text, key->type);
    else
        *(bool *)field(block, key->rule->offset) = node->text[0] == 'y';
}

void px_print_flag(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    fprintf(printing->out, " %s\n", *(const bool *)field_of(block, key->rule->offset) ? "yes" : "no");
}

bool px_name_is_good(const struct px_reading *reading, const char *text, struct px_place place)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(text);
    if (length > 0 && length <= NAME_MOST && strspn(text, good) == length && strchr("._-", *text) == NULL)
        return true;
    px_report_error(reading->report, place,
                    "'%s' is not a name: up to %u letters, digits, '.', '_', '-', a letter or digit first", text,
                    NAME_MOST);
    return false;
}

void px_read_name(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                  void *block)
{
    if (px_node_is(reading, node, PX_NODE_SCALAR) && px_name_is_good(reading, node->text, node->place))
        keep_text(block, key->rule->offset, node->text);
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

void px_read_control(struct px_reading *reading, const struct px_setting_key *key, const struct px_node *node,
                     void *block)
{
    struct sockaddr_un longest;
    if (!px_node_is(reading, node, PX_NODE_SCALAR))
        return;
    if (strcmp(node->text, "none") != 0 && strchr(node->text, '/') == NULL)
        px_report_error(reading->report, node->place, "'%s' is neither none nor a path with a slash", node->text);
    else if (strlen(node->text) >= sizeof longest.sun_path)
        px_report_error(reading->report, node->place, "'%s' is longer than the %zu bytes that a Unix socket may have",
                        node->text, sizeof longest.sun_path - 1);
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
