/* TCP endpoints in the answers of an endpoint mapper. */
#ifndef DIS_TOWERS_H
#define DIS_TOWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIS_TOWER_ENDS 16u /* bytes of a tower's two last floors */

struct dis_endpoint {
    uint8_t host[4]; /* IPv4; all 0 where the server names none */
    uint16_t port;
};

/* The first TCP endpoint in the `length` bytes from *at on; *at is left behind it. False: there is no other one.
 *
 * What is looked for are a tower's two last floors, TCP and IPv4, whose bytes are the same in either byte order, in NDR
 * and in NDR64 (C706 appendix L): so neither ept_map nor ept_lookup has to be unmarshalled. */
bool dis_towers_next(const uint8_t *bytes, size_t length, size_t *at, struct dis_endpoint *endpoint);

#endif
