/* A scenario's text: lines, words, and where each stands. */
#ifndef TRACE_SCRIPT_H
#define TRACE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#define TR_WORDS_MAX 16u

/* Where a scenario is wrong, or where the brain did something else. */
struct tr_failure {
    unsigned line, column; /* from 1; 0: the file as a whole */
    char text[1200];
};

/* Fills it, and returns false so that a caller can fail in one line. */
bool tr_fail(struct tr_failure *failure, unsigned line, unsigned column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

struct tr_word {
    const char *text;
    unsigned column;
};

struct tr_line {
    char *text; /* owned; its words point into it */
    unsigned number;
    unsigned count;
    struct tr_word words[TR_WORDS_MAX];
};

/* The lines that say something, comments and empty ones left out. Lines between `for n 1..3` and `done` are repeated,
 * with the number in place of each {n}. */
struct tr_script {
    struct tr_line *lines;
    size_t count, capacity;
};

bool tr_script_read(struct tr_script *script, const char *path, struct tr_failure *failure);
void tr_script_free(struct tr_script *script);

/* A whole number, decimal or with 0x; false when it is none or exceeds `most`. */
bool tr_number(const char *text, unsigned long long most, unsigned long long *value);

#endif
