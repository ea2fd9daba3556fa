/* Framing: cut at every byte, split at every byte, and streams that are not ours. */
#include "frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard.h"
#include "samples.h"

static void test_cut_everywhere(void **state)
{
    (void)state;
    uint8_t *room = guard_new();
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct sample s = sample(all_samples[i]);
        for (size_t length = 0; length <= s.length; length++) {
            struct dis_frame f = dis_frame_next(guard_place(room, s.bytes, length), length);
            assert_int_equal(f.status, length == s.length ? DIS_FRAME_DONE : DIS_FRAME_MORE);
            assert_int_equal(f.length, length < 10 ? DIS_HEADER_SIZE : s.length);
        }
    }
    guard_free(room);
}

/* Several PDUs in one stream that arrives in two parts: the same PDUs come out wherever it is split. */
static void test_split_everywhere(void **state)
{
    (void)state;
    uint8_t stream[SAMPLE_COUNT * SAMPLE_ROOM];
    size_t total = 0;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct sample s = sample(all_samples[i]);
        memcpy(stream + total, s.bytes, s.length);
        total += s.length;
    }
    for (size_t split = 0; split <= total; split++) {
        size_t at = 0;
        size_t count = 0;
        size_t limits[] = { split, total };
        for (size_t part = 0; part < 2; part++) {
            struct dis_frame f;
            while ((f = dis_frame_next(stream + at, limits[part] - at)).status == DIS_FRAME_DONE) {
                assert_int_equal(f.length, sample(all_samples[count]).length);
                at += f.length;
                count++;
            }
            assert_int_equal(f.status, DIS_FRAME_MORE);
            assert_true(f.length > limits[part] - at);
        }
        assert_int_equal(count, SAMPLE_COUNT);
        assert_int_equal(at, total);
    }
}

static void test_nothing_yet(void **state)
{
    (void)state;
    struct dis_frame f = dis_frame_next(NULL, 0);
    assert_int_equal(f.status, DIS_FRAME_MORE);
    assert_int_equal(f.length, DIS_HEADER_SIZE);
}

/* A stream that begins with anything but 5 is refused at its first byte. */
static void test_wrong_first_byte(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value;
        struct dis_frame f = dis_frame_next(&byte, 1);
        assert_int_equal(f.status, value == 5 ? DIS_FRAME_MORE : DIS_FRAME_BAD);
        assert_int_equal(f.error.at, 0);
    }
}

/* frag_length below 16 is told as soon as it is there: the header it belongs to may never come. */
static void test_frag_length_too_small(void **state)
{
    (void)state;
    for (size_t said = 0; said < 20; said++) {
        uint8_t little[10] = { 5, 0, 0, 3, 0x10, 0, 0, 0, (uint8_t)said, 0 };
        uint8_t big[10] = { 5, 0, 0, 3, 0, 0, 0, 0, 0, (uint8_t)said };
        struct dis_frame f = dis_frame_next(little, 10);
        struct dis_frame g = dis_frame_next(big, 10);
        assert_int_equal(f.status, said < 16 ? DIS_FRAME_BAD : DIS_FRAME_MORE);
        assert_int_equal(g.status, f.status);
        assert_int_equal(f.error.at, said < 16 ? 8 : 0);
        assert_int_equal(f.length, said < 16 ? 0 : said);
    }
}

/* Unknown types, odd flags, odd data representation, minor versions: framed all the same. */
static void test_odd_but_framed(void **state)
{
    (void)state;
    struct sample s = sample(CO_CANCEL);
    static const size_t places[] = { 1, 2, 3, 5, 6, 7, 12, 15 };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct sample odd = s;
        odd.bytes[places[i]] = 0xff;
        assert_int_equal(dis_frame_next(odd.bytes, odd.length).status, DIS_FRAME_DONE);
    }
}

static void test_longest(void **state)
{
    (void)state;
    static uint8_t bytes[DIS_PDU_SIZE_MAX + 1] = { 5, 0, 0, 3, 0x10, 0, 0, 0, 0xff, 0xff };
    assert_int_equal(dis_frame_next(bytes, DIS_PDU_SIZE_MAX - 1).status, DIS_FRAME_MORE);
    struct dis_frame f = dis_frame_next(bytes, DIS_PDU_SIZE_MAX + 1);
    assert_int_equal(f.status, DIS_FRAME_DONE);
    assert_int_equal(f.length, DIS_PDU_SIZE_MAX);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_everywhere),   cmocka_unit_test(test_split_everywhere),
        cmocka_unit_test(test_nothing_yet),      cmocka_unit_test(test_frag_length_too_small),
        cmocka_unit_test(test_wrong_first_byte), cmocka_unit_test(test_odd_but_framed),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
