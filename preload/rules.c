/* The rules, from the environment; and the verdict on an address, which costs no system call. */
#include "rules.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ports.h"

#define ENDPOINT_MAPPER 135 /* MS-RPCE 2.1.1.1 */

struct shim_rules shim_rules;

const char *shim_rule_parse(const char *text, unsigned length, struct shim_rule *rule)
{
    static const char local[] = "unix:";
    unsigned prefix = sizeof local - 1;
    *rule = (struct shim_rule){ 0 };
    if (length < prefix || memcmp(text, local, prefix) != 0)
        return shim_net_parse(text, length, &rule->net);
    rule->local = true;
    rule->path_length = length - prefix;
    if (text[prefix] != '/')
        return "the path of a Unix socket must start with a slash";
    if (rule->path_length >= sizeof rule->path)
        return "the path is too long";
    memcpy(rule->path, text + prefix, rule->path_length);
    return NULL;
}

static bool read_list(const char *text, struct shim_rule *list, unsigned *count)
{
    while (text && *(text += strspn(text, " "))) {
        unsigned length = (unsigned)strcspn(text, " ");
        if (*count == SHIM_RULES_MOST || shim_rule_parse(text, length, &list[*count]))
            return false;
        ++*count;
        text += length;
    }
    return true;
}

static bool is_set(const char *name)
{
    const char *value = secure_getenv(name);
    return value && strcmp(value, "1") == 0;
}

/* A program with raised privileges is not for its caller to lead: secure_getenv() sees nothing there (AT_SECURE). */
void shim_rules_read(void)
{
    struct shim_rules *r = &shim_rules;
    const char *proxy = secure_getenv(SHIM_ENV_PROXY), *wait = secure_getenv(SHIM_ENV_WAIT);
    if (!proxy)
        return;
    r->active = true;
    r->open = is_set(SHIM_ENV_OPEN);
    r->verbose = is_set(SHIM_ENV_VERBOSE);
    r->wait = wait && atoi(wait) > 0 ? atoi(wait) : SHIM_WAIT;
    r->broken = strlen(proxy) >= sizeof r->proxy || !read_list(secure_getenv(SHIM_ENV_TO), r->to, &r->to_count) ||
                !read_list(secure_getenv(SHIM_ENV_NOT), r->not_to, &r->not_count);
    if (!r->broken)
        memcpy(r->proxy, proxy, strlen(proxy) + 1);
}

/* ---- the verdict ---- */

static bool list_has(const struct shim_rule *list, unsigned count, const uint8_t point[16], uint16_t port)
{
    for (unsigned i = 0; i < count; i++)
        if (!list[i].local && shim_net_has(&list[i].net, point, port))
            return true;
    return false;
}

static bool list_has_path(const struct shim_rule *list, unsigned count, const char *path, size_t length)
{
    for (unsigned i = 0; i < count; i++)
        if (list[i].local && list[i].path_length == length && memcmp(list[i].path, path, length) == 0)
            return true;
    return false;
}

static bool match_path(const struct sockaddr *to, socklen_t length)
{
    const struct shim_rules *r = &shim_rules;
    const char *path = ((const struct sockaddr_un *)to)->sun_path;
    size_t room = length > offsetof(struct sockaddr_un, sun_path) ? length - offsetof(struct sockaddr_un, sun_path)
                                                                  : 0;
    size_t end = strnlen(path, room);
    return list_has_path(r->to, r->to_count, path, end) && !list_has_path(r->not_to, r->not_count, path, end);
}

bool shim_rules_match(const struct sockaddr *to, socklen_t length)
{
    const struct shim_rules *r = &shim_rules;
    uint8_t point[16];
    uint16_t port;
    if (!r->active || !to || length < sizeof to->sa_family)
        return false;
    if (to->sa_family == AF_UNIX)
        return match_path(to, length);
    if (!shim_net_point(to, length, point, &port))
        return false;
    if (r->broken)
        return true;
    if (port != ENDPOINT_MAPPER && !list_has(r->to, r->to_count, point, port) && !shim_ports_have(point, port))
        return false;
    return !list_has(r->not_to, r->not_count, point, port);
}
