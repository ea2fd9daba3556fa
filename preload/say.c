/* Lines without stdio, which takes locks and memory, by one write(2) each. */
#include "say.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rules.h"

struct line {
    char text[512];
    size_t length;
};

static void put(struct line *line, const char *text)
{
    size_t room = sizeof line->text - line->length, length = strlen(text);
    if (length > room)
        length = room;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void put_number(struct line *line, unsigned number)
{
    char digits[12], *at = digits + sizeof digits - 1;
    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    put(line, at);
}

static void put_address(struct line *line, const struct shim_address *a)
{
    char host[INET6_ADDRSTRLEN], path[sizeof a->local.sun_path + 1] = "";
    if (a->any.sa_family == AF_UNIX) {
        memcpy(path, a->local.sun_path, a->length - offsetof(struct sockaddr_un, sun_path));
        put(line, "unix:");
        put(line, path);
        return;
    }
    bool v6 = a->any.sa_family == AF_INET6;
    inet_ntop(a->any.sa_family, v6 ? (const void *)&a->v6.sin6_addr : (const void *)&a->v4.sin_addr, host,
              sizeof host);
    put(line, v6 ? "[" : "");
    put(line, host);
    put(line, v6 ? "]:" : ":");
    put_number(line, ntohs(v6 ? a->v6.sin6_port : a->v4.sin_port));
}

void shim_say(const struct shim_address *to, const struct shim_address *where, const char *why)
{
    struct line line = { .length = 0 };
    if (!shim_rules.verbose)
        return;
    put(&line, "rpcward-run: ");
    put_address(&line, to);
    put(&line, where ? " -> " : ": ");
    if (where)
        put_address(&line, where);
    put(&line, why);
    put(&line, "\n");
    syscall(SYS_write, STDERR_FILENO, line.text, line.length);
}
