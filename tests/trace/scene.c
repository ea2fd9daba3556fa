/* Lines such as `server calls 2 members 1 connect-timeout 3000`: a noun, then keys and numbers. */
#include "scene.h"

#include <stdio.h>
#include <string.h>

/* A key and where its number goes: into one of the two. */
struct setting {
    const char *key;
    uint32_t *count;
    int64_t *time;
};

static const struct setting *find(const struct setting *settings, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(settings[i].key, key) == 0)
            return &settings[i];
    return NULL;
}

static bool read_settings(const struct tr_line *line, unsigned from, const struct setting *settings, size_t count,
                          struct tr_failure *failure)
{
    for (unsigned i = from; i < line->count; i += 2) {
        const struct tr_word *key = &line->words[i];
        const struct setting *setting = find(settings, count, key->text);
        unsigned long long number;
        if (!setting)
            return tr_fail(failure, line->number, key->column, "no such setting: '%s'", key->text);
        if (i + 1 == line->count || !tr_number(line->words[i + 1].text, UINT32_MAX, &number))
            return tr_fail(failure, line->number, key->column, "it needs a number: '%s'", key->text);
        if (setting->time)
            *setting->time = (int64_t)number;
        else
            *setting->count = (uint32_t)number;
    }
    return true;
}

static bool read_server(struct tr_scene *s, const struct tr_line *line, struct tr_failure *failure)
{
    if (s->settings.server_count == TR_ROWS_MAX)
        return tr_fail(failure, line->number, 1, "too many servers");
    struct pol_server *server = &s->servers[s->settings.server_count++];
    uint32_t refuse = 0;
    *server = (struct pol_server){
        .waiting_length = UINT32_MAX, .connect_timeout = 3000, .member_first = s->members, .member_count = 1
    };
    const struct setting settings[] = {
        { "calls", &server->calls, NULL },
        { "connections", &server->connections, NULL },
        { "calls-per-connection", &server->calls_per_connection, NULL },
        { "idle-keep", NULL, &server->idle_keep },
        { "validate-after", NULL, &server->validate_after },
        { "spare", &server->spare, NULL },
        { "attempts", &server->attempts, NULL },
        { "retry-budget", &server->retry_budget, NULL },
        { "retry-floor", &server->retry_floor, NULL },
        { "retry-backoff", NULL, &server->retry_backoff },
        { "retry-longest", NULL, &server->retry_longest },
        { "waiting", &server->waiting_length, NULL },
        { "waiting-longest", NULL, &server->waiting_longest },
        { "abandoned", &server->abandoned, NULL },
        { "members", &server->member_count, NULL },
        { "connect-timeout", NULL, &server->connect_timeout },
        { "bind-timeout", NULL, &server->bind_timeout },
        { "unavailable-wait", NULL, &server->unavailable_wait },
        { "failures", &server->failures, NULL },
        { "backoff", NULL, &server->backoff },
        { "longest-backoff", NULL, &server->longest_backoff },
        { "check-every", NULL, &server->check_every },
        { "refuse-when-down", &refuse, NULL },
    };
    bool good = read_settings(line, 1, settings, sizeof settings / sizeof *settings, failure);
    s->members += server->member_count;
    server->refuse_when_down = refuse;
    return good;
}

static bool read_rule(struct tr_scene *s, const struct tr_line *line, struct tr_failure *failure)
{
    if (s->settings.rule_count == TR_ROWS_MAX)
        return tr_fail(failure, line->number, 1, "too many rules");
    struct pol_call_rules *rule = &s->rules[s->settings.rule_count++];
    uint32_t farewell = 0, pending = 0;
    const struct setting settings[] = {
        { "com-timeout", NULL, &rule->com_timeout },
        { "call-timeout", NULL, &rule->call_timeout },
        { "deadline", NULL, &rule->deadline },
        { "farewell", &farewell, NULL },
        { "pending", &pending, NULL },
    };
    bool good = read_settings(line, 1, settings, sizeof settings / sizeof *settings, failure);
    rule->farewell = (uint8_t)farewell;
    rule->pending = pending;
    return good;
}

static bool read_listener(struct tr_scene *s, const struct tr_line *line, struct tr_failure *failure)
{
    if (s->settings.listener_count == TR_ROWS_MAX)
        return tr_fail(failure, line->number, 1, "too many listeners");
    struct pol_listener *listener = &s->listeners[s->settings.listener_count++];
    *listener = (struct pol_listener){ .bind_timeout = 10000 };
    const struct setting settings[] = {
        { "server", &listener->server, NULL },
        { "clients", &listener->clients, NULL },
        { "clients-per-address", &listener->clients_per_address, NULL },
        { "bind-timeout", NULL, &listener->bind_timeout },
        { "client-timeout", NULL, &listener->client_timeout },
        { "idle-timeout", NULL, &listener->idle_timeout },
    };
    if (!read_settings(line, 1, settings, sizeof settings / sizeof *settings, failure))
        return false;
    return listener->server < s->settings.server_count ||
           tr_fail(failure, line->number, 1, "its server does not stand above it");
}

static bool read_tables(struct tr_scene *s, const struct tr_line *line, struct tr_failure *failure)
{
    const struct setting settings[] = {
        { "clients", &s->settings.max_clients, NULL },
        { "links", &s->settings.max_links, NULL },
        { "calls", &s->settings.max_calls, NULL },
    };
    return read_settings(line, 1, settings, sizeof settings / sizeof *settings, failure);
}

static bool read_drain(struct tr_scene *s, const struct tr_line *line, struct tr_failure *failure)
{
    const struct setting settings[] = { { "drain", NULL, &s->settings.drain } };
    return read_settings(line, 0, settings, 1, failure);
}

static bool read_fails(struct tr_scene *s, const struct tr_line *line, struct tr_failure *failure)
{
    (void)failure;
    for (unsigned i = 1; i < line->count; i++) {
        size_t length = strlen(s->must_fail);
        snprintf(s->must_fail + length, sizeof s->must_fail - length, "%s%s", i > 1 ? " " : "", line->words[i].text);
    }
    return true;
}

static const struct {
    const char *noun;
    bool (*read)(struct tr_scene *, const struct tr_line *, struct tr_failure *);
} nouns[] = {
    { "server", read_server }, { "rule", read_rule },   { "listener", read_listener },
    { "tables", read_tables }, { "drain", read_drain }, { "fails", read_fails },
};

bool tr_scene_read(struct tr_scene *s, const struct tr_script *script, size_t *next, struct tr_failure *failure)
{
    *s = (struct tr_scene){
        .settings = { .drain = 30000, .max_clients = 16, .max_links = 16, .max_calls = 2048, .max_offers = 8 }
    };
    s->settings.servers = s->servers;
    s->settings.listeners = s->listeners;
    s->settings.rules = s->rules;
    for (*next = 0; *next < script->count && script->lines[*next].words[0].text[0] != '@'; ++*next) {
        const struct tr_line *line = &script->lines[*next];
        size_t i = 0;
        while (i < sizeof nouns / sizeof *nouns && strcmp(nouns[i].noun, line->words[0].text) != 0)
            i++;
        if (i == sizeof nouns / sizeof *nouns)
            return tr_fail(failure, line->number, line->words[0].column, "no such setting: '%s'",
                           line->words[0].text);
        if (!nouns[i].read(s, line, failure))
            return false;
    }
    return s->settings.listener_count > 0 || tr_fail(failure, 0, 0, "there is no listener");
}
