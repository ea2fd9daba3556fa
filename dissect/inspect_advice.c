/* The words are those of Microsoft's pages on client-side hangs and on loss of connectivity, where these have some. */
#include "inspect_advice.h"

static const struct advice table[FINDINGS] = {
    [FINDING_SERVER_HUNG] = { "server-hung",
                              "The server's host is there and acknowledges, but the server does not answer: it hangs "
                              "in user mode. TCP keep alives "
                              "return successfully but the call will never return. With default options, RPC will "
                              "never time out a call, and the "
                              "client's thread waits forever.",
                              "Take a dump of the server's process before anybody restarts it. Give calls a "
                              "time-out: RPC_C_OPT_CALL_TIMEOUT at the "
                              "client, or call-timeout in rpcward." },
    [FINDING_HOST_GONE] = { "host-gone",
                            "Nothing comes from the server's host any more, not even acknowledgements: network "
                            "connectivity is lost, or the server "
                            "crashed with its host. A client finds that out by itself only by TCP's repeats, or by "
                            "keep alives.",
                            "Look at the host, its cable, and the firewalls between it and where this was captured. "
                            "Let keep alives find it out: "
                            "RpcMgmtSetComTimeout at the client, or com-timeout in rpcward." },
    [FINDING_KEEP_ALIVE_MISSING] = { "keep-alive-missing",
                                     "Nobody sent anything, and nobody probed: keep alives, which go once a second "
                                     "when they are turned on, would have told "
                                     "whether the server's host is there.",
                                     "Turn them on: RpcMgmtSetComTimeout at the client, or com-timeout in rpcward." },
    [FINDING_STILL_WAITING] = { "still-waiting",
                                "There is no answer yet when the capture ends. Whether one came is not in it, so "
                                "this is no verdict that the server hangs.",
                                "Capture for longer: rpcward-inspect --follow says more when there is more." },
    [FINDING_IDLE_CUT] = { "idle-cut",
                           "The connection was idle, and then dead, while the server is well: a firewall, a NAT or a "
                           "load balancer between the two "
                           "has forgotten it. (A host that was restarted meanwhile looks the same where it answers "
                           "by a reset.)",
                           "Find the device whose time-out is shorter than the idle time. Let the system's keep "
                           "alives go more often than that, or "
                           "end idle connections sooner: idle-timeout in rpcward." },
    [FINDING_CONNECTION_RESET] = { "connection-reset",
                                   "The server's side reset the connection with the call outstanding: its process "
                                   "died, or it aborted the connection (the "
                                   "client reports 1726). RPC cannot discern whether the server received the call "
                                   "and started executing it.",
                                   "Look for a crash in the server's log at that time." },
    [FINDING_CONNECTION_CLOSED] = { "connection-closed",
                                    "The server's side closed the connection with the call outstanding: its process "
                                    "ended, as when it is restarted (the "
                                    "client reports 1726). RPC cannot discern whether the server received the call "
                                    "and started executing it.",
                                    "Look who restarted the server. Let calls end first: rpcwardctl drain." },
    [FINDING_CLIENT_LEFT] = { "client-left",
                              "The client's side ended the connection before the answer. The server is not notified, "
                              "and will likely execute the call.",
                              "Look whether the client was ended, or has a time-out that is shorter than the "
                              "server's time." },
    [FINDING_CANCELLED] = { "cancelled",
                            "The client cancelled the call (it reports 1818): its time-out, or its user. The server "
                            "will likely execute the call, and "
                            "the client will simply ignore the response.",
                            "Compare the client's time-out with how long the server takes (the table of the "
                            "summary)." },
    [FINDING_ORPHANED] = { "orphaned",
                           "The client gave the call up, and told the server that nobody waits for it. The server "
                           "may have executed it all the same.",
                           "Compare the client's time-out with how long the server takes (the table of the "
                           "summary)." },
    [FINDING_RETRY_STORM] = { "retry-storm",
                              "The most dangerous pitfall with call time outs is establishing a short time out and "
                              "retrying the call on the same "
                              "server: what was given up is executed all the same, so a server near capacity gets "
                              "the more work the slower it is.",
                              "Lengthen the time-out, and the pause before each retry. Bound what is inside the "
                              "server: calls and waiting in rpcward." },
    [FINDING_REISSUED] = { "reissued",
                           "The client gave a call up, and made it again while the server may still have been at it.",
                           "Lengthen the time-out; let only calls be made again that may run twice." },
    [FINDING_LATE] = { "late-answer",
                       "The answer came, but late. A client with a shorter time-out would have given up.",
                       "Look at the server at that time. Bound what is inside it: calls in rpcward." },
    [FINDING_TOO_BUSY] = { "too-busy",
                           "The server refused the call because it has as many as it takes (the client reports "
                           "1723).",
                           "Wait before the retry. Bound the calls before they reach the server, and let them wait: "
                           "calls and waiting in rpcward." },
    [FINDING_CONTEXT_LOST] = { "context-handle-lost",
                               "The server does not know the context handle (any more): the last connection of its "
                               "association has ended, or the server "
                               "was restarted (the client reports 6).",
                               "The client must open it anew. Look for the end of its connections before this "
                               "call." },
    [FINDING_REJECTED] = { "rejected",
                           "The server refused the call: no such operation, interface or object, or a protocol "
                           "error. As a status it is given before "
                           "a procedure is entered; only did-not-execute proves it.",
                           "Compare the versions of client and server." },
    [FINDING_DENIED] = { "access-denied",
                         "The server refused the caller. Security callbacks say this before the procedure is "
                         "entered, and procedures themselves.",
                         "Look at the caller's rights, and whether the interface wants a higher authentication "
                         "level." },
    [FINDING_UNAVAILABLE] = { "server-unavailable",
                              "Something before the server answered for it, such as rpcward: the server could not be "
                              "reached, or does not listen.",
                              "Look whether the server runs and can be reached from there." },
    [FINDING_FAULT] = { "fault", "The call ended in an exception at the server.",
                        "Look at the status, and for an exception in the server's log at that time." },
    [FINDING_BIND_REFUSED] = { "bind-refused",
                               "The server refused the bind, or the interface in it. No call was sent, so none has "
                               "run (P2).",
                               "Look whether the interface is there, in this version, and whether the authentication "
                               "is known and good." },
    [FINDING_ENDPOINT_REFUSED] = { "endpoint-refused",
                                   "The endpoint mapper named a port, and no connection to it came about (the client "
                                   "reports 1722): the server has ended and "
                                   "its endpoint is still registered, or a firewall lets only the endpoint mapper "
                                   "through. No call was sent, so none has "
                                   "run (P1).",
                                   "Look whether the server runs; open the firewall for its ports. RpcBindingReset "
                                   "makes a client ask the endpoint mapper anew." },
};

const struct advice *advice_of(enum finding finding)
{
    return &table[finding];
}
