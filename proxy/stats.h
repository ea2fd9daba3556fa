/* Counts since the start: how calls and connections ended, and their bytes. */
#ifndef PX_STATS_H
#define PX_STATS_H

#include "association.h"

#define PX_STATS_NAME 64u /* room for the longest name of a row */

struct px_stats {
    uint64_t calls[POL_ENDINGS];
    uint64_t server_faults, proxy_faults; /* that clients were told */
    uint64_t bytes_in, bytes_out;         /* of calls that have ended */
    uint64_t connections[2][POL_REASONS]; /* that have ended: clients', and ours to servers */
};

void px_stats_call(struct px_stats *stats, const struct px_call *call, unsigned ending);
void px_stats_connection(struct px_stats *stats, bool is_server, unsigned reason);

/* The counters one by one, row 0 first, each as a name and a value. False behind the last. */
bool px_stats_row(const struct px_stats *stats, unsigned row, char name[PX_STATS_NAME], uint64_t *value);

#endif
