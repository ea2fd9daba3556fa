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

static const char *const on_timeouts[] = { [PX_ABANDON] = "abandon", [PX_CANCEL] = "cancel", NULL };
static const char *const formats[] = { [PX_LOG_JSON] = "json", [PX_LOG_LOGFMT] = "logfmt", NULL };

const struct px_setting_key px_setting_keys[] = {
    { "drain", "duration", "30s", "How long calls in flight may take after SIGTERM.",
      RULE(DURATION(px_settings, drain, 0)) },

    { "log.calls", "stderr, none or path", "stderr", "Where the line of each call goes.",
      RULE(.read = px_read_log_target, .print = px_print_text, .offset = offsetof(struct px_settings, log_calls)) },
    { "log.format", "json or logfmt", "json", "How the line of a call is written.",
      RULE(.read = px_read_word, .print = px_print_word, .offset = offsetof(struct px_settings, log_format),
           .words = formats) },

    { "servers", "mapping", "", "The servers, each under a name of your choice.",
      RULE(.read = px_read_servers, .print = px_print_servers) },
    { "servers.*.members", "list of addresses", "", "Where the server listens.",
      RULE(.read = px_read_members, .print = px_print_members) },
    { "servers.*.members.*.address", "address", "", "The member's address, where it is written as a mapping.",
      RULE(ADDRESS(px_member, 1)) },
    { "servers.*.calls", "count or unlimited", "unlimited", "Most calls inside the server at once.",
      RULE(LIMIT(px_server, calls)) },
    { "servers.*.waiting.length", "count or unlimited", "1000", "Most calls in the line before it.",
      RULE(LIMIT(px_server, waiting_length)) },
    { "servers.*.waiting.longest", "duration or never", "30s",
      "How long a call may stand in line until it is refused.",
      RULE(DURATION(px_server, waiting_longest, 1), .none = "never") },
    { "servers.*.call-timeout", "duration or never", "never",
      "Silence of the server after which a call inside it is given up.",
      RULE(DURATION(px_server, call_timeout, 1), .none = "never") },
    { "servers.*.deadline", "duration or never", "never", "How long a whole call may take, waiting included.",
      RULE(DURATION(px_server, deadline, 1), .none = "never") },
    { "servers.*.on-timeout", "abandon or cancel", "abandon", "What the server is told of a call that is given up.",
      RULE(.read = px_read_word, .print = px_print_word, .offset = offsetof(struct px_server, on_timeout),
           .words = on_timeouts) },
    { "servers.*.abandoned", "count or automatic", "automatic",
      "Most calls inside it that were given up: automatic is calls, or 16 where those are unlimited.",
      RULE(NUMBER(PX_VALUE_COUNT, px_server, abandoned, 1, 1000000), .none = "automatic") },
    { "servers.*.connect-timeout", "duration", "3s", "How long connecting to a member may take.",
      RULE(DURATION(px_server, connect_timeout, 1)) },

    { "listeners", "list of mappings", "", "Where clients connect.",
      RULE(.read = px_read_listeners, .print = px_print_listeners) },
    { "listeners.*.address", "address", "", "The address to listen at.", RULE(ADDRESS(px_listener, 0)) },
    { "listeners.*.server", "name", "", "The server that its clients are connected to.",
      RULE(.read = px_read_server_name, .print = px_print_server_name) },
    { "listeners.*.bind-timeout", "duration or never", "10s",
      "How long a client may take until the server has accepted its bind.",
      RULE(DURATION(px_listener, bind_timeout, 1), .none = "never") },
    { "listeners.*.clients", "count or unlimited", "unlimited", "Most clients at once.",
      RULE(LIMIT(px_listener, clients)) },
    { "listeners.*.clients-per-address", "count or unlimited", "unlimited",
      "Most clients at once of one source address, or of one local user.",
      RULE(LIMIT(px_listener, clients_per_address)) },
    { "listeners.*.contexts", "count", "256", "Most presentation contexts kept for a connection.",
      RULE(NUMBER(PX_VALUE_COUNT, px_listener, contexts, 1, 65536)) },
    { "listeners.*.buffer", "size", "256KiB", "Most bytes that may wait for a connection whose reader has stopped.",
      RULE(NUMBER(PX_VALUE_SIZE, px_listener, buffer, 4096, 1 << 30)) },
};

const unsigned px_setting_key_count = sizeof px_setting_keys / sizeof *px_setting_keys;
_Static_assert(sizeof px_setting_keys / sizeof *px_setting_keys <= PX_SETTING_ROWS_MOST, "raise it");
