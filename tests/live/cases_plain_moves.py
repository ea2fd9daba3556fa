"""Plain clients that get a link of their own after all; and who may not have anything of another's."""

import os
import subprocess
import threading

from case import CASES, CLIENT_CLOSED, Case, case, check, compare, ends, equal, reads, reads_answer, send
from cases_plain import ADD_ONE, ANSWERED, MPX, answer, call, plain, plain_talk, shared
from fake import Fake
from harness import ROOT, Skip, rpc, wait_until
from recorder import ack, response
from rpc import (ALTER, ALTER_RESP, BIND_ACK, BIND_NAK, CO_CANCEL, ECHO, FAULT, MAYBE, NDR, ORPHANED, RESPONSE, TEST,
                 WHOLE, bind, context, control, pdu, request)

PROBE = ("6f1d2a90-53c4-4e0b-9d1c-7a1f0c5be001", 1, 0)  # keeps context handles
OPEN, NEXT = 3, 4
CONTEXT_MISMATCH = 0x1C00001A
BIND = bind([context(0, TEST)])
MOVED = (("client", "server-closed"), ("server", "server-closed"))


def handle_of(pdu_read):
    """What ctx_open has answered: attributes and UUID of a handle."""
    return pdu_read.stub[:20]


# ---- what makes one move, and that its client sees nothing of it ----

plain_talk("moves-to-a-stateful-interface", [
    send(bind([context(4, TEST)])), reads(BIND_ACK), send(call(1, context_id=4)), reads_answer(1, context_id=4),
    send(bind([context(7, PROBE)], ptype=ALTER, call_id=3)), reads(ALTER_RESP, results=[(0, 0)], call_id=3),
    send(request(1, (3).to_bytes(4, "little") * 2, context_id=7, call_id=4)), reads(RESPONSE, call_id=4, context_id=7),
    send(call(2, call_id=5, context_id=4)), reads_answer(2, call_id=5, context_id=4)],
           calls=[ANSWERED, {"interface": PROBE[0], "opnum": 1, "end": "answered"}, {**ANSWERED, "call_id": 5}],
           ledger=3, connections=CLIENT_CLOSED)

plain_talk("moves-with-all-that-it-has-bound", [
    send(bind([context(4, TEST)], flags=MPX)), reads(BIND_ACK),
    send(bind([context(5, ECHO)], ptype=ALTER, call_id=2)), reads(ALTER_RESP),
    send(bind([context(6, PROBE)], ptype=ALTER, call_id=3)), reads(ALTER_RESP),
    send(call(1, context_id=4, call_id=4)), reads_answer(1, context_id=4, call_id=4),
    send(request(0, ADD_ONE, context_id=5, call_id=5)), reads(RESPONSE, context_id=5),
    send(request(1, (3).to_bytes(4, "little") * 2, context_id=6, call_id=6)), reads(RESPONSE, context_id=6),
    send(*[call(i, "slow", 60 * (12 - i), context_id=4, call_id=i) for i in (8, 9, 10)]),
    *[reads_answer(i, context_id=4, call_id=i) for i in (10, 9, 8)]],
           calls=[{"interface": ECHO[0]}, {"interface": PROBE[0]}] +
           [{**ANSWERED, "call_id": i} for i in (4, 8, 9, 10)], ledger=6, connections=CLIENT_CLOSED)

plain_talk("moves-for-authentication", [
    send(BIND), reads(BIND_ACK), send(call(1)), reads_answer(1),
    send(bind([context(1, TEST)], ptype=ALTER, call_id=3, auth=rpc.trailer())), reads(FAULT, status=5, call_id=3),
    ends("fin")], calls=[ANSWERED], ledger=1, connections=MOVED)

plain_talk("moves-for-auth3", [
    send(BIND), reads(BIND_ACK), send(call(1)), reads_answer(1),
    send(pdu(rpc.AUTH3, bytes(4), call_id=3, auth=rpc.trailer())), reads(FAULT, call_id=3), ends("fin")],
           calls=[ANSWERED], ledger=1, connections=MOVED)

plain_talk("moves-for-an-authenticated-request", [
    send(BIND), reads(BIND_ACK), send(call(1)), reads_answer(1),
    send(request(0, rpc.test_call(2), call_id=3, auth=rpc.trailer())), reads(FAULT, call_id=3), ends("fin")],
           calls=[ANSWERED, {"end": "fault"}], ledger=1, connections=MOVED)

plain_talk("moves-for-maybe", [
    send(BIND), reads(BIND_ACK), send(call(1)), reads_answer(1), send(call(5, flags=WHOLE | MAYBE, call_id=3)),
    send(call(6, call_id=4)), reads_answer(6, call_id=4)],
           calls=[ANSWERED, {**ANSWERED, "call_id": 3, "end": "maybe-sent"}, {**ANSWERED, "call_id": 4}], ledger=3,
           connections=CLIENT_CLOSED)

plain_talk("moves-for-an-unknown-context", [
    send(BIND), reads(BIND_ACK), send(call(1)), reads_answer(1), send(call(2, context_id=99, call_id=3)),
    reads(FAULT, status=0x1C010003, dne=True, call_id=3), send(call(3, call_id=4)), reads_answer(3, call_id=4)],
           calls=[ANSWERED, {"end": "fault", "proof": "P5"}, {**ANSWERED, "call_id": 4}], ledger=2,
           connections=CLIENT_CLOSED)

for name, odd in (("response", response(b"x", 2)), ("bind_ack", ack()), ("type-77", pdu(77, bytes(8), call_id=3)),
                  ("undecodable-request", pdu(rpc.REQUEST, bytes(3), call_id=3)),
                  ("undecodable-alter", pdu(ALTER, bytes(5), call_id=3)), ("second-bind", BIND),
                  ("shutdown", control(rpc.SHUTDOWN, call_id=3))):
    def odd_pdu(world, odd=odd):
        """What its server says to it, and how the connection ends, are the same as directly."""
        told = []
        for through in (False, True):
            server = world.server(behind=through)
            link = world.link(shared(world, server) if through else server)
            link.bind()
            link.call(1)
            answer(link, 1)
            link.send(odd)
            said = []
            while not said or isinstance(said[-1], bytes):
                read = link.read()
                said.append(read.raw if isinstance(read, rpc.Pdu) else read)
            told.append(said)
            link.close()
            world.end() if through else None
        equal(told[1], told[0], "what was told through rpcward, and directly")
    CASES.append(Case("plain/moves-for-" + name, odd_pdu))

plain_talk("cancel-and-orphaned-do-not-move", [
    send(BIND), reads(BIND_ACK), send(call(7, "slow", 100)), send(control(CO_CANCEL, call_id=2)), reads_answer(7),
    send(control(ORPHANED, call_id=2)), send(call(8, call_id=3)), reads_answer(8, call_id=3)],
           calls=[ANSWERED, {**ANSWERED, "call_id": 3}], ledger=2,
           then=lambda world, server, proxy: equal(len(server.events("co_cancel")), 1, "cancels that went up"))


@case("plain/calls-inside-finish-before-it-moves")
def finish_first(world):
    """And only the client that moves waits for them."""
    server = world.server()
    proxy = shared(world, server, server="calls-per-connection: 16")
    link, other = plain(world, proxy, flags=MPX), plain(world, proxy, flags=MPX)
    link.send(*[call(i, "slow", 40 * i, call_id=i) for i in (2, 3, 4)])
    link.send(bind([context(7, PROBE)], ptype=ALTER, call_id=9), call(20, call_id=20))
    other.call(30)
    answer(other, 30)
    for i in (2, 3, 4):
        answer(link, i, i)
    compare(link.read(), {"type": ALTER_RESP, "call_id": 9, "results": [(0, 0)]})
    answer(link, 20, 20)
    own = [entry.connection for entry in server.ledger() if entry.own_id == "%016x" % 20]
    others = [entry.connection for entry in server.ledger() if entry.own_id != "%016x" % 20]
    check(own[0] not in others, "its own link was another's before")
    link.close()
    wait_until(lambda: [close[1] for close in server.events("close")] == own, "its link to end with it")


@case("plain/leaves-while-it-moves")
def leaves_moving(world):
    """In any state of the move; nothing is left of it."""
    fake = Fake(world, (TEST, NDR), (PROBE, NDR))
    gate = threading.Event()
    proxy = shared(world, fake, server="calls: 5")
    links = [plain(world, proxy) for _ in range(3)]
    fake.on[rpc.BIND] = lambda pdu_read: (gate, fake.acknowledge(pdu_read))
    for link in links:
        link.send(bind([context(7, PROBE)], ptype=ALTER, call_id=9))
    wait_until(lambda: fake.connections() == 4, "links of their own")
    links[0].reset()
    links[1].close()
    wait_until(lambda: len(proxy.connections()) == 4, "two clients and their links to end")
    gate.set()
    compare(links[2].read(), {"type": ALTER_RESP})


@case("plain/server-that-answers-otherwise-than-before")
def otherwise(world):
    """What is bound again on the client's own link must be what it was told; else it is closed."""
    fake = Fake(world, (TEST, NDR), (ECHO, NDR), (PROBE, NDR))
    proxy = shared(world, fake)
    link = plain(world, proxy, context(0, TEST), context(1, ECHO))
    fake.accepts.discard((ECHO, NDR))
    link.send(bind([context(7, PROBE)], ptype=ALTER, call_id=9))
    equal(link.end(), "reset", "the end")
    wait_until(lambda: ("client", "server-changed") in proxy.connections(), "the reason")


# ---- association groups and handles ----

@case("plain/group-goes-with-it")
def group(world):
    """A second connection joins by the id that the first was told when it was plain, and uses its handle."""
    server = world.server()
    proxy = shared(world, server)
    first = world.link(proxy)
    told = first.bind()
    joined = world.link(proxy)
    compare(joined.bind(group=told.group), {"type": BIND_ACK, "group": told.group})
    joined.call(1)
    answer(joined, 1)
    compare(first.ask(bind([context(7, PROBE)], ptype=ALTER, call_id=3)), {"type": ALTER_RESP, "group": told.group})
    opened = first.ask(request(OPEN, (100).to_bytes(4, "little"), context_id=7, call_id=4))
    compare(opened, {"type": RESPONSE})
    second = world.link(proxy)
    compare(second.bind(context(3, PROBE), group=told.group), {"type": BIND_ACK, "group": told.group})
    compare(second.ask(request(NEXT, handle_of(opened), context_id=3, call_id=5)), {"type": RESPONSE})
    compare(joined.ask(bind([context(7, PROBE)], ptype=ALTER, call_id=3)), {"type": ALTER_RESP, "group": told.group})
    compare(joined.ask(request(NEXT, handle_of(opened), context_id=7, call_id=5)), {"type": RESPONSE})
    stranger = world.link(proxy)
    compare(stranger.bind(context(3, PROBE)), {"type": BIND_ACK})
    refused = stranger.ask(request(NEXT, handle_of(opened), context_id=3, call_id=5))
    compare(refused, {"type": FAULT, "status": CONTEXT_MISMATCH})
    for link in (first, second, joined):
        check(not server.events("rundown"), "the handle was run down before its association ended")
        link.close()
    wait_until(lambda: server.events("rundown") == [["rundown", "100"]], "the handle to be run down")


@case("plain/group-that-nobody-has")
def no_group(world):
    """As its server would say; also the id of one that has gone."""
    server = world.server()
    proxy = shared(world, server)
    compare(world.link(proxy).bind(group=0x7777), {"type": BIND_NAK})
    gone = world.link(proxy)
    told = gone.bind().group
    gone.close()
    wait_until(lambda: ("client", "client-closed") in proxy.connections(), "it to go")
    compare(world.link(proxy).bind(group=told), {"type": BIND_NAK})
    compare(world.link(proxy).bind(), {"type": BIND_ACK})


# ---- identity ----

AS_ANOTHER = """
import sys
sys.path[:0] = sys.argv[1:3]
from harness import Link, rpc
from rpc import bind, context, request
address, group, handle = sys.argv[3], int(sys.argv[4]), bytes.fromhex(sys.argv[5])
PROBE = ("6f1d2a90-53c4-4e0b-9d1c-7a1f0c5be001", 1, 0)
print(*[Link(address).bind(context(0, interface), group=group).type for interface in (rpc.TEST, PROBE)])
with Link(address) as link:
    link.bind(context(0, PROBE))
    print("%x" % link.ask(request(4, handle, call_id=2)).status)
with Link(address) as link:
    print(link.bind().type)
    link.call(int(sys.argv[6]))
    print(link.read().type)
"""


def run_as(world, proxy, uid, group_id, handle, own_id):
    """What another user is told who guesses a group and a handle, and makes a plain call."""
    told = subprocess.run(["/usr/bin/python3", "-B", "-c", AS_ANOTHER, ROOT / "tests/live", ROOT / "tests/support",
                           proxy.address, str(group_id), handle.hex(), str(own_id)], user=uid, capture_output=True,
                          text=True)
    if uid and told.returncode:
        raise Skip("another user cannot read the tests: %s" % told.stderr[-200:])
    return told.stdout.split()


@case("plain/users-share-nothing")
def users(world):
    if os.geteuid() != 0:
        raise Skip("needs root, to be two users")
    server = world.server()
    path = world.path("sock")
    proxy = shared(world, server, listen="unix:%s" % path, server="connections: 4\nidle: { spare: 1 }")
    os.chmod(path, 0o666)
    first = world.link(proxy)
    told = first.bind(context(0, TEST))
    first.call(1)
    answer(first, 1)
    plain_links = {entry.connection for entry in server.ledger()}
    first.ask(bind([context(7, PROBE)], ptype=ALTER, call_id=3))
    handle = handle_of(first.ask(request(OPEN, (100).to_bytes(4, "little"), context_id=7, call_id=4)))
    granted = run_as(world, proxy, 65534, told.group, handle, 1000)
    wanted = [BIND_NAK, BIND_NAK, "%x" % CONTEXT_MISMATCH, BIND_ACK, RESPONSE]
    equal(granted, [str(word) for word in wanted], "what another user was told")
    other_links = {entry.connection for entry in server.ledger() if entry.own_id == "%016x" % 1000}
    check(not other_links & plain_links, "both users' calls went up on links %r" % other_links)
    own = run_as(world, proxy, 0, told.group, handle, 2000)
    equal(own[0], str(BIND_ACK), "what the user itself was told")
    compare(first.ask(request(NEXT, handle, context_id=7, call_id=6)), {"type": RESPONSE})
    own_links = {entry.connection for entry in server.ledger() if entry.own_id == "%016x" % 2000}
    check(not own_links & other_links, "the second user's link served the first")
