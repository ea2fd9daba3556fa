/* Pipes inside SMB1 and SMB2: every way to write to and to read from them. */
#include "smb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "news.h"
#include "packets.h"

enum { WHOLE = DIS_FIRST_FRAG | DIS_LAST_FRAG, CLIENT = 0, SERVER = 1 };
enum { TREE_CONNECT = 3, CREATE = 5, CLOSE = 6, READ = 8, WRITE = 9, IOCTL = 11 };

static struct told told;
static struct dis_news news;
static struct dis_smb_counts counts;
static const struct dis_wire wire = { .way = { { .heard = true }, { .heard = true } } };
static uint64_t frame;

static struct dis_smb *begun(void)
{
    static struct dis_conversation connection;
    memset(&told, 0, sizeof(told));
    memset(&counts, 0, sizeof(counts));
    news = told_news(&told);
    connection = (struct dis_conversation){ .stream = 3, .wire = &wire, .begins = { true, true } };
    struct dis_smb *smb = dis_smb_new(&news, &connection, &counts);
    assert_non_null(smb);
    return smb;
}

/* ---- little-endian messages ---- */

static void le16(struct made *m, unsigned value)
{
    made_u8(m, value);
    made_u8(m, value >> 8);
}

static void le32(struct made *m, uint32_t value)
{
    le16(m, value & 0xffff);
    le16(m, value >> 16);
}

static struct made smb2(unsigned command, bool response, uint32_t status, unsigned id)
{
    struct made m = { .length = 0 };
    made_add(&m, "\xfeSMB", 4);
    le16(&m, 64);
    le16(&m, 0);
    le32(&m, status);
    le16(&m, command);
    le16(&m, 1);
    le32(&m, response);
    le32(&m, 0); /* next */
    le32(&m, id);
    made_zeros(&m, 8);
    le32(&m, 9); /* tree */
    made_zeros(&m, 24);
    return m;
}

static void put_handle(struct made *m, unsigned handle)
{
    le32(m, handle);
    le32(m, 0);
    le32(m, handle + 100);
    le32(m, 0);
}

static struct made smb2_create(unsigned id, const char *name)
{
    struct made m = smb2(CREATE, false, 0, id);
    made_zeros(&m, 44);
    le16(&m, 64 + 56);
    le16(&m, (unsigned)(2 * strlen(name)));
    made_zeros(&m, 8);
    for (; *name != '\0'; name++)
        le16(&m, (unsigned)*name);
    return m;
}

static struct made smb2_created(unsigned id, unsigned handle)
{
    struct made m = smb2(CREATE, true, 0, id);
    made_zeros(&m, 64);
    put_handle(&m, handle);
    made_zeros(&m, 8);
    return m;
}

static struct made smb2_write(unsigned id, unsigned handle, const struct said *s)
{
    struct made m = smb2(WRITE, false, 0, id);
    le16(&m, 49);
    le16(&m, 64 + 48);
    le32(&m, (uint32_t)s->length);
    made_zeros(&m, 8);
    put_handle(&m, handle);
    made_zeros(&m, 16);
    made_add(&m, s->bytes, s->length);
    return m;
}

static struct made smb2_read(unsigned id, unsigned handle)
{
    struct made m = smb2(READ, false, 0, id);
    made_zeros(&m, 16);
    put_handle(&m, handle);
    made_zeros(&m, 17);
    return m;
}

static struct made smb2_data(unsigned id, uint32_t status, const uint8_t *bytes, size_t length)
{
    struct made m = smb2(READ, true, status, id);
    le16(&m, 17);
    made_u8(&m, 64 + 16);
    made_u8(&m, 0);
    le32(&m, (uint32_t)length);
    made_zeros(&m, 8);
    made_add(&m, bytes, length);
    return m;
}

static struct made smb2_transceive(unsigned id, bool response, unsigned handle, const struct said *s)
{
    struct made m = smb2(IOCTL, response, 0, id);
    unsigned body = response ? 48 : 56;
    le32(&m, 57);
    le32(&m, 0x0011c017);
    put_handle(&m, handle);
    le32(&m, 64 + body); /* input */
    le32(&m, response ? 0 : (uint32_t)s->length);
    if (!response)
        made_zeros(&m, 4);
    le32(&m, 64 + body);
    le32(&m, response ? (uint32_t)s->length : 0);
    made_zeros(&m, body - (m.length - 64));
    made_add(&m, s->bytes, s->length);
    return m;
}

static struct made in_session(const struct made *m)
{
    struct made out = { .length = 0 };
    made_u32(&out, (uint32_t)m->length);
    made_add(&out, m->bytes, m->length);
    return out;
}

static void hear(struct dis_smb *smb, unsigned way, struct made m)
{
    struct made s = in_session(&m);
    struct dis_place place = { ++frame, (int64_t)frame };
    dis_smb_bytes(smb, way, s.bytes, s.length, place);
}

static void hear_said(struct dis_smb *smb, unsigned way, struct said s, unsigned id)
{
    hear(smb, way, way == CLIENT ? smb2_write(id, 1, &s) : smb2_data(id, 0, s.bytes, s.length));
}

/* ---- SMB2 ---- */

static void open_pipe(struct dis_smb *smb)
{
    hear(smb, CLIENT, smb2_create(1, "\\spoolss"));
    hear(smb, SERVER, smb2_created(1, 1));
}

static void test_write_and_read(void **state)
{
    (void)state;
    struct dis_smb *smb = begun();
    open_pipe(smb);
    hear_said(smb, CLIENT, say_bind(1), 2);
    hear(smb, CLIENT, smb2_read(3, 1));
    hear_said(smb, SERVER, say_bind_ack(1), 3);
    hear_said(smb, CLIENT, say_request(2, WHOLE, 4), 4);
    hear(smb, CLIENT, smb2_read(5, 1));
    struct said s = say_response(2, WHOLE);
    hear(smb, SERVER, smb2_data(5, 0x80000005, s.bytes, 20)); /* STATUS_BUFFER_OVERFLOW: the rest with another read */
    hear(smb, CLIENT, smb2_read(6, 1));
    hear(smb, SERVER, smb2_data(6, 0, s.bytes + 20, s.length - 20));
    assert_int_equal(told.pdus, 4);
    assert_int_equal(told.call_count, 1);
    assert_int_equal(told.calls[0].ending, DIS_END_ANSWERED);
    assert_int_equal(told.calls[0].opnum, 4);
    dis_smb_end(smb, DIS_END_CLOSED);
    assert_int_equal(told.conversation_count, 1);
    assert_string_equal(told.pipe_names[0], "spoolss");
    assert_int_equal(told.streams[0], 3);
}

static void test_transceive_and_close(void **state)
{
    (void)state;
    struct dis_smb *smb = begun();
    struct said request = say_request(2, WHOLE, 4);
    struct said response = say_response(2, WHOLE);
    open_pipe(smb);
    hear(smb, CLIENT, smb2_transceive(2, false, 1, &request));
    struct made pending = smb2(IOCTL, true, 0x103, 2);
    hear(smb, SERVER, pending);
    hear(smb, SERVER, smb2_transceive(2, true, 1, &response));
    hear(smb, CLIENT, smb2_transceive(3, false, 1, &request));
    assert_int_equal(told.call_count, 1);
    struct made close_request = smb2(CLOSE, false, 0, 4);
    made_zeros(&close_request, 8);
    put_handle(&close_request, 1);
    hear(smb, CLIENT, close_request);
    assert_int_equal(told.conversation_count, 0);
    struct made closed = smb2(CLOSE, true, 0, 4);
    made_zeros(&closed, 60);
    hear(smb, SERVER, closed);
    assert_int_equal(told.conversation_count, 1);
    assert_int_equal(told.calls[0].ending, DIS_END_ANSWERED);
    assert_int_equal(told.calls[1].ending, DIS_END_CLOSED);
    dis_smb_end(smb, DIS_END_CAPTURE);
    assert_int_equal(told.conversation_count, 1);
}

/* The capture begins after the opening; other handles carry other bytes. */
static void test_unopened(void **state)
{
    (void)state;
    struct dis_smb *smb = begun();
    struct said text = { .length = 100 };
    memset(text.bytes, 'x', sizeof(text.bytes));
    hear(smb, CLIENT, smb2_write(2, 8, &text));
    hear_said(smb, CLIENT, say_request(2, WHOLE, 4), 4);
    hear_said(smb, SERVER, say_response(2, WHOLE), 99); /* the handle of that read is not known */
    assert_int_equal(told.pdus, 2);
    dis_smb_end(smb, DIS_END_CAPTURE);
    assert_int_equal(told.conversation_count, 2);
    assert_int_equal(told.calls[0].has_request, false);
}

/* Two messages in one, the second about the handle of the first. */
static void test_chain(void **state)
{
    (void)state;
    struct dis_smb *smb = begun();
    struct said s = say_request(2, WHOLE, 4);
    open_pipe(smb);
    struct made m = smb2_write(2, 1, &s);
    while (m.length % 8 != 0)
        made_u8(&m, 0);
    m.bytes[20] = (uint8_t)m.length;
    struct made second = smb2_write(3, 1, &s);
    memset(second.bytes + 64 + 16, 0xff, 16);
    made_add(&m, second.bytes, second.length);
    hear(smb, CLIENT, m);
    assert_int_equal(told.pdus, 2);
    dis_smb_end(smb, DIS_END_CAPTURE);
}

/* What is on a share that is not for pipes is not looked at. */
static void test_file_tree(void **state)
{
    (void)state;
    for (unsigned type = 1; type <= 3; type++) {
        struct dis_smb *smb = begun();
        struct made connected = smb2(TREE_CONNECT, true, 0, 1);
        le16(&connected, 16);
        made_u8(&connected, type);
        made_zeros(&connected, 13);
        hear(smb, SERVER, connected);
        hear_said(smb, CLIENT, say_request(2, WHOLE, 4), 4);
        assert_int_equal(told.pdus, type == 2);
        dis_smb_end(smb, DIS_END_CAPTURE);
    }
}

static void test_encrypted(void **state)
{
    (void)state;
    struct dis_smb *smb = begun();
    struct made m = smb2(WRITE, false, 0, 1);
    m.bytes[0] = 0xfd;
    hear(smb, CLIENT, m);
    m.bytes[0] = 0xfc;
    hear(smb, CLIENT, m);
    assert_int_equal(counts.encrypted, 1);
    assert_int_equal(counts.compressed, 1);
    assert_int_equal(counts.messages, 2);
    dis_smb_end(smb, DIS_END_CAPTURE);
}

/* Split at every byte into two packets; and after a gap found again in mid-packet. */
static void test_splits_and_gap(void **state)
{
    (void)state;
    struct said s = say_request(2, WHOLE, 4);
    struct made one = smb2_write(2, 1, &s);
    struct made m = in_session(&one);
    struct dis_place place = { 1, 1 };
    for (size_t split = 0; split <= m.length; split++) {
        struct dis_smb *smb = begun();
        dis_smb_bytes(smb, CLIENT, m.bytes, split, place);
        dis_smb_bytes(smb, CLIENT, m.bytes + split, m.length - split, place);
        dis_smb_missing(smb, CLIENT, 500, false, place);
        uint8_t both[2 * PACKET_ROOM];
        memcpy(both, m.bytes, m.length);
        memcpy(both + m.length, m.bytes, m.length);
        dis_smb_bytes(smb, CLIENT, both + 30, 2 * m.length - 30, place);
        assert_int_equal(told.pdus, 2);
        dis_smb_end(smb, DIS_END_CAPTURE);
    }
}

/* Every length may lie: nothing is read that is not there. */
static void test_cut_everywhere(void **state)
{
    (void)state;
    struct said s = say_request(2, WHOLE, 4);
    struct made messages[] = { smb2_write(2, 1, &s), smb2_create(3, "\\x"), smb2_created(3, 2),
                               smb2_transceive(4, false, 1, &s), smb2_transceive(4, true, 1, &s) };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
        for (size_t length = 0; length <= messages[i].length; length++) {
            struct dis_smb *smb = begun();
            struct made *cut = malloc(sizeof(*cut));
            assert_non_null(cut);
            *cut = messages[i];
            cut->length = length;
            hear(smb, i % 2, *cut);
            free(cut);
            dis_smb_end(smb, DIS_END_CAPTURE);
        }
}

static void test_bounded(void **state)
{
    (void)state;
    struct dis_smb *smb = begun();
    for (unsigned i = 0; i < DIS_SMB_HANDLES_MOST + 5; i++) {
        hear(smb, CLIENT, smb2_create(i, "\\srvsvc"));
        hear(smb, SERVER, smb2_created(i, i));
    }
    assert_int_equal(counts.forgotten, 5);
    for (unsigned i = 0; i < DIS_SMB_REQUESTS_MOST + 7; i++)
        hear(smb, CLIENT, smb2_read(i, 1));
    assert_int_equal(counts.forgotten, 12);
    dis_smb_end(smb, DIS_END_CAPTURE);
}

/* ---- SMB1 ---- */

static struct made smb1(unsigned command, bool reply, unsigned mid)
{
    struct made m = { .length = 0 };
    made_add(&m, "\xffSMB", 4);
    made_u8(&m, command);
    made_zeros(&m, 4);
    made_u8(&m, reply ? 0x80 : 0);
    le16(&m, 0x8000);
    made_zeros(&m, 18);
    le16(&m, mid);
    return m;
}

static struct made smb1_transact(bool reply, unsigned mid, const struct said *s)
{
    struct made m = smb1(0x25, reply, mid);
    unsigned words = reply ? 10 : 16;
    unsigned data = 33 + 2 * words + 2;
    made_u8(&m, words);
    le16(&m, 0);
    le16(&m, (unsigned)s->length);
    if (reply) {
        made_zeros(&m, 8);
        le16(&m, (unsigned)s->length);
        le16(&m, data);
        made_zeros(&m, 4);
    } else {
        made_zeros(&m, 18);
        le16(&m, (unsigned)s->length);
        le16(&m, data);
        le16(&m, 2);
        le16(&m, 0x26);
        le16(&m, 0x4000);
    }
    le16(&m, (unsigned)s->length);
    made_add(&m, s->bytes, s->length);
    return m;
}

static struct made smb1_write_andx(unsigned mid, const struct said *s)
{
    struct made m = smb1(0x2f, false, mid);
    made_u8(&m, 14);
    le32(&m, 0xff);
    le16(&m, 0x4000);
    made_zeros(&m, 8);
    le16(&m, 8); /* message start */
    made_zeros(&m, 4);
    le16(&m, (unsigned)s->length);
    le16(&m, 33 + 28 + 2);
    made_zeros(&m, 4);
    le16(&m, (unsigned)s->length);
    made_add(&m, s->bytes, s->length);
    return m;
}

static struct made smb1_read_andx(unsigned mid)
{
    struct made m = smb1(0x2e, false, mid);
    made_u8(&m, 10);
    le32(&m, 0xff);
    le16(&m, 0x4000);
    made_zeros(&m, 16);
    return m;
}

static struct made smb1_data(unsigned mid, const struct said *s)
{
    struct made m = smb1(0x2e, true, mid);
    made_u8(&m, 12);
    le32(&m, 0xff);
    made_zeros(&m, 6);
    le16(&m, (unsigned)s->length);
    le16(&m, 33 + 24 + 2);
    made_zeros(&m, 10);
    le16(&m, (unsigned)s->length);
    made_add(&m, s->bytes, s->length);
    return m;
}

static struct made smb1_created(unsigned mid)
{
    struct made m = smb1(0xa2, true, mid);
    made_u8(&m, 42);
    le32(&m, 0xff);
    made_u8(&m, 0);
    le16(&m, 0x4000);
    made_zeros(&m, 79);
    return m;
}

static struct made smb1_create(unsigned mid)
{
    static const char name[] = "\\samr";
    struct made m = smb1(0xa2, false, mid);
    made_u8(&m, 24);
    le32(&m, 0xff);
    made_u8(&m, 0);
    le16(&m, 2 * (sizeof(name) - 1));
    made_zeros(&m, 41);
    le16(&m, 2 * sizeof(name));
    made_zeros(&m, m.length % 2);
    for (size_t i = 0; i < sizeof(name); i++)
        le16(&m, (unsigned)name[i]);
    return m;
}

static void test_smb1(void **state)
{
    (void)state;
    struct dis_smb *smb = begun();
    struct said bind = say_bind(1);
    struct said ack = say_bind_ack(1);
    struct said request = say_request(2, WHOLE, 4);
    struct said response = say_response(2, WHOLE);
    hear(smb, CLIENT, smb1_create(1));
    hear(smb, SERVER, smb1_created(1));
    hear(smb, CLIENT, smb1_write_andx(2, &bind));
    hear(smb, CLIENT, smb1_read_andx(3));
    hear(smb, SERVER, smb1_data(3, &ack));
    hear(smb, CLIENT, smb1_transact(false, 4, &request));
    hear(smb, SERVER, smb1_transact(true, 4, &response));
    assert_int_equal(told.pdus, 4);
    assert_int_equal(told.calls[0].ending, DIS_END_ANSWERED);
    assert_true(told.calls[0].has_interface);
    dis_smb_end(smb, DIS_END_CAPTURE);
    assert_int_equal(told.conversation_count, 1);
    assert_string_equal(told.pipe_names[0], "samr");
}

/* A chain that points back at itself has an end. */
static void test_smb1_chain(void **state)
{
    (void)state;
    struct dis_smb *smb = begun();
    struct made m = smb1(0x2e, false, 1);
    made_u8(&m, 10);
    made_u8(&m, 0x2e);
    made_u8(&m, 0);
    le16(&m, 32);
    made_zeros(&m, 18);
    hear(smb, CLIENT, m);
    assert_int_equal(counts.messages, 1);
    dis_smb_end(smb, DIS_END_CAPTURE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read), cmocka_unit_test(test_transceive_and_close),
        cmocka_unit_test(test_unopened),       cmocka_unit_test(test_chain),
        cmocka_unit_test(test_file_tree),      cmocka_unit_test(test_encrypted),
        cmocka_unit_test(test_splits_and_gap), cmocka_unit_test(test_cut_everywhere),
        cmocka_unit_test(test_bounded),        cmocka_unit_test(test_smb1),
        cmocka_unit_test(test_smb1_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
