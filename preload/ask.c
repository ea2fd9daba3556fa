/* One question, one answer, over a socket of its own that lives no longer.
 *
 * All by syscall(2): connect(2) and its like are cancellation points, and a thread that is cancelled here would leave the
 * descriptor behind; and nobody's interception of them, ours included, shall see these calls. */
#include "ask.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rules.h"

#define FULL_PAUSE 2 /* ms before another try, when the proxy has more to take on than its backlog holds */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Positive: something has come. */
static int wait_for(int fd, int64_t ms)
{
    struct pollfd polled = { .fd = fd, .events = POLLIN };
    struct timespec left = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
    return ms > 0 ? (int)syscall(SYS_ppoll, &polled, fd < 0 ? 0 : 1, &left, NULL, 0) : 0;
}

static int reach(int fd, int64_t until)
{
    struct sockaddr_un proxy = { .sun_family = AF_UNIX };
    memcpy(proxy.sun_path, shim_rules.proxy, sizeof proxy.sun_path);
    while (syscall(SYS_connect, fd, &proxy, sizeof proxy) != 0) {
        if (errno != EAGAIN && errno != EINTR)
            return errno;
        if (now_ms() >= until)
            return ETIMEDOUT;
        wait_for(-1, FULL_PAUSE);
    }
    return 0;
}

static int exchange(int fd, const struct shim_question *question, struct shim_answer *answer, int64_t until)
{
    if (syscall(SYS_sendto, fd, question, sizeof *question, MSG_NOSIGNAL, NULL, 0) != (long)sizeof *question)
        return errno ? errno : EPROTO;
    for (bool ended = false;;) {
        long got = syscall(SYS_recvfrom, fd, answer, sizeof *answer, 0, NULL, NULL);
        if (got == (long)sizeof *answer)
            return answer->version == SHIM_VERSION ? 0 : EPROTO;
        if (got > 0 || (got == 0 && ended))
            return EPROTO;
        if (got == 0) { /* Linux looks for a packet first and for the end then: both may have come in between */
            ended = true;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return errno;
        int64_t left = until - now_ms();
        if (left <= 0)
            return ETIMEDOUT;
        wait_for(fd, left);
    }
}

int shim_ask(const struct shim_question *question, struct shim_answer *answer)
{
    int64_t until = now_ms() + shim_rules.wait;
    int fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int error = reach(fd, until);
    if (!error)
        error = exchange(fd, question, answer, until);
    syscall(SYS_close, fd);
    return error;
}

int shim_cookies(int fd, struct shim_question *q)
{
    socklen_t length = sizeof q->cookie;
    if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &q->cookie, &length) != 0)
        return errno;
    length = sizeof q->netns;
    if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &q->netns, &length) != 0)
        q->netns = 0; /* before Linux 5.14 */
    return 0;
}
