/* Two ways to write named fields: an indented tree, and JSON. A walk over a structure feeds either. */
#ifndef DIS_SINK_H
#define DIS_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* An element stands in a list; JSON leaves its key out. */
enum dis_group { DIS_GROUP, DIS_LIST, DIS_ELEMENT };

struct dis_sink {
    FILE *out;
    bool json;
    unsigned depth;
    bool comma; /* JSON: something stands before the next field of this group */
};

/* `name` is what people call the value, or NULL. */
void dis_put_number(struct dis_sink *sink, const char *key, uint64_t value, const char *name);

/* The same, hexadecimal in a tree. */
void dis_put_code(struct dis_sink *sink, const char *key, uint64_t value, const char *name);

/* Any bytes: what is not printable ASCII is escaped as JSON does it, in both forms. */
void dis_put_text(struct dis_sink *sink, const char *key, const char *bytes, size_t length);

/* JSON only: no value; seconds with nine decimals, of a time that is not negative; a truth. */
void dis_put_null(struct dis_sink *sink, const char *key);
void dis_put_seconds(struct dis_sink *sink, const char *key, int64_t ns);
void dis_put_truth(struct dis_sink *sink, const char *key, bool value);

/* Every open is followed by a close of the same kind. Inside a list stand only elements. */
void dis_sink_open(struct dis_sink *sink, const char *key, enum dis_group kind);
void dis_sink_close(struct dis_sink *sink, enum dis_group kind);

#endif
