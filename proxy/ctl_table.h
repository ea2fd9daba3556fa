/* Lines of one kind as a table; lines of other kinds as text. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "ctl_line.h"

struct ctl_table;

/* For lines of this kind: "server", "link", "client", "open-call", "counter". NULL for one that makes no table. */
struct ctl_table *ctl_table_new(const char *kind);
void ctl_table_add(struct ctl_table *table, const struct ctl_line *line);
void ctl_table_print(struct ctl_table *table); /* to stdout, and frees it */

/* A line that stands alone: an event, how a call ended, a sentence. */
void ctl_line_print(const struct ctl_line *line);

#endif
