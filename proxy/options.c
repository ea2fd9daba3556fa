/* The command line by argp; the list of settings in the help comes from their table. */
#include "options.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_CHECK = 256, KEY_EXPLAIN, KEY_LISTEN, KEY_SERVER, KEY_SET, KEY_SHIM };

const char *argp_program_version = "rpcward 0.1.0";

static const struct argp_option rows[] = {
    { "config", 'c', "FILE", 0, "Read the settings from FILE", 0 },
    { "check", KEY_CHECK, NULL, 0, "Report every error in the settings, print what would apply, and exit", 0 },
    { "explain", KEY_EXPLAIN, "UUID[/VERSION]", 0,
      "With --check: print which rules hold for the calls of operation OPNUM of that interface, and where each comes "
      "from",
      0 },
    { "shim", KEY_SHIM, "PATH", 0, "Let programs that rpcward-run starts ask at PATH, whatever FILE says of that",
      0 },
    { "listen", KEY_LISTEN, "ADDRESS", 0, "Listen at ADDRESS; may be repeated", 1 },
    { "server", KEY_SERVER, "ADDRESS", 0, "The server is at ADDRESS; may be repeated for more members", 1 },
    { "set", KEY_SET, "KEY=VALUE", 0, "Set one of the keys of servers.* below, such as calls=16", 1 },
    { 0 },
};

static const char about[] =
    "Stands between DCE/RPC clients and servers, which need no change.\v"
    "Without a file, --listen and --server are needed, or --shim. ADDRESS is A:P, [v6]:P or unix:/path.\n";

static const char patterns[] = "\n--check --explain=UUID[/VERSION] OPNUM -c FILE";

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
    bool has_server = o->listen_count + o->server_count + o->set_count != 0;
    if (options->file != NULL && has_server)
        argp_error(state, "use either --config, or --listen, --server and --set");
    else if (o->shim != NULL && has_server)
        argp_error(state, "--shim goes with --config, or alone");
    else if (options->file == NULL && o->shim == NULL && (o->listen_count == 0 || o->server_count == 0))
        argp_error(state, "give either --config, or --listen and --server, or --shim");
}

static void ask_interface(struct px_options *options, const char *text, struct argp_state *state)
{
    if (options->explain)
        argp_error(state, "--explain may be given only once");
    options->explain = true;
    if (!px_question_interface(text, &options->question))
        argp_error(state,
                   "'%s' is neither a UUID nor a UUID and a version; --explain takes, for example, "
                   "60a15ec5-4de8-11d7-a637-005056a20182/1.0 and behind it the number of an operation",
                   text);
}

/* All arguments that are no options come after those. */
static error_t ask_operation(struct px_options *options, const char *text, struct argp_state *state)
{
    if (!options->explain || state->arg_num != 0)
        return ARGP_ERR_UNKNOWN;
    if (!px_question_opnum(text, &options->question))
        argp_error(state, "'%s' is not the number of an operation, which is from 0 to 65535", text);
    return 0;
}

static void check_question(const struct px_options *options, struct argp_state *state)
{
    if (options->explain && state->arg_num == 0)
        argp_error(state, "--explain needs the number of an operation behind the UUID, from 0 to 65535");
    if (options->explain && !options->check)
        argp_error(state, "--explain goes with --check only: it starts nothing");
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
    case KEY_EXPLAIN:
        ask_interface(options, argument, state);
        return 0;
    case ARGP_KEY_ARG:
        return ask_operation(options, argument, state);
    case KEY_LISTEN:
        append(&overrides->listen, &overrides->listen_count, argument);
        return 0;
    case KEY_SERVER:
        append(&overrides->server, &overrides->server_count, argument);
        return 0;
    case KEY_SHIM:
        overrides->shim = argument;
        return 0;
    case KEY_SET:
        append(&overrides->set, &overrides->set_count, argument);
        return 0;
    case ARGP_KEY_END:
        check_question(options, state);
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
        const char *unset = key->unset != NULL ? key->unset : "optional";
        const char *word = key->unset == NULL ? ", " : *unset != '\0' ? ", default " : "";
        fprintf(out, "\n  %s: %s%s%s\n    %s\n", key->path, key->type, word, unset, key->help);
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
    static const struct argp argp = { rows, on_option, patterns, about, NULL, filter_help, NULL };
    memset(options, 0, sizeof *options);
    argp_err_exit_status = PX_USAGE_STATUS;
    if (argp_parse(&argp, argc, argv, 0, NULL, options) != 0)
        exit(PX_USAGE_STATUS);
}

void px_options_free(struct px_options *options)
{
    free((void *)options->overrides.listen);
    free((void *)options->overrides.server);
    free((void *)options->overrides.set);
    memset(options, 0, sizeof *options);
}
