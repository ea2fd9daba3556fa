/* The table of all settings. Reading, --set, defaults, help and printing go by it, and so does the test that holds
 * manual and example together. Rows of what a list or
 * mapping contains stand behind its own. */
#include "settings_rules.h"

#include <stddef.h>

#define RULE(...)                   \
    &(const struct px_setting_rule) \
    {                               \
        __VA_ARGS__                 \
    }

#define NUMBER(value_kind, block, member, from, to)                                                                 \
    .read = px_read_number, .print = px_print_number, .kind = value_kind, .offset = offsetof(struct block, member), \
    .least = (from), .most = (to)
#define DURATION(block, member, from) NUMBER(PX_VALUE_DURATION, block, member, from, PX_VALUE_TEN_YEARS)
#define LIMIT(block, member)          NUMBER(PX_VALUE_COUNT, block, member, 1, 1000000), .none = "unlimited"

#define ADDRESS(block, least_port)                                                           \
    .read = px_read_address, .print = px_print_text, .offset = offsetof(struct block, text), \
    .address_offset = offsetof(struct block, address), .least = (least_port)

#define ORIGIN(block, number) .origin_offset = offsetof(struct block, origins[number])

/* Those rules of a call that an interface or operation may have of its own. */
#define PERHAPS_NEVER .none = "never", .none_value = PX_NEVER
#define COM_TIMEOUT(block)                                                                                          \
    ORIGIN(block, PX_RULE_COM_TIMEOUT),                                                                             \
        .read = px_read_com_timeout, .print = px_print_number, .offset = offsetof(struct block, rules.com_timeout), \
        .kind = PX_VALUE_DURATION, .least = 1, .most = PX_VALUE_TEN_YEARS, PERHAPS_NEVER
#define CALL_TIMEOUT(block) ORIGIN(block, PX_RULE_CALL_TIMEOUT), DURATION(block, rules.call_timeout, 1), PERHAPS_NEVER
#define DEADLINE(block)     ORIGIN(block, PX_RULE_DEADLINE), DURATION(block, rules.deadline, 1), PERHAPS_NEVER

#define ON_TIMEOUT(block)                                                            \
    ORIGIN(block, PX_RULE_ON_TIMEOUT), .read = px_read_word, .print = px_print_word, \
                                       .offset = offsetof(struct block, rules.on_timeout), .words = on_timeout
#define PENDING(block)                                                            \
    ORIGIN(block, PX_RULE_PENDING), .read = px_read_flag, .print = px_print_flag, \
                                    .offset = offsetof(struct block, rules.pending)
#define FACT(block, member)                                                                               \
    .origin_offset = offsetof(struct block, member.origin), .read = px_read_flag, .print = px_print_flag, \
    .given = px_given_origin, .offset = offsetof(struct block, member.holds)
#define OWN                 .given = px_given_origin
#define NAME(block)         .read = px_read_name, TEXT(block, name)
#define TEXT(block, member) .print = px_print_text, .given = px_given_text, .offset = offsetof(struct block, member)
#define LIST(block, count)  .given = px_given_number, .kind = PX_VALUE_COUNT, .offset = offsetof(struct block, count)

static const char *const formats[] = { [PX_LOG_JSON] = "json", [PX_LOG_LOGFMT] = "logfmt", NULL };
static const char *const checks[] = { [PX_CHECK_NONE] = "none",
                                      [PX_CHECK_CONNECT] = "connect",
                                      [PX_CHECK_BIND] = "bind",
                                      [PX_CHECK_LISTENING] = "listening",
                                      NULL };
static const char *const when_down[] = { [PX_WHEN_DOWN_ANSWER] = "answer", [PX_WHEN_DOWN_REFUSE] = "refuse", NULL };
static const char *const starts[] = {
    [PX_STARTS_AFTER_FIRST] = "first-fragment", [PX_STARTS_AFTER_LAST] = "last-fragment", NULL
};
static const char *const sharing[] = { [PX_SHARING_STATELESS] = "stateless", [PX_SHARING_NONE] = "none", NULL };
static const char *const on_timeout[] = {
    [PX_ON_TIMEOUT_ABANDON] = "abandon", [PX_ON_TIMEOUT_CANCEL] = "cancel", [PX_ON_TIMEOUT_ORPHAN] = "orphan", NULL
};
static const char *const others[] = { [PX_OTHER_PASS] = "pass", [PX_OTHER_REFUSE] = "refuse", NULL };

const struct px_setting_key px_setting_keys[] = {
    { "drain", "duration", "30s", "How long calls in flight may take after SIGTERM.",
      RULE(DURATION(px_settings, drain, 0)) },
    { "control", "none or path", "none", "The Unix socket at which rpcwardctl(1) is answered.",
      RULE(.read = px_read_control, .print = px_print_text, .offset = offsetof(struct px_settings, control)) },

    { "log.calls", "stderr, none or path", "stderr", "Where the line of each call goes.",
      RULE(.read = px_read_log_target, .print = px_print_text, .offset = offsetof(struct px_settings, log_calls)) },
    { "log.format", "json or logfmt", "json", "How the line of a call is written.",
      RULE(.read = px_read_word, .print = px_print_word, .offset = offsetof(struct px_settings, log_format),
           .words = formats) },

    { "servers", "mapping", NULL, "The servers, each under a name of your choice.",
      RULE(.read = px_read_servers, .print = px_print_servers, .given = px_given_servers) },
    { "servers.*.members", "list of addresses", NULL, "Where the server listens.",
      RULE(.read = px_read_members, .print = px_print_members, LIST(px_server, member_count)) },
    { "servers.*.members.*.address", "address", "", "The member's address, where it is written as a mapping.",
      RULE(ADDRESS(px_member, 1)) },
    { "servers.*.members.*.connections", "count or unlimited", "unlimited", "Most connections to it at once.",
      RULE(LIMIT(px_member, connections)) },
    { "servers.*.members.*.version", "name", NULL,
      "Of what runs there; calls are repeated at members of the same one.",
      RULE(.read = px_read_name, TEXT(px_member, version)) },
    { "servers.*.connections", "count or unlimited", "unlimited",
      "Most connections to the server at once; of those that clients share there are at most 8 without it.",
      RULE(LIMIT(px_server, connections)) },
    { "servers.*.sharing", "stateless or none", "stateless", "Which clients share connections to the server.",
      RULE(.read = px_read_word, .print = px_print_word, .offset = offsetof(struct px_server, sharing),
           .words = sharing) },
    { "servers.*.calls-per-connection", "count", "1", "Most calls at once on a connection that clients share.",
      RULE(NUMBER(PX_VALUE_COUNT, px_server, calls_per_connection, 1, 1000)) },
    { "servers.*.idle.keep", "duration or never", "1m", "How long such a connection is kept without a call.",
      RULE(DURATION(px_server, idle_keep, 1), .none = "never") },
    { "servers.*.idle.validate-after", "duration or never", "5s",
      "How long it may have been without a call before it has to prove itself alive.",
      RULE(DURATION(px_server, validate_after, 1), .none = "never") },
    { "servers.*.idle.spare", "count", "0", "How many connections are made before anybody needs them.",
      RULE(NUMBER(PX_VALUE_COUNT, px_server, spare, 0, 1000)) },
    { "servers.*.retry.attempts", "count", "3", "How often a call is sent at most.",
      RULE(NUMBER(PX_VALUE_COUNT, px_server, attempts, 1, 100)) },
    { "servers.*.retry.budget", "count", "20",
      "Most repeats without proof, in percent of the calls of the last ten seconds.",
      RULE(NUMBER(PX_VALUE_COUNT, px_server, retry_budget, 0, 100)) },
    { "servers.*.retry.floor", "count", "3", "As many of them a second are allowed in any case.",
      RULE(NUMBER(PX_VALUE_COUNT, px_server, retry_floor, 0, 1000000)) },
    { "servers.*.retry.backoff", "duration", "50ms",
      "How long after a failed attempt the next one is made, at first.",
      RULE(DURATION(px_server, retry_backoff, 1)) },
    { "servers.*.retry.longest-backoff", "duration", "2s", "How long at most, after doubling each time.",
      RULE(DURATION(px_server, retry_longest, 1)) },
    { "servers.*.retry.across-versions", "yes or no", "no",
      "Whether a call may be repeated at a member of another version.",
      RULE(.read = px_read_flag, .print = px_print_flag, .offset = offsetof(struct px_server, across_versions)) },
    { "servers.*.starts-calls-after", "first-fragment or last-fragment", "first-fragment",
      "What the server must have of a request before it begins to run the call.",
      RULE(.read = px_read_word, .print = px_print_word, .offset = offsetof(struct px_server, starts_calls),
           .words = starts) },
    { "servers.*.match", "list of networks and ports", NULL, "For which destinations of a shim its rules hold.",
      RULE(.read = px_read_matches, .print = px_print_matches, LIST(px_server, match_count)) },
    { "servers.*.calls", "count or unlimited", "unlimited", "Most calls inside the server at once.",
      RULE(LIMIT(px_server, calls)) },
    { "servers.*.connect-timeout", "duration", "3s", "How long connecting to a member may take.",
      RULE(DURATION(px_server, connect_timeout, 1)) },
    { "servers.*.bind-timeout", "duration or never", "10s", "How long a member may take to answer a bind.",
      RULE(DURATION(px_server, bind_timeout, 1), .none = "never") },
    { "servers.*.unavailable-wait", "duration", "10s",
      "How long a new client waits for a member that can be reached.",
      RULE(DURATION(px_server, unavailable_wait, 0)) },
    { "servers.*.when-down", "answer or refuse", "answer", "What new clients are told after that.",
      RULE(.read = px_read_word, .print = px_print_word, .offset = offsetof(struct px_server, when_down),
           .words = when_down) },
    { "servers.*.com-timeout", "level, duration or never", "5",
      "How long a call may be without an answer before keep-alives are sent.", RULE(COM_TIMEOUT(px_server)) },
    { "servers.*.call-timeout", "duration or never", "never",
      "How long the server may be silent before a call is given up.", RULE(CALL_TIMEOUT(px_server)) },
    { "servers.*.deadline", "duration or never", "never", "How long a call may take, waiting included.",
      RULE(DEADLINE(px_server)) },
    { "servers.*.on-timeout", "abandon, cancel or orphan", "abandon", "What becomes of a call whose time is up.",
      RULE(ON_TIMEOUT(px_server)) },
    { "servers.*.abandoned", "count", NULL, "Most calls inside the server whose answer nobody waits for.",
      RULE(NUMBER(PX_VALUE_COUNT, px_server, abandoned, 1, 1000000), .given = px_given_number) },
    { "servers.*.waiting.length", "count", "1000", "Most calls that wait for a place inside the server.",
      RULE(NUMBER(PX_VALUE_COUNT, px_server, waiting_length, 0, 1000000)) },
    { "servers.*.waiting.longest", "duration", "30s", "How long a call may wait for a place.",
      RULE(DURATION(px_server, waiting_longest, 1)) },
    { "servers.*.keepalive.every", "duration", "1s", "How often keep-alives are sent.",
      RULE(NUMBER(PX_VALUE_DURATION, px_server, keepalive_every, 1000, 32767000), .whole = 1000) },
    { "servers.*.keepalive.lost-after", "count", "3", "How many keep-alives without an answer end the connection.",
      RULE(NUMBER(PX_VALUE_COUNT, px_server, keepalive_losses, 1, 127)) },
    { "servers.*.health.failures", "count or never", "3", "How many failures in a row make a member down.",
      RULE(NUMBER(PX_VALUE_COUNT, px_server, failures, 1, 1000000), .none = "never") },
    { "servers.*.health.backoff", "duration", "100ms", "How long after a failure a member is tried again, at first.",
      RULE(DURATION(px_server, backoff, 1)) },
    { "servers.*.health.longest-backoff", "duration", "5s", "How long at most, after doubling each time.",
      RULE(DURATION(px_server, longest_backoff, 1)) },
    { "servers.*.health.check", "none, connect, bind or listening", "none", "How members are checked unasked.",
      RULE(.read = px_read_word, .print = px_print_word, .offset = offsetof(struct px_server, check),
           .words = checks) },
    { "servers.*.health.every", "duration", "10s", "How often they are.",
      RULE(DURATION(px_server, check_every, 100)) },

    { "listeners", "list of mappings", "", "Where clients connect.",
      RULE(.read = px_read_listeners, .print = px_print_listeners) },
    { "listeners.*.address", "address", NULL, "The address to listen at.",
      RULE(ADDRESS(px_listener, 0), .given = px_given_address) },
    { "listeners.*.server", "name", NULL, "The server that its clients are connected to.",
      RULE(.read = px_read_server_name, .print = px_print_server_name, .given = px_given_server_name) },
    { "listeners.*.shim", "path", NULL, "The socket at which programs that rpcward-run started ask where to connect.",
      RULE(.read = px_read_path, TEXT(px_listener, shim)) },
    { "listeners.*.other", "pass or refuse", NULL,
      "What becomes of a shim's client that does not speak DCE/RPC; where it is left out, it is passed.",
      RULE(.read = px_read_word, .print = px_print_word, .given = px_given_number, .kind = PX_VALUE_COUNT,
           .offset = offsetof(struct px_listener, other), .words = others) },
    { "listeners.*.bind-timeout", "duration or never", "10s",
      "How long a client may take until the server has accepted its bind.",
      RULE(DURATION(px_listener, bind_timeout, 1), .none = "never") },
    { "listeners.*.client-timeout", "duration or never", "1m",
      "How long a client may stop within a request, or take nothing of what it is sent.",
      RULE(DURATION(px_listener, client_timeout, 1), .none = "never") },
    { "listeners.*.idle-timeout", "duration or never", "never", "How long a client may be without a call.",
      RULE(DURATION(px_listener, idle_timeout, 1), .none = "never") },
    { "listeners.*.clients", "count or unlimited", "unlimited", "Most clients at once.",
      RULE(LIMIT(px_listener, clients)) },
    { "listeners.*.clients-per-address", "count or unlimited", "unlimited",
      "Most clients at once of one source address, or of one local user.",
      RULE(LIMIT(px_listener, clients_per_address)) },
    { "listeners.*.contexts", "count", "256", "Most presentation contexts kept for a connection.",
      RULE(NUMBER(PX_VALUE_COUNT, px_listener, contexts, 1, 65536)) },
    { "listeners.*.buffer", "size", "256KiB", "Most bytes that may wait for a connection whose reader has stopped.",
      RULE(NUMBER(PX_VALUE_SIZE, px_listener, buffer, 4096, 1 << 30)) },

    { "interfaces", "list of mappings", NULL, "Interfaces that have rules of their own for their calls.",
      RULE(.read = px_read_interfaces, .print = px_print_interfaces, LIST(px_settings, interface_count)) },
    { "interfaces.*.uuid", "UUID", "", "Which interface.",
      RULE(.read = px_read_uuid, .print = px_print_text, .offset = offsetof(struct px_interface, uuid_text)) },
    { "interfaces.*.version", "version", NULL, "Which version of it; where it is left out, any.",
      RULE(.read = px_read_version, TEXT(px_interface, version_text)) },
    { "interfaces.*.name", "name", NULL, "What people call it.", RULE(NAME(px_interface)) },
    { "interfaces.*.com-timeout", "level, duration or never", NULL, "Its own, instead of the server's.",
      RULE(COM_TIMEOUT(px_interface), OWN) },
    { "interfaces.*.call-timeout", "duration or never", NULL, "Its own, instead of the server's.",
      RULE(CALL_TIMEOUT(px_interface), OWN) },
    { "interfaces.*.deadline", "duration or never", NULL, "Its own, instead of the server's.",
      RULE(DEADLINE(px_interface), OWN) },
    { "interfaces.*.on-timeout", "abandon, cancel or orphan", NULL, "Its own, instead of the server's.",
      RULE(ON_TIMEOUT(px_interface), OWN) },
    { "interfaces.*.pending", "yes or no", NULL, "Whether all its operations return only when something happens.",
      RULE(PENDING(px_interface), OWN) },
    { "interfaces.*.stateless", "yes or no", NULL,
      "Whether no call needs what an earlier one of its connection left behind.",
      RULE(FACT(px_interface, stateless)) },
    { "interfaces.*.pipes", "yes or no", NULL, "Whether an operation has a pipe parameter.",
      RULE(FACT(px_interface, pipes)) },
    { "interfaces.*.operations", "mapping", NULL, "Operations that have rules of their own, each under its opnum.",
      RULE(.read = px_read_operations, .print = px_print_operations, LIST(px_interface, operation_count)) },
    { "interfaces.*.operations.*.name", "name", NULL, "What people call it.", RULE(NAME(px_operation)) },
    { "interfaces.*.operations.*.com-timeout", "level, duration or never", NULL,
      "Its own, instead of the interface's.", RULE(COM_TIMEOUT(px_operation), OWN) },
    { "interfaces.*.operations.*.call-timeout", "duration or never", NULL, "Its own, instead of the interface's.",
      RULE(CALL_TIMEOUT(px_operation), OWN) },
    { "interfaces.*.operations.*.deadline", "duration or never", NULL, "Its own, instead of the interface's.",
      RULE(DEADLINE(px_operation), OWN) },
    { "interfaces.*.operations.*.on-timeout", "abandon, cancel or orphan", NULL,
      "Its own, instead of the interface's.", RULE(ON_TIMEOUT(px_operation), OWN) },
    { "interfaces.*.operations.*.pending", "yes or no", NULL, "Whether it returns only when something happens.",
      RULE(PENDING(px_operation), OWN) },
    { "interfaces.*.operations.*.idempotent", "yes or no", NULL, "Whether it does no harm to run it twice.",
      RULE(FACT(px_operation, idempotent)) },
};

const unsigned px_setting_key_count = sizeof px_setting_keys / sizeof *px_setting_keys;
_Static_assert(sizeof px_setting_keys / sizeof *px_setting_keys <= PX_SETTING_ROWS_MOST, "raise it");
