"""Relay: whatever both sides say passes, in order and byte for byte, and each call leaves its line."""

from case import (CASES, Case, case, check, ends, equal, finish, reads, reads_answer, reads_scrambled, send,
                  send_bytewise, talk)
from harness import rpc, wait_until
from recorder import FIN, RESET, Recorder, ack, response
from rpc import (ALTER, ALTER_RESP, BIND_ACK, BIND_NAK, CO_CANCEL, CONC_MPX, DNE, ECHO, FAULT, MAYBE, MGMT, NDR, NDR64,
                 ORPHANED, RESPONSE, TEST, WHOLE, bind, context, control, features, fragments, request, test_call)

BIND = bind([context(0, TEST)])
MPX_BIND = bind([context(0, TEST)], flags=WHOLE | CONC_MPX)
ADD_ONE = (5).to_bytes(4, "little")
UNKNOWN = ("11111111-2222-3333-4444-555555555555", 1, 0)
OBJECT = "0a0b0c0d-0102-0304-0506-0708090a0b0c"

ANSWERED = {"interface": TEST[0], "version": "1.0", "opnum": 0, "end": "answered", "evidence": "all", "proof": None,
            "attempts": 1, "status": None}


def call(own_id, behaviour="echo", a=0, b=0, call_id=2, flags=WHOLE, big=False, obj=None, **what):
    return request(0, test_call(own_id, behaviour, a, b, big=big, **what), call_id=call_id, flags=flags, big=big,
                   obj=obj)


# ---- calls ----

talk("relay/single-call", [send(BIND), reads(BIND_ACK, results=[(0, 0)]), send(call(7, size=100)),
                           reads_answer(7, 100, call_id=2)],
     calls=[{**ANSWERED, "call_id": 2, "fragments_in": 1, "bytes_in": 156, "fragments_out": 1, "bytes_out": 148,
             "auth_type": "none", "auth_level": "none"}], ledger=1)

talk("relay/many-calls-in-turn", [send(BIND), reads(BIND_ACK)] + [
    step for i in range(2, 30) for step in (send(call(i, size=i, call_id=i)), reads_answer(i, i, call_id=i))],
     calls=[ANSWERED] * 28, ledger=28)

talk("relay/request-in-fragments", [
    send(BIND), reads(BIND_ACK), send(*fragments(0, test_call(9, size=3000), 256, call_id=2)),
    reads_answer(9, 3000)], calls=[{**ANSWERED, "fragments_in": 12, "fragments_out": 1}], ledger=1)

talk("relay/big-endian", [
    send(bind([context(0, TEST)], big=True)), reads(BIND_ACK, big=True), send(call(7, size=50, big=True)),
    reads_answer(7, 50, big=True)], calls=[ANSWERED], ledger=1)

talk("relay/out-of-order", [
    send(MPX_BIND), reads(BIND_ACK, flags=WHOLE | CONC_MPX),
    send(*[call(i, "slow", (20 - i) * 20, call_id=i) for i in range(2, 18)]), reads_scrambled(range(2, 18))],
     calls=[{**ANSWERED, "call_id": i} for i in range(2, 18)], ledger=16)

talk("relay/many-pdus-in-one-send", [
    send(MPX_BIND), reads(BIND_ACK), send(*[call(i, call_id=i, size=10) for i in range(2, 102)])] +
     [reads_answer(i, 10, call_id=i) for i in range(2, 102)], calls=[ANSWERED] * 100, ledger=100)

talk("relay/calls-right-behind-the-bind", [
    send(MPX_BIND, *[call(i, call_id=i, size=10) for i in range(2, 9)]), reads(BIND_ACK)] +
     [reads_answer(i, 10, call_id=i) for i in range(2, 9)],
     calls=[{"end": "answered", "evidence": "all"}] * 7, ledger=7)

talk("relay/byte-by-byte", [send_bytewise(BIND), reads(BIND_ACK), send_bytewise(call(3, size=40)),
                            reads_answer(3, 40)], calls=[ANSWERED], ledger=1)

talk("relay/object-uuid", [send(BIND), reads(BIND_ACK), send(call(4, obj=OBJECT)), reads_answer(4)],
     calls=[ANSWERED], ledger=1)

talk("relay/maybe", [
    send(BIND), reads(BIND_ACK), send(call(5, flags=WHOLE | MAYBE)), send(call(6, call_id=3)),
    reads_answer(6, call_id=3)],
     calls=[{**ANSWERED, "call_id": 2, "end": "maybe-sent", "first_us": None, "fragments_out": 0},
            {**ANSWERED, "call_id": 3}], ledger=2, settings={"server": "calls: 1"})

for name, settings in (("one-slot", {"server": "calls: 1"}), ("no-limit", {})):
    talk("relay/1500-maybes-in-one-send-" + name, [
        send(MPX_BIND), reads(BIND_ACK),
        send(*[call(i, flags=WHOLE | MAYBE, call_id=i) for i in range(2, 1502)], call(1, call_id=5000)),
        reads_answer(1, call_id=5000)],
         calls=[{"end": "maybe-sent", "evidence": "all"}] * 1500 + [ANSWERED], ledger=1501, settings=settings)

for sharing, sides in (("none", ("client", "server")), ("stateless", ("client",))):
    talk("relay/empty-stub-and-mgmt-sharing-" + sharing, [
        send(bind([context(0, MGMT)])), reads(BIND_ACK), send(request(2, b"", call_id=2)), reads(RESPONSE, call_id=2)],
         calls=[{"interface": MGMT[0], "opnum": 2, "end": "answered", "evidence": "all"}], ledger=1,
         settings={"server": "sharing: " + sharing}, connections=[(side, "client-closed") for side in sides])


def loads(name, *arguments, calls, **line):
    """The same load directly and through rpcward: every call is answered, every line says so."""
    def run(world):
        world.load(world.server(behind=False), *arguments)
        server = world.server()
        proxy = world.proxy(server)
        client = world.load(proxy, *arguments)
        equal(dict(client.outcomes()), {"answered": calls}, "outcomes")
        world.end()
        equal(len(server.ledger()), calls, "executions")
        equal(len(proxy.calls()), calls, "call lines")
        for said in proxy.calls():
            for key, value in {**ANSWERED, **line}.items():
                equal(said[key], value, key)
    CASES.append(Case(name, run))


loads("relay/100-kb-both-ways", "--size", 100000, "--calls", 3, calls=3, fragments_in=18, fragments_out=18,
      bytes_in=100000 + 32 + 18 * 24, bytes_out=100000 + 24 + 18 * 24)
loads("relay/fragments-of-64-bytes", "--size", 20000, "--fragment", 64, "--calls", 2, calls=2)
loads("relay/big-endian-load", "--big-endian", "--size", 10000, "--outstanding", 16, "--calls", 50, calls=50)
loads("relay/callbacks", "--behaviour", "call-back", "--size", 500, "--calls", 20, calls=20)
loads("relay/callbacks-multiplexed", "--behaviour", "call-back", "--outstanding", 8, "--calls", 40, calls=40)
loads("relay/answer-in-small-slow-fragments", "--behaviour", "fragments:100,2", "--answer", 3000, "--outstanding", 4,
      "--calls", 4, calls=4)
loads("relay/20-mb-answer", "--size", 0, "--answer", 20000000, calls=1)
loads("relay/3-mb-request", "--size", 3000000, "--answer", 0, calls=1)
loads("relay/connection-per-call", "--reconnect", "--connections", 8, "--calls", 20, calls=160)


# ---- binding ----

talk("relay/alter-context", [
    send(BIND), reads(BIND_ACK), send(bind([context(1, ECHO)], ptype=ALTER, call_id=2)),
    reads(ALTER_RESP, results=[(0, 0)]), send(request(0, ADD_ONE, context_id=1, call_id=3)),
    reads(RESPONSE, stub=(6).to_bytes(4, "little")), send(call(8, call_id=4)), reads_answer(8)],
     calls=[{"interface": ECHO[0], "name": "rpcecho", "operation": "AddOne", "call_id": 3, "end": "answered"},
            {**ANSWERED, "call_id": 4}], ledger=2)

talk("relay/several-contexts", [
    send(bind([context(0, TEST, (NDR,)), context(1, TEST, (NDR64,)), context(2, UNKNOWN), context(3, ECHO, (NDR64, NDR))])),
    reads(BIND_ACK, results=[(0, 0), (2, 2), (2, 1), (0, 0)]),
    send(request(0, ADD_ONE, context_id=3, call_id=3)), reads(RESPONSE)],
     calls=[{"interface": ECHO[0], "end": "answered"}], ledger=1)

talk("relay/feature-negotiation", [
    send(bind([context(0, TEST), context(1, TEST, (features(3),))])), reads(BIND_ACK, results=[(0, 0), (3, 3)]),
    send(call(7)), reads_answer(7)], calls=[ANSWERED], ledger=1)

talk("relay/call-on-a-refused-context", [
    send(bind([context(0, UNKNOWN)])), reads(BIND_ACK, results=[(2, 1)]), send(call(7)),
    reads(FAULT, status=0x1C010003, dne=True)],
     calls=[{"interface": None, "end": "fault", "proof": "P5", "status": "0x1c010003", "evidence": "all"}], ledger=0)

talk("relay/bind-nak", [send(bind([context(0, TEST)], group=0x7777)), reads(BIND_NAK, reason=0), ends("fin")],
     connections=(("client", "server-closed"), ("server", "server-closed")), ledger=0)

talk("relay/bind-nak-of-authentication", [
    send(bind([context(0, TEST)], auth=rpc.trailer())), reads(BIND_NAK, reason=8), ends("fin")],
     connections=(("client", "server-closed"), ("server", "server-closed")), ledger=0)

talk("relay/second-bind", [send(BIND), reads(BIND_ACK), send(BIND), reads(BIND_NAK, reason=0), ends("fin")],
     connections=(("client", "server-closed"), ("server", "server-closed")), ledger=0)

talk("relay/request-before-bind", [send(call(7, call_id=5)), reads(BIND_NAK, reason=4),
                                   reads(FAULT, status=0x1C000012, call_id=5), ends("fin")],
     calls=[{"interface": None, "call_id": 5, "end": "server-lost"}],
     connections=(("client", "server-closed"), ("server", "server-closed")), ledger=0, direct=False)


# ---- faults and odd answers ----

talk("relay/fault", [
    send(BIND), reads(BIND_ACK), send(call(7, "fault", 0x1C010002)), reads(FAULT, status=0x1C010002, dne=False),
    send(call(8, "fault", 5, DNE, call_id=3)), reads(FAULT, status=5, dne=True),
    send(call(9, "busy", call_id=4)), reads(FAULT, status=0x1C010014, dne=True)],
     calls=[{"call_id": 2, "end": "fault", "status": "0x1c010002", "proof": None, "evidence": "all"},
            {"call_id": 3, "end": "fault", "status": "0x00000005", "proof": "P5"},
            {"call_id": 4, "end": "fault", "status": "0x1c010014", "proof": "P5"}], ledger=2)

talk("relay/wrong-call-id", [
    send(BIND), reads(BIND_ACK), send(call(7, "wrong-call-id", 5)), reads_answer(7, call_id=7),
    send(call(8, call_id=3)), reads_answer(8, call_id=3)],
     calls=[{**ANSWERED, "call_id": 2}, {**ANSWERED, "call_id": 3}], ledger=2)

talk("relay/answered-twice", [
    send(BIND), reads(BIND_ACK), send(call(7, "twice")), reads_answer(7, call_id=2), reads_answer(7, call_id=2),
    send(call(8, call_id=3)), reads_answer(8, call_id=3)], calls=[ANSWERED] * 2, ledger=2)

talk("relay/rubbish-from-the-server", [
    send(BIND), reads(BIND_ACK), send(call(7, "rubbish", 40)), reads(FAULT, status=0x1C000012, dne=False), ends("fin")],
     calls=[{**ANSWERED, "end": "server-lost", "status": "0x1c000012"}],
     connections=(("client", "server-not-dcerpc"), ("server", "server-not-dcerpc")), ledger=1, direct=False)

talk("relay/unknown-operation", [send(BIND), reads(BIND_ACK), send(request(9, b"", call_id=2)),
                                 reads(FAULT, status=0x1C010002, dne=True)],
     calls=[{"opnum": 9, "operation": None, "end": "fault", "proof": "P5"}], ledger=0)

talk("relay/protocol-error", [
    send(BIND), reads(BIND_ACK), send(call(7, "slow", 5000)), send(call(8, call_id=3)),
    reads(FAULT, status=0x1C01000B, dne=False, call_id=3), ends("fin")],
     calls=[{"call_id": 3, "end": "fault"}, {"call_id": 2, "end": "server-lost"}],
     connections=(("client", "server-closed"), ("server", "server-closed")), ledger=1)

talk("relay/fault-before-the-request-is-complete", [
    send(BIND), reads(BIND_ACK),
    send(rpc.request(0, bytes(800), hint=5 << 20, call_id=2, flags=rpc.FIRST)), reads(FAULT, status=5, dne=False),
    ends("fin")],
     calls=[{"call_id": 2, "end": "fault", "fragments_in": 1}],
     connections=(("client", "server-closed"), ("server", "server-closed")), ledger=0)

talk("relay/cancel-and-orphaned", [
    send(BIND), reads(BIND_ACK), send(call(7, "slow", 100)), send(control(CO_CANCEL, call_id=2)),
    send(control(ORPHANED, call_id=2)), reads_answer(7)], calls=[ANSWERED], ledger=1,
     then=lambda world, server, proxy: equal([server.events("co_cancel"), server.events("orphaned")],
                                             [[["co_cancel", "1", "2"]], [["orphaned", "1", "2"]]], "server events"))


# ---- ends ----

talk("relay/half-close-gets-its-answers", [
    send(MPX_BIND), reads(BIND_ACK), send(*[call(i, "slow", 50 * i, call_id=i) for i in range(2, 5)]), finish,
    *[reads_answer(i, call_id=i) for i in range(2, 5)], ends("fin")], calls=[ANSWERED] * 3, ledger=3, direct=False)

talk("relay/half-close-when-idle", [send(BIND), reads(BIND_ACK), finish, ends("fin")], ledger=0)

talk("relay/client-fin-before-any-byte", [finish, ends("fin")], connections=(("client", "client-closed"),), ledger=0)

talk("relay/server-fin-when-idle", [send(BIND), reads(BIND_ACK), ends("fin")],
     connections=(("client", "server-closed"), ("server", "server-closed")),
     server=lambda world: world.adopt(Recorder([(ack(), FIN)])))

talk("relay/server-reset-when-idle", [send(BIND), reads(BIND_ACK), ends("reset")],
     connections=(("client", "server-reset"), ("server", "server-reset")),
     server=lambda world: world.adopt(Recorder([(ack(), 0.1, RESET)])))

talk("relay/answer-and-fin-together", [
    send(BIND), reads(BIND_ACK), send(call(7)), reads(RESPONSE, call_id=2), ends("fin")],
     calls=[ANSWERED], connections=(("client", "server-closed"), ("server", "server-closed")),
     server=lambda world: world.adopt(Recorder([ack(), (response(), FIN)])))


@case("relay/client-reset")
def client_reset(world):
    server = world.server()
    proxy = world.proxy(server)
    link = world.link(proxy)
    link.bind()
    link.call(7, "silent")
    wait_until(server.ledger, "the call")
    link.reset()
    equal(sorted(proxy.wait_connections(2)), [("client", "client-reset"), ("server", "client-reset")], "connections")
    wait_until(lambda: server.events("close"), "the server to hear of it")
    equal(server.events("close")[0][2], "peer-reset", "how the server was left")
    equal([line["end"] for line in proxy.calls()], ["client-left"], "call lines")


# ---- bytes ----

TRAILERS = [(kind, level, bytes((kind + level + i) % 256 for i in range(size)), context_id)
            for kind, size in ((9, 40), (10, 16), (14, 7), (16, 1200), (68, 56), (100, 1), (255, 33))
            for level, context_id in ((1, 0), (2, 1), (3, 79231), (4, 2), (5, 3), (6, 0xFFFFFFFF))]


@case("relay/auth-trailers-pass-untouched")
def auth_trailers(world):
    """Every type and level, on every PDU that carries one, both ways; also a type that no one knows."""
    for big in (False, True):
        for auth in TRAILERS:
            verbatim(world, big, auth)


def conversation_with(big, auth):
    """(what is sent, what is answered) in turn; None: no answer to wait for."""
    head = {"big": big, "auth": auth}
    stub = bytes(range(1, 30))
    return [
        (bind([context(0, TEST)], flags=WHOLE | rpc.HEADER_SIGN, **head), ack(auth=auth, flags=WHOLE | rpc.HEADER_SIGN)),
        (rpc.pdu(rpc.AUTH3, bytes(4), call_id=1, **head), None),
        (bind([context(1, ECHO)], ptype=ALTER, call_id=2, **head), ack(ptype=ALTER_RESP, call_id=2, auth=auth)),
        (request(3, stub, call_id=3, obj=OBJECT, **head), response(stub, 3, auth=auth)),
        (control(CO_CANCEL, call_id=3, **head), None),
        (request(4, stub, call_id=4, **head), rpc.pdu(FAULT, bytes(8) + b"\x05\0\0\0" + bytes(4), call_id=4, auth=auth)),
    ]


def verbatim(world, big, auth):
    exchange = conversation_with(big, auth)
    recorder = world.adopt(Recorder([answer for _, answer in exchange]))
    proxy = world.proxy(recorder)
    link = world.link(proxy)
    for asked, answer in exchange:
        link.send(asked)
        if answer:
            equal(link.read().raw, answer, "what came down, auth %r" % (auth,))
    equal(recorder.connections[0].data, b"".join(asked for asked, _ in exchange), "what went up, auth %r" % (auth,))
    link.close()
    proxy.wait_connections(2)
    kind, level = proxy.calls()[0]["auth_type"], proxy.calls()[0]["auth_level"]
    check(kind and level, "auth_type and auth_level")
    proxy.stop()


@case("relay/anything-framed-passes-untouched")
def anything_framed(world):
    """PDUs that make no sense are the server's to judge: unknown types, flags, versions, lies inside the body."""
    odd = [rpc.pdu(20, bytes(12), call_id=0), rpc.pdu(77, b"?" * 100), rpc.pdu(RESPONSE, bytes(8), call_id=9),
           rpc.pdu(rpc.SHUTDOWN, b""), rpc.pdu(rpc.BIND, b"\1"), rpc.pdu(rpc.REQUEST, b"\1", call_id=3),
           rpc.pdu(rpc.REQUEST, bytes(30), call_id=4, auth_length=5000), rpc.pdu(BIND_ACK, bytes(60)),
           rpc.request(1, b"mid", call_id=8, flags=0), rpc.request(1, b"end", call_id=8, flags=rpc.LAST),
           rpc.request(1, b"one", call_id=6, flags=0x0F), rpc.pdu(1, b""), rpc.pdu(FAULT, bytes(16), call_id=77),
           bind([context(0, TEST)], ptype=ALTER)[:28] + b"\xff" + bytes(60)]
    odd[-1] = odd[-1][:8] + len(odd[-1]).to_bytes(2, "little") + odd[-1][10:]
    recorder = world.adopt(Recorder([ack()] + [None] * 50))
    proxy = world.proxy(recorder, drain="0s")
    link = world.link(proxy)
    link.bind()
    link.send(*odd)
    wanted = BIND + b"".join(odd)
    wait_until(lambda: len(recorder.connections[0].data) >= len(wanted), "all bytes")
    equal(recorder.connections[0].data, wanted, "what went up")
    check(proxy.notices(), "notices of the offences")


@case("relay/anything-framed-passes-down")
def anything_down(world):
    odd = [rpc.pdu(20, bytes(12), call_id=0), rpc.pdu(77, b"?" * 100), rpc.pdu(rpc.SHUTDOWN, b""),
           rpc.pdu(rpc.BIND, b"\1"), rpc.pdu(RESPONSE, bytes(8), call_id=9), rpc.pdu(FAULT, bytes(3), call_id=9),
           rpc.pdu(RESPONSE, bytes(90), call_id=10, flags=rpc.FIRST), rpc.pdu(RESPONSE, bytes(90), call_id=10, flags=rpc.LAST),
           rpc.request(1, b"back", call_id=1, flags=rpc.FIRST), rpc.request(1, b"back", call_id=1, flags=rpc.LAST)]
    recorder = world.adopt(Recorder([(ack(), *odd)]))
    link = world.link(world.proxy(recorder))
    link.bind()
    equal(link.read_bytes(sum(map(len, odd))), b"".join(odd), "what came down")


@case("relay/slow-reader-gets-everything")
def slow_reader(world):
    """A client that does not read stops its server; then it reads, and nothing is missing."""
    server = world.server()
    proxy = world.proxy(server)
    link = world.link(proxy)
    link.bind()
    link.call(7, answer=30000000)
    wait_until(server.ledger, "the call")
    wait_until(server.rests, "the server to stop writing")
    total = 0
    while True:
        pdu = link.read()
        total += len(pdu.stub)
        if pdu.flags & rpc.LAST:
            break
    equal(total, 30000000 + 24, "stub bytes")


@case("relay/early-fault-of-a-server-that-closes")
def early_fault(world):
    """A server that refuses a large request by a fault and closes with the rest unread: the client hears the fault."""
    fault = rpc.pdu(FAULT, bytes(8) + (5).to_bytes(4, "little") + bytes(4), call_id=2)
    for _ in range(10):
        recorder = world.adopt(Recorder([ack(), (fault, RESET)]))
        proxy = world.proxy(recorder)
        link = world.link(proxy)
        link.bind()
        parts = fragments(0, bytes(1000000), 5000, call_id=2)
        try:
            link.send(*parts)
        except OSError:
            pass
        told = link.read()
        check(isinstance(told, rpc.Pdu) and told.type == FAULT and told.status == 5, "told %r" % told)
        link.close()
        proxy.wait_connections(2)
        equal([line["end"] for line in proxy.calls()], ["fault"], "ends")

