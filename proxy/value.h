/* Numbers as people write them: durations (250ms), sizes (64KiB) and counts. */
#ifndef PX_VALUE_H
#define PX_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#define PX_VALUE_TEXT 32u /* room for the longest text form, its NUL included */

#define PX_VALUE_TEN_YEARS INT64_C(315360000000) /* in ms; the longest duration that any setting takes */

/* A duration is kept in milliseconds and must have a unit; a size in bytes; a count has no unit. */
enum px_value_kind { PX_VALUE_DURATION, PX_VALUE_SIZE, PX_VALUE_COUNT };

/* Reads a whole number and its unit. False with *why set to a static sentence. */
bool px_value_parse(enum px_value_kind kind, const char *text, int64_t *value, const char **why);

/* "1.0": two numbers of 16 bits and the dot between them, nothing else. */
bool px_version_parse(const char *text, uint16_t *major, uint16_t *minor);

/* Writes `value` (not negative) in the largest unit that it is a whole number of; returns `text`. */
char *px_value_format(enum px_value_kind kind, int64_t value, char text[PX_VALUE_TEXT]);

#endif
