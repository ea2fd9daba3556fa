/* UUIDs and syntaxes: from the wire, from text, to text. */
#include "uuid.h"

#include <string.h>

const struct dis_syntax dis_ndr = {
    .uuid = { { 0x8a, 0x88, 0x5d, 0x04, 0x1c, 0xeb, 0x11, 0xc9, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60 } },
    .major = 2,
};

const struct dis_syntax dis_ndr64 = {
    .uuid = { { 0x71, 0x71, 0x05, 0x33, 0xbe, 0xba, 0x49, 0x37, 0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36 } },
    .major = 1,
};

/* Where the byte that stands at each place of the text form lies in a little-endian sender's form: the first
 * three fields are integers, the last eight bytes are not (C706 appendix A). */
static const uint8_t little_endian_place[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

struct dis_uuid dis_read_uuid(struct dis_cursor *c, const char *what)
{
    struct dis_uuid uuid = { { 0 } };
    const uint8_t *wire = dis_take(c, sizeof(uuid.bytes), what);
    if (wire == NULL)
        return uuid;
    for (unsigned i = 0; i < sizeof(uuid.bytes); i++)
        uuid.bytes[i] = wire[c->big_endian ? i : little_endian_place[i]];
    return uuid;
}

/* The version is one 32-bit integer: major in the low half, minor in the high one (C706 12.6.3.1). */
struct dis_syntax dis_read_syntax(struct dis_cursor *c, const char *what)
{
    struct dis_syntax syntax = { .uuid = dis_read_uuid(c, what) };
    uint32_t version = dis_u32(c, what);
    syntax.major = (uint16_t)(version & 0xffff);
    syntax.minor = (uint16_t)(version >> 16);
    return syntax;
}

bool dis_uuid_equal(const struct dis_uuid *a, const struct dis_uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool dis_uuid_is_nil(const struct dis_uuid *a)
{
    static const struct dis_uuid nil;
    return dis_uuid_equal(a, &nil);
}

bool dis_syntax_equal(const struct dis_syntax *a, const struct dis_syntax *b)
{
    return dis_uuid_equal(&a->uuid, &b->uuid) && a->major == b->major && a->minor == b->minor;
}

/* True before the bytes that a hyphen precedes: 8-4-4-4-12 digits. */
static bool hyphen_before(unsigned byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

char *dis_uuid_format(const struct dis_uuid *uuid, char text[DIS_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;
    for (unsigned i = 0; i < sizeof(uuid->bytes); i++) {
        if (hyphen_before(i))
            *at++ = '-';
        *at++ = digits[uuid->bytes[i] >> 4];
        *at++ = digits[uuid->bytes[i] & 0xf];
    }
    *at = '\0';
    return text;
}

/* The value of a hexadecimal digit, or 16. */
static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

bool dis_uuid_parse(const char *text, struct dis_uuid *uuid)
{
    if (strnlen(text, DIS_UUID_TEXT) != DIS_UUID_TEXT - 1)
        return false;
    for (unsigned i = 0; i < sizeof(uuid->bytes); i++) {
        if (hyphen_before(i) && *text++ != '-')
            return false;
        unsigned high = digit_value(*text++);
        unsigned low = digit_value(*text++);
        if (high > 15 || low > 15)
            return false;
        uuid->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
