/* Whole packets to calls: connections of every kind of life. */
#include "traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "news.h"
#include "packets.h"

enum { WHOLE = DIS_FIRST_FRAG | DIS_LAST_FRAG, CLIENT = 1, SERVER = 2, CLIENT_PORT = 1025, SERVER_PORT = 49152 };
enum { SYN = DIS_TCP_SYN, ACK = DIS_TCP_ACK, FIN = DIS_TCP_FIN, RST = DIS_TCP_RST };
#define MS 1000000

static struct told told;

/* A capture that is made while it is read; `next` is what each side sends next. */
struct scene {
    struct dis_traffic *traffic;
    uint64_t frame;
    int64_t now;
    unsigned port; /* of the client */
    uint32_t next[3];
};

static struct scene begun(void)
{
    struct dis_news news = told_news(&told);
    memset(&told, 0, sizeof(told));
    struct scene s = { .traffic = dis_traffic_new(&news), .port = CLIENT_PORT, .next = { 0, 1000, 0xffffff00 } };
    assert_non_null(s.traffic);
    return s;
}

static void done(struct scene *s)
{
    dis_traffic_end(s->traffic);
    assert_int_equal(dis_traffic_shared(s->traffic)->budget.held, 0);
    dis_traffic_free(s->traffic);
}

static void packet(struct scene *s, const struct made *ip, size_t captured)
{
    struct dis_place place = { ++s->frame, s->now += MS };
    dis_traffic_packet(s->traffic, DIS_LINK_RAW, ip->bytes, captured, ip->length, place);
}

/* A segment of its own number; `acknowledged` 0: of all that the other side has sent. */
static void segment(struct scene *s, unsigned from, uint32_t sequence, unsigned flags, const uint8_t *bytes,
                    size_t length, size_t cut)
{
    unsigned to = 3 - from;
    struct made tcp = made_tcp(from == CLIENT ? s->port : SERVER_PORT, from == CLIENT ? SERVER_PORT : s->port,
                               sequence, s->next[to], flags, bytes, length);
    struct made ip = made_ipv4(from, to, 6, &tcp);
    packet(s, &ip, ip.length - cut);
}

static void send_flags(struct scene *s, unsigned from, unsigned flags)
{
    segment(s, from, s->next[from], flags, NULL, 0, 0);
    s->next[from] += (flags & (SYN | FIN)) != 0;
}

static void say(struct scene *s, unsigned from, struct said p)
{
    segment(s, from, s->next[from], ACK, p.bytes, p.length, 0);
    s->next[from] += (uint32_t)p.length;
}

static void connect_both(struct scene *s)
{
    send_flags(s, CLIENT, SYN);
    send_flags(s, SERVER, SYN | ACK);
    send_flags(s, CLIENT, ACK);
}

static void bind_both(struct scene *s)
{
    say(s, CLIENT, say_bind(1));
    say(s, SERVER, say_bind_ack(1));
}

static void test_call(void **state)
{
    (void)state;
    struct scene s = begun();
    connect_both(&s);
    bind_both(&s);
    say(&s, CLIENT, say_request(2, WHOLE, 4));
    say(&s, SERVER, say_response(2, WHOLE));
    assert_int_equal(told.pdus, 4);
    assert_int_equal(told.call_count, 1);
    assert_int_equal(dis_call_last(&told.calls[0]), MS);
    send_flags(&s, CLIENT, FIN | ACK);
    send_flags(&s, SERVER, FIN | ACK);
    done(&s);
    assert_int_equal(told.conversation_count, 1);
    assert_int_equal(told.endings[0], DIS_END_CLOSED);
}

/* The same, and nothing before the request was captured. */
static void test_from_the_middle(void **state)
{
    (void)state;
    struct scene s = begun();
    struct said whole = say_request(1, WHOLE, 4);
    struct said rest = { .length = whole.length - 30 };
    memcpy(rest.bytes, whole.bytes + 30, rest.length);
    say(&s, CLIENT, rest);
    say(&s, SERVER, say_response(1, WHOLE));
    say(&s, CLIENT, say_request(2, WHOLE, 4));
    say(&s, SERVER, say_response(2, WHOLE));
    done(&s);
    assert_int_equal(told.pdus, 3);
    assert_int_equal(told.call_count, 2);
    assert_false(told.calls[0].has_request);
    assert_int_equal(told.calls[1].opnum, 4);
    assert_int_equal(told.calls[1].ending, DIS_END_ANSWERED);
    assert_int_equal(told.endings[0], DIS_END_CAPTURE);
}

/* Bytes in single segments: too few to tell at first. */
static void test_byte_by_byte(void **state)
{
    (void)state;
    struct scene s = begun();
    struct said bind = say_bind(1);
    connect_both(&s);
    for (size_t i = 0; i < bind.length; i++) {
        struct said one = { .bytes = { bind.bytes[i] }, .length = 1 };
        say(&s, CLIENT, one);
    }
    say(&s, SERVER, say_bind_ack(1));
    assert_int_equal(told.pdus, 2);
    done(&s);
}

/* Something else stays something else, though it says what looks like a PDU later; unless its port is forced. */
static void test_other_protocol(void **state)
{
    (void)state;
    for (unsigned forced = 0; forced < 2; forced++) {
        struct scene s = begun();
        struct said hello = { .bytes = "220 hello, this is no RPC\r\n", .length = 27 };
        if (forced)
            assert_true(dis_traffic_force(s.traffic, SERVER_PORT));
        connect_both(&s);
        say(&s, SERVER, hello);
        say(&s, CLIENT, say_request(2, WHOLE, 4));
        done(&s);
        assert_int_equal(told.pdus, forced);
    }
}

/* A connection that ends without an answer, in both ways; one whose client closes it, and so has given its call up; and
 * one that does not end. */
static void test_unanswered(void **state)
{
    (void)state;
    static const struct {
        unsigned client, server;
        enum dis_ending ending;
    } rows[] = {
        { FIN | ACK, FIN | ACK, DIS_END_CLOSED }, { 0, FIN | ACK, DIS_END_CLOSED },
        { 0, RST | ACK, DIS_END_RESET },          { RST, 0, DIS_END_RESET },
        { FIN | ACK, 0, DIS_END_CLOSED },         { 0, 0, DIS_END_CAPTURE },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s = begun();
        connect_both(&s);
        bind_both(&s);
        say(&s, CLIENT, say_request(2, WHOLE, 4));
        if (rows[i].client != 0)
            send_flags(&s, CLIENT, rows[i].client);
        if (rows[i].server != 0)
            send_flags(&s, SERVER, rows[i].server);
        done(&s);
        assert_int_equal(told.call_count, 1);
        assert_int_equal(told.calls[0].ending, rows[i].ending);
    }
}

/* One that is over is told after a while, when nothing late can come any more. */
static void test_told_in_time(void **state)
{
    (void)state;
    struct scene s = begun();
    connect_both(&s);
    bind_both(&s);
    send_flags(&s, SERVER, RST);
    assert_int_equal(told.conversation_count, 0);
    s.now += DIS_CLOSING_TIME;
    s.port++;
    send_flags(&s, CLIENT, SYN);
    assert_int_equal(told.conversation_count, 1);
    done(&s);
}

/* The same ports again: a connection of its own. */
static void test_ports_again(void **state)
{
    (void)state;
    struct scene s = begun();
    for (unsigned i = 0; i < 3; i++) {
        s.next[CLIENT] += 70000;
        connect_both(&s);
        bind_both(&s);
        send_flags(&s, CLIENT, SYN | ACK); /* a SYN that is no first one */
    }
    done(&s);
    assert_int_equal(told.conversation_count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(told.streams[i], i);
}

/* Segments of a request in the wrong order and twice. */
static void test_reordered(void **state)
{
    (void)state;
    struct scene s = begun();
    struct said p = say_request(2, WHOLE, 4);
    connect_both(&s);
    bind_both(&s);
    segment(&s, CLIENT, s.next[CLIENT] + 20, ACK, p.bytes + 20, p.length - 20, 0);
    segment(&s, CLIENT, s.next[CLIENT] + 20, ACK, p.bytes + 20, p.length - 20, 0);
    segment(&s, CLIENT, s.next[CLIENT], ACK, p.bytes, 25, 0);
    s.next[CLIENT] += (uint32_t)p.length;
    say(&s, SERVER, say_response(2, WHOLE));
    assert_int_equal(told.call_count, 1);
    assert_int_equal(told.calls[0].request_last.frame, 6); /* where its last byte lay */
    done(&s);
    assert_int_equal(dis_call_last(&told.calls[0]), 2 * MS + MS);
}

/* A lost request: the next call on the connection is read; the answers are not paired with what they do not answer. */
static void test_gap(void **state)
{
    (void)state;
    struct scene s = begun();
    connect_both(&s);
    bind_both(&s);
    s.next[CLIENT] += 64; /* call 2 is not in the capture */
    say(&s, SERVER, say_response(2, WHOLE));
    say(&s, CLIENT, say_request(3, WHOLE, 5));
    say(&s, SERVER, say_response(3, WHOLE)); /* acknowledges what is missing */
    for (unsigned i = 0; i < 40; i++)
        send_flags(&s, CLIENT, ACK);
    assert_int_equal(told.call_count, 2);
    assert_false(told.calls[0].has_request);
    assert_true(told.calls[1].has_request);
    assert_int_equal(dis_call_last(&told.calls[1]), MS);
    done(&s);
    assert_int_equal(told.call_count, 2);
}

/* Bytes of the server are missing: its answer may be among them. */
static void test_lost_answer(void **state)
{
    (void)state;
    struct scene s = begun();
    connect_both(&s);
    bind_both(&s);
    say(&s, CLIENT, say_request(2, WHOLE, 4));
    s.next[SERVER] += 48;
    say(&s, CLIENT, say_request(3, WHOLE, 4));
    say(&s, SERVER, say_response(3, WHOLE));
    send_flags(&s, SERVER, FIN | ACK);
    send_flags(&s, CLIENT, FIN | ACK);
    done(&s);
    assert_int_equal(told.call_count, 2);
    assert_int_equal(told.calls[0].id, 3);
    assert_int_equal(told.calls[0].ending, DIS_END_ANSWERED);
    assert_int_equal(told.calls[1].id, 2);
    assert_int_equal(told.calls[1].ending, DIS_END_GAP);
}

/* Every packet cut after the first 24 bytes of its payload: headers are enough for calls. */
static void test_snap_length(void **state)
{
    (void)state;
    struct scene s = begun();
    connect_both(&s);
    for (uint32_t id = 1; id <= 3; id++) {
        struct said request = say_request(id, WHOLE, 4);
        struct said response = say_response(id, WHOLE);
        segment(&s, CLIENT, s.next[CLIENT], ACK, request.bytes, request.length, request.length - 24);
        s.next[CLIENT] += (uint32_t)request.length;
        segment(&s, SERVER, s.next[SERVER], ACK, response.bytes, response.length, response.length - 24);
        s.next[SERVER] += (uint32_t)response.length;
    }
    assert_int_equal(dis_traffic_counts(s.traffic)->cut, 6);
    done(&s);
    assert_int_equal(told.cut, 6);
    assert_int_equal(told.call_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(told.calls[i].ending, DIS_END_ANSWERED);
        assert_int_equal(told.calls[i].opnum, 4);
    }
}

/* Only the client's packets were captured. */
static void test_one_sided(void **state)
{
    (void)state;
    struct scene s = begun();
    send_flags(&s, CLIENT, SYN);
    say(&s, CLIENT, say_bind(1));
    say(&s, CLIENT, say_request(2, WHOLE, 4));
    send_flags(&s, CLIENT, FIN | ACK);
    done(&s);
    assert_int_equal(told.calls[0].ending, DIS_END_ONE_SIDED);
}

static void test_fragments(void **state)
{
    (void)state;
    struct scene s = begun();
    struct said p = say_bind(1);
    connect_both(&s);
    struct made tcp = made_tcp(s.port, SERVER_PORT, s.next[CLIENT], s.next[SERVER], ACK, p.bytes, p.length);
    struct made second = made_ipv4_part(CLIENT, SERVER, 6, 32 / 8, tcp.bytes + 32, tcp.length - 32);
    struct made first = made_ipv4_part(CLIENT, SERVER, 6, 0x2000, tcp.bytes, 32);
    packet(&s, &second, second.length);
    packet(&s, &first, first.length);
    assert_int_equal(told.pdus, 1);
    done(&s);
}

static void test_datagrams(void **state)
{
    (void)state;
    struct scene s = begun();
    uint8_t pdu[88] = { 4, 0, 0x20, 0, 0x10 };
    pdu[74] = 8;
    for (unsigned bad = 0; bad < 4; bad++) {
        struct made udp = made_udp(1000, 34964, pdu, sizeof(pdu) - (bad == 3));
        if (bad == 1)
            udp.bytes[8] = 5;
        if (bad == 2)
            udp.bytes[8 + 6] = 1;
        struct made ip = made_ipv4(CLIENT, SERVER, 17, &udp);
        packet(&s, &ip, ip.length);
    }
    assert_int_equal(told.datagrams, 1);
    assert_int_equal(dis_traffic_counts(s.traffic)->datagrams, 1);
    done(&s);
}

/* Many connections, few of them open: the table keeps no more than those. */
static void test_many(void **state)
{
    (void)state;
    struct scene s = begun();
    for (unsigned i = 0; i < 3000; i++) {
        s.port = 1025 + i;
        connect_both(&s);
        send_flags(&s, SERVER, FIN | ACK);
        send_flags(&s, CLIENT, FIN | ACK);
        s.now += DIS_CLOSING_TIME / 10;
    }
    assert_int_equal(dis_traffic_counts(s.traffic)->packets, 15000);
    assert_int_equal(dis_traffic_counts(s.traffic)->evicted, 0);
    done(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),         cmocka_unit_test(test_from_the_middle),
        cmocka_unit_test(test_byte_by_byte), cmocka_unit_test(test_other_protocol),
        cmocka_unit_test(test_unanswered),   cmocka_unit_test(test_told_in_time),
        cmocka_unit_test(test_ports_again),  cmocka_unit_test(test_reordered),
        cmocka_unit_test(test_gap),          cmocka_unit_test(test_lost_answer),
        cmocka_unit_test(test_snap_length),  cmocka_unit_test(test_one_sided),
        cmocka_unit_test(test_fragments),    cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
