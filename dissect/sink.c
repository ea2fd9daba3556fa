/* Indentation, commas, quotes and escapes. */
#include "sink.h"

#include <inttypes.h>

static void put_escaped(FILE *out, const char *bytes, size_t length)
{
    size_t plain = 0; /* bytes that need no escape and are not written yet */
    putc_unlocked('"', out);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        bool quoted = c == '"' || c == '\\';
        if (!quoted && c >= 0x20 && c <= 0x7e) {
            plain++;
            continue;
        }
        fwrite_unlocked(bytes + i - plain, 1, plain, out);
        fprintf(out, quoted ? "\\%c" : "\\u%04x", c);
        plain = 0;
    }
    if (plain > 0)
        fwrite_unlocked(bytes + length - plain, 1, plain, out);
    putc_unlocked('"', out);
}

static void put_comma(struct dis_sink *sink)
{
    if (sink->comma)
        putc_unlocked(',', sink->out);
    sink->comma = true;
}

static void put_key(struct dis_sink *sink, const char *key)
{
    if (sink->json) {
        put_comma(sink);
        putc_unlocked('"', sink->out);
        fputs_unlocked(key, sink->out);
        fputs_unlocked("\":", sink->out);
    } else {
        fprintf(sink->out, "%*s%s", (int)(2 * sink->depth), "", key);
    }
}

static void put_decimal(FILE *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    fwrite_unlocked(digits + at, 1, sizeof(digits) - at, out);
}

static void put_value(struct dis_sink *sink, const char *key, bool hexadecimal, uint64_t value, const char *name)
{
    put_key(sink, key);
    if (sink->json) {
        put_decimal(sink->out, value);
        if (name != NULL)
            fprintf(sink->out, ",\"%s_name\":\"%s\"", key, name);
        return;
    }
    fprintf(sink->out, hexadecimal ? " 0x%" PRIx64 : " %" PRIu64, value);
    if (name != NULL)
        fprintf(sink->out, " (%s)", name);
    fputc('\n', sink->out);
}

void dis_put_number(struct dis_sink *sink, const char *key, uint64_t value, const char *name)
{
    put_value(sink, key, false, value, name);
}

void dis_put_code(struct dis_sink *sink, const char *key, uint64_t value, const char *name)
{
    put_value(sink, key, true, value, name);
}

void dis_put_text(struct dis_sink *sink, const char *key, const char *bytes, size_t length)
{
    put_key(sink, key);
    if (!sink->json)
        fputc(' ', sink->out);
    put_escaped(sink->out, bytes, length);
    if (!sink->json)
        fputc('\n', sink->out);
}

void dis_put_null(struct dis_sink *sink, const char *key)
{
    put_key(sink, key);
    fputs_unlocked("null", sink->out);
}

void dis_put_seconds(struct dis_sink *sink, const char *key, int64_t ns)
{
    char fraction[10] = ".";
    uint64_t rest = (uint64_t)ns % 1000000000;
    put_key(sink, key);
    put_decimal(sink->out, (uint64_t)ns / 1000000000);
    for (unsigned i = 9; i > 0; i--, rest /= 10)
        fraction[i] = (char)('0' + rest % 10);
    fwrite_unlocked(fraction, 1, sizeof(fraction), sink->out);
}

void dis_put_truth(struct dis_sink *sink, const char *key, bool value)
{
    put_key(sink, key);
    fputs(value ? "true" : "false", sink->out);
}

void dis_sink_open(struct dis_sink *sink, const char *key, enum dis_group kind)
{
    if (sink->json && kind == DIS_ELEMENT)
        put_comma(sink);
    else
        put_key(sink, key);
    fputs(!sink->json ? ":\n" : kind == DIS_LIST ? "[" : "{", sink->out);
    sink->comma = false;
    sink->depth++;
}

void dis_sink_close(struct dis_sink *sink, enum dis_group kind)
{
    if (sink->json)
        fputc(kind == DIS_LIST ? ']' : '}', sink->out);
    sink->comma = true;
    sink->depth--;
}
