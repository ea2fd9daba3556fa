/* test-server: a DCE/RPC server without authentication that keeps a ledger and misbehaves on request. */
#include "server.h"

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTENERS_MAX 16u

struct options {
    const char *listen[LISTENERS_MAX];
    unsigned listen_count;
    const char *ledger;
    const char *accept_log;
    uint32_t workers;
    bool quiet;
};

enum { OPTION_LEDGER = 256, OPTION_ACCEPT_LOG, OPTION_WORKERS };

static const struct argp_option option_table[] = {
    { "listen", 'l', "A:P", 0, "IPv4, [IPv6] or unix:/path; port 0 picks one; may be repeated", 0 },
    { "ledger", OPTION_LEDGER, "FILE", 0,
      "Append a line per execution: interface, opnum, own id (test) or call_id, peer, connection", 0 },
    { "accept-log", OPTION_ACCEPT_LOG, "FILE", 0,
      "Append a line per event: open N listener peer; close N why; cancel N call_id; orphaned N call_id", 0 },
    { "workers", OPTION_WORKERS, "N", 0,
      "Calls that take time take one of so many workers, in order, even when their client has gone [no limit]", 0 },
    { "quiet", 'q', NULL, 0, "No summary at the end", 0 },
    { 0 },
};

static error_t take_option(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case 'l':
        if (options->listen_count == LISTENERS_MAX)
            argp_error(state, "more than %u listeners", LISTENERS_MAX);
        options->listen[options->listen_count++] = arg;
        return 0;
    case OPTION_LEDGER:
        options->ledger = arg;
        return 0;
    case OPTION_ACCEPT_LOG:
        options->accept_log = arg;
        return 0;
    case OPTION_WORKERS:
        options->workers = (uint32_t)strtoul(arg, NULL, 10);
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = option_table,
    .parser = take_option,
    .doc = "Serve rpcecho, mgmt and the test interface. Prints \"listening ADDRESS\" for each listener when ready.",
};

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    uv_stop(signal->loop);
}

static void stop_on(uv_loop_t *loop, uv_signal_t *signal, int number)
{
    uv_signal_init(loop, signal);
    uv_signal_start(signal, on_signal, number);
    uv_unref((uv_handle_t *)signal);
}

int main(int argc, char **argv)
{
    static struct server server; /* large, and needed to the very end */
    struct options options = { .listen = { "127.0.0.1:0" } };
    uv_signal_t signals[2];
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    uv_loop_init(&server.loop);
    wire_turn_start(&server.turn, &server.loop);
    TAILQ_INIT(&server.spare);
    TAILQ_INIT(&server.jobs);
    server.workers = options.workers;
    ledger_open(&server.ledger, options.ledger);
    ledger_open(&server.events, options.accept_log);
    stop_on(&server.loop, &signals[0], SIGTERM);
    stop_on(&server.loop, &signals[1], SIGINT);
    unsigned listeners = options.listen_count == 0 ? 1 : options.listen_count;
    for (unsigned i = 0; i < listeners; i++)
        srv_listen(&server, options.listen[i]);
    fflush(stdout);
    uv_run(&server.loop, UV_RUN_DEFAULT);
    if (!options.quiet)
        fprintf(stderr, "test-server: %u connections, %llu executions\n", server.last_serial,
                (unsigned long long)server.executed);
    ledger_close(&server.ledger);
    ledger_close(&server.events);
    return 0;
}
