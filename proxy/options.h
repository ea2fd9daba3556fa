/* The command line of rpcward. */
#ifndef PX_OPTIONS_H
#define PX_OPTIONS_H

#include <stdbool.h>

#include "settings.h"
#include "settings_explain.h"

#define PX_USAGE_STATUS 2 /* exit status where the command line is no good */

struct px_options {
    const char *file; /* --config, or NULL; points into argv, as do the overrides */
    bool check;       /* --check */
    bool explain;     /* --explain: `question` is asked */
    struct px_question question;
    struct px_overrides overrides;
};

/* Answers --help and --version, and ends the program with status 2 on a line that is no good. px_options_free()
 * after use. */
void px_options_parse(int argc, char **argv, struct px_options *options);
void px_options_free(struct px_options *options);

#endif
