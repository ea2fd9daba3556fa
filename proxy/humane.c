/* Rounded down: what is shown is never more than what was. */
#include "humane.h"

#include <inttypes.h>
#include <stdio.h>

/* `value` in thousandths of the unit; below ten two decimals, below a hundred one. */
static char *with_unit(uint64_t value, const char *unit, char text[PX_HUMANE])
{
    if (value < 10000)
        snprintf(text, PX_HUMANE, "%" PRIu64 ".%02" PRIu64 " %s", value / 1000, value % 1000 / 10, unit);
    else if (value < 100000)
        snprintf(text, PX_HUMANE, "%" PRIu64 ".%" PRIu64 " %s", value / 1000, value % 1000 / 100, unit);
    else
        snprintf(text, PX_HUMANE, "%" PRIu64 " %s", value / 1000, unit);
    return text;
}

char *px_humane_time(uint64_t us, char text[PX_HUMANE])
{
    uint64_t s = us / 1000000;
    if (us < 1000)
        snprintf(text, PX_HUMANE, "%" PRIu64 " us", us);
    else if (us < 1000000)
        with_unit(us, "ms", text);
    else if (s < 60)
        with_unit(us / 1000, "s", text);
    else if (s < 3600)
        snprintf(text, PX_HUMANE, "%" PRIu64 " m %02" PRIu64 " s", s / 60, s % 60);
    else
        snprintf(text, PX_HUMANE, "%" PRIu64 " h %02" PRIu64 " m", s / 3600, s % 3600 / 60);
    return text;
}

char *px_humane_bytes(uint64_t bytes, char text[PX_HUMANE])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    unsigned unit = 0;
    uint64_t rest = 0; /* below the unit, of 1024 */
    while (bytes >= 1024 && unit < 4) {
        rest = bytes % 1024;
        bytes /= 1024;
        unit++;
    }
    if (unit == 0)
        snprintf(text, PX_HUMANE, "%" PRIu64 " B", bytes);
    else
        with_unit(bytes * 1000 + rest * 1000 / 1024, units[unit], text);
    return text;
}
