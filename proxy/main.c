/* rpcward: reads what is asked for, opens, runs, and says how it went by its exit status. */
#include <stdio.h>
#include <stdlib.h>

#include "loop.h"
#include "options.h"

static int run(struct px_settings *settings, const struct px_options *options)
{
    static struct px_loop loop;
    const struct px_source source = { options->file, &options->overrides };
    int status = px_loop_open(&loop, settings, &source);
    if (status == 0)
        px_loop_run(&loop);
    px_loop_close(&loop);
    return status;
}

/* Nothing but the question itself can be wrong here. */
static int explain(const struct px_settings *settings, const struct px_options *options)
{
    return px_settings_explain(settings, options->file, &options->question, stdout, stderr) ? 0 : PX_USAGE_STATUS;
}

int main(int argc, char **argv)
{
    struct px_options options;
    struct px_settings settings;
    px_options_parse(argc, argv, &options);
    int status = px_settings_load(options.file, &options.overrides, &settings, stderr) ? 1 : 0;
    if (status == 0 && options.explain)
        status = explain(&settings, &options);
    else if (status == 0 && options.check)
        px_settings_print(&settings, stdout);
    else if (status == 0)
        status = run(&settings, &options);
    px_settings_free(&settings);
    px_options_free(&options);
    return status;
}
