/* NET:PORT from text, and what is in it. */
#include "../../preload/net.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof *(table))

static struct shim_net parsed(const char *text)
{
    struct shim_net net;
    const char *why = shim_net_parse(text, (unsigned)strlen(text), &net);
    if (why)
        fail_msg("%s: %s", text, why);
    return net;
}

static bool has(const char *net, const char *host, uint16_t port)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    bool is_v6 = strchr(host, ':') != NULL;
    struct shim_net parsed_net = parsed(net);
    uint8_t point[16];
    uint16_t found;
    inet_pton(is_v6 ? AF_INET6 : AF_INET, host, is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr);
    const struct sockaddr *any = is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    assert_true(shim_net_point(any, is_v6 ? sizeof v6 : sizeof v4, point, &found));
    return shim_net_has(&parsed_net, point, found);
}

static void test_has(void **state)
{
    static const struct {
        const char *net, *host;
        uint16_t port;
        bool in;
    } rows[] = {
        { "10.0.0.5:445", "10.0.0.5", 445, true },
        { "10.0.0.5:445", "10.0.0.5", 446, false },
        { "10.0.0.5:445", "10.0.0.4", 445, false },
        { "10.0.0.5:*", "10.0.0.5", 1, true },
        { "10.0.0.0/8:135", "10.255.0.1", 135, true },
        { "10.0.0.0/8:135", "11.0.0.1", 135, false },
        { "10.0.0.0/9:135", "10.128.0.1", 135, false },
        { "10.0.0.0/9:135", "10.127.255.255", 135, true },
        { "0.0.0.0/0:135", "1.2.3.4", 135, true },
        { "0.0.0.0/0:135", "fd00::1", 135, false },
        { "*:135", "fd00::1", 135, true },
        { "*:*", "1.2.3.4", 7, true },
        { "[fd00::]/8:135", "fdff::1", 135, true },
        { "[fd00::]/8:135", "fe00::1", 135, false },
        { "[fd00::5]:*", "fd00::5", 135, true },
        { "10.0.0.5:445", "::ffff:10.0.0.5", 445, true },
        { "[::ffff:10.0.0.5]:445", "10.0.0.5", 445, true },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        if (has(rows[i].net, rows[i].host, rows[i].port) != rows[i].in)
            fail_msg("%s %s:%u", rows[i].net, rows[i].host, rows[i].port);
}

static void test_wrong(void **state)
{
    static const char *const rows[] = { "",
                                        "10.0.0.5",
                                        "10.0.0.5:",
                                        "10.0.0.5:0",
                                        "10.0.0.5:65536",
                                        "10.0.0.5:x",
                                        "host:445",
                                        "10.0.0:445",
                                        "10.0.0.0/33:445",
                                        "10.0.0.0/:445",
                                        "[fd00::5]",
                                        "[fd00::]/129:1",
                                        "fd00::5:445",
                                        "10.0.0.5/-1:445",
                                        ":445",
                                        "[10.0.0.5]:445",
                                        "10.0.0.5:4 5",
                                        "**:1" };
    struct shim_net net;
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        if (!shim_net_parse(rows[i], (unsigned)strlen(rows[i]), &net))
            fail_msg("'%s' was taken", rows[i]);
}

/* An address that is cut short has no point; other families have none. */
static void test_no_point(void **state)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    struct sockaddr local = { .sa_family = AF_UNIX };
    uint8_t point[16];
    uint16_t port;
    (void)state;
    assert_false(shim_net_point((const struct sockaddr *)&v6, 23, point, &port));
    assert_true(shim_net_point((const struct sockaddr *)&v6, 24, point, &port));
    assert_false(shim_net_point(&local, sizeof local, point, &port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_no_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
