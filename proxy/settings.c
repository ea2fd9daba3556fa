/* Loading and freeing settings: text to tree to struct, and all that was wrong to the caller's stream. */
#include "settings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "call_rules.h"
#include "settings_internal.h"
#include "settings_rules.h"
#include "settings_text.h"
#include "settings_tree.h"

static void read_text(const char *text, size_t length, const char *shim, struct px_settings *settings,
                      struct px_report *report)
{
    struct px_node *root;
    if (!px_text_check(text, length, report))
        return;
    root = px_tree_from_yaml(text, length, report);
    if (report->errors == 0 && shim != NULL)
        root = px_tree_with_shim(root, shim);
    if (report->errors == 0)
        px_settings_read(root, settings, report);
    px_tree_free(root);
}

unsigned px_settings_load_text(const char *name, const char *text, size_t length, struct px_settings *settings,
                               FILE *errors)
{
    struct px_report report = { .file = name };
    memset(settings, 0, sizeof *settings);
    read_text(text, length, NULL, settings, &report);
    return px_report_finish(&report, errors);
}

static unsigned load_file(const char *file, const char *shim, struct px_settings *settings, FILE *errors)
{
    struct px_report report = { .file = file };
    size_t length;
    char *text = px_text_read(&length, &report);
    if (text != NULL)
        read_text(text, length, shim, settings, &report);
    free(text);
    return px_report_finish(&report, errors);
}

static unsigned load_overrides(const struct px_overrides *overrides, struct px_settings *settings, FILE *errors)
{
    struct px_report report = { .file = "command line" };
    struct px_node *root = overrides->shim == NULL ? px_tree_from_overrides(overrides, &report)
                                                   : px_tree_with_shim(NULL, overrides->shim);
    px_settings_read(root, settings, &report);
    px_tree_free(root);
    return px_report_finish(&report, errors);
}

unsigned px_settings_load(const char *file, const struct px_overrides *overrides, struct px_settings *settings,
                          FILE *errors)
{
    bool overridden = overrides->listen_count + overrides->server_count + overrides->set_count != 0;
    memset(settings, 0, sizeof *settings);
    if (file == NULL)
        return load_overrides(overrides, settings, errors);
    if (!overridden)
        return load_file(file, overrides->shim, settings, errors);
    fprintf(errors, "command line: error: use either --config, or --listen, --server and --set\n");
    return 1;
}

void px_settings_free(struct px_settings *settings)
{
    for (unsigned i = 0; i < settings->server_count; i++) {
        struct px_server *server = &settings->servers[i];
        for (unsigned j = 0; j < server->member_count; j++) {
            free(server->members[j].text);
            free(server->members[j].version);
        }
        for (unsigned j = 0; j < server->match_count; j++)
            free(server->matches[j].text);
        free(server->members);
        free(server->matches);
        free(server->name);
    }
    for (unsigned i = 0; i < settings->listener_count; i++)
        free(settings->listeners[i].text);
    px_call_rules_destroy(settings->call_rules);
    px_interfaces_free(settings);
    free(settings->servers);
    free(settings->listeners);
    free(settings->log_calls);
    free(settings->control);
    memset(settings, 0, sizeof *settings);
}
