/* The command line of rpcward-inspect. */
#ifndef INSPECT_OPTIONS_H
#define INSPECT_OPTIONS_H

#include "inspect_filter.h"

#define INSPECT_LATE         5000000000 /* ns: the default of --late */
#define INSPECT_USAGE_STATUS 2          /* exit status where the command line is no good */

enum inspect_view {
    VIEW_SUMMARY,
    VIEW_FINDINGS,
    VIEW_CALLS,
    VIEW_PDUS,
    VIEW_TREE,
    VIEW_STREAMS,
    VIEW_INTERFACES,
    VIEW_WHAT_IF
};

struct inspect_options {
    const char *file; /* "-": standard input */
    enum inspect_view view;
    uint64_t call;        /* --tree: 0 for all PDUs */
    const char *settings; /* of rpcward, for --what-if */
    bool json;
    bool follow;
    int64_t late; /* ns from which an answer is a finding */
    struct filter filter;
};

/* Answers --help and --version, and ends the program with status 2 on a line that is no good. */
void inspect_options_parse(int argc, char **argv, struct inspect_options *options);

#endif
