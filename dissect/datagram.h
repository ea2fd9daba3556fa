/* Connectionless PDUs, version 4 (C706 12.5), recognised and named: rpcward relays only the
 * connection-oriented protocol, but a reader of captures must be able to say what it saw. */
#ifndef DIS_DATAGRAM_H
#define DIS_DATAGRAM_H

#include <stdio.h>

#include "uuid.h"

#define DIS_DATAGRAM_HEADER_SIZE 80u

struct dis_datagram {
    uint8_t type; /* enum dis_ptype, 0 to 10 */
    uint8_t flags1;
    uint8_t flags2;
    uint8_t drep[3];
    struct dis_uuid object;
    struct dis_uuid interface;
    struct dis_uuid activity;
    uint32_t server_boot;
    uint32_t interface_version; /* major in the low 16 bits, minor in the high ones */
    uint32_t sequence;
    uint16_t opnum;
    uint16_t interface_hint;
    uint16_t activity_hint;
    uint16_t length; /* bytes of body */
    uint16_t fragment;
    uint8_t auth_protocol;
    uint16_t serial;
};

/* False (error set) where the bytes are no version 4 header, or the body they announce is not there. */
bool dis_datagram_decode(const uint8_t *bytes, size_t length, struct dis_datagram *out, struct dis_error *error);

/* One line with its newline. */
void dis_datagram_print(FILE *out, const struct dis_datagram *datagram);

#endif
