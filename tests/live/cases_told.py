"""What the client is told when the server is away, dies, or falls silent: never more than is known."""

import errno
import socket
import time

from case import CASES, Case, case, check, check_calls, compare, ends, equal, finish, reads, send, talk
from harness import rpc, wait_until
from hosts import own_host
from recorder import DEAF, FIN, RESET, Recorder, ack, response
from rpc import (ALTER, ALTER_RESP, BIND_ACK, CONC_MPX, ECHO, FAULT, TEST, WHOLE, bind, context, fragments, request,
                 test_call, trailer)

BIND = bind([context(0, TEST)])
MPX_BIND = bind([context(0, TEST)], flags=WHOLE | CONC_MPX)
SIGNED = trailer(10, 5)
UNAVAILABLE = (("client", "server-unavailable"), ("server", "server-unavailable"))
CALL_FAILED, DNE_STATUS, AWAY, PROTO_ERROR = 0x1C000012, 0x6BF, 0x6BA, 0x1C01000B


def call(own_id, behaviour="echo", a=0, b=0, call_id=2, auth=None, **what):
    return request(0, test_call(own_id, behaviour, a, b, **what), call_id=call_id, auth=auth)


class Nowhere:
    """An address at which nobody listens."""

    def __init__(self, world):
        with socket.socket() as probe:
            probe.bind((own_host(), 0))
            self.address = "%s:%d" % probe.getsockname()


def away(name, steps, **what):
    talk("told/away-" + name, steps, server=Nowhere, direct=False, connections=UNAVAILABLE, **what)


# ---- the server is away ----

away("request-is-told", [send(BIND), reads(BIND_ACK, results=[(0, 0)]), send(call(7)),
                         reads(FAULT, status=AWAY, dne=True, call_id=2), ends("fin")],
     calls=[{"end": "unavailable", "proof": "P1", "evidence": "nothing", "attempts": 0, "status": "0x000006ba",
             "status_name": "RPC_S_SERVER_UNAVAILABLE"}])

away("everything-in-one-send", [send(BIND, call(7)), reads(BIND_ACK), reads(FAULT, status=AWAY, dne=True), ends("fin")],
     calls=[{"end": "unavailable", "proof": "P1"}])

away("alter-after-bind", [send(BIND), reads(BIND_ACK), send(bind([context(1, ECHO)], ptype=ALTER, call_id=2)),
                          reads(ALTER_RESP, results=[(0, 0)]), send(call(7, call_id=3)),
                          reads(FAULT, status=AWAY, dne=True, call_id=3), ends("fin")],
     calls=[{"end": "unavailable"}])

away("big-endian", [send(bind([context(0, TEST)], big=True)), reads(BIND_ACK, big=True),
                    send(request(0, test_call(7, big=True), call_id=2, big=True)),
                    reads(FAULT, big=True, status=AWAY, dne=True), ends("fin")], calls=[{"end": "unavailable"}])

away("authenticated-bind-is-reset", [send(bind([context(0, TEST)], auth=SIGNED)), ends("reset")])
away("request-first-is-reset", [send(call(7)), ends("reset")],
     calls=[{"end": "unavailable", "proof": "P1", "evidence": "nothing"}])
away("authenticated-alter-is-reset", [
    send(BIND), reads(BIND_ACK), send(bind([context(0, TEST)], ptype=ALTER, auth=SIGNED)), ends("reset")])
away("fragmented-request", [send(BIND), reads(BIND_ACK), send(*fragments(0, bytes(3000), 1000, call_id=2)),
                            reads(FAULT, status=AWAY, dne=True), ends("fin")], calls=[{"end": "unavailable"}])
away("fin-after-bind", [send(BIND), reads(BIND_ACK), finish, ends("fin")])
CASES[-1].run.connections = (("client", "client-closed"), ("server", "server-unavailable"))


@case("told/connect-timeout")
def connect_timeout(world):
    """A server whose backlog is full: neither refuses nor accepts."""
    full = world.adopt(Full())
    proxy = world.proxy(full, server="connect-timeout: 300ms")
    link = world.link(proxy)
    began = time.monotonic()
    equal(link.bind().type, BIND_ACK, "answer to the bind")
    took = time.monotonic() - began
    check(0.28 < took < 2, "it took %.3f s" % took)
    link.call(7)
    compare(link.read(), {"type": FAULT, "status": AWAY, "dne": True})
    equal(link.end(), "fin", "end")
    check_calls(proxy.wait_calls(1), [{"end": "unavailable", "proof": "P1"}])


class Full:
    """A listening socket that has no room left."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind((own_host(), 0))
        self.socket.listen(0)
        self.address = "%s:%d" % self.socket.getsockname()
        self.waiting = []
        for _ in range(5):
            self.waiting.append(socket.socket())
            self.waiting[-1].setblocking(False)
            check(self.waiting[-1].connect_ex(self.socket.getsockname()) in (0, errno.EINPROGRESS), "connect")

    def close(self):
        for waiting in [*self.waiting, self.socket]:
            waiting.close()


# ---- the server tells it itself ----

# A fault about the connection, and its FIN: nothing is added to that, neither for the open call nor for the cut one.
talk("told/protocol-error", [
    send(MPX_BIND), reads(BIND_ACK), send(call(7, "silent"), fragments(0, bytes(3000), 1000, call_id=3)[0]),
    send(fragments(0, bytes(3000), 1000, call_id=4)[0]), reads(FAULT, status=PROTO_ERROR, call_id=4), ends("fin")],
     calls=[{"call_id": 2, "end": "server-lost", "status": None}, {"call_id": 3, "end": "server-lost"},
            {"call_id": 4, "end": "fault", "status_name": "nca_s_proto_error"}],
     connections=(("client", "server-closed"), ("server", "server-closed")))

# ---- the server dies with a call inside ----

LOST = {"end": "server-lost", "evidence": "all", "proof": None, "status": "0x1c000012", "attempts": 1}


def lost(name, behaviour, reason, told=None, count=1, executed=1, **line):
    """The call may have run: 1726, and nothing that claims more."""
    def run(world):
        server = world.server()
        proxy = world.proxy(server)
        client = world.load(proxy, "--expect", "", "--behaviour", behaviour)
        equal(dict(client.outcomes()), {told or "fault:1c000012:0": 1}, "outcome")
        equal(sorted(proxy.wait_connections(2)), [("client", reason), ("server", reason)], "connections")
        world.end()
        equal(len(server.ledger()), executed, "executions")
        check_calls(proxy.calls(), [{**LOST, **line}] * count)
    CASES.append(Case("told/lost-" + name, run))


lost("die-before", "die-before:50", "server-closed", executed=0)
lost("die-after", "die-after:50", "server-closed")
lost("reset-before", "reset-before:20", "server-reset", executed=0)
lost("reset-after", "reset-after:20", "server-reset")
lost("close-before", "close-before:20", "server-closed", executed=0)
lost("close-after", "close-after:20", "server-closed")
lost("half-of-a-pdu", "half", "server-reset")


@case("told/lost-while-multiplexed")
def lost_multiplexed(world):
    """Every open call is told, each by its call_id; the one that was answered before is not."""
    server = world.server()
    proxy = world.proxy(server)
    link = world.link(proxy)
    link.bind(flags=WHOLE | CONC_MPX)
    for call_id in range(2, 12):
        link.call(call_id, "silent", call_id=call_id)
    link.call(50, call_id=50)
    equal(link.read().call_id, 50, "answered call")
    server.kill()
    told = [link.read() for _ in range(10)]
    for pdu in told:
        compare(pdu, {"type": FAULT, "status": CALL_FAILED, "dne": False})
    equal(sorted(pdu.call_id for pdu in told), list(range(2, 12)), "calls that were told")
    equal(link.end(), "fin", "end")
    check_calls(proxy.wait_calls(11), [LOST] * 10 + [{"end": "answered", "call_id": 50}])


def signed(name, ending, reason):
    talk("told/signed-" + name, [
        send(bind([context(0, TEST)], auth=SIGNED)), reads(BIND_ACK), send(call(7, auth=SIGNED)), ends("reset")],
         server=lambda world: world.adopt(Recorder([ack(auth=SIGNED), ending])), direct=False,
         connections=(("client", reason), ("server", reason)),
         calls=[{"end": "server-lost", "evidence": "all", "proof": None, "status": None, "auth_level": "integrity"}])


signed("server-closes", FIN, "server-closed")
signed("server-resets", RESET, "server-reset")

talk("told/connect-level-server-closes", [
    send(bind([context(0, TEST)], auth=trailer(10, 2))), reads(BIND_ACK), send(call(7)),
    reads(FAULT, status=CALL_FAILED, dne=False), ends("fin")],
     server=lambda world: world.adopt(Recorder([ack(auth=trailer(10, 2)), FIN])), direct=False,
     connections=(("client", "server-closed"), ("server", "server-closed")),
     calls=[{**LOST, "auth_level": "connect"}])

talk("told/signed-server-resets-when-idle", [
    send(bind([context(0, TEST)], auth=SIGNED)), reads(BIND_ACK), send(call(7, auth=SIGNED)),
    reads(rpc.RESPONSE), ends("reset")],
     server=lambda world: world.adopt(Recorder([ack(auth=SIGNED), (response(auth=SIGNED), 0.1, RESET)])),
     connections=(("client", "server-reset"), ("server", "server-reset")), calls=[{"end": "answered"}])


# ---- half an answer ----

@case("told/answer-cut")
def answer_cut(world):
    """The first fragments of an answer were passed on: nothing can be said any more but a reset."""
    server = world.server()
    proxy = world.proxy(server)
    link = world.link(proxy)
    link.bind()
    link.call(7, "half", answer=40000)
    first = link.read()
    compare(first, {"type": rpc.RESPONSE, "flags": rpc.FIRST})
    while True:
        last = link.read()
        if not isinstance(last, rpc.Pdu):
            break
        check(not last.flags & rpc.LAST, "a last fragment")
    equal((last, link.buffered), ("reset", b""), "end")
    check_calls(proxy.wait_calls(1), [{"end": "answer-cut", "evidence": "all", "proof": None, "status": None}])


# ---- not completely sent ----

class Stuck:
    """A client whose requests fill every buffer on the way to a server that does not read."""

    def __init__(self, world, auth=None, size=5000):
        self.recorder = world.adopt(Recorder([(ack(auth=auth, flags=WHOLE | CONC_MPX), DEAF)], receive_buffer=8192))
        self.proxy = world.proxy(self.recorder, listener="buffer: 128KiB")
        self.link = world.link(self.proxy)
        self.sent = 0
        self.link.bind(flags=WHOLE | CONC_MPX, auth=auth)
        self.link.socket.setblocking(False)
        while self.push(call(100 + self.sent, size=size, call_id=2 + self.sent, auth=auth)):
            self.sent += 1
        self.link.socket.settimeout(15)

    def push(self, data):
        """False when nobody takes any more."""
        deadline = time.monotonic() + 0.5
        while data:
            try:
                data = data[self.link.socket.send(data):]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.01)
        return True

    def server_dies(self):
        self.recorder.connections[0].reset()


@case("told/not-sent")
def not_sent(world):
    """Requests of which the kernel never had the first fragment are told so; the others may have run."""
    stuck = Stuck(world)
    stuck.server_dies()
    told = []
    while isinstance(pdu := stuck.link.read(), rpc.Pdu):
        told.append(pdu)
    equal(pdu, None, "end")
    unsent = sorted(p.call_id for p in told if (p.status, p.dne) == (DNE_STATUS, True))
    unknown = sorted(p.call_id for p in told if (p.status, p.dne) == (CALL_FAILED, False))
    equal(len(unsent) + len(unknown), len(told), "faults of other kinds")
    check(unsent and unknown and unknown[-1] < unsent[0], "told unknown %r, unsent %r" % (unknown, unsent))
    equal(unknown + unsent, list(range(2, 2 + len(told))), "calls that were told")
    lines = {line["call_id"]: line for line in stuck.proxy.wait_calls(len(told))}
    for call_id in unsent:
        check(lines[call_id]["proof"] == "P3" and lines[call_id]["end"] == "not-sent", repr(lines[call_id]))
    for call_id in unknown:
        check(lines[call_id]["proof"] is None and lines[call_id]["end"] == "server-lost", repr(lines[call_id]))


@case("told/not-sent-signed")
def not_sent_signed(world):
    """At level packet a proof may be told, a loss may not; then the client is reset."""
    stuck = Stuck(world, auth=SIGNED)
    stuck.server_dies()
    told = []
    while isinstance(pdu := stuck.link.read(), rpc.Pdu):
        told.append((pdu.status, pdu.dne))
    equal(pdu, "reset", "end")
    check(set(told) <= {(DNE_STATUS, True)}, "told %r" % set(told))


@case("told/request-cut-by-the-client")
def cut_by_client(world):
    """Half a request, then a reset: the server never had it whole."""
    server = world.server()
    proxy = world.proxy(server)
    link = world.link(proxy)
    link.bind()
    link.send(*fragments(0, test_call(7, size=3000), 1000, call_id=2)[:2])
    wait_until(lambda: proxy.rests(), "the fragments to be relayed")
    link.reset()
    check_calls(proxy.wait_calls(1), [{"end": "client-left", "evidence": "first-fragment", "fragments_in": 2}])
    equal(server.ledger(), [], "ledger")


talk("told/request-cut-by-a-fin", [
    send(BIND), reads(BIND_ACK), send(*fragments(0, test_call(7, size=3000), 1000, call_id=2)[:2]), finish, ends("fin")],
     calls=[{"end": "client-left", "evidence": "first-fragment", "fragments_in": 2}], ledger=0)


@case("told/request-behind-the-servers-fin")
def behind_the_fin(world):
    """Server's FIN and client's request, seen in one turn: "did not execute" is said only of what was not sent."""
    recorder = world.adopt(Recorder([ack()]))
    proxy = world.proxy(recorder)
    link = world.link(proxy)
    link.bind()
    heard = recorder.connections[0]
    with proxy.stopped():
        heard.socket.shutdown(socket.SHUT_WR)
        link.call(7)
    told = link.read()
    compare(told, {"type": FAULT})
    wait_until(lambda: heard.ended, "the server to be closed")
    was_sent = len(heard.data) > len(BIND)
    equal((told.status, told.dne), (CALL_FAILED, False) if was_sent else (DNE_STATUS, True), "status, did-not-execute")


@case("told/server-dies-under-load")
def dies_under_load(world):
    """Whatever each client was told is true: what is answered ran once, what is said not to have run did not."""
    server = world.server()
    proxy = world.proxy(server)
    client = world.start_load(proxy, "--connections", 20, "--calls", 100000, "--expect", "", "--outstanding", 4,
                              "--seconds", 2)
    wait_until(lambda: len(server.ledger()) > 2000, "load")
    server.kill()
    client.report()
    ran = {entry.own_id for entry in server.ledger()}
    for line in client.outcome_path.read_text().splitlines():
        own_id, outcome = line.split()
        check(outcome != "answered" or own_id in ran, "%s answered and did not run" % own_id)
        check(not outcome.endswith(":1") or own_id not in ran, "%s ran, and was told that it did not" % own_id)
    told = set(client.outcomes())
    check(told <= {"answered", "fault:1c000012:0", "fault:000006ba:1", "fault:000006bf:1", "closed", "refused:reset",
                   "refused:closed"}, "told %r" % told)

