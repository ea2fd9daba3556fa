/* Who may join which association group: the brain against a plain list, over many grants, joins and ends. */
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define MEMBERS    2u
#define LINKS      5u
#define CLIENTS    6u
#define ROWS       (2 * (LINKS + CLIENTS)) /* as many as the brain has */
#define REMEMBERED 60000

static const struct pol_id none = { POL_NONE, 0 };

/* ---- the model ---- */

struct row {
    uint32_t member, id, links;
    uint64_t who;
    int64_t released;
};

struct model {
    struct row rows[ROWS]; /* those without links in the order of their release */
    unsigned count;
};

static struct row *find(struct model *m, uint32_t member, uint32_t id)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->rows[i].member == member && m->rows[i].id == id)
            return &m->rows[i];
    return NULL;
}

static void remove_row(struct model *m, unsigned at)
{
    m->count--;
    memmove(&m->rows[at], &m->rows[at + 1], (m->count - at) * sizeof m->rows[0]);
}

static void forget(struct model *m, int64_t now)
{
    for (unsigned i = 0; i < m->count;)
        if (m->rows[i].links == 0 && m->rows[i].released + REMEMBERED <= now)
            remove_row(m, i);
        else
            i++;
}

/* When the table is full, the group that has been empty for longest goes. */
static void make_room(struct model *m)
{
    unsigned at = 0;
    if (m->count < ROWS)
        return;
    while (m->rows[at].links > 0)
        at++;
    remove_row(m, at);
}

static void grant(struct model *m, uint32_t member, uint32_t id, uint64_t who, int64_t now)
{
    forget(m, now);
    struct row *row = find(m, member, id);
    if (!row) {
        make_room(m);
        row = &m->rows[m->count++];
        *row = (struct row){ .member = member, .id = id };
    }
    row->who = who;
    row->links++;
}

static void leave(struct model *m, uint32_t member, uint32_t id, int64_t now)
{
    struct row *row = find(m, member, id), last;
    if (--row->links > 0)
        return;
    row->released = now;
    last = *row;
    remove_row(m, (unsigned)(row - m->rows));
    m->rows[m->count++] = last;
}

/* The member that a bind is sent to: one, MEMBERS for any, or POL_NONE when it is refused. */
static uint32_t ask(struct model *m, uint32_t id, uint64_t who, int64_t now)
{
    uint32_t verdict = MEMBERS;
    forget(m, now);
    for (uint32_t member = 0; member < MEMBERS; member++) {
        const struct row *row = find(m, member, id);
        if (row && row->who == who)
            return member;
        if (row)
            verdict = POL_NONE;
    }
    return verdict;
}

/* ---- the brain ---- */

struct a_client {
    struct pol_id id, link;
    bool used;
    uint32_t member, group;
};

struct scene {
    struct pol_brain *brain;
    struct model model;
    struct a_client clients[CLIENTS];
    int64_t now;
};

static struct pol_actions tell(struct scene *s, struct pol_event e)
{
    struct pol_actions actions;
    pol_step(s->brain, &e, s->now, &actions);
    assert_false(actions.more);
    return actions;
}

static struct pol_event event(enum pol_event_kind kind, struct pol_id client, struct pol_id link)
{
    return (struct pol_event){ .kind = (uint8_t)kind, .client = client, .link = link, .call = none };
}

static void go(struct scene *s, struct a_client *c)
{
    struct pol_event e = event(POL_CLIENT_END, c->id, none);
    e.how = POL_RESET;
    tell(s, e);
    tell(s, event(POL_CLIENT_GONE, c->id, none));
    if (c->link.index != POL_NONE) {
        tell(s, event(POL_LINK_GONE, none, c->link));
        if (c->group)
            leave(&s->model, c->member, c->group, s->now);
    }
    c->used = false;
}

/* The server grants `granted`; 0: it refuses. */
static void come(struct scene *s, struct a_client *c, uint64_t who, uint32_t wanted, uint32_t granted)
{
    c->id.generation++;
    c->used = true;
    c->link = none;
    c->group = granted;
    struct pol_event e = event(POL_CLIENT_OPENED, c->id, none);
    e.identity.high = who;
    tell(s, e);
    uint32_t expected = wanted ? ask(&s->model, wanted, who, s->now) : MEMBERS;
    e = event(POL_CLIENT_BIND, c->id, none);
    e.group = wanted;
    struct pol_actions actions = tell(s, e);
    if (expected == POL_NONE) {
        assert_int_equal(actions.item[0].kind, POL_ANSWER_BIND);
        assert_false(actions.item[0].ack);
        tell(s, event(POL_CLIENT_GONE, c->id, none));
        c->used = false;
        return;
    }
    assert_int_equal(actions.item[0].kind, POL_DIAL);
    c->link = actions.item[0].link;
    c->member = actions.item[0].member;
    if (expected < MEMBERS)
        assert_int_equal(c->member, expected);
    tell(s, event(POL_DIALLED, none, c->link));
    e = event(POL_BOUND, none, c->link);
    e.accepted = granted != 0;
    e.group = granted;
    tell(s, e);
    if (granted)
        grant(&s->model, c->member, granted, who, s->now);
}

static void begin(struct scene *s, uint64_t seed)
{
    struct pol_server server = { .connect_timeout = 1000, .member_count = MEMBERS };
    struct pol_listener listener = { 0 };
    struct pol_settings settings = { .servers = &server,
                                     .server_count = 1,
                                     .listeners = &listener,
                                     .listener_count = 1,
                                     .max_clients = CLIENTS,
                                     .max_links = LINKS,
                                     .max_calls = 1,
                                     .seed = seed };
    *s = (struct scene){ .brain = pol_create(&settings) };
    assert_non_null(s->brain);
    for (uint32_t i = 0; i < CLIENTS; i++)
        s->clients[i].id.index = i;
}

static void test_random(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        struct scene s;
        begin(&s, seed);
        srand(seed);
        for (unsigned round = 0; round < 1000; round++) {
            struct a_client *c = &s.clients[(unsigned)rand() % LINKS]; /* so that a link is always to be had */
            s.now += rand() % 10 ? rand() % 500 : rand() % 50000;
            if (c->used) {
                go(&s, c);
            } else {
                uint32_t ids = seed % 2 ? 6 : 40; /* few: they meet; many: the table fills */
                uint32_t wanted = rand() % 2 ? 0 : 1 + (uint32_t)rand() % ids;
                come(&s, c, (uint64_t)rand() % 3, wanted, (uint32_t)rand() % (ids + 1));
            }
        }
        pol_destroy(s.brain);
    }
}

static void test_full_table(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, 1);
    for (uint32_t id = 1; id <= ROWS + 3; id++) { /* more groups, one after the other, than there are rows */
        come(&s, &s.clients[0], 7, 0, id);
        go(&s, &s.clients[0]);
    }
    come(&s, &s.clients[1], 8, 3, 0); /* the oldest are forgotten: the server will say */
    assert_true(s.clients[1].used);
    come(&s, &s.clients[2], 8, 4, 0); /* the others are not */
    assert_false(s.clients[2].used);
    pol_destroy(s.brain);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_random), cmocka_unit_test(test_full_table) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
