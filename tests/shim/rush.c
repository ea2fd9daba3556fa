/* Threads that connect, fork and close without pause, and look whom they are connected to. Linked against nothing that
 * knows of the shim.
 *
 * Usage: rush HOST HOST PORT SECONDS THREADS. An echo server is at both hosts. Prints what was done; status 1 when a
 * peer's name or an echo was wrong. A SIGALRM ends what hangs. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in hosts[2];
static time_t until;
static atomic_ulong connects, forks, failures, wrong;

static bool says_hello(int fd)
{
    char text[5];
    struct pollfd polled = { .fd = fd, .events = POLLIN };
    return send(fd, "hello", 5, MSG_NOSIGNAL) == 5 && poll(&polled, 1, 10000) == 1 &&
           recv(fd, text, sizeof text, MSG_WAITALL) == 5 && memcmp(text, "hello", 5) == 0;
}

static bool has_peer(int fd, const struct sockaddr_in *host)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &length) == 0 && peer.sin_port == host->sin_port &&
           peer.sin_addr.s_addr == host->sin_addr.s_addr;
}

static bool finish_connect(int fd)
{
    struct pollfd polled = { .fd = fd, .events = POLLOUT };
    int error = 0;
    socklen_t length = sizeof error;
    return errno == EINPROGRESS && poll(&polled, 1, 10000) == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

static void connect_once(const struct sockaddr_in *host, bool blocking)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
    bool good = fd >= 0 && (connect(fd, (const struct sockaddr *)host, sizeof *host) == 0 || finish_connect(fd));
    if (!good)
        failures++;
    else if (!has_peer(fd, host) || !says_hello(fd))
        wrong++;
    else
        connects++;
    if (fd >= 0)
        close(fd);
}

/* In its parent's memory, while that thread waits: what goes wrong is counted there. */
static void vfork_once(const struct sockaddr_in *host)
{
    int status = 0;
    pid_t child = vfork();
    if (child == 0) {
        connect_once(host, true);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        wrong++;
    else
        forks++;
}

/* The child connects by itself: whatever another thread held at the fork must not be in its way, and no descriptor that
 * was open before is needed. */
static void fork_once(const struct sockaddr_in *host)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        close_range(3, ~0u, 0);
        connect_once(host, true);
        _exit(wrong ? 1 : failures ? 2 : 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        (WIFEXITED(status) && WEXITSTATUS(status) == 2 ? &failures : &wrong)[0]++;
    else
        forks++;
}

static void *work(void *number)
{
    uintptr_t turn = (uintptr_t)number;
    for (; time(NULL) < until; turn++) {
        connect_once(&hosts[turn % 2], turn % 3 != 0);
        if (turn % 8 == 0)
            (turn % 16 == 0 ? fork_once : vfork_once)(&hosts[turn / 8 % 2]);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[256];
    if (argc != 6 || atoi(argv[5]) > 256)
        return 2;
    for (int i = 0; i < 2; i++) {
        hosts[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3])) };
        inet_pton(AF_INET, argv[1 + i], &hosts[i].sin_addr);
    }
    until = time(NULL) + atoi(argv[4]);
    alarm((unsigned)atoi(argv[4]) + 30);
    for (int i = 0; i < atoi(argv[5]); i++)
        pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i);
    for (int i = 0; i < atoi(argv[5]); i++)
        pthread_join(threads[i], NULL);
    printf("%lu connects, %lu forks, %lu failures, %lu wrong\n", connects, forks, failures, wrong);
    return wrong != 0;
}
