/* Segments in order, out of order, twice, overlapping, around the end of the numbers, and with bytes that never come. */
#include "stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROOM = 1 << 16 };
#define MS 1000000

/* What was delivered: bytes as they are, and a '#' where some are missing. */
struct reader {
    struct dis_stream stream;
    struct dis_budget budget;
    struct dis_sink_of_bytes sink;
    char bytes[ROOM];
    size_t length;
    size_t missing;
    unsigned cuts;
    const uint8_t *last; /* where the bytes lay that came last */
    uint64_t frame;
    uint64_t last_frame;
    int64_t now;
};

static void on_bytes(void *context, const uint8_t *bytes, size_t length, struct dis_place place)
{
    struct reader *r = context;
    assert_true(length > 0 && length < ROOM - r->length);
    memcpy(r->bytes + r->length, bytes, length);
    r->length += length;
    r->last = bytes;
    r->last_frame = place.frame;
}

static void on_missing(void *context, size_t length, bool cut, struct dis_place place)
{
    struct reader *r = context;
    (void)place;
    r->bytes[r->length++] = '#';
    r->missing += length == SIZE_MAX ? 0 : length;
    r->cuts += cut;
}

static struct reader *reader_new(void)
{
    struct reader *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    r->budget.most = 1 << 20;
    r->sink = (struct dis_sink_of_bytes){ r, on_bytes, on_missing };
    return r;
}

static void reader_free(struct reader *r)
{
    dis_stream_free(&r->stream, &r->budget);
    assert_int_equal(r->budget.held, 0);
    free(r);
}

static void put_cut(struct reader *r, uint32_t sequence, unsigned flags, const char *text, size_t missing)
{
    struct dis_packet p = { .kind = DIS_PACKET_TCP,
                            .sequence = sequence,
                            .tcp_flags = (uint8_t)flags,
                            .payload = (const uint8_t *)text,
                            .length = strlen(text),
                            .missing = missing };
    struct dis_place place = { ++r->frame, r->now };
    dis_stream_add(&r->stream, &r->budget, &p, place, &r->sink);
}

static void put(struct reader *r, uint32_t sequence, const char *text)
{
    put_cut(r, sequence, 0, text, 0);
}

static void wait_for(struct reader *r, int64_t time, const uint32_t *acknowledged)
{
    r->now += time;
    dis_stream_wait(&r->stream, &r->budget, r->now, acknowledged, &r->sink);
}

#define assert_read(r, text)                                  \
    do {                                                      \
        assert_int_equal((r)->length, strlen(text));          \
        assert_memory_equal((r)->bytes, (text), (r)->length); \
    } while (0)

static void test_in_order(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    const char *second = "def";
    dis_stream_open(&r->stream, 99);
    put(r, 100, "abc");
    put(r, 103, second);
    assert_read(r, "abcdef");
    assert_ptr_equal(r->last, second); /* where it lay: not copied */
    reader_free(r);
}

static void test_out_of_order(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    dis_stream_open(&r->stream, 99);
    put(r, 109, "jkl");
    put(r, 103, "def");
    put(r, 106, "ghi");
    assert_read(r, "");
    put(r, 100, "abc");
    assert_read(r, "abcdefghijkl");
    assert_int_equal(r->last_frame, 1); /* the packet that brought the last byte */
    reader_free(r);
}

static void test_again(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    put(r, 100, "abc");
    put(r, 100, "abc");
    put(r, 101, "bcdef");
    put(r, 99, "z"); /* keep-alive */
    assert_read(r, "abcdef");
    assert_int_equal(r->stream.repeated, 2);
    reader_free(r);
}

/* Held bytes overlap in every way; the first ones win. */
static void test_first_wins(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    dis_stream_open(&r->stream, 99);
    put(r, 104, "EF");
    put(r, 102, "cdeF"); /* its middle is there already, and the same but for one */
    put(r, 110, "KL");
    put(r, 103, "defghijklm"); /* around two that are there */
    assert_read(r, "");
    put(r, 100, "abCD");
    assert_read(r, "abCDEFghijKLm");
    assert_int_equal(r->stream.different, 3);
    reader_free(r);
}

static void test_wrap(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    dis_stream_open(&r->stream, 0xfffffffc);
    put(r, 2, "fgh");
    put(r, 0xffffffff, "cde");
    put(r, 0xfffffffd, "ab");
    assert_read(r, "abcdefgh");
    reader_free(r);
}

/* The first packet of a capture may be any. */
static void test_from_the_middle(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    put(r, 5000, "abc");
    put(r, 5003, "def");
    assert_read(r, "abcdef");
    assert_false(r->stream.from_syn);
    reader_free(r);
}

/* Acknowledged bytes will not be sent again: after a moment, in which the capture may have changed the order. */
static void test_acknowledged_gap(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    uint32_t before = 103;
    uint32_t behind = 104;
    put(r, 100, "abc");
    put(r, 105, "fgh");
    for (unsigned i = 0; i < 100; i++)
        wait_for(r, 20 * MS, &before);
    assert_read(r, "abc");
    r->stream.held_packets = 0;
    r->stream.held_since = r->now;
    wait_for(r, 1 * MS, &behind);
    assert_read(r, "abc");
    wait_for(r, 20 * MS, &behind);
    assert_read(r, "abc#fgh");
    assert_int_equal(r->missing, 2);
    put(r, 103, "de"); /* too late */
    put(r, 108, "ijk");
    assert_read(r, "abc#fghijk");
    reader_free(r);
}

/* Without the other side nothing is ever acknowledged. */
static void test_lone_gap(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    put(r, 100, "abc");
    put(r, 105, "fgh");
    wait_for(r, 10 * MS, NULL);
    assert_read(r, "abc");
    wait_for(r, 4000 * (int64_t)MS, NULL);
    assert_read(r, "abc#fgh");
    reader_free(r);
}

/* More than may be held: the oldest hole is given up. */
static void test_limits(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    put(r, 100, "a");
    for (uint32_t i = 0; i < 2 * DIS_STREAM_SEGMENTS_MOST; i++)
        put(r, 102 + 2 * i, "b");
    assert_true(r->stream.held_count <= DIS_STREAM_SEGMENTS_MOST);
    assert_true(r->stream.gaps >= DIS_STREAM_SEGMENTS_MOST);
    r->budget.most = r->budget.held;
    uint32_t gaps = r->stream.gaps;
    put(r, 102 + 4 * DIS_STREAM_SEGMENTS_MOST, "c");
    assert_true(r->budget.held <= r->budget.most);
    assert_true(r->stream.gaps > gaps);
    reader_free(r);
}

static void test_end(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    put(r, 100, "abc");
    put_cut(r, 106, DIS_TCP_FIN, "ghi", 0);
    assert_false(r->stream.finished);
    put(r, 103, "def");
    assert_true(r->stream.finished);
    assert_read(r, "abcdefghi");
    reader_free(r);
    r = reader_new();
    put(r, 100, "abc");
    put(r, 106, "ghi");
    put(r, 112, "mno");
    dis_stream_flush(&r->stream, &r->budget, &r->sink);
    assert_read(r, "abc#ghi#mno");
    reader_free(r);
}

/* Bytes that the capture cut off, in order and held. */
static void test_cut(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    put_cut(r, 100, 0, "abc", 7);
    put_cut(r, 120, 0, "uv", 8);
    put_cut(r, 110, 0, "klm", 7);
    put(r, 130, "!");
    assert_read(r, "abc#klm#uv#!");
    assert_int_equal(r->missing, 22);
    assert_int_equal(r->cuts, 3);
    reader_free(r);
}

/* Numbers that are far behind: another connection, whose beginning was not seen. */
static void test_begins_anew(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    put(r, 0x70000000, "abc");
    put(r, 0x10000000, "xyz");
    put(r, 0x10000003, "!");
    assert_read(r, "abc#xyz!");
    reader_free(r);
}

static void test_blocked(void **state)
{
    (void)state;
    struct reader *r = reader_new();
    put(r, 100, "abc");
    r->stream.blocked = true;
    put(r, 103, "def");
    put(r, 102, "cdefg");
    assert_read(r, "abc");
    assert_false(dis_stream_has_hole(&r->stream));
    dis_stream_unblock(&r->stream, &r->budget, &r->sink);
    assert_read(r, "abcdefg");
    reader_free(r);
}

/* Any order, any overlap, some twice: the same bytes come out. */
static void test_random(void **state)
{
    (void)state;
    enum { LENGTH = 400, ROUNDS = 2000 };
    char text[LENGTH + 1];
    for (unsigned i = 0; i < LENGTH; i++)
        text[i] = (char)('a' + (i * 7 + i / 26) % 26);
    text[LENGTH] = '\0';
    srand(1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct reader *r = reader_new();
        uint32_t first = (uint32_t)rand() * 2654435761u;
        dis_stream_open(&r->stream, first - 1);
        while (r->length < LENGTH) {
            char part[64] = "";
            unsigned at = (unsigned)rand() % LENGTH;
            unsigned length = 1 + (unsigned)rand() % 60;
            strncat(part, text + at, length);
            put(r, first + at, part);
        }
        assert_read(r, text);
        assert_null(r->stream.held);
        assert_int_equal(r->stream.different, 0);
        reader_free(r);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_first_wins),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_from_the_middle),
        cmocka_unit_test(test_acknowledged_gap),
        cmocka_unit_test(test_lone_gap),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_begins_anew),
        cmocka_unit_test(test_blocked),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
