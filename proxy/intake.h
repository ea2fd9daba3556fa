/* Bytes that came in, handed over as far as they are understood; the rest is kept for the next time. */
#ifndef PX_INTAKE_H
#define PX_INTAKE_H

#include "loop.h"
#include "socket.h"

/* Looks at `length` bytes, which it may change, and returns how many of them are dealt with. */
typedef size_t px_intake_handler(void *owner, uint8_t *bytes, size_t length);

/* Reads once from the socket. What `kept` holds is put before what came, all of it is handed over at once, and what
 * the handler leaves is in `kept` afterwards. 1: went well, or nothing was there; 0: a FIN; -1: an error. */
int px_intake_read(struct px_loop *loop, struct px_socket *s, struct px_buffer *kept, px_intake_handler *handler,
                   void *owner);

/* The same with what `kept` holds, without reading. */
void px_intake_again(struct px_buffer *kept, px_intake_handler *handler, void *owner);

#endif
