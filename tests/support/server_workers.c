/* A fixed number of workers, as an RPC server with so many threads has: a call that takes time takes one of them for that
 * time, in the order in which the calls came, and whether or not its client is still there. */
#include "server.h"

#include <err.h>
#include <stdlib.h>

struct srv_job {
    TAILQ_ENTRY(srv_job) entry;
    struct server *server;
    struct srv_call *call; /* NULL: its client has gone */
    uint64_t ms;
    uv_timer_t timer;
};

static void on_freed(uv_handle_t *timer)
{
    free(timer->data);
}

static void start_next(struct server *server);

static void on_done(uv_timer_t *timer)
{
    struct srv_job *job = timer->data;
    struct server *server = job->server;
    struct srv_call *call = job->call;
    server->workers_busy--;
    uv_close((uv_handle_t *)timer, on_freed);
    start_next(server);
    if (call == NULL)
        return;
    call->job = NULL;
    call->due(call);
}

static void start_next(struct server *server)
{
    struct srv_job *job = TAILQ_FIRST(&server->jobs);
    if (job == NULL || server->workers_busy == server->workers)
        return;
    TAILQ_REMOVE(&server->jobs, job, entry);
    server->workers_busy++;
    uv_update_time(&server->loop);
    uv_timer_start(&job->timer, on_done, job->ms, 0);
}

void srv_work(struct srv_call *call, uint64_t ms)
{
    struct server *server = call->link->server;
    struct srv_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        err(1, "job");
    *job = (struct srv_job){ .server = server, .call = call, .ms = ms };
    uv_timer_init(&server->loop, &job->timer);
    job->timer.data = job;
    call->job = job;
    TAILQ_INSERT_TAIL(&server->jobs, job, entry);
    start_next(server);
}

void srv_work_unwatched(struct srv_call *call)
{
    if (call->job != NULL)
        call->job->call = NULL;
    call->job = NULL;
}
