/* Socket addresses as people write them: A:P, [v6]:P, unix:/path. */
#ifndef PX_ADDRESS_H
#define PX_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PX_ADDRESS_TEXT 128u /* room for the longest text form, its NUL included */

struct px_address {
    socklen_t length;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
};

/* Reads a numeric IPv4 address and port, a bracketed IPv6 address and port, or "unix:" and a path. Names are
 * not resolved. False with *why set to a static sentence ("the port is missing", …). Port 0 is good: the
 * kernel picks. */
bool px_address_parse(const char *text, struct px_address *address, const char **why);

/* The same forms back; returns `text`. */
char *px_address_format(const struct px_address *address, char text[PX_ADDRESS_TEXT]);

#endif
