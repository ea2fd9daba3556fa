/* What a control connection is asked: one line of words; and the names of calls, for people and for requests. Pure. */
#ifndef PX_COMMAND_H
#define PX_COMMAND_H

#include "association.h"

enum px_command_kind {
    PX_COMMAND_SERVERS,
    PX_COMMAND_LINKS,
    PX_COMMAND_CLIENTS,
    PX_COMMAND_CALLS,
    PX_COMMAND_COUNTERS,
    PX_COMMAND_DRAIN,
    PX_COMMAND_RESUME,
    PX_COMMAND_RELOAD,
    PX_COMMAND_STOP,
    PX_COMMAND_CANCEL,
    PX_COMMAND_EVENTS,
    PX_COMMAND_WAIT,
    PX_COMMAND_EXPLAIN,
    PX_COMMAND_KINDS
};

/* CONNECTION:CALL_ID as the log has them, or CONNECTION:CALL_ID.NUMBER. */
struct px_call_name {
    uint64_t connection;
    uint32_t call_id;
    uint64_t number; /* among the calls of the connection; 0: any */
};

#define PX_SERVER_NAME 64u

struct px_command {
    enum px_command_kind kind;
    bool waits; /* drain and stop: until it is over */
    bool has_call;
    struct px_call_name call;
    char server[PX_SERVER_NAME]; /* of drain and resume */
};

#define PX_COMMAND_WHY 320u
#define PX_CALL_NAME   64u

/* A line without its newline; it may hold any bytes. False with what is wrong in `why`, as printable ASCII. */
bool px_command_parse(const char *line, size_t length, struct px_command *command, char why[PX_COMMAND_WHY]);

bool px_call_name_parse(const char *text, struct px_call_name *name);
bool px_call_has_name(const struct px_call *call, const struct px_call_name *name);
char *px_call_name_format(const struct px_call *call, char text[PX_CALL_NAME]);

#endif
