"""How plain clients, their calls and rpcward itself come to an end."""

import signal
import threading

from case import case, check, compare, equal
from cases_admission import signalled
from cases_control import control, controlled
from cases_plain import MPX, STATELESS, answer, call, links_of, plain, shared
from fake import Fake
from harness import rpc, wait_until
from rpc import FAULT, MAYBE, NDR, RESPONSE, TEST, WHOLE, fragments, request

CANCELLED, SERVER_LOST = 0x1C00000D, 0x1C000012  # 1818, 1726


# ---- time-outs ----

@case("plain/call-that-takes-too-long")
def timed_out(world):
    """1818; its client goes on at once, on another link; the late answer is nobody's."""
    server = world.server()
    proxy = shared(world, server, server="call-timeout: 100ms\nconnections: 2\nabandoned: 5")
    link = plain(world, proxy)
    link.call(1, "slow", 600)
    compare(link.read(), {"type": FAULT, "status": CANCELLED, "dne": False, "call_id": 2})
    for own in range(2, 30):
        link.call(own, call_id=own)
        answer(link, own, own)
    wait_until(lambda: server.rests() and proxy.rests(), "the late answer to have come")
    other = plain(world, proxy)
    for own, each in ((50, link), (51, other)):
        each.call(own, "slow", 50)
    for own, each in ((50, link), (51, other)):
        answer(each, own)
    equal((links_of(server), len(server.ledger())), (2, 31), "links, executions")


@case("plain/late-answers-on-the-only-link")
def late(world):
    """With others' calls before and behind them."""
    server = world.server()
    proxy = shared(world, server, server="call-timeout: 150ms\nconnections: 1\ncalls-per-connection: 8\nabandoned: 50")
    links = [plain(world, proxy, flags=MPX) for _ in range(6)]
    for turn in range(4):
        for own, link in enumerate(links):
            link.call(100 * turn + own + 1, "slow", 400 if own % 2 else 30, call_id=turn + 2)
        for own, link in enumerate(links):
            if own % 2:
                compare(link.read(), {"type": FAULT, "status": CANCELLED, "call_id": turn + 2})
            else:
                answer(link, 100 * turn + own + 1, turn + 2)
        wait_until(lambda: len(server.ledger()) == 6 * (turn + 1), "all to have run")
    equal(links_of(server), 1, "links")


@case("plain/cancelled-by-the-administrator")
def cancelled(world):
    server = world.server()
    proxy = controlled(world, server, top=STATELESS, server="connections: 1")
    inside, waiting = plain(world, proxy), plain(world, proxy)
    inside.call(1, "slow", 500)
    wait_until(server.ledger, "the call")
    waiting.call(2)
    asking = control(world)
    rows = wait_until(lambda: len(asking.ask("show calls")) == 2 and asking.ask("show calls"), "both calls")
    for row in rows:
        asking.ask("cancel " + row["call"])
    compare(inside.read(), {"type": FAULT, "status": CANCELLED, "dne": False})
    compare(waiting.read(), {"type": FAULT, "status": CANCELLED, "dne": True})
    waiting.call(3, call_id=9)
    answer(waiting, 3, 9)
    equal(sorted(line["end"] for line in proxy.wait_calls(3)), ["answered", "cancelled", "cancelled"], "ends")


@case("plain/stands-before-a-link-that-another-call-wanted")
def stands_before(world):
    """That was cancelled; when the link of its client's own is bound, it goes up there, in the fragments that came."""
    gate = threading.Event()
    fake = Fake(world, (TEST, NDR))
    fake.on[rpc.BIND] = lambda pdu: (gate, fake.acknowledge(pdu)) if pdu.connection.serial else fake.acknowledge(pdu)
    proxy = controlled(world, fake, top=STATELESS)
    link = plain(world, proxy)
    link.send(request(0, b"x", call_id=3, flags=WHOLE | MAYBE))
    wait_until(lambda: len(fake.heard(rpc.BIND)) == 2, "the bind of its own link")
    asking = control(world)
    row, = asking.ask("show calls")
    asking.ask("cancel " + row["call"])
    pieces = fragments(0, b"y" * 6000, 2000, call_id=4)
    link.send(*pieces)
    wait_until(lambda: len(asking.ask("show calls")) == 1, "the next call")
    gate.set()
    compare(link.read(), {"type": RESPONSE, "call_id": 4})
    line, = [line for line in proxy.wait_calls(2) if line["call_id"] == 4]
    equal((line["fragments_in"], line["bytes_in"], line["evidence"]), (3, sum(map(len, pieces)), "all"), "its line")
    equal([len(raw) for raw in fake.heard(rpc.REQUEST)], [len(piece) for piece in pieces], "fragments that went up")


# ---- a server that is not as stateless as was said ----

@case("plain/callback-on-a-shared-link")
def callback(world):
    """Nobody can answer it: the link is given up, and all that was inside is told so. Its client goes on."""
    server = world.server()
    proxy = shared(world, server, server="connections: 1\ncalls-per-connection: 4")
    links = [plain(world, proxy) for _ in range(2)]
    links[0].call(1, "silent")
    wait_until(server.ledger, "the call")
    links[1].call(2, "call-back", size=30)
    for link in links:
        compare(link.read(), {"type": FAULT, "status": SERVER_LOST, "dne": False})
    for own, link in enumerate(links):
        link.call(own + 5)
        answer(link, own + 5)
    check(any("callback" in notice for notice in proxy.notices()), "notices %r" % proxy.notices())


@case("plain/fault-about-the-connection")
def about_connection(world):
    """A client that is told nca_s_proto_error has lost its connection, as directly; the others have not."""
    fake = Fake(world, (TEST, NDR))
    fake.on[rpc.REQUEST] = lambda pdu: None if pdu.stub == b"silent" else rpc.pdu(
        FAULT, bytes(8) + (0x1C01000B).to_bytes(4, "little") + bytes(4), call_id=pdu.call_id)
    proxy = shared(world, fake, server="connections: 1\ncalls-per-connection: 4")
    link, other = plain(world, proxy, flags=MPX), plain(world, proxy, flags=MPX)
    other.send(request(0, b"silent", call_id=5))
    link.send(request(0, b"silent", call_id=6), request(0, b"x", call_id=7))
    compare(link.read(), {"type": FAULT, "status": 0x1C01000B, "call_id": 7})
    equal(link.end(), "reset", "the end, with a call inside of which nothing else tells")
    del fake.on[rpc.REQUEST]
    third = plain(world, proxy, flags=MPX)
    third.send(request(0, b"y", call_id=5))
    compare(third.read(), {"type": RESPONSE, "call_id": 5})


# ---- clients that leave ----

@case("plain/half-closed-client-gets-its-answers")
def half_closed(world):
    server = world.server()
    proxy = shared(world, server, server="calls-per-connection: 4")
    link = plain(world, proxy, flags=MPX)
    link.send(*[call(i, "slow", 60 * i, call_id=i) for i in (2, 3, 4)])
    link.finish_writing()
    for i in (2, 3, 4):
        answer(link, i, i)
    equal(link.end(), "fin", "the end")
    equal(proxy.wait_connections(1), [("client", "client-closed")], "connections")


@case("plain/place-inside-is-kept-for-a-call-whose-client-left")
def place_kept(world):
    """Where calls are limited: the server is still at work on it. Its link serves others when that is done."""
    server = world.server()
    proxy = shared(world, server, server="calls: 1\nconnections: 4")
    leaver, other = plain(world, proxy), plain(world, proxy)
    leaver.call(1, "slow", 400)
    wait_until(server.ledger, "the call")
    leaver.reset()
    other.call(2)
    answer(other, 2)
    wait, = [line["waited_us"] for line in proxy.wait_calls(2) if line["end"] == "answered"]
    check(wait > 200000, "it waited %d us" % wait)
    equal(sorted(line["end"] for line in proxy.wait_calls(2)), ["answered", "client-left"], "ends")
    equal(links_of(server), 1, "links")


@case("plain/client-that-is-idle-for-too-long")
def idle_client(world):
    server = world.server()
    proxy = shared(world, server, listener="idle-timeout: 150ms")
    link = plain(world, proxy)
    link.call(1, "slow", 400)
    answer(link, 1)
    equal(link.end(), "fin", "the end")
    equal(proxy.wait_connections(1), [("client", "idle-timeout")], "connections")


# ---- the end of rpcward ----

@case("plain/drain-lets-calls-end")
def drain(world):
    """Idle clients and links are closed at once, those with calls when they are answered, one that waits included."""
    server = world.server()
    proxy = shared(world, server, server="connections: 2\nidle: { spare: 1 }", drain="20s")
    idle, inside, owned, waits = (plain(world, proxy) for _ in range(4))
    for own, link in ((1, inside), (2, owned)):
        link.call(own, "slow", 400)
    wait_until(lambda: len(server.ledger()) == 2, "the calls")
    waits.call(3)
    wait_until(proxy.rests, "the proxy to take it in")
    signalled(proxy)
    equal(idle.end(), "fin", "the end of the idle one")
    for own, link in ((1, inside), (2, owned), (3, waits)):
        answer(link, own)
        equal(link.end(), "fin", "the end")
    for link in (idle, inside, owned, waits):
        link.close()
    equal(proxy.wait(), 0, "exit status")
    equal({line["end"] for line in proxy.wait_calls(3)}, {"answered"}, "ends")


@case("plain/drain-that-takes-too-long")
def drain_over(world):
    server = world.server()
    proxy = shared(world, server, server="calls-per-connection: 4\nconnections: 1", drain="200ms")
    links = [plain(world, proxy) for _ in range(3)]
    for own, link in enumerate(links):
        link.call(own + 1, "silent")
    wait_until(lambda: len(server.ledger()) == 3, "the calls")
    proxy.signal(signal.SIGTERM)
    for link in links:
        compare(link.read(), {"type": FAULT, "status": SERVER_LOST, "dne": False})
        equal(link.end(), "fin", "the end")
        link.close()
    equal(proxy.wait(), 0, "exit status")
    equal([line["end"] for line in proxy.calls()], ["drained"] * 3, "ends")


@case("plain/drained-server-and-back")
def server_drained(world):
    """What is inside ends, what comes waits, and goes when that is over; the server may restart meanwhile."""
    server = world.server()
    proxy = controlled(world, server, top=STATELESS, server="unavailable-wait: 10s")
    links = [plain(world, proxy) for _ in range(3)]
    links[0].call(1, "slow", 200)
    wait_until(server.ledger, "the call")
    asking = control(world)
    asking.ask("drain default")
    for own, link in enumerate(links[1:]):
        link.call(own + 10)
    answer(links[0], 1)
    equal(len(server.ledger()), 1, "executions while it is drained")
    server.restart()
    asking.ask("resume default")
    for own, link in enumerate(links[1:]):
        answer(link, own + 10)
    equal({line["end"] for line in proxy.wait_calls(3)}, {"answered"}, "ends")
