/* Slots, the line before them, and clients by address: the brain against plain arrays. */
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define CLIENTS 300u

static const struct pol_id none = { POL_NONE, 0 };

struct scene {
    struct pol_brain *brain;
    struct pol_actions actions;    /* of the last event */
    uint32_t generations[CLIENTS]; /* of clients and calls: client i has call i */
    struct pol_id links[CLIENTS];
    uint32_t line[CLIENTS], line_length; /* clients whose calls wait */
    uint32_t inside[CLIENTS], inside_count;
};

/* With few links there are few hash buckets, and addresses meet in them. */
static void begin(struct scene *s, uint64_t seed, uint32_t links, struct pol_server server, struct pol_listener first,
                  struct pol_listener second)
{
    struct pol_listener listeners[] = { first, second };
    struct pol_settings settings = { .servers = &server,
                                     .server_count = 1,
                                     .listeners = listeners,
                                     .listener_count = 2,
                                     .max_clients = CLIENTS,
                                     .max_links = links,
                                     .max_calls = CLIENTS,
                                     .seed = seed };
    *s = (struct scene){ .brain = pol_create(&settings) };
    assert_non_null(s->brain);
}

static void tell(struct scene *s, struct pol_event e)
{
    pol_step(s->brain, &e, 0, &s->actions);
    assert_false(s->actions.more);
}

static struct pol_event event(const struct scene *s, enum pol_event_kind kind, uint32_t client)
{
    struct pol_id id = { client, s->generations[client] };
    return (struct pol_event){ .kind = (uint8_t)kind, .client = id, .link = s->links[client], .call = id };
}

/* ---- the line ---- */

static void up(struct scene *s, uint32_t client)
{
    s->generations[client]++;
    s->links[client] = none;
    tell(s, event(s, POL_CLIENT_OPENED, client));
    tell(s, event(s, POL_CLIENT_BIND, client));
    assert_int_equal(s->actions.item[0].kind, POL_DIAL);
    s->links[client] = s->actions.item[0].link;
    tell(s, event(s, POL_DIALLED, client));
}

static void down(struct scene *s, uint32_t client)
{
    struct pol_event e = event(s, POL_CLIENT_END, client);
    e.how = POL_RESET;
    tell(s, e);
}

static void gone(struct scene *s, uint32_t client)
{
    tell(s, event(s, POL_CLIENT_GONE, client));
    tell(s, event(s, POL_LINK_GONE, client));
}

static void take(uint32_t *list, uint32_t *count, uint32_t at)
{
    memmove(&list[at], &list[at + 1], (--*count - at) * sizeof *list);
}

/* The last action must be the lease of whoever stands first, if anybody does. */
static void first_moves_up(struct scene *s)
{
    const struct pol_action *last = &s->actions.item[s->actions.count - 1];
    if (s->line_length == 0) {
        assert_int_not_equal(last->kind, POL_LEASE);
        return;
    }
    assert_int_equal(last->kind, POL_LEASE);
    assert_int_equal(last->call.index, s->line[0]);
    s->inside[s->inside_count++] = s->line[0];
    take(s->line, &s->line_length, 0);
}

static void call(struct scene *s, uint32_t client, uint32_t limit)
{
    struct pol_event e = event(s, POL_CALL_BEGIN, client);
    tell(s, e);
    assert_int_equal(s->actions.count, 1);
    if (s->inside_count < limit) {
        assert_int_equal(s->actions.item[0].kind, POL_LEASE);
        s->inside[s->inside_count++] = client;
    } else {
        assert_int_equal(s->actions.item[0].kind, POL_HOLD);
        s->line[s->line_length++] = client;
    }
}

static void answer(struct scene *s, uint32_t at)
{
    uint32_t client = s->inside[at];
    tell(s, event(s, POL_ANSWER_BEGIN, client));
    tell(s, event(s, POL_ANSWER_END, client));
    take(s->inside, &s->inside_count, at);
    first_moves_up(s);
    down(s, client);
    gone(s, client);
}

static void withdraw(struct scene *s, uint32_t at)
{
    uint32_t client = s->line[at];
    down(s, client);
    assert_int_equal(s->actions.item[0].kind, POL_END);
    assert_int_equal(s->actions.item[0].ending, POL_WITHDRAWN);
    take(s->line, &s->line_length, at);
    gone(s, client);
}

static bool is_free(const struct scene *s, uint32_t client)
{
    for (uint32_t i = 0; i < s->line_length; i++)
        if (s->line[i] == client)
            return false;
    for (uint32_t i = 0; i < s->inside_count; i++)
        if (s->inside[i] == client)
            return false;
    return true;
}

static void test_line(void **state)
{
    (void)state;
    struct scene s;
    uint32_t limit = 7;
    begin(
        &s, 1, CLIENTS,
        (struct pol_server){ .calls = limit, .waiting_length = UINT32_MAX, .connect_timeout = 1, .member_count = 1 },
        (struct pol_listener){ 0 }, (struct pol_listener){ 0 });
    srand(1);
    for (unsigned round = 0; round < 100000; round++) {
        uint32_t client = (uint32_t)rand() % CLIENTS;
        unsigned what = (unsigned)rand() % 100;
        if (what < 60 && is_free(&s, client)) {
            up(&s, client);
            call(&s, client, limit);
        } else if (what < 80 && s.inside_count > 0) {
            answer(&s, (uint32_t)rand() % s.inside_count);
        } else if (s.line_length > 0) {
            withdraw(&s, (uint32_t)rand() % s.line_length);
        }
        assert_int_equal(pol_calls_inside(s.brain, 0), s.inside_count);
        assert_int_equal(pol_calls_waiting(s.brain, 0), s.line_length);
    }
    pol_destroy(s.brain);
}

/* ---- clients by address ---- */

static void visit(uint64_t seed)
{
    static struct pol_listener limits[] = { { .clients = 70, .clients_per_address = 5 },
                                            { .clients_per_address = 9 } };
    struct scene s;
    bool open[CLIENTS] = { false };
    uint32_t listener[CLIENTS], address[CLIENTS], counts[2][20] = { 0 }, all[2] = { 0 };
    begin(&s, seed, 1, (struct pol_server){ .connect_timeout = 1, .member_count = 1 }, limits[0], limits[1]);
    srand((unsigned)seed);
    for (unsigned round = 0; round < 10000; round++) {
        uint32_t i = (uint32_t)rand() % CLIENTS;
        if (open[i]) {
            down(&s, i);
            tell(&s, event(&s, POL_CLIENT_GONE, i));
            all[listener[i]]--;
            counts[listener[i]][address[i]]--;
            open[i] = false;
            continue;
        }
        listener[i] = (uint32_t)rand() % 2;
        address[i] = (uint32_t)rand() % 20;
        s.generations[i]++;
        s.links[i] = none;
        struct pol_event e = event(&s, POL_CLIENT_OPENED, i);
        e.listener = listener[i];
        e.identity = (struct pol_identity){ address[i] % 4, address[i] / 4 };
        tell(&s, e);
        bool too_many = (listener[i] == 0 && all[0] == 70);
        bool too_many_here = counts[listener[i]][address[i]] == limits[listener[i]].clients_per_address;
        assert_int_equal(s.actions.count, too_many || too_many_here);
        if (s.actions.count) {
            assert_int_equal(s.actions.item[0].reason, too_many ? POL_BY_CLIENTS_LIMIT : POL_BY_ADDRESS_LIMIT);
            tell(&s, event(&s, POL_CLIENT_GONE, i));
            continue;
        }
        open[i] = true;
        all[listener[i]]++;
        counts[listener[i]][address[i]]++;
    }
    pol_destroy(s.brain);
}

static void test_addresses(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        visit(seed);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_line), cmocka_unit_test(test_addresses) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
