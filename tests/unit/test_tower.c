/* Towers: a real answer of an endpoint mapper, every prefix of it, and lies in its counts. */
#include "tower.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "samples.h"

/* Samba's to ept_map of samr: one tower, TCP port 20102 at 0.0.0.0. */
#define ANSWER                                                                                                       \
    "000000000000000000000000000000000000000001000000010000000000000001000000030000004b0000004b000000050013000d7857" \
    "34123412cdabef000123456789ac01000200000013000d045d888aeb1cc9119fe808002b10486002000200000001000b02000000010007" \
    "02004e860100090400000000000000000000"

enum { COUNT_AT = 32, POINTER_AT = 36, FLOORS_AT = 48, MOST = 4, STATUS_AND_PADDING = 5 };

static size_t decode(const struct sample *s, size_t length, struct dis_tower towers[MOST])
{
    uint8_t *room = guard_new();
    size_t count = dis_towers_decode(guard_place(room, s->bytes, length), length, false, towers, MOST);
    guard_free(room);
    return count;
}

static void test_answer(void **state)
{
    (void)state;
    struct dis_tower towers[MOST];
    char text[DIS_UUID_TEXT];
    struct sample s = sample(ANSWER);
    assert_int_equal(decode(&s, s.length, towers), 1);
    assert_int_equal(towers[0].at.port, 20102);
    assert_int_equal(towers[0].at.version, 4);
    assert_string_equal(dis_uuid_format(&towers[0].interface.uuid, text), "12345778-1234-abcd-ef00-0123456789ac");
    assert_int_equal(towers[0].interface.major, 1);
    for (size_t length = 0; length < s.length - STATUS_AND_PADDING; length++)
        assert_int_equal(decode(&s, length, towers), 0);
}

static void test_lies(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        size_t count;
    } rows[] = {
        { COUNT_AT, 0, 0 },    { COUNT_AT, 2, 0 },        { COUNT_AT + 2, 1, 0 },
        { POINTER_AT, 0, 0 },  { FLOORS_AT, 3, 0 },       { FLOORS_AT, 4, 0 },
        { FLOORS_AT, 200, 0 }, { FLOORS_AT + 2, 200, 0 }, { 20, 0, 1 /* the number before the array is the same */ },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dis_tower towers[MOST];
        struct sample s = sample(ANSWER);
        s.bytes[rows[i].at] = rows[i].value;
        assert_int_equal(decode(&s, s.length, towers), rows[i].count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
