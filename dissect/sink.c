/* Indentation, commas, quotes and escapes. */
#include "sink.h"

#include <inttypes.h>

static void put_escaped(FILE *out, const char *bytes, size_t length)
{
    fputc('"', out);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void put_comma(struct dis_sink *sink)
{
    if (sink->comma)
        fputc(',', sink->out);
    sink->comma = true;
}

static void put_key(struct dis_sink *sink, const char *key)
{
    if (sink->json) {
        put_comma(sink);
        fprintf(sink->out, "\"%s\":", key);
    } else {
        fprintf(sink->out, "%*s%s", (int)(2 * sink->depth), "", key);
    }
}

static void put_value(struct dis_sink *sink, const char *key, bool hexadecimal, uint64_t value, const char *name)
{
    put_key(sink, key);
    if (sink->json) {
        fprintf(sink->out, "%" PRIu64, value);
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
