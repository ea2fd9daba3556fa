/* Connects in a signal's handler, whatever the thread that it interrupts is in the middle of: mostly another connect.
 *
 * Usage: signals HOST PORT SECONDS. Prints how many connects were made in the handler and outside; status 1 when one failed,
 * had another peer, or has changed errno. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define KEPT 77 /* an errno that nobody sets */

static struct sockaddr_in host;
static volatile sig_atomic_t inside, wrong;

static bool connects(void)
{
    struct sockaddr_in peer;
    struct linger at_once = { .l_onoff = 1 };
    socklen_t length = sizeof peer;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    errno = KEPT;
    bool good = connect(fd, (struct sockaddr *)&host, sizeof host) == 0 &&
                getpeername(fd, (struct sockaddr *)&peer, &length) == 0 && errno == KEPT &&
                peer.sin_port == host.sin_port && peer.sin_addr.s_addr == host.sin_addr.s_addr;
    close(fd);
    return good;
}

static void on_signal(int number)
{
    int error = errno;
    (void)number;
    if (connects())
        inside++;
    else
        wrong++;
    errno = error;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
    unsigned long outside = 0;
    if (argc != 4)
        return 2;
    host = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])) };
    inet_pton(AF_INET, argv[1], &host.sin_addr);
    time_t until = time(NULL) + atoi(argv[3]);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (; time(NULL) < until; outside++) {
        void *block = malloc(outside % 5000); /* the handler may come while the allocator's lock is held */
        if (!connects())
            wrong++;
        free(block);
    }
    printf("%d %lu\n", (int)inside, outside);
    return wrong != 0;
}
