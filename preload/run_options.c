/* The command line of rpcward-run, and files of rules. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"
#include "run.h"

const char *argp_program_version = "rpcward-run 0.1.0";

enum { KEY_TO = 256, KEY_NOT, KEY_OPEN, KEY_RULES, KEY_PROXY, KEY_INLINE };

static const struct argp_option rows[] = {
    { "proxy", KEY_PROXY, "SOCKET", 0, "Ask the rpcward whose shim listens at SOCKET; default " SHIM_PROXY, 0 },
    { "inline", KEY_INLINE, "FILE", 0, "Start an rpcward of its own for PROGRAM, with the settings in FILE", 0 },
    { "to", KEY_TO, "RULE", 0, "Lead connects to RULE, beside those to endpoint mappers; may be repeated", 0 },
    { "not", KEY_NOT, "RULE", 0, "Leave connects to RULE alone, whatever else is said; may be repeated", 0 },
    { "rules", KEY_RULES, "FILE", 0, "Read lines such as \"to RULE\", \"not RULE\" and \"open\" from FILE", 0 },
    { "open", KEY_OPEN, NULL, 0, "When the proxy does not answer, connect directly instead of refusing", 0 },
    { "verbose", 'v', NULL, 0, "Say on stderr where each connect that a rule matched was led", 0 },
    { 0 },
};

static const char about[] =
    "Runs PROGRAM so that its DCE/RPC connections go through rpcward.\v"
    "Led are TCP connects to port 135, and to the ports that endpoint mappers have named through this proxy. RULE is "
    "ADDRESS:PORT, ADDRESS/BITS:PORT, *:PORT, or unix:PATH; IPv6 stands in brackets, and a port may be *.\n"
    "The exit status is the program's; 125 when rpcward-run itself fails, 126 when the program cannot be run, 127 "
    "when "
    "it is not found.\n";

static void append(char **list, const char *text, size_t length)
{
    size_t before = *list ? strlen(*list) : 0;
    char *grown = realloc(*list, before + length + 2);
    if (!grown)
        run_fail(RUN_FAILED, "not enough memory");
    if (before)
        grown[before++] = ' ';
    memcpy(grown + before, text, length);
    grown[before + length] = '\0';
    *list = grown;
}

static const char *add_rule(char **list, const char *text)
{
    struct shim_rule rule;
    size_t length = strlen(text);
    const char *why = strpbrk(text, " \t") ? "it has a space" : shim_rule_parse(text, (unsigned)length, &rule);
    if (!why)
        append(list, text, length);
    return why;
}

static void add_option(char **list, const char *option, const char *text)
{
    const char *why = add_rule(list, text);
    if (why)
        run_fail(RUN_FAILED, "%s %s: %s", option, text, why);
}

static const char *add_line(struct run_options *options, char *line)
{
    char *word = strtok(line, " \t\r\n"), *rule = strtok(NULL, " \t\r\n");
    if (!word || *word == '#')
        return NULL;
    if (strtok(NULL, " \t\r\n"))
        return "there is more than a word and a rule";
    if (strcmp(word, "open") == 0 && !rule)
        options->open = true;
    else if (strcmp(word, "to") == 0 && rule)
        return add_rule(&options->to, rule);
    else if (strcmp(word, "not") == 0 && rule)
        return add_rule(&options->not_to, rule);
    else
        return "it is none of: to RULE, not RULE, open";
    return NULL;
}

static void read_rules(struct run_options *options, const char *path)
{
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        run_fail(RUN_FAILED, "cannot read %s: %s", path, strerror(errno));
    for (unsigned number = 1; getline(&line, &room, file) >= 0; number++) {
        const char *why = add_line(options, line);
        if (why)
            run_fail(RUN_FAILED, "%s:%u: %s", path, number, why);
    }
    free(line);
    fclose(file);
}

static error_t on_option(int key, char *argument, struct argp_state *state)
{
    struct run_options *options = state->input;
    switch (key) {
    case KEY_PROXY:
        options->proxy = argument;
        return 0;
    case KEY_INLINE:
        options->settings = argument;
        return 0;
    case KEY_TO:
        add_option(&options->to, "--to", argument);
        return 0;
    case KEY_NOT:
        add_option(&options->not_to, "--not", argument);
        return 0;
    case KEY_RULES:
        read_rules(options, argument);
        return 0;
    case KEY_OPEN:
        options->open = true;
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case ARGP_KEY_ARG:
        options->command = &state->argv[state->next - 1];
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no program is given");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static unsigned count(const char *list)
{
    unsigned rules = list != NULL;
    while (list && (list = strchr(list, ' ')) != NULL) {
        rules++;
        list++;
    }
    return rules;
}

void run_options_read(int argc, char **argv, struct run_options *options)
{
    static const struct argp argp = { rows, on_option, "PROGRAM [ARGUMENT...]", about, NULL, NULL, NULL };
    *options = (struct run_options){ .proxy = NULL };
    argp_err_exit_status = RUN_FAILED;
    if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, options) != 0)
        exit(RUN_FAILED);
    if (options->proxy && options->settings)
        run_fail(RUN_FAILED, "use either --proxy or --inline");
    if (!options->proxy)
        options->proxy = SHIM_PROXY;
    if (options->proxy[0] != '/' || strlen(options->proxy) >= sizeof shim_rules.proxy)
        run_fail(RUN_FAILED, "--proxy %s: the path must start with a slash and have at most %zu bytes",
                 options->proxy, sizeof shim_rules.proxy - 1);
    if (count(options->to) > SHIM_RULES_MOST || count(options->not_to) > SHIM_RULES_MOST)
        run_fail(RUN_FAILED, "more than %u rules of one kind: use networks (10.0.0.0/8:445)", SHIM_RULES_MOST);
}
