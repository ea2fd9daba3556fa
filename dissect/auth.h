/* The auth trailer (C706 13.2.6, MS-RPCE 2.2.2.11): who vouches for a PDU, and how strongly. Never opened
 * further. */
#ifndef DIS_AUTH_H
#define DIS_AUTH_H

#include "cursor.h"

#define DIS_AUTH_TRAILER_SIZE 8u /* sec_trailer without the auth value */

/* MS-RPCE 2.2.1.1.7 */
enum dis_auth_type {
    DIS_AUTH_NONE = 0,
    DIS_AUTH_SPNEGO = 9,
    DIS_AUTH_NTLMSSP = 10,
    DIS_AUTH_SCHANNEL_TLS = 14,
    DIS_AUTH_KERBEROS = 16,
    DIS_AUTH_NETLOGON = 68,
    DIS_AUTH_MSMQ = 100
};

/* MS-RPCE 2.2.1.1.8 */
enum dis_auth_level {
    DIS_LEVEL_DEFAULT = 0,
    DIS_LEVEL_NONE = 1,
    DIS_LEVEL_CONNECT = 2,
    DIS_LEVEL_CALL = 3,
    DIS_LEVEL_PACKET = 4,
    DIS_LEVEL_INTEGRITY = 5,
    DIS_LEVEL_PRIVACY = 6
};

struct dis_auth {
    const uint8_t *value; /* `length` bytes, or NULL where the PDU has no trailer */
    uint16_t length;
    uint8_t type;  /* enum dis_auth_type, or anything else */
    uint8_t level; /* enum dis_auth_level, or anything else */
    uint8_t pad;   /* bytes between the stub and the trailer */
    uint8_t reserved;
    uint32_t context_id;
};

/* Reads the trailer at the end of a PDU of `length` bytes that announced `auth_length` (not 0).
 * `body` is the offset of the first byte that may belong to it. Returns the offset at which the trailer begins,
 * or 0 with the cursor's error set. */
size_t dis_auth_decode(struct dis_cursor *c, size_t body, uint16_t auth_length, struct dis_auth *auth);

/* Where stub data from `body` on ends, without the padding before the trailer (MS-RPCE 2.2.2.12); or 0 with the
 * cursor's error set. Other bodies say themselves how long they are. */
size_t dis_auth_unpad(struct dis_cursor *c, size_t body, size_t trailer, const struct dis_auth *auth);

#endif
