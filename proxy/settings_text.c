/* Reading the settings file, and refusing what is not text. */
#include "settings_text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings_memory.h"

char *px_text_read(size_t *length, struct px_report *report)
{
    const struct px_place whole = { .line = 0 };
    FILE *file = fopen(report->file, "re");
    char *text;
    if (file == NULL) {
        px_report_error(report, whole, "it cannot be opened: %s", strerror(errno));
        return NULL;
    }
    /* One byte above the limit, so that px_text_check() sees that there is more. */
    text = px_must(malloc(PX_TEXT_MOST + 1));
    errno = 0;
    *length = fread(text, 1, PX_TEXT_MOST + 1, file);
    if (ferror(file)) {
        px_report_error(report, whole, "it cannot be read: %s", strerror(errno));
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

/* How long a sequence is by its first byte, and the smallest code that needs that length. */
static const struct {
    uint8_t mask, value;
    uint32_t least;
} forms[] = {
    { 0x80, 0x00, 0x00 },
    { 0xe0, 0xc0, 0x80 },
    { 0xf0, 0xe0, 0x800 },
    { 0xf8, 0xf0, 0x10000 },
};

/* Returns the length of the UTF-8 sequence at `text`, or 0. */
static size_t decode(const char *text, size_t length, uint32_t *code)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t extra = 0;
    while (extra < 4 && (bytes[0] & forms[extra].mask) != forms[extra].value)
        extra++;
    if (extra == 4 || extra >= length)
        return 0;
    *code = bytes[0] & (uint8_t)~forms[extra].mask;
    for (size_t i = 1; i <= extra; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (bytes[i] & 0x3f);
    }
    if (*code < forms[extra].least || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
        return 0;
    return extra + 1;
}

/* A carriage return is taken only as half of a line end. */
static bool is_text(uint32_t code, const char *after, const char *end)
{
    if (code == '\r')
        return after < end && *after == '\n';
    return code == '\n' || code == '\t' || (code >= 0x20 && code < 0x7f) || code >= 0xa0;
}

bool px_text_check(const char *text, size_t length, struct px_report *report)
{
    struct px_place place = { .line = 1, .column = 1 };
    const char *end = text + length;
    if (length > PX_TEXT_MOST) {
        px_report_error(report, (struct px_place){ .line = 0 }, "it has more than %u bytes", PX_TEXT_MOST);
        return false;
    }
    while (text < end) {
        uint32_t code;
        size_t size = decode(text, (size_t)(end - text), &code);
        if (size == 0) {
            px_report_error(report, place, "the byte 0x%02x here is not UTF-8", (uint8_t)*text);
            return false;
        }
        text += size;
        if (!is_text(code, text, end)) {
            px_report_error(report, place, "there is a control character here (0x%02x)", code);
            return false;
        }
        place.column++;
        if (code == '\n')
            place = (struct px_place){ .line = place.line + 1, .column = 1 };
    }
    return true;
}
