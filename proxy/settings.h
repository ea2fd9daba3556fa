/* What the administrator asked for: read from YAML and the command line, then never changed.
 *
 * Durations are milliseconds, sizes bytes. Zero in a limit means "no limit" unless its comment says
 * otherwise. */
#ifndef PX_SETTINGS_H
#define PX_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../dissect/uuid.h"
#include "../preload/net.h"
#include "address.h"

#define PX_NEVER INT64_MAX /* of a duration that has no end */

/* What becomes of a call whose time is up. */
enum px_on_timeout {
    PX_ON_TIMEOUT_ABANDON, /* its answer is swallowed */
    PX_ON_TIMEOUT_CANCEL,  /* as above, and the server is asked by co_cancel to stop */
    PX_ON_TIMEOUT_ORPHAN,  /* as above, and the server is told by orphaned, if it keeps the connection then */
};

/* What a call may take. An interface or operation may have its own of these, see call_rules.h. */
struct px_call_rules {
    int64_t com_timeout;  /* ms without an answer before keep-alives are sent; or PX_NEVER */
    int64_t call_timeout; /* ms of silence from the server before it is given up; or PX_NEVER */
    int64_t deadline;     /* ms for all of it, waiting included; or PX_NEVER */
    enum px_on_timeout on_timeout;
    bool pending; /* returns only when something happens: takes no slot, and no time-out above holds for it */
};

enum px_call_rule {
    PX_RULE_COM_TIMEOUT,
    PX_RULE_CALL_TIMEOUT,
    PX_RULE_DEADLINE,
    PX_RULE_ON_TIMEOUT,
    PX_RULE_PENDING,
    PX_CALL_RULES
};

/* Whether the administrator gave a value, and where. */
struct px_origin {
    bool given;
    unsigned line; /* of the file; 0: on the command line */
};

/* What the administrator says of how an interface or operation behaves; what was not given is nothing. See knowledge.h. */
struct px_given_fact {
    bool holds;
    struct px_origin origin;
};

/* How a member is found to be well. */
enum px_check_kind {
    PX_CHECK_NONE,
    PX_CHECK_CONNECT,   /* it accepts a connection */
    PX_CHECK_BIND,      /* it answers a bind */
    PX_CHECK_LISTENING, /* rpc_mgmt_is_server_listening says so (C706 appendix Q) */
};

/* What new clients are told when all members have been down for longer than anybody waits. */
enum px_when_down {
    PX_WHEN_DOWN_ANSWER, /* that the server is not available */
    PX_WHEN_DOWN_REFUSE, /* their connections are refused, as by the server's host */
};

/* Whose calls may go up on links that are not their client's own. */
enum px_sharing {
    PX_SHARING_STATELESS, /* of clients without authentication, on interfaces that are stateless */
    PX_SHARING_NONE,
};

/* When the server begins to run a call. */
enum px_starts {
    PX_STARTS_AFTER_FIRST, /* perhaps when its first fragment has come */
    PX_STARTS_AFTER_LAST,  /* not before its last one, unless it has pipes */
};

struct px_member {
    char *text;           /* as written; owned */
    char *version;        /* of what runs there; NULL: not said; owned */
    unsigned connections; /* most links to it at once */
    struct px_address address;
};

/* Destinations of shim clients that a server's rules hold for. */
struct px_match {
    char *text; /* as written; owned */
    struct shim_net net;
};

struct px_server {
    char *name;   /* owned */
    bool retired; /* it is in the settings no more, but may still have connections */
    struct px_member *members;
    unsigned member_count; /* 0: each destination that matches is a server by itself */
    struct px_match *matches;
    unsigned match_count;
    bool implied;                  /* it is not in the file: for all destinations that nothing else matches */
    unsigned connections;          /* most links at once */
    unsigned calls_per_connection; /* on a link that is shared; never 0 */
    enum px_sharing sharing;
    int64_t idle_keep;      /* ms that a shared link is kept without a call; 0: for ever */
    int64_t validate_after; /* ms without a call, then it is proven alive before the next; 0: never */
    unsigned spare;         /* links that are dialled ahead */
    unsigned attempts;      /* most of one call; never 0 */
    unsigned retry_budget;  /* percent */
    unsigned retry_floor;   /* a second */
    int64_t retry_backoff;  /* ms; never 0 */
    int64_t retry_longest;  /* ms; never 0 */
    bool across_versions;
    enum px_starts starts_calls;
    unsigned calls;           /* most calls inside the server at once */
    unsigned abandoned;       /* most calls whose answer nobody waits for; 0: not given */
    unsigned waiting_length;  /* most calls that wait for a slot; 0: none may */
    int64_t waiting_longest;  /* ms that one may wait; never 0 */
    int64_t connect_timeout;  /* ms; never 0 */
    int64_t bind_timeout;     /* ms that a member may take to answer a bind or alter_context; 0: for ever */
    int64_t unavailable_wait; /* ms that a client of which nothing was sent up waits for a member; 0: not at all */
    unsigned failures;        /* in a row, after which a member is down; 0: it never is */
    int64_t backoff;          /* ms before a member that has failed is tried again; never 0 */
    int64_t longest_backoff;  /* ms; never 0 */
    enum px_when_down when_down;
    enum px_check_kind check;
    int64_t check_every;       /* ms; never 0 */
    int64_t keepalive_every;   /* ms; whole seconds, never 0 */
    unsigned keepalive_losses; /* unanswered keep-alives in a row that end a connection; never 0 */
    struct px_call_rules rules;
    struct px_origin origins[PX_CALL_RULES];
};

/* What a client of a shim may speak beside DCE/RPC. */
enum px_other {
    PX_OTHER_PASS, /* anything: it is relayed as it is */
    PX_OTHER_REFUSE,
};

#define PX_NO_SERVER UINT32_MAX

struct px_listener {
    char *text;   /* address as written, or "shim:" and the path; owned */
    bool retired; /* as of a server */
    struct px_address address;
    const char *shim;     /* path of the socket at which programs ask, in `text`; NULL: it has an address */
    enum px_other other;  /* of a shim */
    unsigned server;      /* index into servers; PX_NO_SERVER: not given, of a shim */
    int64_t bind_timeout; /* ms a client may take from its accept to a bind that the server accepted; 0: for
                             ever */
    int64_t
        client_timeout;   /* ms that a bound client may stand within a PDU or request, or take nothing; 0: for ever */
    int64_t idle_timeout; /* ms that one may be without a call; 0: for ever */
    unsigned clients;     /* most clients at once */
    unsigned clients_per_address; /* most clients at once of one source address (or uid) */
    unsigned contexts;            /* presentation contexts kept for a connection; never 0 */
    size_t buffer;                /* bytes that may wait for a connection whose reader has stopped; never 0 */
};

/* Of the rules of an interface or operation only those hold that were given. */
struct px_operation {
    uint16_t opnum;
    char *name; /* or NULL; owned */
    struct px_call_rules rules;
    struct px_origin origins[PX_CALL_RULES];
    struct px_given_fact idempotent;
};

struct px_interface {
    unsigned line;   /* where it begins */
    char *uuid_text; /* as written; owned */
    struct dis_uuid uuid;
    char *version_text; /* as written; NULL: every version that no other block has; owned */
    uint16_t major, minor;
    char *name; /* or NULL; owned */
    struct px_call_rules rules;
    struct px_origin origins[PX_CALL_RULES];
    struct px_given_fact stateless, pipes;
    struct px_operation *operations; /* in order of opnum */
    unsigned operation_count;
};

enum px_log_format { PX_LOG_JSON, PX_LOG_LOGFMT };

struct px_call_rules_table;

struct px_settings {
    struct px_server *servers;
    unsigned server_count;
    struct px_listener *listeners;
    unsigned listener_count;
    struct px_interface *interfaces;
    unsigned interface_count;
    struct px_call_rules_table *call_rules; /* of the above, see call_rules.h; owned */
    int64_t drain;                          /* ms that calls in flight may take after SIGTERM */
    char *control;                          /* path of the control socket, or "none"; owned */
    char *log_calls;                        /* "stderr", "none" or a path that is appended to; owned */
    enum px_log_format log_format;
};

struct px_overrides;

/* Where settings are loaded from. */
struct px_source {
    const char *file; /* or NULL */
    const struct px_overrides *overrides;
};

/* What the command line gave instead of, or beside, a file. */
struct px_overrides {
    const char *const *listen; /* --listen, in order */
    unsigned listen_count;
    const char *const *server; /* --server: members of the one server of the command line */
    unsigned server_count;
    const char *const *set; /* --set key=value: keys of the server block, dotted where nested */
    unsigned set_count;
    const char *shim; /* --shim: where programs ask, whatever the file says of that; or NULL */
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
    const char *unset; /* default as text; "" where the key is required, NULL where it may be left out */
    const char *help;  /* one sentence */
    const struct px_setting_rule *rule; /* how it is read, kept and printed: for settings_*.c alone */
};
extern const struct px_setting_key px_setting_keys[];
extern const unsigned px_setting_key_count;

#endif
