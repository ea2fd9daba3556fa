/* Blocks of pcapng: interfaces are made alike, packets keep their link types, however the bytes are cut; what is no
 * pcapng stays as it is. */
#include "inspect_blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ETHERNET = 1, RAW = 101, ROOM = 512 };

struct file {
    uint8_t bytes[ROOM];
    size_t length;
    bool big;
};

static void put(struct file *f, uint32_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        f->bytes[f->length + (f->big ? size - 1 - i : i)] = (uint8_t)(value >> 8 * i);
    f->length += size;
}

static void section(struct file *f, bool big)
{
    f->big = big;
    put(f, 0x0a0d0d0a, 4);
    put(f, 28, 4);
    put(f, 0x1a2b3c4d, 4);
    put(f, 1, 4);
    put(f, 0xffffffff, 4);
    put(f, 0xffffffff, 4);
    put(f, 28, 4);
}

static size_t interface(struct file *f, unsigned link, uint32_t snaplen)
{
    put(f, 1, 4);
    put(f, 20, 4);
    put(f, link, 2);
    put(f, 0, 2);
    put(f, snaplen, 4);
    put(f, 20, 4);
    return f->length - 20;
}

static void packet(struct file *f, uint32_t from)
{
    put(f, 6, 4);
    put(f, 36, 4);
    put(f, from, 4);
    for (unsigned i = 0; i < 5; i++)
        put(f, 1, 4);
    put(f, 36, 4);
}

/* Through it, in pieces of `size`. */
static void pass(struct blocks *b, struct file *f, size_t size)
{
    *b = (struct blocks){ 0 };
    for (size_t at = 0; at < f->length; at += size)
        blocks_pass(b, f->bytes + at, f->length - at < size ? f->length - at : size);
}

static void test_several(void **state)
{
    (void)state;
    static const uint16_t links[] = { ETHERNET, RAW, ETHERNET, RAW };
    for (size_t size = 1; size < 200; size++) {
        for (unsigned swapped = 0; swapped < 2; swapped++) {
            struct file f = { .length = 0 };
            struct blocks b;
            uint16_t link;
            section(&f, false);
            size_t first = interface(&f, ETHERNET, 500);
            size_t second = interface(&f, RAW, 96);
            packet(&f, 0);
            packet(&f, 1);
            section(&f, swapped != 0);
            size_t third = interface(&f, ETHERNET, 70000);
            size_t fourth = interface(&f, RAW, 0);
            packet(&f, 0);
            packet(&f, 1);
            pass(&b, &f, size);
            assert_true(b.several);
            for (unsigned i = 0; i < 4; i++) {
                assert_true(blocks_next(&b, &link));
                assert_int_equal(link, links[i]);
            }
            assert_false(blocks_next(&b, &link));
            assert_memory_equal(f.bytes + second, f.bytes + first, 20);
            assert_memory_equal(f.bytes + fourth, f.bytes + third, 20);
            struct file as_first = { .big = swapped != 0 };
            interface(&as_first, ETHERNET, 500);
            assert_memory_equal(f.bytes + third, as_first.bytes, 20);
            blocks_free(&b);
        }
    }
}

static void test_one(void **state)
{
    (void)state;
    struct file f = { .length = 0 };
    struct blocks b;
    uint16_t link;
    section(&f, true);
    interface(&f, RAW, 10);
    interface(&f, RAW, 10);
    packet(&f, 1);
    packet(&f, 9); /* there is no such interface */
    struct file as_it_was = f;
    pass(&b, &f, 7);
    assert_memory_equal(f.bytes, as_it_was.bytes, f.length);
    assert_false(b.several);
    for (unsigned i = 0; i < 2; i++)
        assert_true(blocks_next(&b, &link) && link == RAW);
    blocks_free(&b);
}

/* Another file; and blocks whose lengths are no good. */
static void test_others(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        struct file f = { .length = 0 };
        struct blocks b;
        uint16_t link;
        if (kind > 0) {
            section(&f, false);
            put(&f, 6, 4);
            put(&f, kind == 1 ? 0 : 8, 4);
        } else {
            put(&f, 0xa1b2c3d4, 4);
        }
        for (unsigned i = 0; i < 20; i++)
            interface(&f, i, i);
        struct file as_it_was = f;
        pass(&b, &f, 5);
        assert_memory_equal(f.bytes, as_it_was.bytes, f.length);
        assert_true(b.other);
        assert_false(blocks_next(&b, &link));
        blocks_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
