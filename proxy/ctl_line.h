/* A line of rpcward's answers: one flat JSON object, taken apart in place. */
#ifndef CTL_LINE_H
#define CTL_LINE_H

#include <stdbool.h>

#define CTL_FIELDS 48u

struct ctl_field {
    const char *key;
    const char *value; /* NULL: null. A list is its texts with ", " between them */
};

struct ctl_line {
    unsigned count;
    struct ctl_field fields[CTL_FIELDS];
};

/* False where it is nothing that rpcward would say. The fields point into `json`, which is changed. */
bool ctl_line_read(char *json, struct ctl_line *line);

/* NULL where it is not there, or null. */
const char *ctl_line_get(const struct ctl_line *line, const char *key);

#endif
