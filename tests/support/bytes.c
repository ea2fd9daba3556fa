/* A growable run of bytes. */
#include "bytes.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_ROOM 16384u /* bytes; what bytes_clear() lets an empty buffer hold on to */

uint8_t *bytes_reserve(struct bytes *b, size_t n)
{
    if (b->room - b->length < n) {
        size_t room = b->room < 256 ? 256 : b->room;
        while (room - b->length < n)
            room *= 2;
        b->data = realloc(b->data, room);
        if (b->data == NULL)
            err(1, "%zu bytes", room);
        b->room = room;
    }
    return b->data + b->length;
}

void bytes_put(struct bytes *b, const void *data, size_t n)
{
    if (n == 0)
        return;
    memcpy(bytes_reserve(b, n), data, n);
    b->length += n;
}

static void put_integer(struct bytes *b, uint64_t value, unsigned size)
{
    uint8_t *to = bytes_reserve(b, size);
    for (unsigned i = 0; i < size; i++)
        to[b->big_endian ? size - 1 - i : i] = (uint8_t)(value >> (8 * i));
    b->length += size;
}

void bytes_u8(struct bytes *b, uint8_t value)
{
    put_integer(b, value, 1);
}

void bytes_u16(struct bytes *b, uint16_t value)
{
    put_integer(b, value, 2);
}

void bytes_u32(struct bytes *b, uint32_t value)
{
    put_integer(b, value, 4);
}

void bytes_u64(struct bytes *b, uint64_t value)
{
    put_integer(b, value, 8);
}

/* Three integers in the writer's order, then eight octets (C706 appendix A). */
void bytes_uuid(struct bytes *b, const struct dis_uuid *uuid)
{
    const uint8_t *u = uuid->bytes;
    bytes_u32(b, (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3]);
    bytes_u16(b, (uint16_t)(u[4] << 8 | u[5]));
    bytes_u16(b, (uint16_t)(u[6] << 8 | u[7]));
    bytes_put(b, u + 8, 8);
}

void bytes_align(struct bytes *b, size_t alignment)
{
    size_t pad = -b->length & (alignment - 1);
    memset(bytes_reserve(b, alignment), 0, pad);
    b->length += pad;
}

void bytes_drop(struct bytes *b, size_t n)
{
    memmove(b->data, b->data + n, b->length - n);
    b->length -= n;
}

void bytes_clear(struct bytes *b)
{
    b->length = 0;
    if (b->room > KEPT_ROOM)
        bytes_free(b);
}

void bytes_free(struct bytes *b)
{
    free(b->data);
    b->data = NULL;
    b->length = 0;
    b->room = 0;
}
