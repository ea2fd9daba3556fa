/* Fragments in any order, overlapping, incomplete, too many. */
#include "defragment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "packets.h"

enum { MORE = 0x2000, TEXT = 52 };
static const char text[TEXT + 1] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* The bytes from `at` of the UDP datagram with that text. */
static bool add(struct dis_defragment *d, const char *said, unsigned at, unsigned length, bool more, unsigned from,
                struct dis_packet *p)
{
    static struct made m; /* the payload of *p lies in it */
    struct made udp = made_udp(1000, 2000, said, TEXT);
    m = made_ipv4_part(from, 2, 17, (more ? MORE : 0u) | at / 8, udp.bytes + at, length);
    dis_packet_decode(DIS_LINK_RAW, m.bytes, m.length, m.length, p);
    assert_int_equal(p->kind, DIS_PACKET_FRAGMENT);
    return dis_defragment_add(d, p);
}

static void assert_text(const struct dis_packet *p)
{
    assert_int_equal(p->kind, DIS_PACKET_UDP);
    assert_int_equal(p->from.port, 1000);
    assert_int_equal(p->length, TEXT);
    assert_memory_equal(p->payload, text, TEXT);
}

static void test_orders(void **state)
{
    (void)state;
    static const unsigned orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 }, { 0, 2, 1 } };
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct dis_defragment d = { .next = 0 };
        struct dis_packet p;
        for (unsigned j = 0; j < 3; j++) {
            unsigned part = orders[i][j];
            bool done = add(&d, text, part * 24, part < 2 ? 24 : 12, part < 2, 1, &p);
            assert_int_equal(done, j == 2);
        }
        assert_text(&p);
        dis_defragment_free(&d);
        assert_int_equal(d.dropped, 0);
    }
}

/* What came first is kept; what came twice is no harm. */
static void test_overlap(void **state)
{
    (void)state;
    char other[TEXT + 1];
    struct dis_defragment d = { .next = 0 };
    struct dis_packet p;
    memset(other, '!', sizeof(other));
    assert_false(add(&d, text, 0, 32, true, 1, &p));
    assert_false(add(&d, other, 16, 16, true, 1, &p));
    assert_false(add(&d, text, 0, 32, true, 1, &p));
    assert_true(add(&d, text, 32, 28, false, 1, &p));
    assert_text(&p);
    dis_defragment_free(&d);
}

/* Two datagrams that differ by their sender alone. */
static void test_side_by_side(void **state)
{
    (void)state;
    struct dis_defragment d = { .next = 0 };
    struct dis_packet p;
    assert_false(add(&d, text, 0, 32, true, 1, &p));
    assert_false(add(&d, text, 0, 32, true, 3, &p));
    assert_true(add(&d, text, 32, 28, false, 1, &p));
    assert_text(&p);
    assert_true(add(&d, text, 32, 28, false, 3, &p));
    assert_text(&p);
    dis_defragment_free(&d);
}

/* The oldest make room, and are counted. */
static void test_bounded(void **state)
{
    (void)state;
    struct dis_defragment d = { .next = 0 };
    struct dis_packet p;
    for (unsigned i = 0; i < 3 * DIS_DATAGRAMS_OPEN; i++)
        assert_false(add(&d, text, 0, 32, true, 10 + i, &p));
    assert_int_equal(d.dropped, 2 * DIS_DATAGRAMS_OPEN);
    assert_false(add(&d, text, 32, 28, false, 10, &p));
    assert_true(add(&d, text, 32, 28, false, 10 + 3 * DIS_DATAGRAMS_OPEN - 1, &p));
    dis_defragment_free(&d);
}

/* Behind the greatest size of a datagram, cut by the capture, or with blocks behind the end: never whole. */
static void test_impossible(void **state)
{
    (void)state;
    struct dis_defragment d = { .next = 0 };
    struct dis_packet p;
    static const uint8_t bytes[64];
    struct made m = made_ipv4_part(1, 2, 17, 0x1fff, bytes, sizeof(bytes));
    dis_packet_decode(DIS_LINK_RAW, m.bytes, m.length, m.length, &p);
    assert_false(dis_defragment_add(&d, &p));
    assert_int_equal(d.dropped, 1);
    m = made_ipv4_part(1, 2, 17, MORE, bytes, sizeof(bytes));
    dis_packet_decode(DIS_LINK_RAW, m.bytes, m.length - 1, m.length, &p);
    assert_false(dis_defragment_add(&d, &p));
    assert_int_equal(d.dropped, 2);
    assert_false(add(&d, text, 48, 12, true, 1, &p));
    assert_false(add(&d, text, 0, 24, true, 1, &p));
    assert_false(add(&d, text, 24, 8, false, 1, &p));
    dis_defragment_free(&d);
    assert_int_equal(d.dropped, 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),  cmocka_unit_test(test_overlap),    cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_bounded), cmocka_unit_test(test_impossible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
