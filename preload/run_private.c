/* A proxy for one program. Its keeper is a process that is nobody's child, so that the program finds no stranger among
 * its own: it starts the proxy, says when that is ready, and ends it when the program has gone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "map.h"
#include "question.h"
#include "run.h"

#define READY_TIME 10000 /* ms that the proxy may take until it is ready */

struct place {
    char folder[64];
    char socket[80], notify[80];
};

static void make_place(struct place *place)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    bool fits = runtime && *runtime == '/' && strlen(runtime) < 32 && access(runtime, W_OK) == 0;
    snprintf(place->folder, sizeof place->folder, "%s/rpcward-run.XXXXXX", fits ? runtime : "/tmp");
    if (!mkdtemp(place->folder))
        run_fail(RUN_FAILED, "cannot make the folder %s: %s", place->folder, strerror(errno));
    snprintf(place->socket, sizeof place->socket, "%s/shim", place->folder);
    snprintf(place->notify, sizeof place->notify, "%s/notify", place->folder);
}

static void remove_place(const struct place *place)
{
    static const char *const suffixes[] = { "", SHIM_MAP_SUFFIX, SHIM_LOCAL_SUFFIX };
    char path[sizeof place->socket + 8];
    for (unsigned i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(path, sizeof path, "%s%s", place->socket, suffixes[i]);
        unlink(path);
    }
    unlink(place->notify);
    rmdir(place->folder);
}

/* Where it is built, or where `make install` puts it; else by PATH. */
static void find_rpcward(char path[PATH_MAX])
{
    static const char *const places[] = { "rpcward", "../sbin/rpcward" };
    if (!run_find_beside(places, 2, X_OK, path) && run_find("rpcward", path) != 0)
        run_fail(RUN_FAILED, "cannot find rpcward beside this program, in its ../sbin or by PATH");
}

/* ---- the keeper ---- */

static int open_notify(const struct place *place)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, place->notify, strlen(place->notify) + 1);
    return fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

static pid_t start_proxy(const char *rpcward, const char *settings, const struct place *place)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    setenv("NOTIFY_SOCKET", place->notify, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    execl(rpcward, rpcward, "--config", settings, "--shim", place->socket, (char *)NULL);
    fprintf(stderr, "rpcward-run: cannot run %s: %s\n", rpcward, strerror(errno));
    _exit(1);
}

/* True when the first of them has something to say before the others and before the time is over. */
static bool first_of(const int fds[3], int ms)
{
    struct pollfd polled[3];
    for (int i = 0; i < 3; i++)
        polled[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
    int count;
    while ((count = poll(polled, 3, ms)) < 0 && errno == EINTR)
        ;
    return count > 0 && polled[0].revents && !polled[1].revents && !polled[2].revents;
}

static int open_pid(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* What the program has open is not for others to keep open, but for its stderr. */
static void let_go(int program, int tell)
{
    unsigned low = (unsigned)(program < tell ? program : tell), high = (unsigned)(program < tell ? tell : program);
    int nothing = open("/dev/null", O_RDWR);
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
    }
    if (low > 3)
        close_range(3, low - 1, 0);
    if (high > low + 1)
        close_range(low + 1, high - 1, 0);
    close_range(high + 1, UINT_MAX, 0);
    signal(SIGPIPE, SIG_IGN);
}

_Noreturn static void keep(const char *rpcward, const char *settings, const struct place *place, int program,
                           int tell)
{
    let_go(program, tell);
    int notify = open_notify(place);
    pid_t proxy = notify >= 0 ? start_proxy(rpcward, settings, place) : -1;
    int ended = proxy > 0 ? open_pid(proxy) : -1;
    const int until_ready[3] = { notify, ended, program }, until_over[3] = { program, ended, -1 };
    if (ended >= 0 && first_of(until_ready, READY_TIME)) {
        if (write(tell, "", 1) == 1) {
            close(tell);
            first_of(until_over, -1);
        }
    }
    if (proxy > 0) {
        kill(proxy, SIGTERM);
        close(tell);
        waitpid(proxy, NULL, 0);
    }
    remove_place(place);
    _exit(0);
}

const char *run_private_proxy(const char *settings)
{
    static struct place place;
    char rpcward[PATH_MAX], ready;
    int tell[2], program = open_pid(getpid());
    find_rpcward(rpcward);
    make_place(&place);
    if (program < 0 || pipe2(tell, O_CLOEXEC) != 0)
        run_fail(RUN_FAILED, "cannot watch this process: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        close(tell[0]);
        setsid(); /* what the terminal sends is for the program */
        if (fork() == 0)
            keep(rpcward, settings, &place, program, tell[1]);
        _exit(0);
    }
    close(tell[1]);
    close(program);
    if (child > 0)
        waitpid(child, NULL, 0);
    ssize_t got = read(tell[0], &ready, 1);
    close(tell[0]);
    if (got != 1)
        run_fail(RUN_FAILED, "rpcward has not started with %s", settings);
    return place.socket;
}
