/* As small and quick a SOCKS 5 server (RFC 1928) as can be, for what torsocks and proxychains cost beside the shim: no
 * authentication, IPv4, one thread a connection. Prints its port. What is relayed after the connect is only its end. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool receive(int fd, uint8_t *bytes, size_t length)
{
    return recv(fd, bytes, length, MSG_WAITALL) == (ssize_t)length;
}

static int dial(const uint8_t *host, const uint8_t *port)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    struct linger at_once = { .l_onoff = 1 }; /* by a reset, so that ports do not run out */
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    memcpy(&to.sin_addr, host, 4);
    memcpy(&to.sin_port, port, 2);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

/* torsocks gives an address as a name. False: it is neither. */
static bool read_destination(int fd, uint8_t host[4], uint8_t port[2])
{
    uint8_t head[5];
    char name[256] = "";
    if (!receive(fd, head, sizeof head))
        return false;
    host[0] = head[4];
    if (head[3] == 1)
        return receive(fd, host + 1, 3) && receive(fd, port, 2);
    return head[3] == 3 && receive(fd, (uint8_t *)name, head[4]) && inet_pton(AF_INET, name, host) == 1 &&
           receive(fd, port, 2);
}

static void wait_for_end(int fd, int up)
{
    struct pollfd polled[] = { { .fd = fd, .events = POLLIN }, { .fd = up, .events = POLLIN } };
    poll(polled, 2, -1);
}

static void *serve(void *argument)
{
    static const uint8_t method[] = { 5, 0 }, done[] = { 5, 0, 0, 1, 127, 0, 0, 1, 0, 1 };
    int fd = (int)(intptr_t)argument, up = -1;
    uint8_t bytes[258], host[4], port[2];
    if (receive(fd, bytes, 2) && receive(fd, bytes + 2, bytes[1]) && send(fd, method, 2, MSG_NOSIGNAL) == 2 &&
        read_destination(fd, host, port) && (up = dial(host, port)) >= 0 &&
        send(fd, done, sizeof done, MSG_NOSIGNAL) == (ssize_t)sizeof done)
        wait_for_end(fd, up);
    if (up >= 0)
        close(up);
    close(fd);
    return NULL;
}

int main(void)
{
    struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t length = sizeof own;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (bind(listener, (struct sockaddr *)&own, sizeof own) != 0 || listen(listener, 4096) != 0)
        return 1;
    getsockname(listener, (struct sockaddr *)&own, &length);
    printf("%u\n", ntohs(own.sin_port));
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
}
