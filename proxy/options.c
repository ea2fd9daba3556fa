/* The command line by argp; the list of settings in the help comes from their table. */
#include "options.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USAGE_STATUS 2

enum { KEY_CHECK = 256, KEY_LISTEN, KEY_SERVER, KEY_SET };

const char *argp_program_version = "rpcward 0.1.0";

static const struct argp_option rows[] = {
    { "config", 'c', "FILE", 0, "Read the settings from FILE", 0 },
    { "check", KEY_CHECK, NULL, 0, "Report every error in the settings, print what would apply, and exit", 0 },
    { "listen", KEY_LISTEN, "ADDRESS", 0, "Listen at ADDRESS; may be repeated", 1 },
    { "server", KEY_SERVER, "ADDRESS", 0, "The server is at ADDRESS; may be repeated for more members", 1 },
    { "set", KEY_SET, "KEY=VALUE", 0, "Set one of the keys of servers.* below, such as calls=16", 1 },
    { 0 },
};

static const char about[] =
    "Stands between DCE/RPC clients and servers, which need no change.\v"
    "Without a file, --listen and --server are needed. ADDRESS is A:P, [v6]:P or unix:/path.\n";

static void append(const char *const **list, unsigned *count, const char *text)
{
    const char **grown = reallocarray((void *)*list, *count + 1u, sizeof *grown);
    if (grown == NULL)
        abort();
    grown[(*count)++] = text;
    *list = grown;
}

/* A file is complete in itself; without one there must be somewhere to listen and somewhere to connect to. */
static void check_together(const struct px_options *options, struct argp_state *state)
{
    const struct px_overrides *o = &options->overrides;
    if (options->file != NULL && o->listen_count + o->server_count + o->set_count != 0)
        argp_error(state, "use either --config, or --listen, --server and --set");
    else if (options->file == NULL && (o->listen_count == 0 || o->server_count == 0))
        argp_error(state, "give either --config, or --listen and --server");
}

static error_t on_option(int key, char *argument, struct argp_state *state)
{
    struct px_options *options = state->input;
    struct px_overrides *overrides = &options->overrides;
    switch (key) {
    case 'c':
        if (options->file != NULL)
            argp_error(state, "--config may be given only once");
        options->file = argument;
        return 0;
    case KEY_CHECK:
        options->check = true;
        return 0;
    case KEY_LISTEN:
        append(&overrides->listen, &overrides->listen_count, argument);
        return 0;
    case KEY_SERVER:
        append(&overrides->server, &overrides->server_count, argument);
        return 0;
    case KEY_SET:
        append(&overrides->set, &overrides->set_count, argument);
        return 0;
    case ARGP_KEY_END:
        check_together(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The text behind the options: what the file may hold. argp frees it. */
static char *settings_help(const char *before)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        abort();
    fprintf(out, "%s\nSettings, with their types and defaults (rpcward(8) tells more):\n", before);
    for (unsigned i = 0; i < px_setting_key_count; i++) {
        const struct px_setting_key *key = &px_setting_keys[i];
        fprintf(out, "\n  %s: %s%s%s\n    %s\n", key->path, key->type, *key->unset != '\0' ? ", default " : "",
                key->unset, key->help);
    }
    fclose(out);
    return text;
}

static char *filter_help(int key, const char *text, void *input)
{
    (void)input;
    return key == ARGP_KEY_HELP_POST_DOC ? settings_help(text) : (char *)text;
}

void px_options_parse(int argc, char **argv, struct px_options *options)
{
    static const struct argp argp = { rows, on_option, NULL, about, NULL, filter_help, NULL };
    memset(options, 0, sizeof *options);
    argp_err_exit_status = USAGE_STATUS;
    if (argp_parse(&argp, argc, argv, 0, NULL, options) != 0)
        exit(USAGE_STATUS);
}

void px_options_free(struct px_options *options)
{
    free((void *)options->overrides.listen);
    free((void *)options->overrides.server);
    free((void *)options->overrides.set);
    memset(options, 0, sizeof *options);
}
