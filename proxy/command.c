/* The table of requests, and one walk over a line's words. */
#include "command.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WORDS 3u  /* and "wait" */
#define LONGEST    96u /* bytes of a request that is good */

enum takes { NOTHING, MAYBE_A_CALL, A_CALL, A_SERVER };

static const struct {
    const char *first, *second; /* second: NULL where there is none */
    enum takes takes;
    bool may_wait; /* then the word "wait" may stand behind it */
} rows[] = {
    [PX_COMMAND_SERVERS] = { "show", "servers", NOTHING, false },
    [PX_COMMAND_LINKS] = { "show", "links", NOTHING, false },
    [PX_COMMAND_CLIENTS] = { "show", "clients", NOTHING, false },
    [PX_COMMAND_CALLS] = { "show", "calls", NOTHING, false },
    [PX_COMMAND_COUNTERS] = { "show", "counters", NOTHING, false },
    [PX_COMMAND_DRAIN] = { "drain", NULL, A_SERVER, true },
    [PX_COMMAND_RESUME] = { "resume", NULL, A_SERVER, false },
    [PX_COMMAND_RELOAD] = { "reload", NULL, NOTHING, false },
    [PX_COMMAND_STOP] = { "stop", NULL, NOTHING, true },
    [PX_COMMAND_CANCEL] = { "cancel", NULL, A_CALL, false },
    [PX_COMMAND_EVENTS] = { "events", NULL, NOTHING, false },
    [PX_COMMAND_WAIT] = { "wait", NULL, A_CALL, false },
    [PX_COMMAND_EXPLAIN] = { "explain", NULL, MAYBE_A_CALL, false },
};
static_assert(sizeof rows / sizeof *rows == PX_COMMAND_KINDS, "a row for each command");

/* ---- names of calls ---- */

/* Digits at *at up to `most`; *at is then behind them. */
static bool take_number(const char **at, uint64_t most, uint64_t *value)
{
    const char *from = *at;
    for (*value = 0; **at >= '0' && **at <= '9'; ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (*value > (most - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    return *at > from;
}

bool px_call_name_parse(const char *text, struct px_call_name *name)
{
    uint64_t call_id;
    *name = (struct px_call_name){ 0 };
    if (!take_number(&text, UINT64_MAX, &name->connection) || *text++ != ':' ||
        !take_number(&text, UINT32_MAX, &call_id))
        return false;
    name->call_id = (uint32_t)call_id;
    if (*text != '.')
        return *text == 0;
    text++;
    return take_number(&text, UINT64_MAX, &name->number) && *text == 0 && name->number > 0;
}

bool px_call_has_name(const struct px_call *k, const struct px_call_name *name)
{
    return k->association->serial == name->connection && k->call_id == name->call_id &&
           (name->number == 0 || name->number == k->number);
}

char *px_call_name_format(const struct px_call *k, char text[PX_CALL_NAME])
{
    snprintf(text, PX_CALL_NAME, "%" PRIu64 ":%" PRIu32 ".%" PRIu64, k->association->serial, k->call_id, k->number);
    return text;
}

/* ---- requests ---- */

static bool is_printable(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (line[i] < 0x20 || line[i] > 0x7e)
            return false;
    return true;
}

static unsigned split(char *text, char *words[MOST_WORDS + 1])
{
    unsigned count = 0;
    char *rest = text;
    for (char *word; count <= MOST_WORDS && (word = strtok_r(rest, " ", &rest)) != NULL;)
        words[count++] = word;
    return count;
}

static bool is_row(unsigned row, char *const words[], unsigned count)
{
    if (strcmp(rows[row].first, words[0]) != 0)
        return false;
    return !rows[row].second || (count > 1 && strcmp(rows[row].second, words[1]) == 0);
}

static bool refuse_unknown(const char *line, size_t length, char why[PX_COMMAND_WHY])
{
    static const char *const arguments[] = { "", " CALL", " CALL", " SERVER" };
    int at = snprintf(why, PX_COMMAND_WHY, "unknown request '%.*s'; there are:", (int)length, line);
    for (unsigned i = 0; i < PX_COMMAND_KINDS && at > 0 && (size_t)at < PX_COMMAND_WHY; i++)
        at += snprintf(why + at, PX_COMMAND_WHY - (size_t)at, "%s %s%s%s%s", i ? "," : "", rows[i].first,
                       rows[i].second ? " " : "", rows[i].second ? rows[i].second : "", arguments[rows[i].takes]);
    return false;
}

static bool read_server(struct px_command *command, const char *name, char why[PX_COMMAND_WHY])
{
    if (!name)
        snprintf(why, PX_COMMAND_WHY, "which server? Give its name, as in the settings");
    else if (strlen(name) >= sizeof command->server)
        snprintf(why, PX_COMMAND_WHY, "'%s' is longer than any server's name", name);
    else
        snprintf(command->server, sizeof command->server, "%s", name);
    return command->server[0] != 0;
}

/* What stands behind the words of the row: a call, a server, or nothing. */
static bool read_rest(struct px_command *command, char *const words[], unsigned count, char why[PX_COMMAND_WHY])
{
    enum takes takes = rows[command->kind].takes;
    unsigned own = rows[command->kind].second ? 2 : 1;
    unsigned least = own + (takes != NOTHING);
    command->waits = rows[command->kind].may_wait && count > least && strcmp(words[count - 1], "wait") == 0;
    count -= command->waits;
    if (count > least)
        snprintf(why, PX_COMMAND_WHY, "'%s' is too much here", words[least]);
    else if (takes == A_SERVER)
        return read_server(command, count > own ? words[own] : NULL, why);
    else if (count == own && takes == A_CALL)
        snprintf(why, PX_COMMAND_WHY, "which call? Give it as CONNECTION:CALL_ID, as in the log");
    else if (count > own && !px_call_name_parse(words[own], &command->call))
        snprintf(why, PX_COMMAND_WHY, "'%s' is no call: it must be CONNECTION:CALL_ID or CONNECTION:CALL_ID.NUMBER",
                 words[own]);
    else {
        command->has_call = count > own;
        return true;
    }
    return false;
}

bool px_command_parse(const char *line, size_t length, struct px_command *command, char why[PX_COMMAND_WHY])
{
    char text[LONGEST + 1], *words[MOST_WORDS + 1];
    *command = (struct px_command){ .kind = PX_COMMAND_KINDS };
    if (!is_printable(line, length) || length > LONGEST) {
        snprintf(why, PX_COMMAND_WHY, "a request is at most %u characters of printable ASCII", LONGEST);
        return false;
    }
    memcpy(text, line, length);
    text[length] = 0;
    unsigned count = split(text, words);
    for (unsigned row = 0; count > 0 && row < PX_COMMAND_KINDS; row++)
        if (is_row(row, words, count))
            command->kind = (enum px_command_kind)row;
    if (command->kind == PX_COMMAND_KINDS)
        return refuse_unknown(line, length, why);
    return read_rest(command, words, count, why);
}
