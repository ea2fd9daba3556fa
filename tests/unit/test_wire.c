/* The wire: who sent, acknowledged, probed and closed, whatever the bytes say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire.h"

enum { CLIENT, SERVER, ACK = DIS_TCP_ACK, SYN = DIS_TCP_SYN, FIN = DIS_TCP_FIN, RST = DIS_TCP_RST };

static struct dis_wire wire;
static uint64_t frame;
static int64_t now;

static void note(unsigned way, unsigned flags, uint32_t sequence, size_t length, uint32_t acknowledged)
{
    struct dis_packet packet = { .kind = DIS_PACKET_TCP,
                                 .length = length,
                                 .sequence = sequence,
                                 .acknowledged = acknowledged,
                                 .tcp_flags = (uint8_t)flags };
    now += 1000000;
    dis_wire_note(&wire, way, &packet, (struct dis_place){ ++frame, now });
}

/* Sequence numbers 100 and up, wrapped when they are too large. */
static int begin(void **state)
{
    (void)state;
    wire = (struct dis_wire){ 0 };
    frame = 0;
    now = 0;
    note(CLIENT, SYN, 0xfffffff0, 0, 0);
    note(SERVER, SYN | ACK, 500, 0, 0xfffffff1);
    note(CLIENT, ACK, 0xfffffff1, 0, 501);
    return 0;
}

static void test_acknowledged(void **state)
{
    (void)state;
    assert_true(dis_wire_has_all(&wire, CLIENT) && dis_wire_has_all(&wire, SERVER));
    note(CLIENT, ACK, 0xfffffff1, 40, 501); /* over the end of the numbers */
    assert_false(dis_wire_has_all(&wire, CLIENT));
    assert_true(dis_wire_has(&wire, CLIENT, 0xfffffff1));
    note(SERVER, ACK, 501, 0, 0xfffffff1 + 39);
    assert_false(dis_wire_has_all(&wire, CLIENT));
    note(SERVER, ACK, 501, 0, 0xfffffff1 + 40);
    assert_true(dis_wire_has_all(&wire, CLIENT));
    note(SERVER, ACK, 501, 0, 0xfffffff1 + 10); /* late */
    assert_true(dis_wire_has_all(&wire, CLIENT));
}

static void test_repeated(void **state)
{
    (void)state;
    note(CLIENT, ACK, 0xfffffff1, 40, 501);
    note(CLIENT, ACK, 0xfffffff1, 40, 501);
    note(CLIENT, ACK, 0xfffffff1 + 20, 30, 501); /* the half of it is new */
    assert_int_equal(wire.way[CLIENT].repeated, 1);
    assert_int_equal(wire.way[SERVER].repeated, 0);
    note(CLIENT, ACK | FIN, 0xfffffff1 + 50, 0, 501);
    note(CLIENT, ACK | FIN, 0xfffffff1 + 50, 0, 501);
    assert_int_equal(wire.way[CLIENT].repeated, 2);
    assert_int_equal(wire.way[CLIENT].fin_at.frame, 7);
}

static void test_probes(void **state)
{
    (void)state;
    for (size_t length = 0; length < 2; length++) {
        uint32_t before = wire.way[CLIENT].probes;
        note(CLIENT, ACK, 0xfffffff0, length, 501);
        note(CLIENT, ACK, 0xfffffff0, length, 501);
        assert_int_equal(wire.way[CLIENT].probes, before + 2);
        assert_int_equal(wire.way[CLIENT].probes_open, 2);
        note(SERVER, ACK, 501, 0, 0xfffffff1);
        assert_int_equal(wire.way[CLIENT].probes_open, 0);
    }
    assert_int_equal(wire.way[CLIENT].repeated, 0);
    assert_int_equal(wire.way[SERVER].probes, 0);
    note(SERVER, RST, 500, 0, 0);
    assert_int_equal(wire.way[SERVER].probes, 0);
    assert_true(wire.way[SERVER].rst && !wire.way[CLIENT].rst);
}

static void test_quiet(void **state)
{
    (void)state;
    assert_int_equal(wire.quiet_until, 0);
    now += 5000000000;
    note(CLIENT, ACK, 0xfffffff1, 40, 501);
    assert_int_equal(wire.quiet_until, 4);
    assert_int_equal(wire.quiet, 5001000000);
    note(SERVER, ACK, 501, 0, 0xfffffff1 + 40);
    assert_int_equal(wire.quiet_until, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_acknowledged, begin),
        cmocka_unit_test_setup(test_repeated, begin),
        cmocka_unit_test_setup(test_probes, begin),
        cmocka_unit_test_setup(test_quiet, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
