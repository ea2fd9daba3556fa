/* Flows are found from both sides, numbered as they come, and kept by age. */
#include "flows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { COUNT = 5000 };

static struct dis_endpoint endpoint(unsigned address, unsigned port)
{
    struct dis_endpoint e = { .version = 4, .port = (uint16_t)port };
    e.address[0] = (uint8_t)address;
    e.address[1] = (uint8_t)(address >> 8);
    return e;
}

static void test_both_sides(void **state)
{
    (void)state;
    static struct dis_flow flows[COUNT];
    struct dis_flows t = { .most = COUNT };
    unsigned way = 9;
    struct dis_endpoint server = endpoint(1, 135);
    assert_null(dis_flows_find(&t, &server, &server, &way));
    for (unsigned i = 0; i < COUNT; i++) {
        struct dis_endpoint client = endpoint(2 + i % 7, 1000 + i);
        assert_null(dis_flows_find(&t, &client, &server, &way));
        assert_true(dis_flows_add(&t, &flows[i], &client, &server));
    }
    for (unsigned i = 0; i < COUNT; i++) {
        struct dis_endpoint client = endpoint(2 + i % 7, 1000 + i);
        assert_ptr_equal(dis_flows_find(&t, &client, &server, &way), &flows[i]);
        assert_int_equal(way, 0);
        assert_ptr_equal(dis_flows_find(&t, &server, &client, &way), &flows[i]);
        assert_int_equal(way, 1);
        assert_int_equal(flows[i].number, i);
    }
    for (unsigned i = 0; i < COUNT; i += 2)
        dis_flows_remove(&t, &flows[i]);
    assert_int_equal(t.count, COUNT / 2);
    for (unsigned i = 0; i < COUNT; i++) {
        struct dis_endpoint client = endpoint(2 + i % 7, 1000 + i);
        assert_int_equal(dis_flows_find(&t, &client, &server, &way) != NULL, i % 2);
    }
    dis_flows_free(&t);
}

static void test_age(void **state)
{
    (void)state;
    struct dis_flow flows[3];
    struct dis_flows t = { .most = 3 };
    unsigned way;
    struct dis_endpoint server = endpoint(1, 135);
    struct dis_endpoint clients[3];
    for (unsigned i = 0; i < 3; i++) {
        clients[i] = endpoint(2 + i, 1000);
        assert_true(dis_flows_add(&t, &flows[i], &clients[i], &server));
    }
    assert_ptr_equal(t.oldest, &flows[0]);
    dis_flows_find(&t, &clients[0], &server, &way);
    assert_ptr_equal(t.oldest, &flows[1]);
    assert_ptr_equal(t.newest, &flows[0]);
    dis_flows_remove(&t, &flows[2]);
    assert_ptr_equal(t.oldest->newer, t.newest);
    dis_flows_remove(&t, &flows[1]);
    dis_flows_remove(&t, &flows[0]);
    assert_null(t.oldest);
    assert_null(t.newest);
    dis_flows_free(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_both_sides), cmocka_unit_test(test_age) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
