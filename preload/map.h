/* What the proxy tells programs without being asked, in a file that it writes and they map: the ports that endpoint
 * mappers have named through it, and which destinations it has failed to reach.
 *
 * The file stands beside the proxy's socket. Entries are only added, or written over where their bucket is full; the
 * generation is odd meanwhile (a seqlock), so that nobody takes half of one for an endpoint. */
#ifndef SHIM_MAP_H
#define SHIM_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SHIM_MAP_SUFFIX  ".ports"
#define SHIM_MAP_MAGIC   0x72706d33u /* "rpm3" */
#define SHIM_MAP_BUCKETS 1024u
#define SHIM_MAP_BUCKET  8u /* endpoints in one */

struct shim_endpoint {
    uint8_t address[16]; /* IPv4 as a mapped address */
    uint16_t port;       /* 0: free */
    uint16_t unused;
};

struct shim_map {
    uint32_t magic;
    _Atomic uint32_t generation;
    uint32_t turn; /* which of a full bucket is written over next */
    uint32_t unused;
    uint64_t instance; /* another number in each file; never 0 */
    struct shim_endpoint endpoints[SHIM_MAP_BUCKETS][SHIM_MAP_BUCKET];
    _Atomic uint32_t failures[SHIM_MAP_BUCKETS]; /* to reach a destination of that bucket: spare aliases from before a
                                                    change are no good any more */
};

static inline unsigned shim_map_bucket(const uint8_t address[16], uint16_t port)
{
    uint32_t hash = port;
    for (unsigned i = 0; i < 16; i++)
        hash = (hash ^ address[i]) * 0x01000193u; /* FNV-1a */
    return (hash ^ hash >> 16) % SHIM_MAP_BUCKETS;
}

static inline bool shim_endpoint_is(const struct shim_endpoint *e, const uint8_t address[16], uint16_t port)
{
    return e->port == port && memcmp(e->address, address, sizeof e->address) == 0;
}

#endif
