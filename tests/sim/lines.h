/* What the proxy writes to its log, read back. */
#ifndef SIM_LINES_H
#define SIM_LINES_H

#include <stddef.h>

void lines_begin(void);
void lines_take(const char *bytes, size_t length); /* cut anywhere */

#endif
