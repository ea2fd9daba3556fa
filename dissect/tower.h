/* What the endpoint mapper answers: protocol towers, and in them where a server listens (C706 appendices I, L and O). */
#ifndef DIS_TOWER_H
#define DIS_TOWER_H

#include "packet.h"
#include "uuid.h"

#define DIS_EPT_MAP 3u /* opnum */

/* Of a tower for DCE/RPC over TCP and IPv4. */
struct dis_tower {
    struct dis_syntax interface;
    struct dis_endpoint at;
};

/* The towers of an answer to ept_map in NDR, those of other protocols left out. Returns how many of `most`. */
size_t dis_towers_decode(const uint8_t *stub, size_t length, bool big_endian, struct dis_tower *towers, size_t most);

#endif
