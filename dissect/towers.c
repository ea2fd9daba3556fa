/* Finds the floors of protocol towers in stub data. */
#include "towers.h"

#include <string.h>

/* Each floor is two counted byte strings, counts little endian: the protocol's identifier, and its address in network
 * byte order (C706 appendices I and L). 0x07 is TCP, 0x09 is IP. */
static const uint8_t tcp[5] = { 1, 0, 0x07, 2, 0 };
static const uint8_t ip[5] = { 1, 0, 0x09, 4, 0 };

#define PORT_AT 5
#define IP_AT   7
#define HOST_AT 12

bool dis_towers_next(const uint8_t *bytes, size_t length, size_t *at, struct dis_endpoint *endpoint)
{
    for (; *at + DIS_TOWER_ENDS <= length; ++*at) {
        const uint8_t *floors = bytes + *at;
        if (memcmp(floors, tcp, sizeof tcp) != 0 || memcmp(floors + IP_AT, ip, sizeof ip) != 0)
            continue;
        endpoint->port = (uint16_t)(floors[PORT_AT] << 8 | floors[PORT_AT + 1]);
        memcpy(endpoint->host, floors + HOST_AT, sizeof endpoint->host);
        *at += DIS_TOWER_ENDS;
        return true;
    }
    return false;
}
