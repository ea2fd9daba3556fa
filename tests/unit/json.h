/* Is a text one valid JSON value (RFC 8259), in ASCII, and nothing behind it but a newline? */
#ifndef TESTS_JSON_H
#define TESTS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Each of these steps over what it names and returns where it ends, or NULL. */
static inline const char *json_value(const char *at);

static inline const char *json_string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if (*at < 0x20 || *at > 0x7e)
            return NULL;
        if (*at != '\\')
            continue;
        at++;
        if (*at == 'u' && strspn(at + 1, "0123456789abcdef") >= 4)
            at += 4;
        else if (*at != '"' && *at != '\\')
            return NULL;
    }
    return at + 1;
}

static inline const char *json_members(const char *at, char end, bool keyed)
{
    if (*++at == end)
        return at + 1;
    for (;;) {
        if (keyed) {
            at = json_string(at);
            if (at == NULL || *at++ != ':')
                return NULL;
        }
        at = json_value(at);
        if (at == NULL || (*at != ',' && *at != end))
            return NULL;
        if (*at++ == end)
            return at;
    }
}

static inline const char *json_word(const char *at)
{
    static const char *const words[] = { "null", "true", "false" };
    for (unsigned i = 0; i < 3; i++)
        if (strncmp(at, words[i], strlen(words[i])) == 0)
            return at + strlen(words[i]);
    return NULL;
}

/* Without a sign or an exponent: none is written. */
static inline const char *json_number(const char *at)
{
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || (digits > 1 && *at == '0'))
        return NULL;
    at += digits;
    if (*at != '.')
        return at;
    digits = strspn(at + 1, "0123456789");
    return digits == 0 ? NULL : at + 1 + digits;
}

static inline const char *json_value(const char *at)
{
    if (*at == '{')
        return json_members(at, '}', true);
    if (*at == '[')
        return json_members(at, ']', false);
    if (*at == '"')
        return json_string(at);
    const char *word = json_word(at);
    return word != NULL ? word : json_number(at);
}

static inline bool json_is_one_line(const char *text)
{
    const char *end = *text == '{' ? json_value(text) : NULL;
    return end != NULL && strcmp(end, "\n") == 0;
}

#endif
