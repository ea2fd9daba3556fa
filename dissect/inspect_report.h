/* News of a capture to what was asked for: rows as they come, or counts for the end. */
#ifndef INSPECT_REPORT_H
#define INSPECT_REPORT_H

#include "inspect_options.h"
#include "inspect_rows.h"
#include "inspect_table.h"
#include "inspect_watch.h"
#include "inspect_whatif.h"

struct report {
    const struct inspect_options *options;
    struct rows rows;
    struct table table;
    struct watch watch;    /* for the summary and the findings */
    struct whatif *whatif; /* or NULL */
    uint64_t pdus;
    uint64_t undecoded;
    uint64_t conversations;
    uint64_t bind_not_seen;
    uint64_t printed; /* lines of the view that was asked for */
    int64_t last;     /* time of the last packet */
};

/* What to give to dis_traffic_new(). The report must outlive it. */
struct dis_news report_news(struct report *r);

/* What the end of the capture leaves to say: the summary, or the table of interfaces. `link` is the name of the link
 * type, `why` NULL or why the capture was not read in full. */
void report_end(struct report *r, const struct dis_traffic *t, const char *link, const char *why);

#endif
