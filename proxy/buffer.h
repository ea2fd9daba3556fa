/* Bytes that wait. An empty buffer holds no memory, so an idle connection costs none. */
#ifndef PX_BUFFER_H
#define PX_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero is an empty buffer. */
struct px_buffer {
    uint8_t *bytes;
    size_t begin; /* first byte that waits */
    size_t end;
    size_t capacity;
};

static inline size_t px_buffer_length(const struct px_buffer *b)
{
    return b->end - b->begin;
}

static inline const uint8_t *px_buffer_front(const struct px_buffer *b)
{
    return b->bytes + b->begin;
}

/* False when there is no memory; the buffer is then as before. */
bool px_buffer_append(struct px_buffer *b, const uint8_t *bytes, size_t length);

/* Drops `length` bytes from the front; the last of them gives the memory back. */
void px_buffer_consume(struct px_buffer *b, size_t length);

void px_buffer_clear(struct px_buffer *b);

#endif
