/* Reads a scenario: splits it into lines and words, and unrolls its loops. */
#include "script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tr_fail(struct tr_failure *failure, unsigned line, unsigned column, const char *format, ...)
{
    va_list arguments;
    failure->line = line;
    failure->column = column;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    return false;
}

bool tr_number(const char *text, unsigned long long most, unsigned long long *value)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, 0);
    return errno == 0 && *end == 0 && *value <= most;
}

/* ---- words ---- */

static bool split(struct tr_line *line, struct tr_failure *failure)
{
    char *at = line->text;
    for (;;) {
        at += strspn(at, " \t");
        if (*at == 0 || *at == '#')
            break;
        unsigned column = (unsigned)(at - line->text) + 1;
        if (line->count == TR_WORDS_MAX)
            return tr_fail(failure, line->number, column, "too many words");
        line->words[line->count++] = (struct tr_word){ at, column };
        at += strcspn(at, " \t");
        if (*at)
            *at++ = 0;
    }
    return true;
}

static bool add(struct tr_script *script, char *text, unsigned number, struct tr_failure *failure)
{
    struct tr_line line = { .text = text, .number = number };
    if (!text || !split(&line, failure) || line.count == 0) {
        free(text);
        return text && line.count == 0;
    }
    if (script->count == script->capacity) {
        script->capacity = script->capacity ? 2 * script->capacity : 64;
        script->lines = realloc(script->lines, script->capacity * sizeof *script->lines);
        if (!script->lines)
            abort();
    }
    script->lines[script->count++] = line;
    return true;
}

/* ---- loops ---- */

struct loop {
    bool open;
    char mark[16]; /* "{n}" */
    long first, last;
    unsigned line; /* of the `for` */
    char *body;    /* lines, each ended by a newline */
    size_t length;
};

static char *with_number(const char *text, const char *mark, long number)
{
    char digits[24];
    size_t digit_count = (size_t)snprintf(digits, sizeof digits, "%ld", number);
    char *result = calloc(1, 1 + strlen(text) * sizeof digits);
    char *out = result;
    while (result && *text) {
        if (strncmp(text, mark, strlen(mark)) == 0) {
            memcpy(out, digits, digit_count);
            out += digit_count;
            text += strlen(mark);
        } else {
            *out++ = *text++;
        }
    }
    return result;
}

static bool begin_loop(struct loop *loop, const char *text, unsigned number, struct tr_failure *failure)
{
    char name[8];
    if (loop->open)
        return tr_fail(failure, number, 1, "a loop within a loop");
    *loop = (struct loop){ .open = true, .line = number };
    if (sscanf(text, " for %7s %ld..%ld", name, &loop->first, &loop->last) != 3)
        return tr_fail(failure, number, 1, "a loop is: for NAME FIRST..LAST");
    snprintf(loop->mark, sizeof loop->mark, "{%s}", name);
    return true;
}

static void keep(struct loop *loop, const char *text)
{
    size_t length = strlen(text);
    loop->body = realloc(loop->body, loop->length + length + 2);
    if (!loop->body)
        abort();
    memcpy(loop->body + loop->length, text, length);
    loop->length += length;
    loop->body[loop->length++] = '\n';
    loop->body[loop->length] = 0;
}

static bool unroll(struct tr_script *script, struct loop *loop, struct tr_failure *failure)
{
    bool good = true;
    long step = loop->first <= loop->last ? 1 : -1;
    for (long n = loop->first; good && loop->body && n != loop->last + step; n += step) {
        char *all = strdup(loop->body), *rest = all;
        for (unsigned number = loop->line + 1; good && *rest; number++) {
            char *text = strsep(&rest, "\n");
            good = add(script, with_number(text, loop->mark, n), number, failure);
        }
        free(all);
    }
    return good;
}

static bool take_line(struct tr_script *script, struct loop *loop, const char *text, unsigned number,
                      struct tr_failure *failure)
{
    char word[8] = "";
    sscanf(text, " %7s", word);
    if (strcmp(word, "for") == 0)
        return begin_loop(loop, text, number, failure);
    if (loop->open && strcmp(word, "done") == 0) {
        loop->open = false;
        bool good = unroll(script, loop, failure);
        free(loop->body);
        loop->body = NULL;
        return good;
    }
    if (!loop->open)
        return add(script, strdup(text), number, failure);
    keep(loop, text);
    return true;
}

/* ---- files ---- */

bool tr_script_read(struct tr_script *script, const char *path, struct tr_failure *failure)
{
    FILE *file = fopen(path, "r");
    struct loop loop = { 0 };
    char *text = NULL;
    size_t size = 0;
    ssize_t length;
    bool good = true;
    *script = (struct tr_script){ 0 };
    if (!file)
        return tr_fail(failure, 0, 0, "%s", strerror(errno));
    for (unsigned number = 1; good && (length = getline(&text, &size, file)) >= 0; number++) {
        if (length > 0 && text[length - 1] == '\n')
            text[length - 1] = 0;
        good = take_line(script, &loop, text, number, failure);
    }
    if (good && loop.open)
        good = tr_fail(failure, loop.line, 1, "a loop without its 'done'");
    free(loop.body);
    free(text);
    fclose(file);
    return good;
}

void tr_script_free(struct tr_script *script)
{
    for (size_t i = 0; i < script->count; i++)
        free(script->lines[i].text);
    free(script->lines);
    *script = (struct tr_script){ 0 };
}
