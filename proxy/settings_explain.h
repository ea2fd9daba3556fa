/* Which rules hold for one operation, and where each of them was given: --explain. */
#ifndef PX_SETTINGS_EXPLAIN_H
#define PX_SETTINGS_EXPLAIN_H

#include <stdio.h>

#include "settings.h"

struct px_question {
    struct dis_syntax interface;
    bool versioned; /* the version was given; else it is the one that the settings have, or the known one */
    uint16_t opnum;
};

/* "UUID" or "UUID/M.m"; false when it is neither. */
bool px_question_interface(const char *text, struct px_question *question);
bool px_question_opnum(const char *text, struct px_question *question);

/* Prints the answer for each server; `file` is where the settings came from, or NULL. Returns false, with a sentence
 * in `errors`, when the settings have the interface in several versions and the question has none. */
bool px_settings_explain(const struct px_settings *settings, const char *file, const struct px_question *question,
                         FILE *out, FILE *errors);

#endif
