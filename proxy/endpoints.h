/* The file in which programs with a shim read which ports endpoint mappers have named (../preload/map.h). */
#ifndef PX_ENDPOINTS_H
#define PX_ENDPOINTS_H

#include <stddef.h>

#include "../preload/map.h"
#include "address.h"

/* Of the connection on which an endpoint mapper answers: a tower may be cut by a fragment's border. */
struct px_towers {
    uint8_t tail[16];
    uint8_t length;
};

/* Maps the file, which is made where there is none; one that is there is gone on with, for programs may have it mapped.
 * NULL with errno set: it cannot be had. */
struct shim_map *px_endpoints_open(const char *path);
void px_endpoints_close(struct shim_map *map);

/* A destination, or any if there is none, could not be reached: spare aliases are no good any more. */
void px_endpoints_distrust(struct shim_map *map, const struct px_address *destination);
uint32_t px_endpoints_failures(const struct shim_map *map, const struct px_address *destination);

/* Stub data of an answer by the endpoint mapper at `host`: whatever it names is in the map when this returns, at the
 * mapper's own address and at the one that stands in the tower. */
void px_endpoints_note(struct shim_map *map, struct px_towers *towers, const struct px_address *host,
                       const uint8_t *stub, size_t length);

#endif
