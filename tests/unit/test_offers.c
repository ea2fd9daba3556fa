/* What plain clients offer: found again, held, and given up where there is no room for more. */
#include "offers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../dissect/compose.h"
#include "settings_internal.h"

#define SERVER 3
#define SETTINGS                                    \
    "servers: { a: { members: [ 10.0.0.5:1 ] } }\n" \
    "listeners: [ { address: 127.0.0.1:0, server: a } ]\n"

struct fixture {
    struct px_settings settings;
    struct px_offers offers;
    uint8_t bytes[256];
};

static int open_table(void **state)
{
    static struct fixture f;
    char *said;
    size_t size;
    FILE *out = open_memstream(&said, &size);
    memset(&f, 0, sizeof f);
    unsigned failures = px_settings_load_text("f", SETTINGS, strlen(SETTINGS), &f.settings, out);
    fclose(out);
    free(said);
    *state = &f;
    return failures > 0 || !px_offers_init(&f.offers);
}

static int close_table(void **state)
{
    struct fixture *f = *state;
    px_offers_free(&f->offers);
    px_settings_free(&f->settings);
    return 0;
}

/* What makes binds differ is their context's id. */
static uint32_t find(struct fixture *f, uint16_t id, uint32_t call_id)
{
    struct dis_offer offer = { .id = id, .transfers = &dis_ndr, .transfer_count = 1 };
    struct dis_bind sizes = { .max_xmit_frag = 5840, .max_recv_frag = 5840, .assoc_group_id = call_id };
    struct dis_head head = { .drep = dis_little_endian, .call_id = call_id };
    struct dis_pdu pdu;
    struct dis_error error;
    assert_true(dis_uuid_parse("60a15ec5-4de8-11d7-a637-005056a20182", &offer.abstract.uuid));
    offer.abstract.major = 1;
    size_t length = dis_compose_bind(f->bytes, sizeof f->bytes, DIS_BIND, &head, &sizes, &offer, 1);
    assert_true(dis_pdu_decode(f->bytes, length, &pdu, &error));
    return px_offers_find(&f->offers, f->settings.call_rules, 1, SERVER, &pdu);
}

static void test_found_again(void **state)
{
    struct fixture *f = *state;
    uint32_t first = find(f, 1, 1), second = find(f, 2, 1);
    assert_int_not_equal(first, 0);
    assert_int_not_equal(first, second);
    assert_int_equal(find(f, 1, 7), first); /* another call_id and association group */
    assert_int_equal(find(f, 2, 9), second);
}

static void fill(struct fixture *f)
{
    for (uint32_t id = 0; id < PX_OFFERS_MOST; id++)
        assert_int_not_equal(find(f, (uint16_t)id, 1), 0);
    assert_int_equal(f->offers.count, PX_OFFERS_MOST);
}

static void test_held_ones_stay(void **state)
{
    struct fixture *f = *state;
    fill(f);
    uint32_t held = find(f, 17, 1);
    px_offer_hold(&f->offers, held);
    for (uint32_t id = 0; id < 3 * PX_OFFERS_MOST; id++) {
        uint32_t number = find(f, (uint16_t)(20000 + id), 1);
        assert_in_range(number, 1, PX_OFFERS_MOST);
        assert_int_not_equal(number, held);
        assert_int_equal(find(f, (uint16_t)(20000 + id), 2), number);
    }
    assert_int_equal(find(f, 17, 1), held);
}

static void test_used_ones_stay_longer(void **state)
{
    struct fixture *f = *state;
    fill(f);
    uint32_t used = find(f, 5, 1);
    for (uint32_t id = 0; id < 4 * PX_OFFERS_MOST; id++) {
        find(f, (uint16_t)(20000 + id), 1);
        assert_int_equal(find(f, 5, 1), used);
    }
}

static void test_all_are_held(void **state)
{
    struct fixture *f = *state;
    fill(f);
    for (uint32_t number = 1; number <= PX_OFFERS_MOST; number++)
        px_offer_hold(&f->offers, number);
    assert_int_equal(find(f, 20000, 1), 0);
    px_offer_drop(&f->offers, 9);
    assert_int_equal(find(f, 20000, 1), 9);
}

static void test_answers_go_with_their_offer(void **state)
{
    struct fixture *f = *state;
    uint8_t ack[256];
    struct dis_pdu pdu;
    struct dis_error error;
    struct dis_head head = { .drep = dis_little_endian };
    struct dis_bind_ack sizes = { .max_xmit_frag = 4280, .max_recv_frag = 4280 };
    struct dis_context_result result = { .result = DIS_ACCEPTANCE, .transfer = dis_ndr };
    size_t length = dis_compose_bind_ack(ack, sizeof ack, DIS_BIND_ACK, &head, &sizes, "1", &result, 1);
    assert_true(dis_pdu_decode(ack, length, &pdu, &error));
    fill(f);
    for (uint32_t number = 1; number <= PX_OFFERS_MOST; number++)
        assert_true(px_offer_learn(&f->offers, number, &pdu));
    uint32_t number = find(f, 20000, 1);
    assert_null(px_offer_at(&f->offers, number)->answer);
    assert_null(px_offer_context(&f->offers, number, f->settings.call_rules, 1, 20000));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_found_again, open_table, close_table),
        cmocka_unit_test_setup_teardown(test_held_ones_stay, open_table, close_table),
        cmocka_unit_test_setup_teardown(test_used_ones_stay_longer, open_table, close_table),
        cmocka_unit_test_setup_teardown(test_all_are_held, open_table, close_table),
        cmocka_unit_test_setup_teardown(test_answers_go_with_their_offer, open_table, close_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
