/* Strings keep the \uXXXX that they have: rpcward writes control characters so, and no terminal should obey them. */
#include "ctl_line.h"

#include <stddef.h>
#include <string.h>

struct reading {
    char *at;   /* the next character */
    char *out;  /* where the value goes on: never beyond `at` */
    char after; /* that stood at `at` when a value's NUL was put there */
};

static bool take(struct reading *r, char c)
{
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

/* The text between quotes, appended to `out`. */
static bool read_string(struct reading *r)
{
    if (!take(r, '"'))
        return false;
    while (*r->at != '"') {
        if (*r->at == '\\' && (r->at[1] == '"' || r->at[1] == '\\'))
            r->at++;
        if (*r->at == 0)
            return false;
        *r->out++ = *r->at++;
    }
    r->at++;
    return true;
}

static bool read_list(struct reading *r)
{
    r->at++;
    for (bool first = true; !take(r, ']'); first = false) {
        if (!first && !take(r, ','))
            return false;
        if (!first) { /* three characters, ",", and two quotes, have been read for these two */
            *r->out++ = ',';
            *r->out++ = ' ';
        }
        if (!read_string(r))
            return false;
    }
    return true;
}

static bool read_word(struct reading *r)
{
    size_t length = strspn(r->at, "0123456789abcdefghijklmnopqrstuvwxyz.-");
    memmove(r->out, r->at, length);
    r->out += length;
    r->at += length;
    return length > 0;
}

static bool read_value(struct reading *r, const char **value)
{
    char *begin = r->out = r->at;
    bool quoted = *r->at == '"';
    bool good = quoted ? read_string(r) : *r->at == '[' ? read_list(r) : read_word(r);
    r->after = *r->at;
    *r->out = 0; /* at most where `at` is */
    *value = quoted || strcmp(begin, "null") != 0 ? begin : NULL;
    return good;
}

bool ctl_line_read(char *json, struct ctl_line *line)
{
    struct reading r = { .at = json };
    line->count = 0;
    if (!take(&r, '{'))
        return false;
    do {
        struct ctl_field *field = &line->fields[line->count++];
        if (*r.at != '"' || !read_value(&r, &field->key) || r.after != ':')
            return false;
        r.at++;
        if (!read_value(&r, &field->value))
            return false;
        r.at++;
    } while (r.after == ',' && line->count < CTL_FIELDS);
    return r.after == '}' && (*r.at == 0 || strcmp(r.at, "\n") == 0);
}

const char *ctl_line_get(const struct ctl_line *line, const char *key)
{
    for (unsigned i = 0; i < line->count; i++)
        if (strcmp(line->fields[i].key, key) == 0)
            return line->fields[i].value;
    return NULL;
}
