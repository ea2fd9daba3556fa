/* PDUs in a stream that has holes: cut out wherever packets end, found again behind what is missing. */
#include "reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "samples.h"

enum { MOST = 64 };

struct heard {
    struct dis_reader reader;
    struct dis_place place;
    unsigned count;
    struct {
        uint32_t call_id;
        uint64_t offset;
        size_t length;
        size_t missing;
        uint64_t first;
        uint64_t last;
        const uint8_t *bytes;
    } found[MOST];
};

static void take(void *context, const struct dis_found *f)
{
    struct heard *h = context;
    assert_true(h->count < MOST && f->length >= DIS_HEADER_SIZE);
    h->found[h->count].call_id = dis_header_decode(f->bytes).call_id;
    h->found[h->count].offset = f->offset;
    h->found[h->count].length = f->length;
    h->found[h->count].missing = f->missing;
    h->found[h->count].first = f->first.frame;
    h->found[h->count].last = f->last.frame;
    h->found[h->count++].bytes = f->bytes;
}

static struct heard heard_new(bool lost)
{
    return (struct heard){ .reader = { .framing = &dis_pdu_framing, .lost = lost } };
}

static void bytes(struct heard *h, const uint8_t *b, size_t length)
{
    h->place.frame++;
    dis_reader_bytes(&h->reader, b, length, h->place, take, h);
}

static void missing(struct heard *h, size_t length)
{
    dis_reader_missing(&h->reader, length, h->place, take, h);
}

/* Requests that have their call ids from 1. */
static size_t requests(uint8_t *out, unsigned count)
{
    struct sample s = sample(REQUEST_SIGNED);
    for (unsigned i = 0; i < count; i++) {
        memcpy(out + i * s.length, s.bytes, s.length);
        out[i * s.length + 12] = (uint8_t)(1 + i);
    }
    return count * s.length;
}

static void test_split_everywhere(void **state)
{
    (void)state;
    uint8_t stream[4 * SAMPLE_ROOM];
    size_t length = requests(stream, 3);
    size_t one = length / 3;
    for (size_t split = 0; split <= length; split++) {
        struct heard h = heard_new(false);
        bytes(&h, stream, split);
        bytes(&h, stream + split, length - split);
        assert_int_equal(h.count, 3);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(h.found[i].call_id, i + 1);
            assert_int_equal(h.found[i].offset, i * one);
            assert_int_equal(h.found[i].missing, 0);
            assert_int_equal(h.found[i].first, i * one < split ? 1 : 2);
            assert_int_equal(h.found[i].last, (i + 1) * one <= split ? 1 : 2);
        }
        assert_int_equal(h.reader.skipped, 0);
        dis_reader_free(&h.reader);
    }
}

/* One that lies in one packet is told where it lies. */
static void test_in_place(void **state)
{
    (void)state;
    uint8_t stream[4 * SAMPLE_ROOM];
    size_t length = requests(stream, 2);
    struct heard h = heard_new(false);
    bytes(&h, stream, length);
    assert_ptr_equal(h.found[1].bytes, stream + length / 2);
    dis_reader_free(&h.reader);
}

/* A hole in a PDU's body costs that body, and no more. */
static void test_hole_in_body(void **state)
{
    (void)state;
    uint8_t stream[4 * SAMPLE_ROOM];
    size_t length = requests(stream, 3);
    size_t one = length / 3;
    for (size_t from = DIS_HEADER_SIZE; from < one; from++) {
        struct heard h = heard_new(false);
        bytes(&h, stream, one + from);
        missing(&h, one - from);
        bytes(&h, stream + 2 * one, one);
        assert_int_equal(h.count, 3);
        assert_int_equal(h.found[1].call_id, 2);
        assert_int_equal(h.found[1].length, from);
        assert_int_equal(h.found[1].missing, one - from);
        assert_int_equal(h.found[1].offset, one);
        assert_int_equal(h.found[2].call_id, 3);
        assert_int_equal(h.found[2].offset, 2 * one);
        assert_int_equal(h.reader.losses, 0);
        dis_reader_free(&h.reader);
    }
}

/* A hole over the next header: what is known of the PDU before is told, and the next header is found in mid-packet. */
static void test_hole_over_header(void **state)
{
    (void)state;
    uint8_t stream[6 * SAMPLE_ROOM];
    size_t length = requests(stream, 5);
    size_t one = length / 5;
    struct heard h = heard_new(false);
    bytes(&h, stream, one + 20);
    missing(&h, one);
    bytes(&h, stream + 2 * one + 20, length - 2 * one - 20);
    assert_int_equal(h.count, 4);
    assert_int_equal(h.found[1].call_id, 2);
    assert_int_equal(h.found[1].length, 20);
    assert_int_equal(h.found[1].missing, one - 20);
    assert_int_equal(h.found[1].offset, one);
    assert_int_equal(h.found[2].call_id, 4);
    assert_int_equal(h.found[2].offset, 3 * one);
    assert_int_equal(h.reader.skipped, one - 20);
    dis_reader_free(&h.reader);
}

/* How much is missing is not known. */
static void test_unknown_hole(void **state)
{
    (void)state;
    uint8_t stream[4 * SAMPLE_ROOM];
    size_t length = requests(stream, 3);
    size_t one = length / 3;
    struct heard h = heard_new(false);
    bytes(&h, stream, one + 30);
    missing(&h, SIZE_MAX);
    bytes(&h, stream + 2 * one, one);
    assert_int_equal(h.count, 3);
    assert_int_equal(h.found[1].missing, one - 30);
    assert_int_equal(h.found[2].call_id, 3);
    dis_reader_free(&h.reader);
}

/* From the middle of a PDU: begins where a packet begins with one. */
static void test_from_the_middle(void **state)
{
    (void)state;
    uint8_t stream[4 * SAMPLE_ROOM];
    size_t length = requests(stream, 3);
    size_t one = length / 3;
    struct heard h = heard_new(true);
    bytes(&h, stream + 40, one - 40);
    bytes(&h, stream + one, 2 * one);
    assert_int_equal(h.count, 2);
    assert_int_equal(h.found[0].call_id, 2);
    assert_int_equal(h.reader.skipped, one - 40);
    dis_reader_free(&h.reader);
}

/* Bytes that are no PDU: lost until the next one of the same sender, whatever lies between. */
static void test_rubbish(void **state)
{
    (void)state;
    uint8_t stream[4 * SAMPLE_ROOM];
    size_t length = requests(stream, 2);
    size_t one = length / 2;
    uint8_t rubbish[80];
    memset(rubbish, 5, sizeof(rubbish));
    for (unsigned bad = 0; bad < 8; bad++) {
        struct heard h = heard_new(false);
        uint8_t broken[SAMPLE_ROOM];
        memcpy(broken, stream, one);
        broken[bad] = 0xee;
        bytes(&h, stream, one);
        bytes(&h, broken, bad == 3 ? 0 : one); /* any flags are good */
        bytes(&h, rubbish, sizeof(rubbish));
        bytes(&h, stream + one, one);
        assert_int_equal(h.count, 2);
        assert_int_equal(h.found[1].call_id, 2);
        assert_int_equal(h.reader.losses, 1);
        dis_reader_free(&h.reader);
    }
}

/* What may stand where nothing is known is stricter: types of this protocol, lengths that fit, a body that is one. */
static void test_sure(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct sample s = sample(all_samples[i]);
        assert_true(dis_pdu_framing.is_sure(s.bytes, s.length));
        assert_false(dis_pdu_framing.is_sure(s.bytes, DIS_HEADER_SIZE - 1));
    }
    struct sample ping = sample(CO_CANCEL);
    ping.bytes[2] = DIS_PING;
    assert_false(dis_pdu_framing.is_sure(ping.bytes, ping.length));
    struct sample trailer = sample(REQUEST_SIGNED);
    trailer.bytes[10] = 0xff;
    assert_false(dis_pdu_framing.is_sure(trailer.bytes, trailer.length));
    struct sample bind = sample(BIND_NTLM);
    bind.bytes[24] = 200; /* contexts */
    assert_false(dis_pdu_framing.is_sure(bind.bytes, bind.length));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_everywhere), cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_hole_in_body),     cmocka_unit_test(test_hole_over_header),
        cmocka_unit_test(test_unknown_hole),     cmocka_unit_test(test_from_the_middle),
        cmocka_unit_test(test_rubbish),          cmocka_unit_test(test_sure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
