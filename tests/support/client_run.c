/* The client's phases: connections opened in batches, kept busy, perhaps held, and finished. */
#include "client.h"

#include <err.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH 128u /* connections being opened at once; what a server's backlog bears */

static void open_more(struct client *client)
{
    while (client->opened < client->options.connections && client->opening < BATCH)
        cli_link_open(client->links[client->opened++]);
}

void cli_link_settled(struct client *client)
{
    client->opening--;
    open_more(client);
}

void cli_link_finished(struct client *client)
{
    if (++client->finished == client->options.connections)
        uv_stop(&client->loop);
}

static void last_round(struct client *client)
{
    if (client->phase != CLI_HOLDING)
        return;
    client->phase = CLI_LAST;
    if (client->input.data != NULL)
        uv_poll_stop(&client->input);
    for (unsigned i = 0; i < client->options.connections; i++)
        cli_link_more(client->links[i], 1);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    last_round(poll->data);
}

/* A line or the end of the input goes on. A file or /dev/null cannot be waited for, and need not be. */
static void hold(struct client *client)
{
    client->phase = CLI_HOLDING;
    puts("ready");
    fflush(stdout);
    if (uv_poll_init(&client->loop, &client->input, STDIN_FILENO) != 0) {
        last_round(client);
        return;
    }
    client->input.data = client;
    uv_poll_start(&client->input, UV_READABLE, on_input);
}

void cli_link_resting(struct client *client)
{
    if (++client->resting == client->options.connections)
        hold(client);
}

static void on_watchdog(uv_timer_t *timer)
{
    struct client *client = timer->data;
    uint64_t patience = client->options.timeout * (uint64_t)1000000;
    uint64_t now = uv_hrtime();
    for (unsigned i = 0; i < client->opened; i++)
        cli_link_expire(client->links[i], now - patience);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct client *client = signal->data;
    (void)number;
    if (client->phase == CLI_HOLDING)
        last_round(client);
    else
        uv_stop(&client->loop);
}

static void listen_to_signals(struct client *client)
{
    static const int numbers[] = { SIGTERM, SIGINT };
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uv_signal_init(&client->loop, &client->signals[i]);
        client->signals[i].data = client;
        uv_signal_start(&client->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&client->signals[i]);
    }
}

void cli_run(struct client *client)
{
    unsigned timeout = client->options.timeout;
    uv_loop_init(&client->loop);
    wire_turn_start(&client->turn, &client->loop);
    listen_to_signals(client);
    uv_timer_init(&client->loop, &client->watchdog);
    client->watchdog.data = client;
    if (timeout > 0)
        uv_timer_start(&client->watchdog, on_watchdog, timeout, timeout < 20 ? 1 : timeout / 20);
    client->links = calloc(client->options.connections, sizeof(struct cli_link *));
    if (client->links == NULL)
        err(1, "connections");
    for (unsigned i = 0; i < client->options.connections; i++)
        client->links[i] = cli_link_new(client);
    open_more(client);
    uv_run(&client->loop, UV_RUN_DEFAULT);
}
