/* What is wrong with the settings: collected in any order, shown in the order of the file.
 *
 * Texts may quote what the file holds; control characters in them are shown as '?'. */
#ifndef PX_SETTINGS_REPORT_H
#define PX_SETTINGS_REPORT_H

#include <stdio.h>

/* Where something stands: a line and column of the file, or an option of the command line. */
struct px_place {
    const char *option; /* "--set calls=3"; not owned; NULL: in the file */
    unsigned line;      /* from 1; 0: the file as a whole */
    unsigned column;    /* from 1, in characters */
};

struct px_finding {
    struct px_place place;
    const char *severity; /* "error" or "warning" */
    unsigned order;
    char *text;
};

struct px_report {
    const char *file; /* not owned; outlives the report */
    struct px_finding *findings;
    unsigned count;
    unsigned errors;
    char **options; /* texts that places point to */
    unsigned option_count;
};

/* "--set" and "calls=3" as one text that lives as long as the report. */
const char *px_report_option(struct px_report *report, const char *name, const char *value);

__attribute__((format(printf, 3, 4))) void px_report_error(struct px_report *report, struct px_place place,
                                                           const char *format, ...);
__attribute__((format(printf, 3, 4))) void px_report_warning(struct px_report *report, struct px_place place,
                                                             const char *format, ...);

/* Prints all findings, one a line; frees what the report holds, and returns the number of errors. */
unsigned px_report_finish(struct px_report *report, FILE *out);

#endif
