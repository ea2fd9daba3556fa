/* Addresses from text and back. */
#include "address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof *(table))

static struct px_address parsed(const char *text)
{
    struct px_address address;
    const char *why = "";
    if (!px_address_parse(text, &address, &why))
        fail_msg("%s: %s", text, why);
    return address;
}

static void test_v4(void **state)
{
    struct px_address address = parsed("10.1.2.3:135");
    (void)state;
    assert_int_equal(address.any.sa_family, AF_INET);
    assert_int_equal(address.length, sizeof(struct sockaddr_in));
    assert_int_equal(ntohs(address.v4.sin_port), 135);
    assert_int_equal(ntohl(address.v4.sin_addr.s_addr), 0x0a010203);
}

static void test_v6(void **state)
{
    struct px_address address = parsed("[2001:db8::5]:65535");
    (void)state;
    assert_int_equal(address.any.sa_family, AF_INET6);
    assert_int_equal(address.length, sizeof(struct sockaddr_in6));
    assert_int_equal(ntohs(address.v6.sin6_port), 65535);
    assert_int_equal(address.v6.sin6_addr.s6_addr[0], 0x20);
    assert_int_equal(address.v6.sin6_addr.s6_addr[15], 5);
    assert_int_equal(address.v6.sin6_scope_id, 0);
    assert_int_equal(parsed("[fe80::1%lo]:1").v6.sin6_scope_id, 1);
    assert_int_equal(parsed("[fe80::1%1]:1").v6.sin6_scope_id, 1);
}

static void test_local(void **state)
{
    struct px_address address = parsed("unix:/run/a:b");
    (void)state;
    assert_int_equal(address.any.sa_family, AF_UNIX);
    assert_string_equal(address.local.sun_path, "/run/a:b");
    assert_int_equal(address.length, offsetof(struct sockaddr_un, sun_path) + sizeof "/run/a:b");
}

static void test_bad(void **state)
{
    static const char no_v4[] = "it has no numeric IPv4 address (names are not resolved)";
    static const char no_v6[] = "what is in the brackets is not an IPv6 address";
    static const char missing[] = "the port is missing", not_number[] = "the port is not a number";
    static const char slash[] = "the path of a Unix socket must start with a slash";
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "", no_v4 },
        { ":135", no_v4 },
        { "localhost:135", no_v4 },
        { "10.1:135", no_v4 },
        { "10.1.2.256:1", no_v4 },
        { "010.1.2.3:1", no_v4 },
        { " 10.1.2.3:1", no_v4 },
        { "255.255.255.2555:1", no_v4 },
        { "a-very-long-host-name.example.org:1", no_v4 },
        { "10.1.2.3", missing },
        { "10.1.2.3:", missing },
        { "10.1.2.3:x", not_number },
        { "10.1.2.3:1 ", not_number },
        { "10.1.2.3:-1", not_number },
        { "10.1.2.3:+1", not_number },
        { "10.1.2.3:65536", "the port is above 65535" },
        { "10.1.2.3:4294967297", "the port is above 65535" },
        { "10.1.2.3:99999999999999999999999", "the port is above 65535" },
        { "::1:135", "an IPv6 address must stand in brackets" },
        { "[::1", "the closing bracket is missing" },
        { "[::1]", missing },
        { "[::1]135", missing },
        { "[::1]:", missing },
        { "[::1]:1x", not_number },
        { "[]:1", no_v6 },
        { "[10.1.2.3]:1", no_v6 },
        { "[::g]:1", no_v6 },
        { "[1:2:3:4:5:6:7:8:9:1:2:3:4:5:6:7:8:9:1:2:3:4:5:6:7:8:9:1:2:3:4:5:6:7:8:9]:1", no_v6 },
        { "[fe80::1%no-such-one]:1", "there is no network interface of that name" },
        { "[fe80::1%]:1", "there is no network interface of that name" },
        { "unix:", slash },
        { "unix:run/a", slash },
        { "unix:@a", slash },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct px_address address;
        const char *why = NULL;
        if (px_address_parse(rows[i].text, &address, &why))
            fail_msg("%s was taken", rows[i].text);
        assert_string_equal(why, rows[i].why);
    }
}

/* 107 bytes and their NUL fill sun_path; one more does not fit. */
static void test_longest_path(void **state)
{
    char text[sizeof "unix:" + 108] = "unix:/", shown[PX_ADDRESS_TEXT];
    struct px_address address;
    const char *why = NULL;
    (void)state;
    memset(text + 6, 'p', 106);
    address = parsed(text);
    assert_int_equal(address.length, sizeof(struct sockaddr_un));
    assert_string_equal(px_address_format(&address, shown), text);
    text[6 + 106] = 'p';
    assert_false(px_address_parse(text, &address, &why));
    assert_string_equal(why, "the path of a Unix socket may have at most 107 bytes");
}

static void test_there_and_back(void **state)
{
    static const struct {
        const char *text, *back;
    } rows[] = {
        { "0.0.0.0:0", "0.0.0.0:0" },
        { "10.1.2.3:00135", "10.1.2.3:135" },
        { "[::]:0", "[::]:0" },
        { "[2001:DB8:0:0:0:0:0:5]:135", "[2001:db8::5]:135" },
        { "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:1", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1" },
        { "[fe80::1%1]:1", "[fe80::1%lo]:1" },
        { "[fe80::1%999999999]:1", "[fe80::1%999999999]:1" },
        { "unix:/a", "unix:/a" },
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char text[PX_ADDRESS_TEXT];
        struct px_address address = parsed(rows[i].text);
        assert_string_equal(px_address_format(&address, text), rows[i].back);
    }
}

/* What accept() and getpeername() give, and no setting can be. */
static void test_foreign(void **state)
{
    char text[PX_ADDRESS_TEXT];
    socklen_t header = offsetof(struct sockaddr_un, sun_path);
    struct px_address unnamed = { .length = header, .local = { .sun_family = AF_UNIX, .sun_path = "old" } };
    struct px_address abstract = { .length = header + 4, .local = { .sun_family = AF_UNIX, .sun_path = "\0abcd" } };
    struct px_address full = { .length = sizeof full.local, .local = { .sun_family = AF_UNIX } };
    struct px_address nothing = { .length = 0 };
    (void)state;
    memset(full.local.sun_path, 'f', sizeof full.local.sun_path);
    assert_string_equal(px_address_format(&unnamed, text), "unix:");
    assert_string_equal(px_address_format(&abstract, text), "unix:@abc");
    assert_int_equal(strlen(px_address_format(&full, text)), strlen("unix:") + sizeof full.local.sun_path);
    assert_string_equal(px_address_format(&nothing, text), "?");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v4),      cmocka_unit_test(test_v6),           cmocka_unit_test(test_local),
        cmocka_unit_test(test_bad),     cmocka_unit_test(test_longest_path), cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
