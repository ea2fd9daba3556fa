"""Plain clients with requests and answers that are larger than a fragment, than what is gathered, than a buffer."""

import threading

from case import CASES, Case, case, check, compare, ends, equal, reads, reads_answer, send
from cases_limits import ends_of
from cases_plain import ANSWERED, MPX, OBJECT_UUID, answer, links_of, plain, plain_talk, shared
from fake import Fake
from harness import rpc, wait_until
from rpc import (BIND_ACK, FAULT, FIRST, LAST, NDR, RESPONSE, TEST, bind, context, fragments, request, test_answer,
                 test_call)

MIB = 1 << 20
BIND = bind([context(0, TEST)])

# ---- requests in fragments ----

plain_talk("request-in-fragments", [
    send(BIND), reads(BIND_ACK), send(*fragments(0, test_call(9, size=3000), 256, call_id=2)), reads_answer(9, 3000),
    send(*fragments(0, test_call(10, size=39000), 5816, call_id=3)), reads(RESPONSE, flags=FIRST)],
           calls=[{**ANSWERED, "fragments_in": 12}, {**ANSWERED, "fragments_in": 7}], ledger=2, direct=False)

for big in (False, True):
    for size in (30000, 300000):
        plain_talk("fragments-with-object-%d-%s-endian" % (size, "big" if big else "little"), [
            send(bind([context(3, TEST)], big=big)), reads(BIND_ACK),
            send(*fragments(0, test_call(9, size=size, answer=10, big=big), 5800, obj=OBJECT_UUID, big=big,
                            context_id=3)),
            reads_answer(9, 10, call_id=1)], calls=[ANSWERED], ledger=1)

plain_talk("hint-that-is-too-large", [
    send(BIND), reads(BIND_ACK), send(request(0, bytes(800), hint=5 << 20, call_id=2, flags=FIRST)),
    reads(FAULT, status=5, dne=False), ends("fin")], calls=[{"end": "fault", "status": "0x00000005"}], ledger=0,
           connections=[("client", "server-closed"), ("server", "server-closed")])


@case("plain/fragments-as-the-server-grants-them")
def cut(world):
    """Its clients may send 5840 bytes, the links take 4280; each piece is what C706 12.6.4.9 wants of a request."""
    fake = Fake(world, (TEST, NDR))
    proxy = shared(world, fake)
    link = world.link(proxy)
    compare(link.bind(), {"type": BIND_ACK, "xmit": 5840, "recv": 5840})
    stub = bytes(i * 7 & 0xFF for i in range(100000))
    fake.on[rpc.REQUEST] = lambda pdu: rpc.pdu(RESPONSE, bytes(8), call_id=pdu.call_id) if pdu.flags & LAST else None
    for large in (stub[:12000], stub):
        before = len(fake.heard(rpc.REQUEST))
        link.send(*fragments(0, large, 5800, obj=OBJECT_UUID, call_id=5))
        compare(link.read(), {"type": RESPONSE, "call_id": 5})
        pieces = [rpc.Pdu(raw) for raw in fake.heard(rpc.REQUEST)[before:]]
        equal(b"".join(piece.stub for piece in pieces), large, "stub data")
        check(all(piece.length <= 4280 for piece in pieces), "lengths %r" % [piece.length for piece in pieces])
        equal({piece.raw[24:40] for piece in pieces}, {rpc.uuid.UUID(OBJECT_UUID).bytes_le}, "objects")
        equal([piece.flags & 3 for piece in pieces], [FIRST] + [0] * (len(pieces) - 2) + [LAST], "flags")
        equal(len({(piece.call_id, piece.context_id, piece.opnum) for piece in pieces}), 1, "one call")


@case("plain/nothing-goes-up-before-a-request-is-whole")
def gathered(world):
    """A client that stops within one does not hold the link, and is cut in time."""
    server = world.server()
    proxy = shared(world, server, server="connections: 1", listener="client-timeout: 300ms")
    slow, other = plain(world, proxy), plain(world, proxy)
    slow.send(*fragments(0, test_call(1, size=20000), 4000)[:-1])
    for own in range(2, 8):
        other.call(own)
        answer(other, own)
    equal(slow.end(), "reset", "the end of the one that stopped")
    equal((len(server.ledger()), server.events("close")), (6, []), "executions, ends of links")


for leaves in ("stops", "resets"):
    def within(world, leaves=leaves):
        """A large request has a link to itself, which goes with its client; the others have theirs."""
        server = world.server()
        proxy = shared(world, server, server="connections: 2\ncalls-per-connection: 16",
                       listener="client-timeout: 300ms" if leaves == "stops" else "")
        slow, other = plain(world, proxy), plain(world, proxy)
        slow.send(*fragments(0, test_call(1, size=200000), 4000)[:-1])
        for own in range(2, 30):
            other.call(own)
            answer(other, own)
        if leaves == "resets":
            slow.reset()
        else:
            equal(slow.end(), "reset", "the end of the one that stopped")
        wait_until(lambda: len(server.events("close")) == 1, "its link to be closed")
        other.call(30)
        answer(other, 30)
        equal((len(server.ledger()), links_of(server)), (29, 2), "executions, links")
        line, = [line for line in proxy.wait_calls(30) if line["end"] != "answered"]
        equal((line["end"], line["evidence"], line["proof"]), ("client-left", "first-fragment", None), "its line")
    CASES.append(Case("plain/client-that-%s-within-a-large-request" % leaves, within))


@case("plain/large-and-small-side-by-side")
def side_by_side(world):
    """Requests of all sizes, up to 3 MB, on three links with many calls each."""
    server = world.server()
    proxy = shared(world, server, server="connections: 3\ncalls-per-connection: 16")
    loads = [world.start_load(proxy, *arguments) for arguments in (
        ("--size", 3000000, "--calls", 4, "--answer", 10), ("--size", 100000, "--calls", 60, "--connections", 3),
        ("--size", 39000, "--calls", 60, "--connections", 3), ("--size", 45000, "--calls", 40, "--fragment", 300),
        ("--connections", 20, "--calls", 300), ("--outstanding", 8, "--calls", 400, "--size", 9000, "--big-endian"),
        ("--connections", 4, "--size", 0, "--answer", 300000, "--calls", 30))]
    for load in loads:
        load.report()
        equal(set(load.outcomes()), {"answered"}, "outcomes of %s" % load.name)


# ---- readers ----

def read_large(link, own_id, size, call_id=2):
    """An answer of so many bytes, whole."""
    parts, last = [], None
    while not last:
        pdu = link.read()
        compare(pdu, {"type": RESPONSE, "call_id": call_id})
        parts.append(pdu.stub)
        last = pdu.flags & LAST
    pdu.stub = b"".join(parts)
    equal(test_answer(pdu)[:2] + (len(pdu.stub),), (own_id, 1, size + 24), "own id, executions, size")


def bounded(world, proxy, before, most):
    """It has no more than so many MiB more than before."""
    grown = proxy.memory() - before
    check(world.is_sanitized() or grown < most * MIB, "%d KiB more" % (grown >> 10))


def does_not_read(world, settings, listener=""):
    """One client that has asked for 30 MB and does not read, and another one; and the proxy's memory before that."""
    server = world.server()
    proxy = shared(world, server, server=settings, listener=listener)
    slow, other = (plain(world, proxy, flags=MPX) for _ in range(2))
    for own, link in enumerate((slow, other)):
        link.call(own + 1)
        answer(link, own + 1)
    before = proxy.memory()
    slow.call(3, answer=30 * MIB)
    wait_until(lambda: len(server.ledger()) == 3, "the call")
    wait_until(lambda: server.rests() and proxy.rests(), "everybody to be stuck")
    return server, proxy, slow, other, before


@case("plain/slow-reader-holds-one-link", alone=True)
def slow_reader(world):
    for settings in ("connections: 2", "connections: 2\ncalls-per-connection: 16"):
        server, proxy, slow, other, before = does_not_read(world, settings)
        for own in range(10, 40):
            other.call(own, size=3000)
            answer(other, own)
        bounded(world, proxy, before, 4)
        equal(links_of(server), 2, "links")
        read_large(slow, 3, 30 * MIB)
        slow.call(50)
        answer(slow, 50)


@case("plain/slow-reader-of-several-answers", alone=True)
def slow_reader_of_many(world):
    """Those that begin when it has stopped wait too."""
    server, proxy, slow, other, before = does_not_read(world, "connections: 5")
    for own in range(3):
        slow.call(own + 10, answer=30 * MIB, call_id=10 + own)
        wait_until(lambda: len(server.ledger()) == 4 + own, "the call")
        wait_until(lambda: server.rests() and proxy.rests(), "everybody to be stuck")
    bounded(world, proxy, before, 6)
    answer_of(other, 20)
    slow.reset()
    for own in range(30, 40):
        answer_of(other, own)


@case("plain/slow-reader-on-the-only-link")
def slow_reader_alone(world):
    """Who waits for the same link waits no longer than a client may be slow."""
    server, proxy, slow, other, _ = does_not_read(world, "connections: 1\ncalls-per-connection: 16",
                                                  "client-timeout: 300ms")
    other.call(4)
    answer(other, 4)
    wait_until(lambda: "client-timeout" in ends_of(proxy), "the slow one to be cut")
    equal(links_of(server) <= 2, True, "links")


@case("plain/server-that-does-not-read", alone=True)
def slow_server(world):
    """Its clients are not read any more, so that nothing piles up; then all is answered."""
    server = world.server()
    proxy = shared(world, server, server="connections: 2\ncalls-per-connection: 16")
    links = [plain(world, proxy) for _ in range(12)]
    answer_of(links[0], 1)
    before = proxy.memory()
    with server.stopped():
        requests = [fragments(0, test_call(own + 10, size=3 * MIB, answer=0), 4000) for own in range(len(links))]
        senders = [threading.Thread(target=link.send, args=pdus) for link, pdus in zip(links, requests)]
        for sender in senders:
            sender.start()
        wait_until(proxy.rests, "the proxy to be stuck")
        bounded(world, proxy, before, 12)
    for own, link in enumerate(links):
        answer(link, own + 10, 1)
    for sender in senders:
        sender.join()


def answer_of(link, own_id):
    link.call(own_id)
    answer(link, own_id)
