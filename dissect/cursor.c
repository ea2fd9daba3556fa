/* The bounded reader: every byte that the decoders see is fetched here. */
#include "cursor.h"

void dis_cursor_fail(struct dis_cursor *c, const char *what)
{
    if (c->error.what == NULL)
        c->error = (struct dis_error){ .what = what, .at = c->at };
}

const uint8_t *dis_take(struct dis_cursor *c, size_t length, const char *what)
{
    if (!dis_cursor_ok(c))
        return NULL;
    if (c->at > c->end || length > c->end - c->at) {
        dis_cursor_fail(c, what);
        return NULL;
    }
    const uint8_t *bytes = c->base + c->at;
    c->at += length;
    return bytes;
}

uint8_t dis_u8(struct dis_cursor *c, const char *what)
{
    const uint8_t *b = dis_take(c, 1, what);
    return b == NULL ? 0 : b[0];
}

uint16_t dis_u16(struct dis_cursor *c, const char *what)
{
    const uint8_t *b = dis_take(c, 2, what);
    if (b == NULL)
        return 0;
    return (uint16_t)(c->big_endian ? b[0] << 8 | b[1] : b[1] << 8 | b[0]);
}

uint32_t dis_u32(struct dis_cursor *c, const char *what)
{
    const uint8_t *b = dis_take(c, 4, what);
    if (b == NULL)
        return 0;
    if (c->big_endian)
        return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

void dis_align(struct dis_cursor *c, size_t alignment, const char *what)
{
    dis_take(c, -c->at & (alignment - 1), what);
}
