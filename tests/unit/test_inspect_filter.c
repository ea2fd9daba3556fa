/* What each option takes, and what it leaves out. */
#include "inspect_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "names.h"

static struct dis_conversation conversation(void)
{
    return (struct dis_conversation){
        .end = { { .address = { 10, 0, 0, 1 }, .port = 1025, .version = 4 },
                 { .address = { 10, 0, 0, 2 }, .port = 135, .version = 4 } },
    };
}

/* epmapper's ept_map, answered by a fault after 20 ms. */
static struct dis_call call(const struct dis_conversation *c)
{
    struct dis_call k = { .in = c, .opnum = 3, .has_request = true, .has_interface = true };
    k.interface.major = 3;
    dis_uuid_parse("e1af8308-5d1f-11c9-91a4-08002b14a0fa", &k.interface.uuid);
    k.known = dis_interface_find(&k.interface);
    k.answer = DIS_ANSWER_FAULT;
    k.answer_fragments = 1;
    k.status = 0x1c010003;
    k.ending = DIS_END_FAULT;
    k.answer_last.time = 20000000;
    return k;
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        bool (*add)(struct filter *, const char *);
        const char *text;
        bool taken;  /* it is a value */
        bool wanted; /* the call above has it */
    } rows[] = {
        { filter_add_address, "10.0.0.1", true, true },
        { filter_add_address, "10.0.0.2", true, true },
        { filter_add_address, "10.0.0.3", true, false },
        { filter_add_address, "fd00::1", true, false },
        { filter_add_address, "10.0.0", false, false },
        { filter_add_port, "135", true, true },
        { filter_add_port, "1025", true, true },
        { filter_add_port, "136", true, false },
        { filter_add_port, "65536", false, false },
        { filter_add_port, "-1", false, false },
        { filter_add_port, "", false, false },
        { filter_add_interface, "epmapper", true, true },
        { filter_add_interface, "EPMAPPER", true, true },
        { filter_add_interface, "e1af8308-5d1f-11c9-91a4-08002b14a0fa", true, true },
        { filter_add_interface, "e1af8308-5d1f-11c9-91a4-08002b14a0fb", true, false },
        { filter_add_interface, "samr", true, false },
        { filter_add_interface, "", false, false },
        { filter_add_opnum, "3", true, true },
        { filter_add_opnum, "4", true, false },
        { filter_add_opnum, "three", false, false },
        { filter_add_status, "fault", true, true },
        { filter_add_status, "answered", true, false },
        { filter_add_status, "capture-ends", true, false },
        { filter_add_status, "0x1c010003", true, true },
        { filter_add_status, "1717", true, true }, /* what a Windows client reports */
        { filter_add_status, "nca_s_unk_if", true, true },
        { filter_add_status, "5", true, false },
        { filter_add_status, "slow", false, false },
        { filter_set_slower, "19ms", true, true },
        { filter_set_slower, "0.019", true, true },
        { filter_set_slower, "20ms", true, false },
        { filter_set_slower, "1m", true, false },
        { filter_set_slower, "5 ms", false, false },
        { filter_set_slower, "fast", false, false },
        { filter_set_slower, "0", false, false },
        { filter_set_slower, "1e300", false, false },
    };
    struct dis_conversation c = conversation();
    struct dis_call k = call(&c);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct filter f = { .hung = false };
        assert_int_equal(rows[i].add(&f, rows[i].text), rows[i].taken);
        if (rows[i].taken)
            assert_int_equal(filter_wants_call(&f, &k), rows[i].wanted);
    }
}

/* Two values of one option: either. Two options: both. */
static void test_together(void **state)
{
    (void)state;
    struct dis_conversation c = conversation();
    struct dis_call k = call(&c);
    struct filter f = { .hung = false };
    assert_true(filter_add_opnum(&f, "4") && filter_add_opnum(&f, "3"));
    assert_true(filter_wants_call(&f, &k));
    assert_true(filter_add_port(&f, "136"));
    assert_false(filter_wants_call(&f, &k));
    assert_false(filter_needs_end(&f));
    for (unsigned i = 2; i < FILTER_VALUES; i++)
        assert_true(filter_add_opnum(&f, "9"));
    assert_false(filter_add_opnum(&f, "9"));
}

static void test_hung(void **state)
{
    (void)state;
    struct dis_conversation c = conversation();
    struct filter f = { .hung = true };
    assert_true(filter_needs_end(&f));
    for (unsigned ending = 0; ending < DIS_END_COUNT; ending++) {
        struct dis_call k = call(&c);
        k.answer = DIS_NO_ANSWER;
        k.ending = (enum dis_ending)ending;
        assert_int_equal(filter_wants_call(&f, &k), ending == DIS_END_CLOSED || ending == DIS_END_RESET);
    }
}

/* What is not known matches no value. */
static void test_unknown(void **state)
{
    (void)state;
    struct dis_conversation c = conversation();
    struct dis_call k = call(&c);
    struct filter f = { .hung = false };
    struct filter g = { .hung = false };
    assert_true(filter_add_interface(&f, "epmapper") && filter_add_opnum(&g, "3"));
    k.has_interface = false;
    assert_false(filter_wants_call(&f, &k));
    k.has_request = false;
    assert_false(filter_wants_call(&g, &k));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_hung),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
