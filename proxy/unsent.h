/* What a dead connection has never sent. A file of its own because libuv's headers and the kernel's exclude each other. */
#ifndef PX_UNSENT_H
#define PX_UNSENT_H

#include <stdbool.h>
#include <stdint.h>

/* True for a TCP connection that is dead (state CLOSE, tcp(7)): no byte of it will be sent any more, and *bytes of those that
 * write() has taken never were. In every other state the kernel may go on sending, and the number says nothing. */
bool px_unsent_of_dead(int fd, uint32_t *bytes);

#endif
