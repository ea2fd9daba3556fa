/* The words for events, actions, reasons, endings and proofs: logs, traces and documents all use these. */
#include "policy.h"

#include <assert.h>

static const char *const event_names[] = {
    [POL_TICK] = "tick",
    [POL_CLIENT_OPENED] = "client-opened",
    [POL_CLIENT_BIND] = "client-bind",
    [POL_AUTH_LEG] = "auth-leg",
    [POL_CALL_BEGIN] = "call-begin",
    [POL_CLIENT_CONTROL] = "client-control",
    [POL_CLIENT_STRAY] = "client-stray",
    [POL_CLIENT_END] = "client-end",
    [POL_CLIENT_GONE] = "client-gone",
    [POL_CLIENT_OWES] = "client-owes",
    [POL_CREDIT] = "credit",
    [POL_DIALLED] = "dialled",
    [POL_PRESENTS] = "presents",
    [POL_BOUND] = "bound",
    [POL_ACCEPTED] = "accepted",
    [POL_ANSWER_BEGIN] = "answer-begin",
    [POL_ANSWER_END] = "answer-end",
    [POL_PROGRESS] = "progress",
    [POL_CALLBACK_DOWN] = "callback-down",
    [POL_CALLBACK_UP] = "callback-up",
    [POL_LINK_STRAY] = "link-stray",
    [POL_LIVENESS] = "liveness",
    [POL_LINK_END] = "link-end",
    [POL_LINK_GONE] = "link-gone",
    [POL_CHECKED] = "checked",
    [POL_SERVER_DRAIN] = "server-drain",
    [POL_CALL_CANCEL] = "call-cancel",
    [POL_DRAIN] = "drain",
};
static_assert(sizeof event_names / sizeof *event_names == POL_EVENT_KINDS, "a name for each event");

static const char *const action_names[] = {
    [POL_PASS] = "pass",       [POL_SWALLOW] = "swallow",
    [POL_LEASE] = "lease",     [POL_HOLD] = "hold",
    [POL_PAUSE] = "pause",     [POL_RESUME] = "resume",
    [POL_DIAL] = "dial",       [POL_OWN] = "own",
    [POL_BIND] = "bind",       [POL_ANSWER_BIND] = "answer-bind",
    [POL_FAULT] = "fault",     [POL_END_INPUT] = "end-input",
    [POL_CLOSE] = "close",     [POL_LISTEN_OFF] = "listen-off",
    [POL_AGAIN] = "again",     [POL_END] = "end",
    [POL_ABANDON] = "abandon", [POL_RELEASE] = "release",
    [POL_PROBE] = "probe",     [POL_MEMBER] = "member",
    [POL_CHECK] = "check",     [POL_LISTEN_ON] = "listen-on",
};
static_assert(sizeof action_names / sizeof *action_names == POL_ACTION_KINDS, "a name for each action");

static const char *const reason_names[] = {
    [POL_BY_CLIENT_FIN] = "client-closed",
    [POL_BY_CLIENT_RESET] = "client-reset",
    [POL_BY_CLIENT_BAD] = "client-not-dcerpc",
    [POL_BY_SERVER_FIN] = "server-closed",
    [POL_BY_SERVER_RESET] = "server-reset",
    [POL_BY_SERVER_BAD] = "server-not-dcerpc",
    [POL_BY_UNAVAILABLE] = "server-unavailable",
    [POL_BY_BIND_TIMEOUT] = "bind-timeout",
    [POL_BY_CLIENTS_LIMIT] = "clients-limit",
    [POL_BY_ADDRESS_LIMIT] = "clients-per-address-limit",
    [POL_BY_LINKS_LIMIT] = "descriptors-limit",
    [POL_BY_GROUP_GUARD] = "foreign-association-group",
    [POL_BY_DRAIN] = "drain",
    [POL_BY_LINGER] = "no-close-in-time",
    [POL_BY_REFUSAL] = "call-refused",
    [POL_BY_TABLE_FULL] = "table-of-calls-full",
    [POL_BY_CALL_TIMEOUT] = "call-timeout",
    [POL_BY_CLIENT_TIMEOUT] = "client-timeout",
    [POL_BY_IDLE_TIMEOUT] = "idle-timeout",
    [POL_BY_CONNECTIONS_LIMIT] = "connections-limit",
    [POL_BY_BROKEN_PROMISE] = "server-changed",
    [POL_BY_IDLE_LINK] = "idle",
    [POL_BY_NO_ROOM] = "made-room",
};
static_assert(sizeof reason_names / sizeof *reason_names == POL_REASONS, "a name for each reason");

static const char *const ending_names[] = {
    [POL_ANSWERED] = "answered",       [POL_FAULTED] = "fault",       [POL_MAYBE_SENT] = "maybe-sent",
    [POL_UNAVAILABLE] = "unavailable", [POL_WITHDRAWN] = "withdrawn", [POL_CLIENT_LEFT] = "client-left",
    [POL_SERVER_LOST] = "server-lost", [POL_NOT_SENT] = "not-sent",   [POL_ANSWER_CUT] = "answer-cut",
    [POL_DRAINED] = "drained",         [POL_REFUSED] = "refused",     [POL_TIMED_OUT] = "timed-out",
    [POL_CUT_OFF] = "cut-off",         [POL_CANCELLED] = "cancelled",
};
static_assert(sizeof ending_names / sizeof *ending_names == POL_ENDINGS, "a name for each ending");

static const char *const proof_names[] = {
    [POL_UNPROVEN] = "none",       [POL_P1_NOT_CONNECTED] = "P1", [POL_P2_NOT_BOUND] = "P2",
    [POL_P3_FIRST_PARTIAL] = "P3", [POL_P4_LAST_PARTIAL] = "P4",  [POL_P5_FAULT_DNE] = "P5",
    [POL_P6_IN_PROXY] = "P6",
};
static_assert(sizeof proof_names / sizeof *proof_names == POL_PROOFS, "a name for each proof");

/* Why that proves it. */
static const char *const proof_clauses[POL_PROOFS] = {
    [POL_P1_NOT_CONNECTED] = "no connection to the server came about",
    [POL_P2_NOT_BOUND] = "the connection that it waited for was not bound, so nothing of it was sent",
    [POL_P3_FIRST_PARTIAL] = "the kernel never had the whole first fragment, and the connection is closed",
    [POL_P4_LAST_PARTIAL] =
        "the kernel never had the whole last fragment, its server begins no call before that, and the connection "
        "is closed",
    [POL_P5_FAULT_DNE] = "the server said so, by a fault with did-not-execute",
    [POL_P6_IN_PROXY] = "it never left the proxy",
};

const char *pol_event_name(unsigned kind)
{
    return kind < POL_EVENT_KINDS ? event_names[kind] : NULL;
}

const char *pol_action_name(unsigned kind)
{
    return kind < POL_ACTION_KINDS ? action_names[kind] : NULL;
}

const char *pol_reason_name(unsigned reason)
{
    return reason < POL_REASONS ? reason_names[reason] : NULL;
}

const char *pol_ending_name(unsigned ending)
{
    return ending < POL_ENDINGS ? ending_names[ending] : NULL;
}

const char *pol_proof_name(unsigned proof)
{
    return proof < POL_PROOFS ? proof_names[proof] : NULL;
}

const char *pol_proof_clause(unsigned proof)
{
    return proof < sizeof proof_clauses / sizeof *proof_clauses ? proof_clauses[proof] : NULL;
}
