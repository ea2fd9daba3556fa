/* What the kernel's account of unsent bytes is worth in which state of TCP, asked of real connections. */
#include "proxy/unsent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WRITTEN  36000u
#define PATIENCE 10000 /* ms */

struct pair {
    int ours, peer;
};

/* The peer takes few bytes before somebody reads, so most of what is written stays unsent. */
static struct pair connected(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int small = 2304, listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    struct pair pair = { .ours = socket(AF_INET, SOCK_STREAM, 0) };
    assert_int_equal(connect(pair.ours, (struct sockaddr *)&address, length), 0);
    pair.peer = accept(listener, NULL, NULL);
    assert_true(pair.peer >= 0);
    close(listener);
    return pair;
}

static void write_all(const struct pair *pair)
{
    static const char bytes[WRITTEN];
    assert_int_equal(send(pair->ours, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL), WRITTEN);
}

static void wait_for(int fd, short events)
{
    struct pollfd wanted = { .fd = fd, .events = events };
    assert_int_equal(poll(&wanted, 1, PATIENCE), 1);
}

static size_t read_to_the_end(int fd)
{
    char bytes[4096];
    size_t sum = 0;
    for (ssize_t n = 1; n > 0; sum += (size_t)(n > 0 ? n : 0)) {
        wait_for(fd, POLLIN);
        n = read(fd, bytes, sizeof bytes);
    }
    return sum;
}

static void let_go(const struct pair *pair)
{
    close(pair->ours);
    close(pair->peer);
}

/* A peer that closes its direction is still sent all there is: what was unsent then arrives, and may run. */
static void test_closed_by_peer(void **state)
{
    (void)state;
    struct pair pair = connected();
    uint32_t unsent = 0;
    char byte;
    write_all(&pair);
    assert_int_equal(shutdown(pair.peer, SHUT_WR), 0);
    wait_for(pair.ours, POLLIN);
    assert_int_equal(read(pair.ours, &byte, 1), 0);
    assert_false(px_unsent_of_dead(pair.ours, &unsent));
    assert_in_range(unsent, WRITTEN / 2, WRITTEN);
    assert_int_equal(shutdown(pair.ours, SHUT_WR), 0);
    assert_int_equal(read_to_the_end(pair.peer), WRITTEN);
    let_go(&pair);
}

static void test_established(void **state)
{
    (void)state;
    struct pair pair = connected();
    uint32_t unsent = 0;
    write_all(&pair);
    assert_false(px_unsent_of_dead(pair.ours, &unsent));
    assert_in_range(unsent, WRITTEN / 2, WRITTEN);
    let_go(&pair);
}

/* After a reset nothing more leaves, so the account is final. */
static void test_reset_by_peer(void **state)
{
    (void)state;
    struct pair pair = connected();
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    uint32_t unsent = 0;
    write_all(&pair);
    assert_int_equal(setsockopt(pair.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(pair.peer);
    wait_for(pair.ours, POLLIN);
    assert_true(px_unsent_of_dead(pair.ours, &unsent));
    assert_in_range(unsent, WRITTEN / 2, WRITTEN);
    close(pair.ours);
}

/* Of a Unix socket nothing is known. */
static void test_unix(void **state)
{
    (void)state;
    int fds[2];
    uint32_t unsent = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[1]);
    assert_false(px_unsent_of_dead(fds[0], &unsent));
    close(fds[0]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_by_peer),
        cmocka_unit_test(test_established),
        cmocka_unit_test(test_reset_by_peer),
        cmocka_unit_test(test_unix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
