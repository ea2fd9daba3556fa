"""Plain clients: their binds are answered here, and their calls go up over connections that they share."""

import collections
import threading

from case import (CASES, CLIENT_CLOSED, Case, case, check, compare, equal, reads, reads_answer, reads_scrambled, send,
                  talk)
from harness import rpc, wait_until
from recorder import Recorder, ack, response
from rpc import (ALTER, ALTER_RESP, BIND_ACK, CONC_MPX, ECHO, FAULT, MGMT, NDR, NDR64, RESPONSE, TEST, WHOLE, bind,
                 context, features, request, test_answer, test_call)

STATELESS = "interfaces: [ { uuid: %s, stateless: yes } ]\n" % TEST[0]
TOO_BUSY = 0x1C010014  # nca_s_server_too_busy: 1723
MPX = WHOLE | CONC_MPX


def shared(world, *servers, top="", **settings):
    """A proxy to which clients of the test interface are plain."""
    return world.proxy(*servers, top=STATELESS + top, **settings)


def plain(world, proxy, *contexts, **head):
    """A client that is bound."""
    link = world.link(proxy)
    compare(link.bind(*contexts, **head), {"type": BIND_ACK})
    return link


def answer(link, own_id, call_id=2):
    """The answer to this call, which was executed once."""
    pdu = link.read()
    compare(pdu, {"type": RESPONSE, "call_id": call_id})
    equal(test_answer(pdu)[:2], (own_id, 1), "own id, executions")


def links_of(server):
    """Connections that it has seen."""
    return len(server.events("open"))


# ---- how many links ----

@case("plain/bind-of-the-second-needs-no-server")
def second_bind(world):
    """Which is stopped meanwhile."""
    server = world.server()
    proxy = shared(world, server)
    first = plain(world, proxy, flags=MPX)
    with server.stopped():
        second = world.link(proxy)
        told = second.bind(flags=MPX, call_id=77)
        compare(told, {"type": BIND_ACK, "call_id": 77, "flags": MPX, "results": [(0, 0)], "xmit": 5840})
    for own, link in enumerate((first, second, first)):
        link.call(own + 1)
        answer(link, own + 1)
    equal(links_of(server), 1, "connections of the server")


def inside(world, per_link, links, clients):
    """So many clients have a call each that is never answered; how many come in."""
    server = world.server()
    proxy = shared(world, server, server="connections: %d\ncalls-per-connection: %d" % (links, per_link))
    for own in range(clients):
        plain(world, proxy, flags=MPX).call(own + 1, "silent")
    most = min(clients, links * per_link)
    wait_until(lambda: len(server.ledger()) >= most, "%d calls inside" % most)
    wait_until(proxy.rests, "the proxy to rest")
    equal((len(server.ledger()), links_of(server)), (most, min(links, clients)), "calls inside, connections")


for per, most in ((1, 3), (16, 2)):
    CASES.append(Case("plain/%d-calls-on-each-of-%d-links" % (per, most),
                      lambda world, per=per, most=most: inside(world, per, most, 40)))


@case("plain/eight-links-where-nothing-is-said")
def eight(world):
    server = world.server()
    client = world.load(shared(world, server), "--connections", 64, "--calls", 20, "--behaviour", "slow:1")
    equal(dict(client.outcomes()), {"answered": 1280}, "outcomes")
    equal(links_of(server), 8, "connections of the server")


@case("plain/no-more-links-than-calls-at-once")
def one(world):
    """A hundred clients, one call at a time."""
    server = world.server()
    proxy = shared(world, server)
    for own, link in enumerate([plain(world, proxy) for _ in range(100)]):
        link.call(own + 1)
        answer(link, own + 1)
    equal(links_of(server), 1, "connections of the server")


@case("plain/calls-wait-for-a-link")
def wait_for_a_link(world):
    server = world.server()
    proxy = shared(world, server, server="connections: 1")
    links = [plain(world, proxy) for _ in range(10)]
    for own, link in enumerate(links):
        link.call(own + 1, "slow", 15)
    for own, link in enumerate(links):
        answer(link, own + 1)
    equal(links_of(server), 1, "connections of the server")
    waits = sorted(line["waited_us"] for line in proxy.wait_calls(10))
    check(waits[0] < 10000 < waits[1] and waits[9] > 9 * 15000, "waited_us %r" % waits)


for name, setting in (("waits-too-long", "waiting: { longest: 100ms }"),
                      ("finds-the-line-full", "waiting: { length: 0 }")):
    def refused(world, setting=setting):
        """1723, provably not run; the client stays, and is served when there is a link again."""
        server = world.server()
        proxy = shared(world, server, server="connections: 1\n" + setting)
        first, second = (plain(world, proxy) for _ in range(2))
        first.call(1, "silent")
        wait_until(server.ledger, "the call")
        second.call(2)
        compare(second.read(), {"type": FAULT, "status": TOO_BUSY, "dne": True, "call_id": 2})
        first.reset()
        wait_until(lambda: server.events("close"), "the link of the client that left to end")
        wait_until(proxy.rests, "the proxy to rest")
        second.call(3, call_id=3)
        answer(second, 3, 3)
        equal([entry.own_id for entry in server.ledger()], ["%016x" % 1, "%016x" % 3], "executions")
        equal(sorted(line["end"] for line in proxy.wait_calls(3)), ["answered", "client-left", "refused"], "ends")
    CASES.append(Case("plain/a-call-" + name, refused))


# ---- what is translated ----

OBJECT_UUID = "0a0b0c0d-0102-0304-0506-0708090a0b0c"
OBJECTS = (None, OBJECT_UUID)
ADD_ONE = (5).to_bytes(4, "little")
ODD = 0xFFFFFFFF
ANSWERED = {"interface": TEST[0], "version": "1.0", "opnum": 0, "end": "answered", "evidence": "all", "proof": None,
            "attempts": 1, "status": None}


def call(own_id, behaviour="echo", a=0, b=0, call_id=2, context_id=0, flags=WHOLE, big=False, obj=None, **what):
    return request(0, test_call(own_id, behaviour, a, b, big=big, **what), call_id=call_id, context_id=context_id,
                   flags=flags, big=big, obj=obj)


def plain_talk(name, steps, settings=None, **what):
    """As a talk, over a link that stays when its client leaves."""
    talk("plain/" + name, steps, settings={"top": STATELESS, **(settings or {})},
         **{"connections": [("client", "client-closed")], **what})


def reads_all(call_ids):
    """A response to each, in any order."""
    def step(talk_):
        pdus = [talk_.link.read() for _ in call_ids]
        equal(sorted(getattr(pdu, "call_id", -1) for pdu in pdus), sorted(call_ids), "answered calls")
        talk_.told += sorted(pdu.raw for pdu in pdus)
    return step


for big in (False, True):
    plain_talk("odd-ids-%s-endian" % ("big" if big else "little"), [
        send(bind([context(201, MGMT), context(7, TEST)], big=big, call_id=ODD)),
        reads(BIND_ACK, call_id=ODD, results=[(0, 0)] * 2)] + [step for own, call_id in enumerate(
            (0, ODD, 0x80000000, 1, 1, 0x01020304)) for step in (
                send(call(own + 1, call_id=call_id, context_id=7, big=big, size=own, obj=OBJECTS[own % 2])),
                reads_answer(own + 1, own, call_id=call_id, context_id=7, big=big),
                send(request(2, b"", call_id=call_id, context_id=201, big=big)),
                reads(RESPONSE, call_id=call_id, context_id=201))],
               calls=[{**ANSWERED, "call_id": call_id} for call_id in (0, ODD, 0x80000000, 1, 1, 0x01020304)] +
               [{"interface": MGMT[0], "call_id": call_id} for call_id in (0, ODD, 0x80000000, 1, 1, 0x01020304)],
               ledger=12)

plain_talk("alter-context", [
    send(bind([context(1, TEST)])), reads(BIND_ACK), send(bind([context(9, ECHO)], ptype=ALTER, call_id=5)),
    reads(ALTER_RESP, results=[(0, 0)], call_id=5), send(request(0, ADD_ONE, context_id=9, call_id=3)),
    reads(RESPONSE, stub=(6).to_bytes(4, "little"), context_id=9), send(call(8, call_id=4, context_id=1)),
    reads_answer(8, call_id=4, context_id=1)],
           calls=[{"interface": ECHO[0], "operation": "AddOne", "call_id": 3}, {**ANSWERED, "call_id": 4}], ledger=2)

plain_talk("ndr-and-ndr64-side-by-side", [
    send(bind([context(0, TEST, (NDR,)), context(1, TEST, (NDR64,)), context(2, ECHO, (NDR64, NDR)),
               context(3, TEST, (features(3),))], flags=MPX)),
    reads(BIND_ACK, results=[(0, 0), (2, 2), (0, 0), (3, 3)], flags=MPX),
    send(call(7)), reads_answer(7), send(request(0, ADD_ONE, context_id=2, call_id=3)), reads(RESPONSE, context_id=2)],
           calls=[ANSWERED, {"interface": ECHO[0], "end": "answered"}], ledger=2)

plain_talk("call-on-a-context-that-was-refused", [
    send(bind([context(0, TEST), context(1, TEST, (NDR64,))])), reads(BIND_ACK, results=[(0, 0), (2, 2)]),
    send(call(7, context_id=1)), reads(FAULT, status=0x1C010003, dne=True), send(call(8, call_id=3)),
    reads_answer(8, call_id=3)], calls=[{"end": "fault", "proof": "P5"}, {**ANSWERED, "call_id": 3}], ledger=1,
           connections=CLIENT_CLOSED)

plain_talk("out-of-order", [
    send(bind([context(0, TEST)], flags=MPX)), reads(BIND_ACK, flags=MPX),
    send(*[call(i, "slow", (10 - i) * 40, call_id=i) for i in range(2, 9)]), reads_scrambled(range(2, 9))],
           calls=[{**ANSWERED, "call_id": i} for i in range(2, 9)], ledger=7)

plain_talk("many-pdus-in-one-send", [
    send(bind([context(0, TEST)], flags=MPX)), reads(BIND_ACK),
    send(*[call(i, call_id=i, size=10) for i in range(2, 102)]), reads_all(range(2, 102))],
           calls=[ANSWERED] * 100, ledger=100, settings={"server": "connections: 4"})

plain_talk("fault", [
    send(bind([context(0, TEST)])), reads(BIND_ACK),
    send(call(7, "fault", 0x1C010002)), reads(FAULT, status=0x1C010002, dne=False),
    send(call(8, "fault", 5, rpc.DNE, call_id=3)), reads(FAULT, status=5, dne=True),
    send(call(9, "busy", call_id=4)), reads(FAULT, status=TOO_BUSY, dne=True)],
           calls=[{"call_id": 2, "end": "fault", "proof": None}, {"call_id": 3, "end": "fault", "proof": "P5"},
                  {"call_id": 4, "end": "fault", "proof": "P5"}], ledger=2,
           settings={"server": "retry: { attempts: 1 }"})


@case("plain/in-order-without-multiplexing")
def in_order(world):
    """Also where many calls may be inside on one link: its server must not be asked for what it did not grant."""
    server = world.server()
    proxy = shared(world, server, server="calls-per-connection: 16\nconnections: 2")
    links = [plain(world, proxy) for _ in range(4)]
    for own, link in enumerate(links):
        link.send(*[call(100 * own + i, "slow", 5 * (6 - i), call_id=i) for i in range(1, 6)])
    for own, link in enumerate(links):
        for i in range(1, 6):
            answer(link, 100 * own + i, i)
    equal(len(server.ledger()), 20, "executions")


@case("plain/server-that-does-not-multiplex")
def no_multiplexing(world):
    """One call at a time on each of its links, and for each of its clients; both are as the server says."""
    gates = collections.defaultdict(threading.Event)
    recorder = world.adopt(Recorder([lambda pdu: ack(call_id=pdu.call_id) if pdu.type == rpc.BIND
                                     else (gates[pdu.call_id], response(pdu.stub, pdu.call_id))]))
    proxy = shared(world, recorder, server="calls-per-connection: 16\nconnections: 2")
    links = [world.link(proxy) for _ in range(3)]
    for link in links:
        compare(link.bind(flags=MPX), {"type": BIND_ACK, "flags": WHOLE})
    for own, link in enumerate(links):
        link.send(*[request(0, b"%d" % own, call_id=i) for i in (5, 6)])
    wait_until(lambda: recorder.inside == 2, "two calls inside")
    wait_until(proxy.rests, "the proxy to rest")
    for number in range(1, 20):
        gates[number].set()
    for own, link in enumerate(links):
        for i in (5, 6):
            compare(link.read(), {"type": RESPONSE, "stub": b"%d" % own, "call_id": i})
    equal((recorder.most_inside, len(recorder.connections)), (2, 2), "most calls inside, connections")
