/* NET:PORT, as rules write it: 10.0.0.5:445, 10.0.0.0/8:135, [fd00::]/8:135; and * for any network or any port. */
#ifndef SHIM_NET_H
#define SHIM_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct shim_net {
    uint8_t address[16]; /* IPv4 as a mapped address (RFC 4291 2.5.5.2) */
    uint8_t bits;        /* of `address` that count */
    uint16_t port;       /* 0: any */
};

/* The `length` bytes at `text`. NULL, or what is wrong with them as a static sentence. */
const char *shim_net_parse(const char *text, unsigned length, struct shim_net *net);

/* The address and port of an IPv4 or IPv6 socket address, mapped; false: it is none, or too short. */
bool shim_net_point(const struct sockaddr *address, socklen_t length, uint8_t point[16], uint16_t *port);

bool shim_net_has(const struct shim_net *net, const uint8_t point[16], uint16_t port);

#endif
