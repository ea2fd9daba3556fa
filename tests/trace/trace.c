/* Plays scenarios to the brain in virtual time: what happens at `@`, what must follow at `->`, what must hold at `=`.
 *
 *     server calls 1 members 1 connect-timeout 3000
 *     listener server 0 clients 10 clients-per-address 2 bind-timeout 10000
 *     drain 30000
 *
 *     @1500 call-begin client=c1 call=k1 last=yes     # an event, at 1500 ms
 *       -> lease call=k1 client=c1 link=l1            # every action that follows, in order
 *       = inside 1 waiting 0                          # also: server N (before them), wake MS, wake never, drained 0
 *
 * An event's actions include those of the ticks that the brain asks for at once. `client-opened` and `call-begin` make
 * new names, and so does an expected `dial`. Output is TAP, one test a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "names.h"
#include "policy/policy.h"
#include "scene.h"
#include "script.h"

struct play {
    struct pol_brain *brain;
    struct tr_names names;
    struct tr_scene scene;
    struct tr_failure failure;
    struct pol_action *actions; /* of the last event */
    size_t count, capacity, next;
    int64_t now;
    unsigned event_line;
};

/* ---- events ---- */

static void keep(struct play *p, const struct pol_actions *actions)
{
    if (p->count + actions->count > p->capacity) {
        p->capacity = 2 * p->capacity + POL_ACTIONS_MAX;
        p->actions = realloc(p->actions, p->capacity * sizeof *p->actions);
        if (!p->actions)
            abort();
    }
    for (unsigned i = 0; i < actions->count; i++)
        p->actions[p->count++] = actions->item[i];
}

static void step(struct play *p, const struct pol_event *event)
{
    static const struct pol_event tick = { .kind = POL_TICK };
    struct pol_actions actions;
    p->count = p->next = 0;
    for (const struct pol_event *e = event; e; e = actions.more ? &tick : NULL) {
        pol_step(p->brain, e, p->now, &actions);
        keep(p, &actions);
    }
    if (event->kind == POL_CLIENT_GONE)
        tr_name_release(&p->names, TR_CLIENT, event->client);
    for (size_t i = 0; i < p->count; i++)
        if (p->actions[i].kind == POL_END)
            tr_name_release(&p->names, TR_CALL, p->actions[i].call);
}

static bool mismatch(struct play *p, unsigned line, unsigned column, const char *expected)
{
    char text[1024] = "";
    for (size_t i = p->next; i < p->count && i < p->next + 4; i++) {
        char actual[200];
        size_t length = strlen(text);
        tr_action_write(&p->actions[i], &p->names, actual, sizeof actual);
        snprintf(text + length, sizeof text - length, "\n    -> %s", actual);
    }
    return tr_fail(&p->failure, line, column, "expected\n    -> %s\n  but there follows%s", expected,
                   p->next < p->count ? text : "\n    nothing");
}

static bool nothing_is_left(struct play *p)
{
    return p->next == p->count || mismatch(p, p->event_line, 1, "(nothing more)");
}

static bool play_event(struct play *p, const struct tr_line *line)
{
    unsigned long long now;
    struct pol_event event;
    if (!nothing_is_left(p))
        return false;
    if (!tr_number(line->words[0].text + 1, INT64_MAX, &now) || (int64_t)now < p->now)
        return tr_fail(&p->failure, line->number, line->words[0].column, "no time from now on: '%s'",
                       line->words[0].text);
    p->now = (int64_t)now;
    p->event_line = line->number;
    if (!tr_event_read(line, 1, &p->names, &event, &p->failure))
        return false;
    step(p, &event);
    return true;
}

/* ---- expectations ---- */

static bool expect_action(struct play *p, const struct tr_line *line)
{
    char expected[200], actual[200] = "";
    struct pol_action action;
    const struct pol_action *got = p->next < p->count ? &p->actions[p->next] : NULL;
    if (!tr_action_read(line, 1, &p->names, got, &action, &p->failure))
        return false;
    tr_action_write(&action, &p->names, expected, sizeof expected);
    if (got)
        tr_action_write(got, &p->names, actual, sizeof actual);
    if (strcmp(expected, actual) != 0)
        return mismatch(p, line->number, line->words[0].column, expected);
    p->next++;
    return true;
}

static bool expect_number(struct play *p, const struct tr_line *line, unsigned at, int64_t actual)
{
    unsigned long long expected = INT64_MAX;
    const char *text = at < line->count ? line->words[at].text : "";
    if (strcmp(text, "never") != 0 && !tr_number(text, INT64_MAX, &expected))
        return tr_fail(&p->failure, line->number, line->words[at - 1].column, "it needs a number: '%s'",
                       line->words[at - 1].text);
    if ((int64_t)expected == actual)
        return true;
    return tr_fail(&p->failure, line->number, line->words[at].column, "%s is %lld, not %s", line->words[at - 1].text,
                   (long long)actual, text);
}

/* Numbers of server 0, unless `server N` comes before them. */
static bool expect_state(struct play *p, const struct tr_line *line)
{
    unsigned long long server = 0;
    for (unsigned i = 1; i < line->count; i += 2) {
        const char *word = line->words[i].text;
        bool good;
        if (strcmp(word, "server") == 0)
            good = i + 1 < line->count &&
                   tr_number(line->words[i + 1].text, p->scene.settings.server_count - 1u, &server);
        else if (strcmp(word, "inside") == 0)
            good = expect_number(p, line, i + 1, pol_calls_inside(p->brain, (uint32_t)server));
        else if (strcmp(word, "waiting") == 0)
            good = expect_number(p, line, i + 1, pol_calls_waiting(p->brain, (uint32_t)server));
        else if (strcmp(word, "wake") == 0)
            good = expect_number(p, line, i + 1, pol_next_wake(p->brain));
        else if (strcmp(word, "drained") == 0)
            good = expect_number(p, line, i + 1, pol_drained(p->brain));
        else
            return tr_fail(&p->failure, line->number, line->words[i].column, "nothing to look at: '%s'", word);
        if (!good && p->failure.text[0] == 0)
            tr_fail(&p->failure, line->number, line->words[i].column, "no such server");
        if (!good)
            return false;
    }
    return true;
}

static bool play_line(struct play *p, const struct tr_line *line)
{
    const char *word = line->words[0].text;
    if (word[0] == '@')
        return play_event(p, line);
    if (strcmp(word, "->") == 0)
        return expect_action(p, line);
    if (strcmp(word, "=") == 0)
        return expect_state(p, line);
    return tr_fail(&p->failure, line->number, line->words[0].column, "no event (@), action (->) or state (=): '%s'",
                   word);
}

/* ---- scenarios ---- */

static bool play_script(struct play *p, const struct tr_script *script)
{
    size_t next;
    if (!tr_scene_read(&p->scene, script, &next, &p->failure))
        return false;
    const struct pol_settings *s = &p->scene.settings;
    p->brain = pol_create(s);
    if (!p->brain)
        return tr_fail(&p->failure, 0, 0, "not enough memory");
    tr_names_init(&p->names, s->max_clients, s->max_links, s->max_calls);
    for (; next < script->count; next++)
        if (!play_line(p, &script->lines[next]))
            return false;
    return nothing_is_left(p);
}

/* A scenario with `fails LINE:COLUMN: TEXT` shows that this very failure is found and told. */
static bool is_as_it_must(struct play *p, bool good)
{
    char failure[sizeof p->failure.text + 32];
    if (!p->scene.must_fail[0])
        return good;
    snprintf(failure, sizeof failure, "%u:%u: %s", p->failure.line, p->failure.column, p->failure.text);
    failure[strcspn(failure, "\n")] = 0;
    return (!good && strcmp(failure, p->scene.must_fail) == 0) ||
           (good && tr_fail(&p->failure, 0, 0, "it does not fail"));
}

static bool play_file(const char *path, unsigned number)
{
    struct play p = { 0 };
    struct tr_script script;
    bool good = tr_script_read(&script, path, &p.failure) && play_script(&p, &script);
    good = is_as_it_must(&p, good);
    printf("%s %u - %s\n", good ? "ok" : "not ok", number, path);
    if (!good) {
        char *text = p.failure.text;
        printf("# %s:%u:%u: ", path, p.failure.line, p.failure.column);
        for (char *line; (line = strsep(&text, "\n")) != NULL;)
            printf("%s\n%s", line, text ? "# " : "");
    }
    pol_destroy(p.brain);
    tr_names_free(&p.names);
    tr_script_free(&script);
    free(p.actions);
    return good;
}

int main(int argc, char **argv)
{
    unsigned failures = 0;
    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++)
        failures += !play_file(argv[i], (unsigned)i);
    return failures != 0;
}
