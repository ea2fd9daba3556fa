/* What endpoint mappers name, written and read through the shared file. */
#include "endpoints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const uint8_t floors[] = { 1, 0, 7, 2, 0, 0xc0, 0x01, 1, 0, 9, 4, 0, 10, 0, 0, 5 };
static const uint8_t tower_host[16] = { [10] = 0xff, 0xff, 10, 0, 0, 5 };
static const uint8_t own_host[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };

static bool has(const struct shim_map *map, const uint8_t address[16], uint16_t port)
{
    const struct shim_endpoint *bucket = map->endpoints[shim_map_bucket(address, port)];
    for (unsigned i = 0; i < SHIM_MAP_BUCKET; i++)
        if (shim_endpoint_is(&bucket[i], address, port))
            return true;
    return false;
}

static struct px_address mapper(void)
{
    struct px_address address;
    const char *why;
    assert_true(px_address_parse("192.0.2.1:135", &address, &why));
    return address;
}

static struct shim_map *open_new(char path[32])
{
    strcpy(path, "/tmp/rpcward-ports-XXXXXX");
    close(mkstemp(path));
    struct shim_map *map = px_endpoints_open(path);
    assert_non_null(map);
    return map;
}

/* Cut at every byte, a tower is found once it is whole. */
static void test_cut(void **state)
{
    struct px_address host = mapper();
    (void)state;
    for (size_t cut = 0; cut <= sizeof floors; cut++) {
        char path[32];
        struct shim_map *map = open_new(path);
        struct px_towers towers = { .length = 0 };
        px_endpoints_note(map, &towers, &host, floors, cut);
        assert_int_equal(has(map, tower_host, 49153), cut == sizeof floors);
        px_endpoints_note(map, &towers, &host, floors + cut, sizeof floors - cut);
        assert_true(has(map, tower_host, 49153));
        assert_true(has(map, own_host, 49153));
        assert_false(has(map, own_host, 49154));
        px_endpoints_close(map);
        unlink(path);
    }
}

/* One byte at a time, with others before it. */
static void test_dribble(void **state)
{
    char path[32];
    struct shim_map *map = open_new(path);
    struct px_address host = mapper();
    struct px_towers towers = { .length = 0 };
    uint8_t stub[40] = { 0 };
    (void)state;
    memcpy(stub + 24, floors, sizeof floors);
    for (size_t i = 0; i < sizeof stub; i++)
        px_endpoints_note(map, &towers, &host, stub + i, 1);
    assert_true(has(map, own_host, 49153));
    px_endpoints_close(map);
    unlink(path);
}

/* Another process goes on with the file, also where one was killed while it wrote. */
static void test_kept(void **state)
{
    char path[32];
    struct shim_map *map = open_new(path);
    struct px_address host = mapper();
    struct px_towers towers = { .length = 0 };
    (void)state;
    px_endpoints_note(map, &towers, &host, floors, sizeof floors);
    assert_int_equal(map->generation % 2, 0);
    map->generation++;
    struct shim_map *again = px_endpoints_open(path);
    assert_true(has(again, own_host, 49153));
    assert_int_equal(again->generation % 2, 0);
    px_endpoints_close(again);
    px_endpoints_close(map);
    unlink(path);
}

/* More than there is room for: the last one is always there. */
static void test_full(void **state)
{
    char path[32];
    struct shim_map *map = open_new(path);
    struct px_address host = mapper();
    uint8_t tower[sizeof floors];
    (void)state;
    memcpy(tower, floors, sizeof tower);
    for (unsigned i = 0; i < 20000; i++) {
        struct px_towers towers = { .length = 0 };
        uint8_t address[16] = { [10] = 0xff, 0xff, 10, 0, (uint8_t)(i >> 8), (uint8_t)i };
        memcpy(tower + 12, address + 12, 4);
        px_endpoints_note(map, &towers, &host, tower, sizeof tower);
        assert_true(has(map, address, 49153));
    }
    px_endpoints_close(map);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_dribble),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
