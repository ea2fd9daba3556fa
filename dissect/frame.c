/* Cuts a byte stream into PDUs. */
#include "frame.h"

/* Offsets in the common header (C706 12.6.3.1). */
enum { VERSION_AT = 0, DREP_AT = 4, FRAG_LENGTH_AT = 8, FRAG_LENGTH_END = 10 };

static struct dis_frame more(size_t length)
{
    return (struct dis_frame){ .status = DIS_FRAME_MORE, .length = length };
}

static struct dis_frame bad(const char *what, size_t at)
{
    return (struct dis_frame){ .status = DIS_FRAME_BAD, .error = { .what = what, .at = at } };
}

static size_t frag_length(const uint8_t *bytes)
{
    const uint8_t *b = bytes + FRAG_LENGTH_AT;
    return dis_big_endian(bytes + DREP_AT) ? (size_t)(b[0] << 8 | b[1]) : (size_t)(b[1] << 8 | b[0]);
}

struct dis_frame dis_frame_next(const uint8_t *bytes, size_t length)
{
    if (length > VERSION_AT && bytes[VERSION_AT] != 5)
        return bad("not version 5 of the protocol", VERSION_AT);
    if (length < FRAG_LENGTH_END)
        return more(DIS_HEADER_SIZE);
    size_t whole = frag_length(bytes);
    if (whole < DIS_HEADER_SIZE)
        return bad("frag_length is smaller than a header", FRAG_LENGTH_AT);
    if (length < whole)
        return more(whole);
    return (struct dis_frame){ .status = DIS_FRAME_DONE, .length = whole };
}
