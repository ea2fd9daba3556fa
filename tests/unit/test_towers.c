/* Endpoints in stub data. */
#include "towers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "guard.h"

static const uint8_t floors[] = { 1, 0, 7, 2, 0, 0xc0, 0x01, 1, 0, 9, 4, 0, 10, 0, 0, 5 };

static void test_found(void **state)
{
    uint8_t stub[60] = { 0 };
    struct dis_endpoint endpoint;
    size_t at = 0;
    (void)state;
    memcpy(stub + 3, floors, sizeof floors);
    memcpy(stub + 44, floors, sizeof floors);
    stub[44 + 6] = 2;
    assert_true(dis_towers_next(stub, sizeof stub, &at, &endpoint));
    assert_int_equal(endpoint.port, 49153);
    assert_memory_equal(endpoint.host, "\x0a\x00\x00\x05", 4);
    assert_int_equal(at, 3 + DIS_TOWER_ENDS);
    assert_true(dis_towers_next(stub, sizeof stub, &at, &endpoint));
    assert_int_equal(endpoint.port, 49154);
    assert_false(dis_towers_next(stub, sizeof stub, &at, &endpoint));
}

/* UDP, named pipes, and a tower that is cut anywhere, are none; nothing behind the bytes is looked at. */
static void test_none(void **state)
{
    struct dis_endpoint endpoint;
    uint8_t *room = guard_new();
    (void)state;
    for (size_t i = 0; i < 12; i++) {
        uint8_t other[sizeof floors];
        size_t at = 0;
        memcpy(other, floors, sizeof floors);
        other[i] ^= 1;
        bool is_port = i == 5 || i == 6;
        assert_int_equal(dis_towers_next(other, sizeof other, &at, &endpoint), is_port);
    }
    for (size_t length = 0; length < sizeof floors; length++) {
        size_t at = 0;
        assert_false(dis_towers_next(guard_place(room, floors, length), length, &at, &endpoint));
    }
    guard_free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
