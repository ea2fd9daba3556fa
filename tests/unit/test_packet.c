/* Packets of every link type, with every header between it and TCP or UDP, cut at every byte. */
#include "packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard.h"
#include "packets.h"

#define MAC "020000000001020000000002"

static struct made tcp_hello(void)
{
    return made_tcp(1025, 135, 1000, 2000, DIS_TCP_ACK, "hello", 5);
}

static void assert_hello(const struct dis_packet *p)
{
    assert_int_equal(p->kind, DIS_PACKET_TCP);
    assert_int_equal(p->from.port, 1025);
    assert_int_equal(p->to.port, 135);
    assert_int_equal(p->sequence, 1000);
    assert_int_equal(p->acknowledged, 2000);
    assert_int_equal(p->tcp_flags, DIS_TCP_ACK);
    assert_int_equal(p->length, 5);
    assert_int_equal(p->missing, 0);
    assert_memory_equal(p->payload, "hello", 5);
}

/* Decodes it whole, then cut at every byte, at the end of the readable world. */
static struct dis_packet decoded(enum dis_link link, const struct made *m)
{
    static uint8_t *room;
    struct dis_packet p;
    if (room == NULL)
        room = guard_new();
    for (size_t cut = 0; cut < m->length; cut++) {
        dis_packet_decode(link, guard_place(room, m->bytes, cut), cut, m->length, &p);
        if (p.kind == DIS_PACKET_TCP)
            assert_true(p.length + p.missing <= m->length);
    }
    dis_packet_decode(link, guard_place(room, m->bytes, m->length), m->length, m->length, &p);
    return p;
}

static void test_links(void **state)
{
    (void)state;
    static const struct {
        enum dis_link link;
        const char *head;
    } rows[] = {
        { DIS_LINK_ETHERNET, MAC "0800" },
        { DIS_LINK_ETHERNET, MAC "810000070800" },          /* VLAN */
        { DIS_LINK_ETHERNET, MAC "88a80001810000070800" },  /* QinQ */
        { DIS_LINK_ETHERNET, MAC "910000018100000781000008" /* three tags */
                                 "0800" },
        { DIS_LINK_COOKED, "00000001000602000000000100000800" },
        { DIS_LINK_COOKED, "0000000100060200000000010000"
                           "8100"
                           "00070800" },
        { DIS_LINK_COOKED2, "0800000000000002000100060200000000010000" },
        { DIS_LINK_LOOPBACK, "02000000" },
        { DIS_LINK_LOOPBACK, "00000002" },
        { DIS_LINK_RAW, "" },
    };
    struct made tcp = tcp_hello();
    struct made ip = made_ipv4(1, 2, 6, &tcp);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct made m = made_behind(rows[i].head, &ip);
        struct dis_packet p = decoded(rows[i].link, &m);
        char text[DIS_ENDPOINT_TEXT];
        assert_hello(&p);
        assert_string_equal(dis_endpoint_format(&p.from, text), "10.0.0.1:1025");
        assert_string_equal(dis_address_format(&p.to, text), "10.0.0.2");
    }
}

static void test_other_ethertypes(void **state)
{
    (void)state;
    struct made tcp = tcp_hello();
    struct made ip = made_ipv4(1, 2, 6, &tcp);
    struct made arp = made_behind(MAC "0806", &ip);
    assert_int_equal(decoded(DIS_LINK_ETHERNET, &arp).kind, DIS_PACKET_OTHER);
}

/* Hop-by-hop, routing, authentication and destination options, in this order. */
static void test_ipv6_extensions(void **state)
{
    (void)state;
    struct made tcp = tcp_hello();
    struct made m = { .length = 0 };
    char text[DIS_ENDPOINT_TEXT];
    made_u16(&m, 43 << 8 | 0);
    made_zeros(&m, 6);
    made_u16(&m, 51 << 8 | 1);
    made_zeros(&m, 14);
    made_u16(&m, 60 << 8 | 4);
    made_zeros(&m, 22);
    made_u16(&m, 6 << 8 | 0);
    made_zeros(&m, 6);
    made_add(&m, tcp.bytes, tcp.length);
    struct made ip = made_ipv6(1, 2, 0, &m);
    struct dis_packet p = decoded(DIS_LINK_RAW, &ip);
    assert_hello(&p);
    assert_string_equal(dis_endpoint_format(&p.from, text), "[fd00::1]:1025");
}

static struct made ipv6_fragment(unsigned offset, unsigned more, const void *bytes, size_t length)
{
    struct made m = { .length = 0 };
    made_u16(&m, 6 << 8);
    made_u16(&m, offset | more);
    made_u32(&m, 99);
    made_add(&m, bytes, length);
    return made_ipv6(1, 2, 44, &m);
}

static void test_ipv6_fragments(void **state)
{
    (void)state;
    struct made tcp = tcp_hello();
    struct made atomic = ipv6_fragment(0, 0, tcp.bytes, tcp.length);
    struct made first = ipv6_fragment(0, 1, tcp.bytes, 16);
    struct made second = ipv6_fragment(16, 0, tcp.bytes + 16, tcp.length - 16);
    struct dis_packet p = decoded(DIS_LINK_RAW, &atomic);
    assert_hello(&p);
    p = decoded(DIS_LINK_RAW, &first);
    assert_int_equal(p.kind, DIS_PACKET_FRAGMENT);
    assert_int_equal(p.identification, 99);
    assert_int_equal(p.offset, 0);
    assert_true(p.more);
    assert_int_equal(p.length, 16);
    p = decoded(DIS_LINK_RAW, &second);
    assert_int_equal(p.kind, DIS_PACKET_FRAGMENT);
    assert_int_equal(p.offset, 16);
    assert_false(p.more);
}

/* The IP header says where the packet ends: Ethernet pads. */
static void test_padding(void **state)
{
    (void)state;
    struct made tcp = tcp_hello();
    struct made ip = made_ipv4(1, 2, 6, &tcp);
    made_zeros(&ip, 9);
    struct dis_packet p = decoded(DIS_LINK_RAW, &ip);
    assert_hello(&p);
}

/* A length of 0: left to the card. */
static void test_offloaded(void **state)
{
    (void)state;
    struct made tcp = tcp_hello();
    struct made ip = made_ipv4(1, 2, 6, &tcp);
    ip.bytes[2] = ip.bytes[3] = 0;
    struct dis_packet p = decoded(DIS_LINK_RAW, &ip);
    assert_hello(&p);
}

/* Cut by the capture: what is there, and how much is not. */
static void test_cut(void **state)
{
    (void)state;
    struct made tcp = tcp_hello();
    struct made ip = made_ipv4(1, 2, 6, &tcp);
    struct dis_packet p;
    dis_packet_decode(DIS_LINK_RAW, ip.bytes, ip.length - 3, ip.length, &p);
    assert_int_equal(p.kind, DIS_PACKET_TCP);
    assert_int_equal(p.length, 2);
    assert_int_equal(p.missing, 3);
}

static void test_bad_lengths(void **state)
{
    (void)state;
    struct made tcp = tcp_hello();
    struct made ip = made_ipv4(1, 2, 6, &tcp);
    ip.bytes[0] = 0x44; /* a header of 16 bytes */
    assert_int_equal(decoded(DIS_LINK_RAW, &ip).kind, DIS_PACKET_OTHER);
    ip = made_ipv4(1, 2, 6, &tcp);
    ip.bytes[20 + 12] = 4 << 4;
    assert_int_equal(decoded(DIS_LINK_RAW, &ip).kind, DIS_PACKET_OTHER);
    ip.bytes[20 + 12] = 15 << 4; /* more header than there are bytes */
    assert_int_equal(decoded(DIS_LINK_RAW, &ip).kind, DIS_PACKET_OTHER);
}

static void test_udp(void **state)
{
    (void)state;
    struct made udp = made_udp(1000, 2000, "datagram", 8);
    struct made ip = made_ipv4(3, 4, 17, &udp);
    struct dis_packet p = decoded(DIS_LINK_RAW, &ip);
    assert_int_equal(p.kind, DIS_PACKET_UDP);
    assert_int_equal(p.length, 8);
    assert_memory_equal(p.payload, "datagram", 8);
}

/* RFC 5952, as inet_ntop() writes them. */
static void test_ipv6_texts(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        const char *text;
    } rows[] = {
        { { 0 }, "::" },
        { { [15] = 1 }, "::1" },
        { { 0x20, 1, 0x0d, 0xb8, [15] = 0x10 }, "2001:db8::10" },
        { { 0xfe, 0x80, [8] = 0x12, 0x34, 0, 0, 0, 0, 0, 5 }, "fe80::1234:0:0:5" },
        { { 0, 1, 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7 }, "1:0:2:3:4:5:6:7" },
        { { [10] = 0xff, 0xff, 10, 0, 0, 1 }, "::ffff:10.0.0.1" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dis_endpoint e = { .version = 6 };
        char text[DIS_ENDPOINT_TEXT];
        memcpy(e.address, rows[i].bytes, 16);
        assert_string_equal(dis_address_format(&e, text), rows[i].text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_other_ethertypes),
        cmocka_unit_test(test_ipv6_extensions),
        cmocka_unit_test(test_ipv6_fragments),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_offloaded),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_bad_lengths),
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_ipv6_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
