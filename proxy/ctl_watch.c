/* Of all open calls the few oldest are kept. */
#include "ctl_watch.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_table.h"

#define SLOWEST 20u

struct call {
    unsigned long long age;
    char *json;
};

struct watch {
    bool json;
    struct ctl_table *servers;
    unsigned long long calls;
    unsigned kept;
    struct call slowest[SLOWEST + 1]; /* the oldest first; the last is about to go */
};

static void on_server(void *owner, const char *json, const struct ctl_line *line)
{
    struct watch *w = owner;
    if (w->json)
        fputs(json, stdout);
    else
        ctl_table_add(w->servers, line);
}

static void on_call(void *owner, const char *json, const struct ctl_line *line)
{
    struct watch *w = owner;
    const char *age = ctl_line_get(line, "age_us");
    struct call call = { age ? strtoull(age, NULL, 10) : 0, NULL };
    unsigned at = w->kept;
    w->calls++;
    for (; at > 0 && w->slowest[at - 1].age < call.age; at--)
        w->slowest[at] = w->slowest[at - 1];
    if (at == SLOWEST)
        return;
    if (!(call.json = strdup(json)))
        abort();
    w->slowest[at] = call;
    if (w->kept < SLOWEST)
        w->kept++;
    else
        free(w->slowest[SLOWEST].json);
}

static void print_calls(struct watch *w)
{
    struct ctl_table *table = w->json ? NULL : ctl_table_new("open-call");
    for (unsigned i = 0; i < w->kept; i++) {
        struct ctl_line line;
        if (w->json)
            fputs(w->slowest[i].json, stdout);
        else if (ctl_line_read(w->slowest[i].json, &line))
            ctl_table_add(table, &line);
        free(w->slowest[i].json);
    }
    if (table)
        ctl_table_print(table);
}

static int draw(struct ctl_talk *talk, bool json, bool terminal)
{
    struct watch w = { .json = json, .servers = json ? NULL : ctl_table_new("server") };
    int status = ctl_ask(talk, "show servers", on_server, &w);
    if (status == CTL_GOOD)
        status = ctl_ask(talk, "show calls", on_call, &w);
    if (terminal)
        fputs("\033[H\033[J", stdout);
    if (w.servers)
        ctl_table_print(w.servers);
    if (!json)
        printf("\n%llu open calls%s\n", w.calls, w.calls > w.kept ? ", the slowest of which are" : "");
    print_calls(&w);
    fputs(json ? "" : "\n", stdout);
    return fflush(stdout) == 0 ? status : CTL_FAILED;
}

int ctl_watch(struct ctl_talk *talk, unsigned seconds, bool json)
{
    struct pollfd end = { .fd = talk->fd, .events = POLLIN };
    bool terminal = isatty(STDOUT_FILENO) && !json;
    int status;
    while ((status = draw(talk, json, terminal)) == CTL_GOOD)
        poll(&end, 1, (int)(seconds * 1000)); /* rpcward's end cuts it short */
    return status;
}
