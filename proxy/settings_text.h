/* The bytes of a settings file: read up to a limit, and found to be text before a parser sees them. */
#ifndef PX_SETTINGS_TEXT_H
#define PX_SETTINGS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "settings_report.h"

#define PX_TEXT_MOST (1024u * 1024u) /* bytes */

/* Reads report->file. Returns memory to be freed, or NULL with the error in the report. */
char *px_text_read(size_t *length, struct px_report *report);

/* Whether it is UTF-8 of at most PX_TEXT_MOST bytes, without control characters other than tab and line end. */
bool px_text_check(const char *text, size_t length, struct px_report *report);

#endif
