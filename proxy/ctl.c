/* rpcwardctl: asks a running rpcward, and prints what it says for people or, with --json, for programs. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_table.h"
#include "ctl_talk.h"
#include "ctl_watch.h"

#define DEFAULT_SOCKET "/run/rpcward/control.sock"
#define MOST_WORDS     2u
#define LONGEST_WATCH  86400u /* seconds */
#define LONGEST_WORD   80u

const char *argp_program_version = "rpcwardctl 0.1.0";

struct asked {
    const char *socket;
    bool json, wait;
    const char *words[MOST_WORDS];
    unsigned count;
};

static const struct command {
    const char *word, *second; /* second: NULL where there is none */
    unsigned least, most;      /* words behind the first, `second` included */
    const char *table;         /* the kind of its lines that make a table */
    const char *help;
} commands[] = {
    { "show", "servers", 1, 1, "server", "Servers: limit, calls inside and in the line, links" },
    { "show", "links", 1, 1, "link", "Connections to servers" },
    { "show", "clients", 1, 1, "client", "Clients' connections" },
    { "show", "calls", 1, 1, "open-call", "Calls that are open: waiting, inside their server, or answering" },
    { "show", "counters", 1, 1, "counter", "How calls and connections ended since the start" },
    { "drain", NULL, 1, 1, NULL, "Let no more calls into the server SERVER; with --wait, return when it is empty" },
    { "resume", NULL, 1, 1, NULL, "Let calls into the server SERVER again" },
    { "reload", NULL, 0, 0, NULL, "Read the settings again; where they are bad say why, and change nothing" },
    { "stop", NULL, 0, 0, NULL,
      "Take no new clients, let calls in flight end, and go; with --wait, return when it has gone" },
    { "cancel", NULL, 1, 1, NULL, "Give the call CONNECTION:CALL_ID[.NUMBER] up" },
    { "events", NULL, 0, 0, NULL, "Follow each call as it begins to wait, is let in, and ends" },
    { "wait", NULL, 1, 1, NULL, "Return when the call CONNECTION:CALL_ID[.NUMBER] has ended" },
    { "explain", NULL, 0, 1, NULL, "Say in a sentence what happened to a call, or to all that are remembered" },
    { "watch", NULL, 0, 1, NULL, "Servers and the slowest calls, every 2 seconds or as many as are given" },
};

enum { KEY_JSON = 256, KEY_WAIT };

static const struct argp_option options[] = {
    { "socket", 's', "SOCKET", 0, "Where rpcward's setting `control` is; " DEFAULT_SOCKET " if not given", 0 },
    { "json", KEY_JSON, NULL, 0, "Print rpcward's lines of JSON as they are", 0 },
    { "wait", KEY_WAIT, NULL, 0, "For stop and drain: return when it is over", 0 },
    { 0 },
};

/* ---- the command line ---- */

static const struct command *command_of(const struct asked *asked)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const struct command *c = &commands[i];
        bool same = asked->count > 0 && strcmp(c->word, asked->words[0]) == 0;
        if (same && (!c->second || (asked->count > 1 && strcmp(c->second, asked->words[1]) == 0)))
            return c;
    }
    return NULL;
}

static bool is_of_server(const struct command *c)
{
    return strcmp(c->word, "drain") == 0 || strcmp(c->word, "resume") == 0;
}

static void check_together(const struct asked *asked, struct argp_state *state)
{
    const struct command *c = command_of(asked);
    if (asked->count == 0)
        argp_error(state, "give a command; --help lists them");
    else if (!c)
        argp_error(state, "unknown command '%s%s%s'; --help lists them", asked->words[0], asked->count > 1 ? " " : "",
                   asked->count > 1 ? asked->words[1] : "");
    else if (asked->count - 1 < c->least)
        argp_error(state, "'%s' needs %s", c->word,
                   is_of_server(c) ? "the name of a server, as `show servers` has it"
                                   : "a call: CONNECTION:CALL_ID, as `show calls` has it");
    else if (asked->count - 1 > c->most)
        argp_error(state, "'%s' is too much behind '%s'", asked->words[asked->count - 1], c->word);
    else if (asked->wait && strcmp(c->word, "stop") != 0 && strcmp(c->word, "drain") != 0)
        argp_error(state, "--wait is for 'stop' and 'drain'; for the end of a call there is the command 'wait'");
}

static error_t on_option(int key, char *argument, struct argp_state *state)
{
    struct asked *asked = state->input;
    switch (key) {
    case 's':
        asked->socket = argument;
        return 0;
    case KEY_JSON:
        asked->json = true;
        return 0;
    case KEY_WAIT:
        asked->wait = true;
        return 0;
    case ARGP_KEY_ARG:
        if (strlen(argument) > LONGEST_WORD)
            argp_error(state, "'%.20s...' is longer than any argument", argument);
        else if (asked->count == MOST_WORDS)
            argp_error(state, "'%s' is too much", argument);
        else
            asked->words[asked->count++] = argument;
        return 0;
    case ARGP_KEY_END:
        check_together(asked, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The commands of the help come from their table. argp frees the text. */
static char *filter_help(int key, const char *text, void *input)
{
    char *whole = NULL;
    size_t length;
    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC)
        return (char *)text;
    FILE *out = open_memstream(&whole, &length);
    if (!out)
        abort();
    fprintf(out, "Commands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %s%s%s\n\t%s\n", commands[i].word, commands[i].second ? " " : "",
                commands[i].second ? commands[i].second : "", commands[i].help);
    fclose(out);
    return whole;
}

/* ---- running ---- */

struct printing {
    bool json;
    struct ctl_table *table;
};

static void on_line(void *owner, const char *json, const struct ctl_line *line)
{
    struct printing *p = owner;
    if (p->json) {
        fputs(json, stdout);
        fflush(stdout);
    } else if (p->table) {
        ctl_table_add(p->table, line);
    } else {
        ctl_line_print(line);
    }
}

static int run_request(struct ctl_talk *talk, const struct command *c, const struct asked *asked)
{
    char request[2 * LONGEST_WORD + 8];
    struct printing p = { .json = asked->json };
    snprintf(request, sizeof request, "%s%s%s%s", c->word, asked->count > 1 ? " " : "",
             asked->count > 1 ? asked->words[1] : "", asked->wait ? " wait" : "");
    if (c->table && !asked->json)
        p.table = ctl_table_new(c->table);
    int status = ctl_ask(talk, request, on_line, &p);
    if (p.table)
        ctl_table_print(p.table);
    if (asked->wait && strcmp(c->word, "stop") == 0)
        ctl_wait_end(talk);
    return fflush(stdout) == 0 ? status : CTL_FAILED;
}

/* 0: no such number. */
static unsigned seconds_of(const struct asked *asked)
{
    char *end;
    if (asked->count < 2)
        return 2;
    unsigned long seconds = strtoul(asked->words[1], &end, 10);
    bool good = asked->words[1][0] >= '0' && asked->words[1][0] <= '9' && *end == 0;
    return good && seconds <= LONGEST_WATCH ? (unsigned)seconds : 0;
}

static int run(const struct asked *asked)
{
    const struct command *c = command_of(asked);
    bool watches = strcmp(c->word, "watch") == 0;
    unsigned seconds = seconds_of(asked);
    struct ctl_talk talk;
    if (watches && seconds == 0) {
        fprintf(stderr, "rpcwardctl: '%s' is not a number of seconds from 1 to %u\n", asked->words[1], LONGEST_WATCH);
        return CTL_USAGE;
    }
    int status = CTL_FAILED;
    if (ctl_connect(&talk, asked->socket))
        status = watches ? ctl_watch(&talk, seconds, asked->json) : run_request(&talk, c, asked);
    ctl_close(&talk);
    return status;
}

int main(int argc, char **argv)
{
    static const struct argp argp = { options,
                                      on_option,
                                      "COMMAND [ARGUMENT]",
                                      "Asks a running rpcward what it does, and tells it to stop.\v",
                                      NULL,
                                      filter_help,
                                      NULL };
    struct asked asked = { .socket = DEFAULT_SOCKET };
    argp_err_exit_status = CTL_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &asked) != 0)
        return CTL_USAGE;
    return run(&asked);
}
