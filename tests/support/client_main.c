/* test-client: makes calls on the test interface, checks every bit of the answers, and says what it was told. */
#include "client.h"

#include <argp.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    OPTION_SECONDS = 256,
    OPTION_SIZE,
    OPTION_ANSWER,
    OPTION_RECONNECT,
    OPTION_OUTSTANDING,
    OPTION_BIG_ENDIAN,
    OPTION_FRAGMENT,
    OPTION_HOLD,
    OPTION_REPORT,
    OPTION_OUTCOMES,
    OPTION_EXPECT,
    OPTION_TIMEOUT,
};

static const struct argp_option option_table[] = {
    { "connect", 'c', "A:P", 0, "Where the server is: IPv4, [IPv6] or unix:/path", 0 },
    { "connections", 'n', "N", 0, "[1]", 0 },
    { "calls", 'k', "N", 0, "Calls on each connection [1]", 0 },
    { "seconds", OPTION_SECONDS, "S", 0, "Calls for so long instead", 0 },
    { "size", OPTION_SIZE, "BYTES", 0, "Payload of a request [64]", 0 },
    { "answer", OPTION_ANSWER, "BYTES", 0, "Payload of an answer [as the request's]", 0 },
    { "behaviour", 'b', "NAME[:A[,B]]", 0, "What the server is to do, see testif.h [echo]", 0 },
    { "outstanding", OPTION_OUTSTANDING, "N", 0, "Calls at once on each connection, multiplexed [1]", 0 },
    { "reconnect", OPTION_RECONNECT, NULL, 0, "A connection for each call", 0 },
    { "big-endian", OPTION_BIG_ENDIAN, NULL, 0, "Speak big-endian", 0 },
    { "fragment", OPTION_FRAGMENT, "BYTES", 0, "Largest request PDU, at least 40 [what the server grants]", 0 },
    { "timeout", OPTION_TIMEOUT, "MS", 0, "Give up on a call or a bind, and its connection, after so long [never]",
      0 },
    { "hold", OPTION_HOLD, NULL, 0,
      "After all calls print \"ready\", stay connected until a line or the end of stdin, or SIGTERM; then one more "
      "call "
      "on each connection",
      0 },
    { "expect", OPTION_EXPECT, "OUTCOME", 0, "How every outcome must begin [answered]", 0 },
    { "report", OPTION_REPORT, "json|text", 0, "[json]", 0 },
    { "outcomes", OPTION_OUTCOMES, "FILE", 0,
      "A line per call: its own id, and answered, fault:STATUS:DNE, reset, closed, silent, refused:WHY or wrong:WHY",
      0 },
    { 0 },
};

/* The options that are numbers. */
static const struct number {
    int key;
    uint32_t least;
    uint32_t most;
    size_t field; /* in struct cli_options */
} numbers[] = {
    { 'n', 1, 1000000, offsetof(struct cli_options, connections) },
    { 'k', 1, UINT32_MAX, offsetof(struct cli_options, calls) },
    { OPTION_SECONDS, 1, 1000000, offsetof(struct cli_options, seconds) },
    { OPTION_SIZE, 0, CLI_PAYLOAD_MAX, offsetof(struct cli_options, size) },
    { OPTION_ANSWER, 0, CLI_PAYLOAD_MAX, offsetof(struct cli_options, answer) },
    { OPTION_OUTSTANDING, 1, 10000, offsetof(struct cli_options, outstanding) },
    { OPTION_FRAGMENT, 40, CLI_FRAGMENT_MAX, offsetof(struct cli_options, fragment) },
    { OPTION_TIMEOUT, 1, 100000000, offsetof(struct cli_options, timeout) },
};

static bool take_number(struct cli_options *options, int key, const char *text, struct argp_state *state)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct number *row = &numbers[i];
        if (row->key != key)
            continue;
        char *end;
        errno = 0;
        unsigned long value = strtoul(text, &end, 0);
        if (errno != 0 || end == text || *end != '\0' || value < row->least || value > row->most)
            argp_error(state, "%s: not a number from %u to %u", text, row->least, row->most);
        *(uint32_t *)((char *)options + row->field) = (uint32_t)value;
        return true;
    }
    return false;
}

/* NAME[:A[,B]] */
static void take_behaviour(struct cli_options *options, const char *text, struct argp_state *state)
{
    size_t length = strcspn(text, ":");
    char *end = NULL;
    options->behaviour = TESTIF_BEHAVIOUR_COUNT;
    for (uint32_t i = 0; i < TESTIF_BEHAVIOUR_COUNT; i++)
        if (strlen(testif_names[i]) == length && strncmp(testif_names[i], text, length) == 0)
            options->behaviour = i;
    if (options->behaviour == TESTIF_BEHAVIOUR_COUNT)
        argp_error(state, "%s: no such behaviour", text);
    if (text[length] == '\0')
        return;
    options->a = (uint32_t)strtoul(text + length + 1, &end, 0);
    if (*end == ',')
        options->b = (uint32_t)strtoul(end + 1, &end, 0);
    if (*end != '\0')
        argp_error(state, "%s: not NAME:A,B", text);
}

static void take_server(struct cli_options *options, const char *text, struct argp_state *state)
{
    const char *why;
    if (!px_address_parse(text, &options->server, &why))
        argp_error(state, "%s: %s", text, why);
}

static void take_report(struct cli_options *options, const char *text, struct argp_state *state)
{
    options->json = strcmp(text, "json") == 0;
    if (!options->json && strcmp(text, "text") != 0)
        argp_error(state, "%s: neither json nor text", text);
}

static error_t take_option(int key, char *arg, struct argp_state *state)
{
    struct cli_options *options = state->input;
    if (take_number(options, key, arg, state))
        return 0;
    switch (key) {
    case 'c':
        take_server(options, arg, state);
        break;
    case 'b':
        take_behaviour(options, arg, state);
        break;
    case OPTION_RECONNECT:
        options->reconnect = true;
        break;
    case OPTION_BIG_ENDIAN:
        options->big_endian = true;
        break;
    case OPTION_HOLD:
        options->hold = true;
        break;
    case OPTION_REPORT:
        take_report(options, arg, state);
        break;
    case OPTION_OUTCOMES:
        options->outcomes = arg;
        break;
    case OPTION_EXPECT:
        options->expect = arg;
        break;
    case ARGP_KEY_END:
        if (options->server.length == 0)
            argp_error(state, "--connect is missing");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const struct argp argp = {
    .options = option_table,
    .parser = take_option,
    .doc = "Call the test interface of a test-server and check every answer.\v"
           "Ends with 0 if each outcome was the expected one, 1 if not, 2 on wrong usage. Seconds run from the first "
           "call's begin to the last one's end; latency is that of answered calls.",
};

/* Own ids must not repeat between clients, nor be 0. */
static uint64_t random_prefix(void)
{
    uint32_t prefix;
    if (getrandom(&prefix, sizeof prefix, 0) != sizeof prefix)
        err(1, "getrandom");
    return (uint64_t)(prefix | 1) << 32;
}

int main(int argc, char **argv)
{
    static struct client client; /* large, and needed to the very end */
    struct cli_options *options = &client.options;
    *options = (struct cli_options){ .connections = 1,
                                     .calls = 1,
                                     .size = 64,
                                     .answer = TESTIF_ECHO_SIZE,
                                     .outstanding = 1,
                                     .json = true,
                                     .expect = cli_answered };
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, options);
    client.last_own_id = random_prefix();
    if (options->outcomes != NULL) {
        client.report.outcomes = fopen(options->outcomes, "w");
        if (client.report.outcomes == NULL)
            err(2, "%s", options->outcomes);
    }
    cli_run(&client);
    cli_report_print(&client);
    if (client.report.outcomes != NULL && fclose(client.report.outcomes) != 0)
        err(1, "%s", options->outcomes);
    return cli_report_good(&client) ? 0 : 1;
}
