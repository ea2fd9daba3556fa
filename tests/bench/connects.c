/* How long connect() takes: connects HOST PORT COUNT prints the median, the 99th percentile and the mean in nanoseconds;
 * connects --serve HOST prints a port, takes whatever comes and closes it.
 *
 * Between two connects the end of the first is waited for: it has really come to the server, whoever is in between, and
 * no way can put off what it has to do to when nobody looks. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int serve(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)address, sizeof *address) != 0 || listen(listener, 4096) != 0)
        return 1;
    getsockname(listener, (struct sockaddr *)address, &length);
    printf("%u\n", ntohs(address->sin_port));
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0)
            close(fd);
    }
}

/* Closed by a reset, so that ports do not run out. */
static int64_t connect_once(const struct sockaddr_in *address)
{
    struct linger at_once = { .l_onoff = 1 };
    char byte;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    int64_t began = now_ns();
    int failed = connect(fd, (const struct sockaddr *)address, sizeof *address);
    int64_t took = now_ns() - began;
    if (failed || recv(fd, &byte, 1, 0) != 0) {
        perror("connect");
        exit(1);
    }
    close(fd);
    return took;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    if (argc == 3 && strcmp(argv[1], "--serve") == 0)
        return inet_pton(AF_INET, argv[2], &address.sin_addr) == 1 ? serve(&address) : 2;
    int count = argc == 4 ? atoi(argv[3]) : 0;
    int64_t *times = calloc((size_t)count + 1, sizeof *times);
    if (count <= 0 || !times || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
        return 2;
    address.sin_port = htons((uint16_t)atoi(argv[2]));
    for (int i = 0; i < 50; i++)
        connect_once(&address);
    for (int i = 0; i < count; i++)
        times[i] = connect_once(&address);
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += times[i];
    qsort(times, (size_t)count, sizeof *times, by_size);
    printf("%lld %lld %lld\n", (long long)times[count / 2], (long long)times[count * 99 / 100],
           (long long)(sum / count));
    free(times);
    return 0;
}
