"""The captures: what each shows, how its traffic is made, and what must be found in it for that to be true.

One table for captures/record, captures/README.md and the corpus test. A recipe's traffic is a kind of traffic.py and
its words. What it shows is judged by the JSON of dissect (texts.py), to which "from" was added: client or server."""

import dataclasses
import re
from typing import Callable

BY = {
    "samba": "python3-samba, Samba AD DC",
    "samba-echo": "python3-samba, test-server",
    "impacket": "impacket, Samba AD DC",
    "impacket-echo": "impacket, test-server",
    "test-client": "test-client, test-server",
    "hand-samba": "PDUs by hand, Samba AD DC",
    "hand": "PDUs by hand, test-server",
    "hand-both": "PDUs by hand on both sides",
    "hand-alone": "PDUs by hand, rpcward alone",
    "hang": "PDUs by hand, test-server; no rpcward",
}


@dataclasses.dataclass
class Recipe:
    name: str
    shows: str
    traffic: str
    proofs: list = dataclasses.field(default_factory=list)  # functions of the PDUs, each gives a sentence or None
    finds: list = dataclasses.field(default_factory=list)  # names of findings that rpcward-inspect must have

    def lacks(self, pdus: list) -> list:
        """Sentences, one for each thing that the PDUs ought to show and do not."""
        bad = ["%s call %d: %s" % (pdu["ptype_name"], pdu["call_id"], pdu["error"]) for pdu in pdus if "error" in pdu]
        said = (proof(pdus) for proof in [has(1, "request"), *self.proofs])
        return bad + [sentence for sentence in said if sentence]

    def misses(self, findings: str) -> list:
        """The same about what rpcward-inspect --findings prints."""
        return ["no finding " + name for name in self.finds if not re.search("^%s\\b" % name, findings, re.M)]


# ---- proofs ----

def value(pdu, path):
    """By keys and indexes with dots between them; None where there is no such thing."""
    for key in path.split("."):
        try:
            pdu = pdu[int(key)] if isinstance(pdu, list) else pdu[key]
        except (KeyError, IndexError):
            return None
    return pdu


def is_like(pdu, ptype, flag, fields):
    """Fields are of the JSON, with __ for the dot between keys."""
    return pdu["ptype_name"] == ptype and (flag is None or flag in pdu.get("flags_name", "").split()) and \
        all(value(pdu, path.replace("__", ".")) == wanted for path, wanted in fields.items())


def has(count: int, ptype: str, flag: str = None, **fields) -> Callable:
    """At least so many PDUs of a type, with that flag and these fields."""
    def proof(pdus):
        found = sum(is_like(pdu, ptype, flag, fields) for pdu in pdus)
        words = [ptype, *([flag] if flag else []), *("%s=%r" % field for field in fields.items())]
        return None if found >= count else "%d of at least %d: %s" % (found, count, " ".join(words))
    return proof


def lacks_flag(count, ptype, flag, **fields):
    """At least so many PDUs of a type without that flag."""
    def proof(pdus):
        rest = [pdu for pdu in pdus if flag not in pdu.get("flags_name", "").split()]
        sentence = has(count, ptype, **fields)(rest)
        return sentence and sentence + " without " + flag
    return proof


def protected(auth_type, level):
    """Requests and responses with a trailer of that type and level, and no others."""
    def proof(pdus):
        kinds = {(value(pdu, "auth.type_name"), value(pdu, "auth.level_name")) for pdu in pdus
                 if pdu["ptype_name"] in ("request", "response")}
        return None if kinds == {(auth_type, level)} else "auth of calls: %r" % kinds
    return proof


def byte_order(name):
    def proof(pdus):
        orders = {pdu["integers_name"] for pdu in pdus}
        return None if orders == {name} else "byte orders: %r" % orders
    return proof


def call_ids(pdus, ptype, side):
    return [pdu["call_id"] for pdu in pdus if is_like(pdu, ptype, "last", {"from": side})]


def answers_in_another_order(pdus):
    asked, answered = call_ids(pdus, "request", "client"), call_ids(pdus, "response", "server")
    scrambled = sorted(asked) == sorted(answered) and asked != answered
    return None if scrambled else "requests %r, answers %r" % (asked, answered)


def same_group(pdus):
    """Two connections were granted one association group."""
    groups = [pdu["assoc_group_id"] for pdu in pdus if pdu["ptype_name"] == "bind_ack"]
    return None if 0 < len(set(groups)) < len(groups) else "groups granted: %r" % groups


def nested(pdus):
    """The server asks, and is answered, while its client's call with that call_id is open."""
    kinds = [(pdu["ptype_name"], pdu["from"]) for pdu in pdus if pdu["ptype_name"] in ("request", "response")]
    wanted = [("request", "client"), ("request", "server"), ("response", "client"), ("response", "server")]
    one_id = len({pdu["call_id"] for pdu in pdus if pdu["ptype_name"] == "request"}) == 1
    return None if kinds == wanted and one_id else "calls: %r" % kinds


def before(first, second):
    """Some PDU of the first type comes while a call is open, before the last of the second type."""
    def proof(pdus):
        types = [pdu["ptype_name"] for pdu in pdus]
        good = first in types and second in types[types.index(first):] and "request" in types[:types.index(first)]
        return None if good else "no %s between a request and a %s" % (first, second)
    return proof


# ---- the table ----

NTLM, SPNEGO, KRB5 = "ntlmssp", "spnego", "kerberos"
DNE = "did_not_execute"

RECIPES = [
    Recipe("unauthenticated", "a call without authentication; a bind that negotiates features",
           "samba mgmt -", [protected(None, None), has(1, "response"), has(1, "bind", contexts__1__features=3)]),
    Recipe("endpoint-mapper", "ept_map, unauthenticated",
           "impacket epm", [protected(None, None), has(1, "bind", contexts__0__abstract__name="epmapper")]),
    Recipe("connect-ntlm", "NTLM at level connect: the bind is authenticated, the calls are not",
           "samba samr ntlm,connect", [has(1, "auth3", auth__type_name=NTLM, auth__level_name="connect")]),
    Recipe("packet-ntlm", "NTLM at level packet",
           "samba samr ntlm,packet", [protected(NTLM, "packet")]),
    Recipe("signed-ntlm", "NTLM at level integrity, header signing, auth3",
           "samba samr ntlm,sign", [protected(NTLM, "integrity"), has(1, "auth3"),
                                    has(1, "bind", "support_header_sign"), has(3, "response")]),
    Recipe("sealed-ntlm", "NTLM at level privacy",
           "samba samr ntlm,seal", [protected(NTLM, "privacy"), has(1, "auth3"), has(3, "response")]),
    Recipe("signed-spnego", "SPNEGO with NTLM in it at level integrity: authentication goes on in alter_context",
           "samba samr spnego,sign", [protected(SPNEGO, "integrity"), has(1, "alter_context", auth__type_name=SPNEGO)]),
    Recipe("sealed-spnego", "SPNEGO with NTLM in it at level privacy",
           "samba samr spnego,seal", [protected(SPNEGO, "privacy"), has(1, "alter_context", auth__type_name=SPNEGO)]),
    Recipe("signed-krb5", "Kerberos at level integrity",
           "samba samr krb5,sign", [protected(KRB5, "integrity"), has(3, "response")]),
    Recipe("sealed-krb5", "Kerberos at level privacy",
           "samba samr krb5,seal", [protected(KRB5, "privacy"), has(3, "response")]),
    Recipe("sealed-impacket", "NTLM at level privacy as impacket speaks it, auth3",
           "impacket samr privacy", [protected(NTLM, "privacy"), has(1, "auth3"), has(3, "response")]),
    Recipe("sealed-fragments", "a sealed request in fragments, each with a trailer of its own",
           "impacket samr-fragments privacy", [protected(NTLM, "privacy"), has(1, "request", "first"),
                                               lacks_flag(2, "request", "last"), has(1, "request", "last")]),
    Recipe("sealed-big-endian", "requests in big endian, answered in little endian, NTLM at level privacy",
           "samba samr ntlm,seal,bigendian", [protected(NTLM, "privacy"),
                                              has(1, "request", integers_name="big_endian"),
                                              has(1, "response", integers_name="little_endian")]),
    Recipe("big-endian", "calls in big endian, answered in big endian",
           "samba-echo bigendian", [byte_order("big_endian"), has(1, "response")]),
    Recipe("fragments", "a request in fragments of 16 bytes, an answer of two fragments",
           "impacket-echo fragments", [lacks_flag(3, "request", "last"), lacks_flag(1, "response", "last")]),
    Recipe("fault", "a fault of a call that may have run",
           "impacket fault", [lacks_flag(1, "fault", DNE), has(1, "fault", status_name="RPC_X_BAD_STUB_DATA")]),
    Recipe("fault-did-not-execute", "faults with did-not-execute: no such operation, no such context",
           "impacket fault-did-not-execute", [has(1, "fault", DNE, status_name="nca_s_op_rng_error"),
                                              has(1, "fault", DNE, status_name="nca_s_unk_if")]),
    Recipe("busy", "a fault with did-not-execute of a server that is too busy, then the same call answered",
           "hand busy", [has(1, "fault", DNE, status_name="nca_s_server_too_busy"), has(1, "response")]),
    Recipe("bind-nak", "bind_nak: an association group that is not there; a request before any bind, then rpcward's fault",
           "hand-samba bind_nak", [has(1, "bind_nak", reason=0), has(1, "bind_nak", reason=4)]),
    Recipe("bind-nak-authentication", "a bind that is refused for its authentication type",
           "hand bind_nak_authentication", [has(1, "bind_nak", reason=8)]),
    Recipe("contexts", "one bind with contexts that are accepted, refused, and a negotiation of features",
           "hand contexts", [has(1, "bind_ack", results__0__result=0, results__1__result=2, results__2__result=2,
                                 results__3__result=3)]),
    Recipe("alter-context", "alter_context: a second interface on a connection, and one that is refused",
           "impacket alter-context", [has(2, "alter_context"), has(1, "alter_context_resp", results__0__result=0),
                                      has(1, "alter_context_resp", results__0__result=2)]),
    Recipe("association-group", "a handle of one connection used on another one of its association group",
           "hand-samba association_group", [same_group, has(3, "response")]),
    Recipe("association-group-guard", "rpcward refuses a bind that asks for the association group of another address",
           "hand association_group_guard", [has(1, "bind_ack"), has(1, "bind_nak", reason=0)]),
    Recipe("out-of-order", "calls side by side on a connection, answered in another order",
           "hand out_of_order", [has(1, "bind", "conc_mpx"), answers_in_another_order]),
    Recipe("co-cancel", "co_cancel, which the server passes over: the call is answered",
           "hand co_cancel", [has(1, "co_cancel"), before("co_cancel", "response")]),
    Recipe("orphaned", "orphaned: a call that its client gave up, and the next one",
           "hand orphaned", [has(1, "orphaned"), before("orphaned", "response")]),
    Recipe("shutdown", "shutdown: the server asks its client to end the connection",
           "hand-both shutdown", [has(1, "shutdown", **{"from": "server"})]),
    Recipe("callback", "a server that calls its client back within the call",
           "test-client --behaviour call-back --size 40", [nested]),
    Recipe("maybe-object", "a request that wants no answer, and one with an object UUID",
           "hand maybe_object", [has(1, "request", "maybe"), has(1, "request", "object"), has(1, "response")]),
    Recipe("server-away", "rpcward when no server is there: an accepted bind, a fault with did-not-execute",
           "hand-alone server_away", [has(1, "bind_ack"), has(1, "fault", DNE, win32=1722)]),
    Recipe("server-lost", "rpcward when the server's connection ends in mid-call: a fault without did-not-execute",
           "hand server_lost", [lacks_flag(1, "fault", DNE, win32=1726)]),
    Recipe("server-hung", "a server that was stopped by SIGSTOP: its kernel acknowledges, and nothing answers",
           "hang server_hung", [has(1, "response")], ["server-hung"]),
    Recipe("host-gone", "a host that falls silent: the request is sent again and again",
           "hang host_gone", [has(1, "response")], ["host-gone"]),
    Recipe("idle-cut", "a connection that a middlebox has forgotten while it was idle, and the next one, which is well",
           "hang idle_cut", [has(2, "response")], ["idle-cut", "reissued"]),
    Recipe("retry-storm", "clients with a time-out that is too short, which ask again at once",
           "hang retry_storm", [has(12, "request")], ["retry-storm"]),
]

BY_NAME = {recipe.name: recipe for recipe in RECIPES}


def table() -> str:
    """The table of README.md."""
    rows = ["| %s | %s | %s |" % (recipe.name, recipe.shows, BY[recipe.traffic.split()[0]]) for recipe in RECIPES]
    return "\n".join(["| name | what it shows | client, server |", "|---|---|---|", *rows]) + "\n"
