/* Socket addresses from text and back, without ever asking a resolver. */
#include "address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char local_prefix[] = "unix:";

static bool refuse(const char **why, const char *reason)
{
    *why = reason;
    return false;
}

/* Decimal digits to the end of the text; strtoul would take signs and spaces too. */
static bool read_port(const char *text, in_port_t *port, const char **why)
{
    size_t digits = strspn(text, "0123456789");
    if (*text == '\0')
        return refuse(why, "the port is missing");
    if (text[digits] != '\0')
        return refuse(why, "the port is not a number");
    unsigned long value = digits > 5 ? UINT16_MAX + 1ul : strtoul(text, NULL, 10);
    if (value > UINT16_MAX)
        return refuse(why, "the port is above 65535");
    *port = htons((uint16_t)value);
    return true;
}

static bool read_local(const char *path, struct px_address *address, const char **why)
{
    size_t length = strlen(path);
    if (*path != '/')
        return refuse(why, "the path of a Unix socket must start with a slash");
    if (length >= sizeof address->local.sun_path)
        return refuse(why, "the path of a Unix socket may have at most 107 bytes");
    address->local.sun_family = AF_UNIX;
    memcpy(address->local.sun_path, path, length + 1);
    address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return true;
}

/* The zone of a link-local address, as an interface's name or its number. */
static bool read_zone(const char *zone, uint32_t *scope, const char **why)
{
    *scope = if_nametoindex(zone);
    if (*scope == 0 && zone[strspn(zone, "0123456789")] == '\0' && strlen(zone) < 10)
        *scope = (uint32_t)strtoul(zone, NULL, 10);
    return *scope != 0 || refuse(why, "there is no network interface of that name");
}

static bool read_v6(const char *text, struct px_address *address, const char **why)
{
    char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
    const char *end = strchr(text, ']');
    if (end == NULL)
        return refuse(why, "the closing bracket is missing");
    size_t length = (size_t)(end - text);
    if (length >= sizeof host)
        return refuse(why, "what is in the brackets is not an IPv6 address");
    memcpy(host, text, length);
    host[length] = '\0';
    char *zone = strchr(host, '%');
    if (zone != NULL)
        *zone++ = '\0';
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) != 1)
        return refuse(why, "what is in the brackets is not an IPv6 address");
    if (zone != NULL && !read_zone(zone, &address->v6.sin6_scope_id, why))
        return false;
    if (end[1] != ':')
        return refuse(why, "the port is missing");
    address->v6.sin6_family = AF_INET6;
    address->length = sizeof address->v6;
    return read_port(end + 2, &address->v6.sin6_port, why);
}

static bool read_v4(const char *text, struct px_address *address, const char **why)
{
    char host[INET_ADDRSTRLEN];
    const char *colon = strchr(text, ':');
    if (colon != NULL && strchr(colon + 1, ':') != NULL)
        return refuse(why, "an IPv6 address must stand in brackets");
    size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    if (length >= sizeof host)
        return refuse(why, "it has no numeric IPv4 address (names are not resolved)");
    memcpy(host, text, length);
    host[length] = '\0';
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) != 1)
        return refuse(why, "it has no numeric IPv4 address (names are not resolved)");
    address->v4.sin_family = AF_INET;
    address->length = sizeof address->v4;
    return read_port(colon != NULL ? colon + 1 : "", &address->v4.sin_port, why);
}

bool px_address_parse(const char *text, struct px_address *address, const char **why)
{
    size_t prefix = sizeof local_prefix - 1;
    memset(address, 0, sizeof *address);
    if (strncmp(text, local_prefix, prefix) == 0)
        return read_local(text + prefix, address, why);
    if (*text == '[')
        return read_v6(text + 1, address, why);
    return read_v4(text, address, why);
}

/* A peer's socket may have no name at all, one that is not terminated, or an abstract one, which starts with
 * NUL and is shown with '@'. */
static void format_local(const struct px_address *address, char text[PX_ADDRESS_TEXT])
{
    size_t header = offsetof(struct sockaddr_un, sun_path);
    size_t length = address->length > header ? address->length - header : 0;
    char path[sizeof address->local.sun_path + 1] = "";
    memcpy(path, address->local.sun_path, length);
    if (length > 1 && path[0] == '\0')
        path[0] = '@';
    snprintf(text, PX_ADDRESS_TEXT, "%s%s", local_prefix, path);
}

static void format_v6(const struct px_address *address, char text[PX_ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    char zone[IF_NAMESIZE + 1] = "";
    uint32_t scope = address->v6.sin6_scope_id;
    inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
    if (scope != 0 && if_indextoname(scope, zone + 1) == NULL)
        snprintf(zone + 1, sizeof zone - 1, "%u", scope);
    if (scope != 0)
        zone[0] = '%';
    snprintf(text, PX_ADDRESS_TEXT, "[%s%s]:%u", host, zone, ntohs(address->v6.sin6_port));
}

char *px_address_format(const struct px_address *address, char text[PX_ADDRESS_TEXT])
{
    char host[INET_ADDRSTRLEN];
    switch (address->any.sa_family) {
    case AF_UNIX:
        format_local(address, text);
        break;
    case AF_INET6:
        format_v6(address, text);
        break;
    case AF_INET:
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(text, PX_ADDRESS_TEXT, "%s:%u", host, ntohs(address->v4.sin_port));
        break;
    default:
        snprintf(text, PX_ADDRESS_TEXT, "?");
    }
    return text;
}
