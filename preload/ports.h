/* The program's view of the ports that endpoint mappers have named (map.h). */
#ifndef SHIM_PORTS_H
#define SHIM_PORTS_H

#include <stdbool.h>
#include <stdint.h>

/* Maps the proxy's file where that was not done yet: at the start, and when a proxy has answered. */
void shim_ports_open(void);

bool shim_ports_have(const uint8_t point[16], uint16_t port);

#endif
