/* A bounded reader over bytes that somebody else sent.
 *
 * Integers are read in the byte order that the sender's DREP announced (C706 ch. 14). The first read that
 * would pass the end sets a sticky error; every later read returns zero and changes nothing, so a decoder may
 * read a whole structure and ask once, at the end, whether all of it was there. */
#ifndef DIS_CURSOR_H
#define DIS_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where and why bytes could not be understood. `what` is a static string; `at` is in bytes from the PDU's
 * start. */
struct dis_error {
    const char *what;
    size_t at;
};

struct dis_cursor {
    const uint8_t *base; /* not owned; offsets are counted from here */
    size_t end;          /* first offset that may not be read */
    size_t at;           /* next offset */
    bool big_endian;
    struct dis_error error; /* error.what == NULL: all reads so far were inside */
};

static inline struct dis_cursor dis_cursor_over(const uint8_t *bytes, size_t length, bool big_endian)
{
    return (struct dis_cursor){ .base = bytes, .end = length, .big_endian = big_endian };
}

static inline bool dis_cursor_ok(const struct dis_cursor *c)
{
    return c->error.what == NULL;
}

/* Records the first error only. */
void dis_cursor_fail(struct dis_cursor *c, const char *what);

/* Returns the address of `length` bytes and steps over them, or NULL (error set) when they are not all there.
 */
const uint8_t *dis_take(struct dis_cursor *c, size_t length, const char *what);

uint8_t dis_u8(struct dis_cursor *c, const char *what);
uint16_t dis_u16(struct dis_cursor *c, const char *what);
uint32_t dis_u32(struct dis_cursor *c, const char *what);

/* Steps to the next multiple of `alignment` (a power of two), counted from the PDU's start. */
void dis_align(struct dis_cursor *c, size_t alignment, const char *what);

#endif
