/* Networks and ports from text, and whether an address is in one. Nothing here allocates or takes a lock. */
#include "net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* Decimal digits alone; false above `most`. */
static bool read_number(const char *text, unsigned length, unsigned most, unsigned *number)
{
    *number = 0;
    for (unsigned i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *number = *number * 10 + (unsigned)(text[i] - '0');
        if (*number > most)
            return false;
    }
    return length > 0;
}

static const char *read_port(const char *text, unsigned length, struct shim_net *net)
{
    unsigned port = 0;
    if (length == 1 && *text == '*')
        return NULL;
    if (!read_number(text, length, UINT16_MAX, &port) || port == 0)
        return "the port is neither a number from 1 to 65535 nor *";
    net->port = (uint16_t)port;
    return NULL;
}

/* What stands before the port: an address, and perhaps a slash and the bits of it that count. */
static const char *read_network(const char *text, unsigned length, struct shim_net *net)
{
    char host[INET6_ADDRSTRLEN];
    const char *slash = memchr(text, '/', length);
    unsigned end = slash ? (unsigned)(slash - text) : length;
    bool v6 = end >= 2 && text[0] == '[' && text[end - 1] == ']';
    unsigned most = v6 ? 128 : 32, bits = most, skip = v6 ? 1 : 0;
    if (end - 2 * skip >= sizeof host)
        return "there is no numeric address";
    memcpy(host, text + skip, end - 2 * skip);
    host[end - 2 * skip] = '\0';
    memcpy(net->address, mapped, sizeof mapped);
    if (inet_pton(v6 ? AF_INET6 : AF_INET, host, v6 ? net->address : net->address + 12) != 1)
        return "there is no numeric address (names are not resolved, and IPv6 stands in brackets)";
    if (slash && !read_number(slash + 1, length - end - 1, most, &bits))
        return "behind the slash there is no number of bits";
    net->bits = (uint8_t)(bits + 128 - most);
    return NULL;
}

const char *shim_net_parse(const char *text, unsigned length, struct shim_net *net)
{
    const char *colon = memrchr(text, ':', length);
    *net = (struct shim_net){ 0 };
    if (!colon || (colon > text && memchr(colon, ']', (size_t)(text + length - colon))))
        return "the port is missing";
    unsigned end = (unsigned)(colon - text);
    const char *why = end == 1 && *text == '*' ? NULL : read_network(text, end, net);
    return why ? why : read_port(colon + 1, length - end - 1, net);
}

bool shim_net_point(const struct sockaddr *address, socklen_t length, uint8_t point[16], uint16_t *port)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6 = { 0 };
    if (length < sizeof v4)
        return false;
    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        memcpy(point, mapped, sizeof mapped);
        memcpy(point + 12, &v4.sin_addr, 4);
        *port = ntohs(v4.sin_port);
        return true;
    }
    if (address->sa_family != AF_INET6 || length < offsetof(struct sockaddr_in6, sin6_scope_id))
        return false;
    memcpy(&v6, address, offsetof(struct sockaddr_in6, sin6_scope_id));
    memcpy(point, &v6.sin6_addr, 16);
    *port = ntohs(v6.sin6_port);
    return true;
}

bool shim_net_has(const struct shim_net *net, const uint8_t point[16], uint16_t port)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    if (net->port != 0 && net->port != port)
        return false;
    if (memcmp(net->address, point, whole) != 0)
        return false;
    return rest == 0 || ((net->address[whole] ^ point[whole]) >> (8 - rest)) == 0;
}
