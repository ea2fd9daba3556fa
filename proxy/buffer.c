/* A byte queue that gives its memory back when it is empty. */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#define SMALLEST 512u

/* Room for `length` more bytes at the end: by moving what waits to the front, or by growing. */
static bool make_room(struct px_buffer *b, size_t length)
{
    size_t waiting = px_buffer_length(b);
    if (b->capacity - b->end >= length)
        return true;
    if (b->begin > 0 && b->capacity - waiting >= length) {
        memmove(b->bytes, b->bytes + b->begin, waiting);
        b->begin = 0;
        b->end = waiting;
        return true;
    }
    size_t capacity = b->capacity ? b->capacity : SMALLEST;
    while (capacity - waiting < length)
        capacity *= 2;
    uint8_t *bytes = malloc(capacity);
    if (!bytes)
        return false;
    if (waiting)
        memcpy(bytes, b->bytes + b->begin, waiting);
    free(b->bytes);
    *b = (struct px_buffer){ .bytes = bytes, .end = waiting, .capacity = capacity };
    return true;
}

bool px_buffer_append(struct px_buffer *b, const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return true;
    if (!make_room(b, length))
        return false;
    memcpy(b->bytes + b->end, bytes, length);
    b->end += length;
    return true;
}

void px_buffer_consume(struct px_buffer *b, size_t length)
{
    b->begin += length;
    if (b->begin == b->end)
        px_buffer_clear(b);
}

void px_buffer_clear(struct px_buffer *b)
{
    free(b->bytes);
    *b = (struct px_buffer){ 0 };
}
