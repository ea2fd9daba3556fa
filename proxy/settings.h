/* What the administrator asked for: read from YAML and the command line, then never changed.
 *
 * Durations are milliseconds, sizes bytes. Zero in a limit means "no limit" unless its comment says
 * otherwise. */
#ifndef PX_SETTINGS_H
#define PX_SETTINGS_H

#include <stdint.h>
#include <stdio.h>

#include "address.h"

struct px_member {
    char *text; /* as written; owned */
    struct px_address address;
};

/* What the server is told of a call that is given up. */
enum px_on_timeout { PX_ABANDON, PX_CANCEL };

struct px_server {
    char *name; /* owned */
    struct px_member *members;
    unsigned member_count;
    unsigned calls;          /* most calls inside the server at once */
    unsigned waiting_length; /* most calls in the line before it */
    int64_t waiting_longest; /* ms in line; 0: for ever */
    int64_t call_timeout;    /* ms of silence after which a call inside it is given up; 0: never */
    int64_t deadline;        /* ms that a whole call may take; 0: for ever */
    enum px_on_timeout on_timeout;
    unsigned abandoned;      /* most calls inside it that were given up; 0: as many as `calls`, or 16 */
    int64_t connect_timeout; /* ms; never 0 */
};

struct px_listener {
    char *text; /* address as written; owned */
    struct px_address address;
    unsigned server;              /* index into servers */
    int64_t bind_timeout;         /* ms a client may take from its accept to a bind that the server accepted; 0: for
                             ever */
    unsigned clients;             /* most clients at once */
    unsigned clients_per_address; /* most clients at once of one source address (or uid) */
    unsigned contexts;            /* presentation contexts kept for a connection; never 0 */
    size_t buffer;                /* bytes that may wait for a connection whose reader has stopped; never 0 */
};

enum px_log_format { PX_LOG_JSON, PX_LOG_LOGFMT };

struct px_settings {
    struct px_server *servers;
    unsigned server_count;
    struct px_listener *listeners;
    unsigned listener_count;
    int64_t drain;   /* ms that calls in flight may take after SIGTERM */
    char *log_calls; /* "stderr", "none" or a path that is appended to; owned */
    enum px_log_format log_format;
};

/* What the command line gave instead of, or beside, a file. */
struct px_overrides {
    const char *const *listen; /* --listen, in order */
    unsigned listen_count;
    const char *const *server; /* --server: members of the one server of the command line */
    unsigned server_count;
    const char *const *set; /* --set key=value: keys of the server block, dotted where nested */
    unsigned set_count;
};

/* Reads `file` (NULL: none) and the overrides into *settings. Every error of the run goes to `errors`, one a
 * line as "file:line:column: error: …" (or "--set …: error: …"), warnings likewise. Returns the number of
 * errors; unless it is 0 nothing in *settings may be used. px_settings_free() in either case. */
unsigned px_settings_load(const char *file, const struct px_overrides *overrides, struct px_settings *settings,
                          FILE *errors);
void px_settings_free(struct px_settings *settings);

/* What would apply, as YAML that reads back to the same settings. */
void px_settings_print(const struct px_settings *settings, FILE *out);

/* The keys, for the help text and for the tests that hold manual and example against them. */
struct px_setting_key {
    const char *path;  /* "servers.*.connect-timeout" */
    const char *type;  /* "duration", "size", "count", "address", "list of addresses", "name", "one of …" */
    const char *unset; /* default as text; "" where the key is required */
    const char *help;  /* one sentence */
    const struct px_setting_rule *rule; /* how it is read, kept and printed: for settings_*.c alone */
};
extern const struct px_setting_key px_setting_keys[];
extern const unsigned px_setting_key_count;

#endif
