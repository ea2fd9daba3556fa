"""What looks like a proof that a call did not run, and is none: it is not sent again, and its client is told 1726, or what
its server said. Each is an operation that may be repeated on proof alone."""

import socket
import threading

from case import CASES, Case, case, check, compare, equal
from cases_plain import MPX, answer, plain, shared
from fake import Ledgered, own_id_of
from harness import Skip, rpc, wait_until
from recorder import DEAF, FIN, RESET, Recorder, ack
from rpc import CONC_MPX, FAULT, WHOLE

ACCESS_DENIED, SERVER_LOST, TIMED_OUT = 0x00000005, 0x1C000012, 0x1C00000D  # 5, 1726, 1818
RETRY = "retry: { attempts: 4, backoff: 1ms }"


def established(address, column):
    """This host's connections with the address in that column of /proc/net/tcp: (bytes not acknowledged, not read)."""
    host, port = address.split(":")
    name = "%08X:%04X" % (int.from_bytes(socket.inet_aton(host), "little"), int(port))
    rows = [line.split() for line in open("/proc/self/net/tcp", encoding="ascii").readlines()[1:]]
    return [tuple(int(queue, 16) for queue in row[4].split(":")) for row in rows
            if row[column] == name and row[3] == "01"]


def unacknowledged(server):
    return sum(sent for sent, _ in established(server.address, 2))


def unread(server):
    return sum(come for _, come in established(server.address, 1))


def bound(pdu):
    return ack(call_id=pdu.call_id, flags=pdu.flags & (WHOLE | CONC_MPX))


def lost(proxy, count):
    """So many calls that ended so, or nothing yet."""
    lines = [line for line in proxy.calls() if line["end"] == "server-lost"]
    return len(lines) == count and lines


def told_lost(proxy, link, requests, count=1):
    """Once, and nobody claims that it did not run."""
    compare(link.read(), {"type": FAULT, "status": SERVER_LOST, "dne": False})
    line = wait_until(lambda: lost(proxy, count), "its line")[-1]
    equal((line["attempts"], line["evidence"], line["proof"], line["tries"]), (1, "all", None, None), "the call's line")
    equal(requests(), 1, "requests that the server has heard")


@case("no-proof/bytes-that-were-not-acknowledged")
def not_acknowledged(world):
    """The server has run it, and resets before its kernel has acknowledged a byte of it, which that does after 40 ms."""
    waiting = []

    def late(pdu):
        pdu.connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        return bound(pdu)

    def runs(pdu):
        waiting.append(unacknowledged(server))
        return RESET
    server = Ledgered(world, runs)
    server.on[rpc.BIND] = late
    proxy = shared(world, server, server=RETRY)
    for turn in range(20):
        link = plain(world, proxy)
        link.call(turn)
        told_lost(proxy, link, lambda turn=turn: len(server.heard(rpc.REQUEST)) - turn, turn + 1)
        if waiting[-1] > 0:
            return
    raise Skip("the kernel acknowledges before a server can reset: this machine is too busy")


@case("no-proof/acknowledged-and-never-read")
def never_read(world):
    """This one has not run, but whoever sees only the acknowledgements cannot know."""
    server = world.adopt(Recorder([lambda pdu: (bound(pdu), DEAF) if pdu.type == rpc.BIND else None]))
    proxy = shared(world, server, server=RETRY)
    link = plain(world, proxy)
    link.call(1)
    wait_until(lambda: unread(server) > 0 and unacknowledged(server) == 0, "all to be acknowledged")
    server.connections[0].reset()
    told_lost(proxy, link, lambda: len(server.connections))


@case("no-proof/write-error-of-a-later-call")
def later_call(world):
    """What cannot be written of the second says nothing of the first, which was inside."""
    gate = threading.Event()
    server = Ledgered(world, lambda pdu: (gate, RESET) if own_id_of(pdu.stub)[0] == 1 else None)
    proxy = shared(world, server, server=RETRY + "\ncalls-per-connection: 2\nconnections: 1")
    first, second = plain(world, proxy, flags=MPX), plain(world, proxy, flags=MPX)
    first.call(1)
    wait_until(lambda: len(server.heard(rpc.REQUEST)) == 1, "the first call")
    with proxy.stopped():
        gate.set()
        wait_until(lambda: not established(server.address, 2), "the reset to come")
        second.call(2)
    answer(second, 2)
    told_lost(proxy, first, lambda: sum(own_id_of(rpc.Pdu(raw).stub)[0] == 1 for raw in server.heard(rpc.REQUEST)))


def ended(end):
    """The whole request is with the server, which ends the connection."""
    def play(world):
        server = Ledgered(world, lambda pdu: end)
        proxy = shared(world, server, server=RETRY)
        link = plain(world, proxy)
        link.call(1)
        told_lost(proxy, link, lambda: len(server.heard(rpc.REQUEST)))
    return play


for name, end in (("reset", RESET), ("fin", FIN)):
    CASES.append(Case("no-proof/%s-after-the-whole-request" % name, ended(end)))


@case("no-proof/fault-without-did-not-execute")
def fault(world):
    """Access denied, and then the server closes: Samba does both without saying that nothing ran."""
    denied = rpc.pdu(FAULT, bytes(8) + ACCESS_DENIED.to_bytes(4, "little") + bytes(4), call_id=2, flags=WHOLE)
    server = Ledgered(world, lambda pdu: (denied, FIN))
    proxy = shared(world, server, server=RETRY)
    link = plain(world, proxy)
    link.call(1)
    compare(link.read(), {"type": FAULT, "call_id": 2, "status": ACCESS_DENIED, "dne": False})
    line, = proxy.wait_calls(1)
    equal((line["attempts"], line["end"], line["proof"]), (1, "fault", None), "attempts, end, proof")
    equal(len(server.heard(rpc.REQUEST)), 1, "requests that the server has heard")


@case("no-proof/silence")
def silence(world):
    """It may run yet."""
    server = Ledgered(world)
    server.on[rpc.REQUEST] = None
    proxy = shared(world, server, server=RETRY + "\ncall-timeout: 100ms")
    link = plain(world, proxy)
    link.call(1)
    compare(link.read(), {"type": FAULT, "status": TIMED_OUT, "dne": False})
    line, = proxy.wait_calls(1)
    equal((line["attempts"], line["end"], line["proof"]), (1, "timed-out", None), "attempts, end, proof")
    equal(len(server.heard(rpc.REQUEST)), 1, "requests that the server has heard")
