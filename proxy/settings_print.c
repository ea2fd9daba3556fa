/* Settings back to YAML, by the same table that they were read with. */
#include "settings_rules.h"

#include <string.h>

#define STEP 2u /* columns of indentation */

/* What no reader of YAML could take for anything but text. */
static bool is_plain(const char *text)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:";
    size_t length = strlen(text);
    return length > 0 && strspn(text, good) == length && strchr("-.:", *text) == NULL && text[length - 1] != ':';
}

void px_print_scalar(const char *text, FILE *out)
{
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20 || *text == 0x7f)
            fprintf(out, "\\x%02x", (unsigned char)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

static void start_line(const struct px_printing *printing)
{
    fprintf(printing->out, "%*s", (int)printing->indent, "");
}

static bool is_shown(const struct px_setting_key *key, const char *prefix, const void *block)
{
    const char *rest = px_setting_path_below(key->path, prefix);
    return rest != NULL && strchr(rest, '*') == NULL && (key->unset != NULL || key->rule->given(key, block));
}

/* The keys of a block, those of a mapping within it included. Where the block is an item of a list, the first line
 * was begun with a dash. */
static void print_block(struct px_printing *printing, const char *prefix, const void *block, bool line_begun)
{
    const char *group = "";
    for (unsigned row = 0; row < px_setting_key_count; row++) {
        const struct px_setting_key *key = &px_setting_keys[row];
        const char *rest = px_setting_path_below(key->path, prefix);
        if (!is_shown(key, prefix, block))
            continue;
        const char *dot = strchr(rest, '.');
        struct px_printing inner = *printing;
        if (!line_begun)
            start_line(&inner);
        line_begun = false;
        if (dot != NULL) {
            inner.indent += STEP;
            if (strncmp(group, rest, (size_t)(dot + 1 - rest)) != 0)
                fprintf(inner.out, "%.*s:\n%*s", (int)(dot - rest), rest, (int)printing->indent, "");
            group = rest;
            fprintf(inner.out, "%*s", (int)STEP, "");
        }
        fprintf(inner.out, "%s:", dot != NULL ? dot + 1 : rest);
        key->rule->print(&inner, key, block);
    }
}

void px_print_item(const struct px_printing *printing, const char *prefix, const void *block)
{
    struct px_printing inner = *printing;
    inner.indent += STEP;
    start_line(&inner);
    fputs("- ", inner.out);
    inner.indent += STEP;
    print_block(&inner, prefix, block, true);
}

void px_print_entry(const struct px_printing *printing, const char *name, const char *prefix, const void *block)
{
    struct px_printing inner = *printing;
    unsigned row = 0;
    inner.indent += STEP;
    start_line(&inner);
    px_print_scalar(name, inner.out);
    inner.indent += STEP;
    while (row < px_setting_key_count && !is_shown(&px_setting_keys[row], prefix, block))
        row++;
    fputs(row < px_setting_key_count ? ":\n" : ": {}\n", inner.out);
    print_block(&inner, prefix, block, false);
}

void px_print_servers(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    const struct px_settings *settings = block;
    (void)key;
    fputc('\n', printing->out);
    for (unsigned i = 0; i < settings->server_count; i++)
        if (!settings->servers[i].implied)
            px_print_entry(printing, settings->servers[i].name, "servers.*", &settings->servers[i]);
}

void px_print_members(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    const struct px_server *server = block;
    (void)key;
    fputc('\n', printing->out);
    for (unsigned i = 0; i < server->member_count; i++)
        px_print_item(printing, "servers.*.members.*", &server->members[i]);
}

void px_print_listeners(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    const struct px_settings *settings = block;
    (void)key;
    fputc('\n', printing->out);
    for (unsigned i = 0; i < settings->listener_count; i++)
        px_print_item(printing, "listeners.*", &settings->listeners[i]);
}

void px_print_server_name(struct px_printing *printing, const struct px_setting_key *key, const void *block)
{
    const struct px_listener *listener = block;
    (void)key;
    fputc(' ', printing->out);
    px_print_scalar(printing->settings->servers[listener->server].name, printing->out);
    fputc('\n', printing->out);
}

void px_settings_print(const struct px_settings *settings, FILE *out)
{
    struct px_printing printing = { .settings = settings, .out = out };
    print_block(&printing, "", settings, false);
}
