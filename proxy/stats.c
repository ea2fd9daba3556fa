/* An addition for each line of the log. */
#include "stats.h"

#include <stdio.h>

void px_stats_call(struct px_stats *stats, const struct px_call *k, unsigned ending)
{
    stats->calls[ending]++;
    stats->server_faults += ending == POL_FAULTED;
    stats->proxy_faults += ending != POL_FAULTED && k->has_status;
    stats->bytes_in += k->bytes_in;
    stats->bytes_out += k->bytes_out;
}

void px_stats_connection(struct px_stats *stats, bool is_server, unsigned reason)
{
    stats->connections[is_server][reason]++;
}

static bool single_row(const struct px_stats *stats, unsigned row, char name[PX_STATS_NAME], uint64_t *value)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = { { "faults.server", stats->server_faults },
                 { "faults.proxy", stats->proxy_faults },
                 { "bytes.in", stats->bytes_in },
                 { "bytes.out", stats->bytes_out } };
    if (row >= sizeof rows / sizeof *rows)
        return false;
    snprintf(name, PX_STATS_NAME, "%s", rows[row].name);
    *value = rows[row].value;
    return true;
}

bool px_stats_row(const struct px_stats *stats, unsigned row, char name[PX_STATS_NAME], uint64_t *value)
{
    if (row < POL_ENDINGS) {
        snprintf(name, PX_STATS_NAME, "calls.%s", pol_ending_name(row));
        *value = stats->calls[row];
        return true;
    }
    row -= POL_ENDINGS;
    if (row >= 2 * POL_REASONS)
        return single_row(stats, row - 2 * POL_REASONS, name, value);
    bool is_server = row >= POL_REASONS;
    unsigned reason = row % POL_REASONS;
    snprintf(name, PX_STATS_NAME, "connections.%s.%s", is_server ? "server" : "client", pol_reason_name(reason));
    *value = stats->connections[is_server][reason];
    return true;
}
