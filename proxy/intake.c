/* Reads into the loop's scratch space, so that bytes which go on at once are never copied. */
#include "intake.h"

#include <errno.h>
#include <string.h>

int px_intake_read(struct px_loop *loop, struct px_socket *s, struct px_buffer *kept, px_intake_handler *handler,
                   void *owner)
{
    size_t before = px_buffer_length(kept);
    if (before)
        memcpy(loop->scratch, px_buffer_front(kept), before);
    ssize_t n = px_socket_read(s, loop->scratch + before, PX_READ_SIZE);
    if (n <= 0)
        return n == -EAGAIN ? 1 : n == 0 ? 0 : -1;
    px_buffer_clear(kept);
    size_t length = before + (size_t)n;
    size_t done = handler(owner, loop->scratch, length);
    return px_buffer_append(kept, loop->scratch + done, length - done) ? 1 : -1;
}

/* While the bytes are worked on nothing else may touch the buffer, so it is taken away for that time. */
void px_intake_again(struct px_buffer *kept, px_intake_handler *handler, void *owner)
{
    struct px_buffer bytes = *kept;
    *kept = (struct px_buffer){ 0 };
    px_buffer_consume(&bytes, handler(owner, bytes.bytes + bytes.begin, px_buffer_length(&bytes)));
    *kept = bytes;
}
