/* The command line by argp. */
#include "inspect_options.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_FINDINGS = 256,
    KEY_LATE,
    KEY_WHAT_IF,
    KEY_CALLS,
    KEY_PDUS,
    KEY_TREE,
    KEY_STREAMS,
    KEY_INTERFACES,
    KEY_JSON,
    KEY_FOLLOW,
    KEY_ADDR,
    KEY_PORT,
    KEY_INTERFACE,
    KEY_OPNUM,
    KEY_STATUS,
    KEY_SLOWER,
    KEY_HUNG
};

const char *argp_program_version = "rpcward-inspect 0.1.0";

static const struct argp_option rows[] = {
    { NULL, 0, NULL, 0, "What to print, instead of a summary:", 1 },
    { "findings", KEY_FINDINGS, NULL, 0,
      "What is wrong, what it means, and what to do; exit status 1 where there is any", 1 },
    { "calls", KEY_CALLS, NULL, 0, "A line for each call, when it has ended", 1 },
    { "pdus", KEY_PDUS, NULL, 0, "A line for each PDU", 1 },
    { "tree", KEY_TREE, "CALL", 0,
      "All fields of the PDUs of a call, by its number in --calls; of all PDUs for 'all'", 1 },
    { "streams", KEY_STREAMS, NULL, 0, "A line for each connection and each pipe, when it has ended", 1 },
    { "interfaces", KEY_INTERFACES, NULL, 0, "A line for each interface", 1 },
    { "what-if", KEY_WHAT_IF, NULL, 0, "What rpcward would have made of the calls, with the settings of --config",
      1 },
    { "json", KEY_JSON, NULL, 0, "Print JSON, an object a line", 2 },
    { "config", 'c', "FILE", 0, "For --what-if: the settings of rpcward", 2 },
    { "late", KEY_LATE, "TIME", 0, "Findings: from when on an answer is late (5s)", 2 },
    { "follow", KEY_FOLLOW, NULL, 0, "Wait at the file's end for more, until interrupted", 2 },
    { NULL, 0, NULL, 0, "Which calls; an option given twice means either value:", 3 },
    { "addr", KEY_ADDR, "ADDRESS", 0, "Of this client or server", 3 },
    { "port", KEY_PORT, "PORT", 0, "Of this port, which is then read as DCE/RPC however its connections begin", 3 },
    { "interface", KEY_INTERFACE, "UUID|NAME", 0, "To this interface", 3 },
    { "opnum", KEY_OPNUM, "N", 0, "To this operation", 3 },
    { "status", KEY_STATUS, "STATUS", 0, "That ended so: answered, fault, closed, …, or a fault's number or name",
      3 },
    { "slower", KEY_SLOWER, "TIME", 0, "Whose answer took longer, such as 5ms or 2s", 3 },
    { "hung", KEY_HUNG, NULL, 0,
      "That nobody answered, though the capture has all bytes until their connection's end", 3 },
    { 0 },
};

static const char about[] =
    "Prints what was said by DCE/RPC in captured traffic.\v"
    "FILE is a capture by tcpdump, Wireshark, dumpcap (pcap, pcapng, also packed by gzip), or - for standard input.\n"
    "The exit status is 0 where all was read and nothing found, 1 where something was found (--findings and the "
    "summary) or not all could be read, 2 where the command line is no good.";

static void set_view(struct inspect_options *options, enum inspect_view view, struct argp_state *state)
{
    if (options->view != VIEW_SUMMARY)
        argp_error(state, "use one of --findings, --calls, --pdus, --tree, --streams, --interfaces and --what-if");
    options->view = view;
}

static void set_tree(struct inspect_options *options, const char *text, struct argp_state *state)
{
    char *end = NULL;
    set_view(options, VIEW_TREE, state);
    if (strcmp(text, "all") == 0)
        return;
    options->call = strtoull(text, &end, 10);
    if (*text < '1' || *text > '9' || *end != '\0')
        argp_error(state, "'%s' is not the number of a call: --tree takes one that --calls prints, or all", text);
}

static void need(bool good, const char *option, const char *text, const char *takes, struct argp_state *state)
{
    if (!good)
        argp_error(state, "'%s' is not good for %s, which takes %s, at most %d times", text, option, takes,
                   FILTER_VALUES);
}

static error_t on_filter(int key, const char *text, struct filter *f, struct argp_state *state)
{
    switch (key) {
    case KEY_ADDR:
        need(filter_add_address(f, text), "--addr", text, "an IPv4 or IPv6 address", state);
        return 0;
    case KEY_PORT:
        need(filter_add_port(f, text), "--port", text, "a number to 65535", state);
        return 0;
    case KEY_INTERFACE:
        need(filter_add_interface(f, text), "--interface", text, "a UUID or a name", state);
        return 0;
    case KEY_OPNUM:
        need(filter_add_opnum(f, text), "--opnum", text, "a number to 65535", state);
        return 0;
    case KEY_STATUS:
        need(filter_add_status(f, text), "--status", text,
             "answered, fault, no-answer-wanted, closed, reset, gap, one-sided, capture-ends, forgotten, or the "
             "number or "
             "name of a fault",
             state);
        return 0;
    case KEY_SLOWER:
        need(filter_set_slower(f, text), "--slower", text, "a time such as 5ms, 2s, 1m", state);
        return 0;
    case KEY_HUNG:
        f->hung = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void check_together(const struct inspect_options *options, struct argp_state *state)
{
    if (options->file == NULL)
        argp_error(state, "give a capture file, or - for standard input");
    if ((options->view == VIEW_WHAT_IF) != (options->settings != NULL))
        argp_error(state, "--what-if and --config FILE belong together: FILE has rpcward's settings");
    if (filter_needs_end(&options->filter) && options->view != VIEW_SUMMARY && options->view != VIEW_FINDINGS &&
        options->view != VIEW_CALLS)
        argp_error(state, "--status, --slower and --hung are about calls that have ended: use them with --calls "
                          "or --findings, or for the summary");
}

static error_t on_option(int key, char *argument, struct argp_state *state)
{
    struct inspect_options *options = state->input;
    switch (key) {
    case KEY_CALLS:
        set_view(options, VIEW_CALLS, state);
        return 0;
    case KEY_FINDINGS:
        set_view(options, VIEW_FINDINGS, state);
        return 0;
    case KEY_WHAT_IF:
        set_view(options, VIEW_WHAT_IF, state);
        return 0;
    case 'c':
        options->settings = argument;
        return 0;
    case KEY_LATE:
        need(filter_parse_time(argument, &options->late), "--late", argument, "a time such as 500ms, 2s", state);
        return 0;
    case KEY_PDUS:
        set_view(options, VIEW_PDUS, state);
        return 0;
    case KEY_TREE:
        set_tree(options, argument, state);
        return 0;
    case KEY_STREAMS:
        set_view(options, VIEW_STREAMS, state);
        return 0;
    case KEY_INTERFACES:
        set_view(options, VIEW_INTERFACES, state);
        return 0;
    case KEY_JSON:
        options->json = true;
        return 0;
    case KEY_FOLLOW:
        options->follow = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->file != NULL)
            argp_error(state, "one capture file, please");
        options->file = argument;
        return 0;
    case ARGP_KEY_END:
        check_together(options, state);
        return 0;
    default:
        return on_filter(key, argument, &options->filter, state);
    }
}

void inspect_options_parse(int argc, char **argv, struct inspect_options *options)
{
    static const struct argp argp = { rows, on_option, "FILE", about, NULL, NULL, NULL };
    *options = (struct inspect_options){ .late = INSPECT_LATE };
    argp_err_exit_status = INSPECT_USAGE_STATUS;
    if (argp_parse(&argp, argc, argv, 0, NULL, options) != 0)
        exit(INSPECT_USAGE_STATUS);
}
