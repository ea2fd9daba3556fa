"""Counts both sides after a case: what the proxies' call lines say against what the servers' ledgers say."""

import collections

from harness import Failure, check, rpc

UUIDS = {"test": rpc.TEST[0], "rpcecho": rpc.ECHO[0], "mgmt": rpc.MGMT[0],
         "probe": "6f1d2a90-53c4-4e0b-9d1c-7a1f0c5be001"}
MAY_HAVE_RUN = ("all", "first-fragment")  # the evidence of a request that may have reached its server

KEYS = """time kind client server connection interface version name opnum operation call_id auth_type auth_level
    fragments_in bytes_in fragments_out bytes_out waited_us first_us total_us attempts evidence proof status
    status_name end""".split()
UNPROVEN_RUNS = ("answered", "maybe-sent", "server-lost", "answer-cut")  # ends that never carry a proof
# The evidence that allows a proof.
PROVEN_BY = {"P1": ("nothing",), "P2": ("nothing",), "P3": ("part",), "P4": ("first-fragment",), "P5": MAY_HAVE_RUN,
             "P6": ("nothing",)}


def executions(server):
    """How often each operation ran in a server, by interface and opnum."""
    return collections.Counter((UUIDS[entry.interface], entry.opnum) for entry in server.ledger())


def recorded(proxies, server):
    """How many call lines say that an operation may have run in that server; by opnum alone where the bind was not kept."""
    lines = [line for proxy in proxies for line in proxy.calls() if line["server"] in server.addresses]
    return collections.Counter((line["interface"], line["opnum"]) for line in lines if line["evidence"] in MAY_HAVE_RUN)


def check_server(proxies, server):
    """Each line of the ledger has a call line of its own."""
    lines = recorded(proxies, server)
    for (interface, opnum), ran in executions(server).items():
        known = min(ran, lines[interface, opnum])
        lines[interface, opnum] -= known
        nameless = min(ran - known, lines[None, opnum])
        lines[None, opnum] -= nameless
        if known + nameless < ran:
            raise Failure("%s ran %s opnum %d %d times, and only %d call lines tell of it" %
                          (server.name, interface, opnum, ran, known + nameless))


def check_executed_once(server):
    """No call was executed twice: own ids of the test interface are unique."""
    ids = collections.Counter(entry.own_id for entry in server.ledger() if entry.interface == "test")
    twice = [own_id for own_id, count in ids.items() if count > 1]
    check(not twice, "%s executed twice: %s" % (server.name, twice[:5]))


def check_line(line):
    missing = [key for key in KEYS if key not in line]
    check(not missing, "a call line lacks %s: %r" % (missing, line))
    check((line["evidence"] == "nothing") == (line["attempts"] == 0), "attempts against evidence: %r" % line)
    check(line["proof"] is None or line["evidence"] in PROVEN_BY[line["proof"]], "a false proof: %r" % line)
    check(line["end"] not in UNPROVEN_RUNS or line["proof"] is None, "a proof for a call that may have run: %r" % line)


def audit(world):
    """After world.end()."""
    for proxy in world.proxies:
        for line in proxy.calls():
            check_line(line)
    if any(line.get("lines_lost_before") for proxy in world.proxies for line in proxy.lines()):
        return
    for server in world.servers:
        check_server(world.proxies, server)
        check_executed_once(server)
