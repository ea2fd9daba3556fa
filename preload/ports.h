/* The program's view of the ports that endpoint mappers have named (map.h). */
#ifndef SHIM_PORTS_H
#define SHIM_PORTS_H

#include <stdbool.h>
#include <stdint.h>

/* Maps the proxy's file unless it is the one of that number, which is mapped: 0 at the start, else what a proxy has
 * answered. What was mapped before is looked at as well. */
void shim_ports_open(uint64_t instance);

/* How often that proxy has failed to reach such a destination; false: its file is not mapped. */
bool shim_ports_failures(uint64_t instance, const uint8_t point[16], uint16_t port, uint32_t *failures);

bool shim_ports_have(const uint8_t point[16], uint16_t port);

#endif
