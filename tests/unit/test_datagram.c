/* Connectionless headers: every field in both byte orders, what is no such header, and the line. */
#include "datagram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "guard.h"
#include "samples.h"

/* Every field with a value of its own, little-endian, two bytes of body. */
#define FULL                           \
    "04e20182"                         \
    "100000"                           \
    "aa"                               \
    "0d6a2819390cb1d0119ba800c04fd92e" \
    "c55ea160e84dd711a637005056a20182" \
    "000102030405060708090a0b0c0d0e0f" \
    "44332211"                         \
    "01000200"                         \
    "88776655"                         \
    "0600"                             \
    "1234"                             \
    "5678"                             \
    "0200"                             \
    "9abc"                             \
    "0a"                               \
    "bb"                               \
    "ffff"

/* From a capture of PROFINET: a request, little-endian; only the header, and its length set to 0. */
#define PROFINET                                                                                               \
    "04000800100000000000a0de976cd111827100010003015a0100a0de976cd111827100a02442df7ddbabbaec1d005443b2500b01" \
    "630abafd0000000001000000000000000500ffffffff000000000000"

/* From a capture of scapy: a response, big-endian. */
#define SCAPY                                                                                                      \
    "04020100000000003ecf9fbb038d460287997e1011512e19609cbe7898e640c295f0e82c377351df4e32dcddd8034eaf86ee7650df59" \
    "9e400000000000000001000000000000ffffffff000000000000"

static struct dis_datagram decoded(const char *hex)
{
    struct dis_datagram d;
    struct dis_error error;
    struct sample s = sample(hex);
    assert_true(dis_datagram_decode(s.bytes, s.length, &d, &error));
    assert_null(error.what);
    return d;
}

static void test_every_field(void **state)
{
    (void)state;
    char text[DIS_UUID_TEXT];
    struct dis_datagram d = decoded(FULL);
    assert_int_equal(d.type, 2); /* the three high bits are reserved */
    assert_int_equal(d.flags1, 0x01);
    assert_int_equal(d.flags2, 0x82);
    assert_memory_equal(d.drep, "\x10\x00\x00", 3);
    assert_string_equal(dis_uuid_format(&d.object, text), "19286a0d-0c39-d0b1-119b-a800c04fd92e");
    assert_string_equal(dis_uuid_format(&d.interface, text), "60a15ec5-4de8-11d7-a637-005056a20182");
    assert_string_equal(dis_uuid_format(&d.activity, text), "03020100-0504-0706-0809-0a0b0c0d0e0f");
    assert_int_equal(d.server_boot, 0x11223344);
    assert_int_equal(d.interface_version, 0x00020001);
    assert_int_equal(d.sequence, 0x55667788);
    assert_int_equal(d.opnum, 6);
    assert_int_equal(d.interface_hint, 0x3412);
    assert_int_equal(d.activity_hint, 0x7856);
    assert_int_equal(d.length, 2);
    assert_int_equal(d.fragment, 0xbc9a);
    assert_int_equal(d.auth_protocol, 10);
    assert_int_equal(d.serial, 0xaabb);
}

static void test_real(void **state)
{
    (void)state;
    char text[DIS_UUID_TEXT];
    struct dis_datagram d = decoded(PROFINET);
    assert_int_equal(d.type, 0);
    assert_string_equal(dis_uuid_format(&d.interface, text), "dea00001-6c97-11d1-8271-00a02442df7d");
    assert_string_equal(dis_uuid_format(&d.activity, text), "ecbaabdb-001d-4354-b250-0b01630abafd");
    assert_int_equal(d.interface_version, 1);
    assert_int_equal(d.opnum, 5);
    d = decoded(SCAPY);
    assert_int_equal(d.type, 2);
    assert_string_equal(dis_uuid_format(&d.object, text), "3ecf9fbb-038d-4602-8799-7e1011512e19");
    assert_int_equal(d.interface_version, 1);
    assert_int_equal(d.activity_hint, 0xffff);
}

static void test_refused(void **state)
{
    (void)state;
    struct dis_datagram d;
    struct dis_error error;
    struct sample s = sample(FULL);
    s.bytes[0] = 5;
    assert_false(dis_datagram_decode(s.bytes, s.length, &d, &error));
    assert_string_equal(error.what, "no header of the connectionless protocol");
    s.bytes[0] = 4;
    s.bytes[1] = 11;
    assert_false(dis_datagram_decode(s.bytes, s.length, &d, &error));
    assert_string_equal(error.what, "no header of the connectionless protocol");
    s.bytes[1] = 10;
    assert_true(dis_datagram_decode(s.bytes, s.length, &d, &error));
    assert_false(dis_datagram_decode(s.bytes, s.length - 1, &d, &error));
    assert_string_equal(error.what, "body");
}

static void test_cut(void **state)
{
    (void)state;
    uint8_t *room = guard_new();
    struct sample s = sample(FULL);
    for (size_t length = 0; length <= s.length; length++) {
        struct dis_datagram d;
        struct dis_error error;
        bool ok = dis_datagram_decode(guard_place(room, s.bytes, length), length, &d, &error);
        assert_int_equal(ok, length == s.length);
        assert_int_equal(ok, error.what == NULL);
    }
    guard_free(room);
}

static void test_line(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        const char *line;
    } rows[] = {
        { FULL, "datagram response seq 1432778632 frag 48282 if rpcecho v1.2 op 6 TestSleep "
                "activity 03020100-0504-0706-0809-0a0b0c0d0e0f body 2\n" },
        { PROFINET, "datagram request seq 0 frag 0 if pnio_device v1.0 op 5 ReadImplicit "
                    "activity ecbaabdb-001d-4354-b250-0b01630abafd body 0\n" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text;
        size_t length;
        FILE *out = open_memstream(&text, &length);
        struct dis_datagram d = decoded(rows[i].hex);
        dis_datagram_print(out, &d);
        fclose(out);
        assert_string_equal(text, rows[i].line);
        free(text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field), cmocka_unit_test(test_real), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut),         cmocka_unit_test(test_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
