/* The proxy's main() without the command line. */
#include "sim.h"

#include "../../proxy/loop.h"

/* A second signal ends the process, and its memory goes with it. Here it goes on until all is closed. */
static void die_slowly(struct px_loop *loop)
{
    if (pol_drained(loop->brain))
        return;
    loop->stopping = false;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

bool proxy_run(struct px_settings *settings, void (*at_end)(void))
{
    static struct px_loop loop;
    static const struct px_source source = { NULL, NULL };
    if (px_loop_open(&loop, settings, &source) != 0)
        return false;
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    px_log_flush(&loop.log);
    at_end();
    die_slowly(&loop);
    px_loop_close(&loop);
    return true;
}
