/* rpcward-run: what its parts share. */
#ifndef SHIM_RUN_H
#define SHIM_RUN_H

#include <limits.h>
#include <stdbool.h>

/* As timeout(1) has them. */
enum run_status { RUN_FAILED = 125, RUN_CANNOT = 126, RUN_NOT_FOUND = 127 };

struct run_options {
    const char *proxy;    /* path of the proxy's socket */
    const char *settings; /* of a private proxy; or NULL */
    char *to, *not_to;    /* rules, a space between two; owned */
    bool open, verbose;
    char **command; /* NULL-terminated */
};

/* Ends the process where it cannot go on. */
void run_options_read(int argc, char **argv, struct run_options *options);
_Noreturn void run_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The file that execvp() would take. 0, or the errno that it would end with. */
int run_find(const char *name, char path[PATH_MAX]);

/* The first of these places, relative to this program's own folder, that may be accessed so (access(2)); false: none. */
bool run_find_beside(const char *const *places, unsigned count, int mode, char path[PATH_MAX]);

/* Ends the process when the library would not get into that program, or would see nothing of it. */
void run_check_reach(const char *path);

/* Starts a proxy with these settings that lives as long as this process, whatever it becomes; the path of its socket. */
const char *run_private_proxy(const char *settings);

#endif
