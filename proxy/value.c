/* Whole numbers with units, from one table of units for each kind. */
#include "value.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t scale;
    bool printed; /* decimal sizes are understood, but never chosen for output */
};

/* Largest first, so that the first one that divides a value is the one to print. */
static const struct unit duration_units[] = {
    { "d", 86400000, true }, { "h", 3600000, true }, { "m", 60000, true },
    { "s", 1000, true },     { "ms", 1, true },      { NULL, 0, false },
};
static const struct unit size_units[] = {
    { "GiB", 1 << 30, true }, { "MiB", 1 << 20, true }, { "KiB", 1 << 10, true }, { "GB", 1000000000, false },
    { "MB", 1000000, false }, { "kB", 1000, false },    { "", 1, true },          { "B", 1, false },
    { NULL, 0, false },
};
static const struct unit count_units[] = { { "", 1, true }, { NULL, 0, false } };

static const struct {
    const struct unit *units;
    const char *bad_unit;
} kinds[] = {
    [PX_VALUE_DURATION] = { duration_units, "it needs one of the units ms, s, m, h, d" },
    [PX_VALUE_SIZE] = { size_units, "its unit is none of B, KiB, MiB, GiB, kB, MB, GB" },
    [PX_VALUE_COUNT] = { count_units, "only digits may follow" },
};

/* Reads digits; *end is set behind them. False when there are none, or when they pass 64 bits. */
static bool read_digits(const char *text, int64_t *number, const char **end, const char **why)
{
    *number = 0;
    for (*end = text; **end >= '0' && **end <= '9'; (*end)++) {
        if (__builtin_mul_overflow(*number, 10, number) || __builtin_add_overflow(*number, **end - '0', number)) {
            *why = "the number is too large";
            return false;
        }
    }
    if (*end == text)
        *why = "it does not start with a digit";
    return *end != text;
}

bool px_value_parse(enum px_value_kind kind, const char *text, int64_t *value, const char **why)
{
    const struct unit *unit = kinds[kind].units;
    const char *end;
    int64_t number;
    if (!read_digits(text, &number, &end, why))
        return false;
    while (unit->name != NULL && strcmp(unit->name, end) != 0)
        unit++;
    if (unit->name == NULL) {
        *why = kinds[kind].bad_unit;
        return false;
    }
    if (__builtin_mul_overflow(number, unit->scale, value)) {
        *why = "the number is too large";
        return false;
    }
    return true;
}

static bool read_part(const char **text, uint16_t *part)
{
    const char *end, *why;
    int64_t number;
    if (!read_digits(*text, &number, &end, &why) || number > UINT16_MAX)
        return false;
    *part = (uint16_t)number;
    *text = end;
    return true;
}

bool px_version_parse(const char *text, uint16_t *major, uint16_t *minor)
{
    return read_part(&text, major) && *text++ == '.' && read_part(&text, minor) && *text == '\0';
}

char *px_value_format(enum px_value_kind kind, int64_t value, char text[PX_VALUE_TEXT])
{
    const struct unit *unit = kinds[kind].units;
    /* Zero is a whole number of every unit; it gets the smallest one that is written, and "0s" for "0ms". */
    while (!unit->printed || (value == 0 ? unit->scale > 1000 : value % unit->scale != 0))
        unit++;
    snprintf(text, PX_VALUE_TEXT, "%" PRId64 "%s", value / unit->scale, unit->name);
    return text;
}
