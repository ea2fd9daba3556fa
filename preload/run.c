/* rpcward-run: starts a program with the library in it, and becomes that program. */
#include "run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rules.h"

#define LIBRARY "librpcward-preload.so"

void run_fail(int status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("rpcward-run: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(status);
}

bool run_find_beside(const char *const *places, unsigned count, int mode, char path[PATH_MAX])
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(own, '/');
    if (slash)
        slash[1] = '\0';
    for (unsigned i = 0; i < count; i++)
        if (snprintf(path, PATH_MAX, "%s%s", own, places[i]) < PATH_MAX && access(path, mode) == 0)
            return true;
    return false;
}

/* As it is built; or where `make install` puts it. */
static void find_library(char path[PATH_MAX])
{
    static const char *const places[] = { LIBRARY, "../lib/rpcward/" LIBRARY };
    if (!run_find_beside(places, 2, R_OK, path))
        run_fail(RUN_FAILED, "cannot find " LIBRARY " beside rpcward-run or in its ../lib/rpcward");
}

static void set(const char *name, const char *value)
{
    if (value && *value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void set_preload(const char *library)
{
    char both[2 * PATH_MAX];
    const char *others = getenv("LD_PRELOAD");
    if (strpbrk(library, " :"))
        run_fail(RUN_FAILED, "the path %s has a space or colon, which LD_PRELOAD cannot hold: move it", library);
    if (snprintf(both, sizeof both, "%s%s%s", library, others ? ":" : "", others ? others : "") >= (int)sizeof both)
        run_fail(RUN_FAILED, "LD_PRELOAD is too long");
    set("LD_PRELOAD", both);
}

static void set_environment(const struct run_options *options, const char *library)
{
    set(SHIM_ENV_PROXY, options->proxy);
    set(SHIM_ENV_TO, options->to);
    set(SHIM_ENV_NOT, options->not_to);
    set(SHIM_ENV_OPEN, options->open ? "1" : NULL);
    set(SHIM_ENV_VERBOSE, options->verbose ? "1" : NULL);
    set_preload(library);
}

int main(int argc, char **argv)
{
    struct run_options options;
    char library[PATH_MAX], path[PATH_MAX];
    run_options_read(argc, argv, &options);
    find_library(library);
    int error = run_find(options.command[0], path);
    if (error)
        run_fail(error == ENOENT ? RUN_NOT_FOUND : RUN_CANNOT, "cannot run %s: %s", options.command[0],
                 strerror(error));
    run_check_reach(path);
    if (options.settings)
        options.proxy = run_private_proxy(options.settings);
    set_environment(&options, library);
    execvp(options.command[0], options.command);
    run_fail(errno == ENOENT ? RUN_NOT_FOUND : RUN_CANNOT, "cannot run %s: %s", path, strerror(errno));
}
