"""Listening: never more calls inside the server than the limit, the rest in line; and how a drain ends it all."""

import signal
import socket
import threading
import time

from case import case, check, check_calls, compare, equal, stays_false
from harness import PATIENCE, rpc, wait_until
from recorder import FIN, Recorder, ack, response
from rpc import BIND_ACK, CONC_MPX, FAULT, WHOLE

FULL_FLAGS = WHOLE | CONC_MPX


class Gate:
    """A server that answers a request only when it is let: release(), or release_all()."""

    def __init__(self, world, **how):
        self.permits = threading.Semaphore(0)
        self.recorder = world.adopt(Recorder([self.answer], **how))
        self.address = self.recorder.address

    def answer(self, pdu):
        if pdu.type == rpc.BIND:
            return ack(call_id=pdu.call_id, flags=pdu.flags)
        self.permits.acquire(timeout=PATIENCE)
        return response(pdu.stub, pdu.call_id)

    def release(self, count=1):
        self.permits.release(count)

    def arrivals(self):
        return list(self.recorder.arrivals)

    def wait_arrivals(self, count):
        return wait_until(lambda: len(self.arrivals()) >= count and self.arrivals(), "%d requests" % count)


def bound(world, proxy, **head):
    link = world.link(proxy)
    compare(link.bind(**head), {"type": BIND_ACK})
    return link


def signalled(proxy, number=signal.SIGTERM, word="draining"):
    proxy.signal(number)
    wait_until(lambda: any(word in notice for notice in proxy.notices()), "the notice of " + word)


def answered(link, call_id=2):
    compare(link.read(), {"type": rpc.RESPONSE, "call_id": call_id})


def leaves_after(*links):
    """As a client does: it reads the end, and closes."""
    for link in links:
        equal(link.end(), "fin", "the end")
        link.close()


# ---- the limit ----

@case("admission/never-more-than-the-limit")
def never_more(world):
    """Forty clients, two slots: by the server's own count."""
    recorder = world.adopt(Recorder([lambda pdu: ack(call_id=1) if pdu.type == rpc.BIND
                                     else (0.01, response(pdu.stub, pdu.call_id))]))
    proxy = world.proxy(recorder, server="calls: 2")
    links = [bound(world, proxy) for _ in range(40)]
    for own, link in enumerate(links):
        link.call(own + 1)
    for link in links:
        answered(link)
    equal((recorder.most_inside, len(recorder.arrivals)), (2, 40), "most inside, and all")
    lines = proxy.wait_calls(40)
    check(sum(line["waited_us"] > 5000 for line in lines) > 30, "waited_us %r" % [li["waited_us"] for li in lines])


@case("admission/first-come-first-served")
def in_order(world):
    gate = Gate(world)
    proxy = world.proxy(gate, server="calls: 1")
    links = [bound(world, proxy) for _ in range(8)]
    for own, link in enumerate(links):
        link.call(own + 1, call_id=100 + own)
        if own == 0:
            gate.wait_arrivals(1)
        wait_until(proxy.rests, "the proxy to take it in")
    stays_false(lambda: len(gate.arrivals()) > 1, "a second call came in")
    for own, link in enumerate(links):
        gate.release()
        answered(link, 100 + own)
    equal([call_id for _, call_id in gate.arrivals()], list(range(100, 108)), "order")
    waits = [line["waited_us"] for line in proxy.wait_calls(8)]
    equal(waits[0], 0, "the first one's wait")
    check(all(wait > 0 for wait in waits[1:]), "waits %r" % waits)


@case("admission/limit-counts-multiplexed-calls")
def multiplexed(world):
    gate = Gate(world)
    proxy = world.proxy(gate, server="calls: 3")
    link = bound(world, proxy, flags=FULL_FLAGS)
    gate.release(100)
    link.send(*[rpc.request(0, b"x", call_id=2 + i) for i in range(60)])
    for i in range(60):
        answered(link, 2 + i)
    check(gate.recorder.most_inside <= 3, "%d inside" % gate.recorder.most_inside)


@case("admission/limit-over-several-listeners")
def listeners(world):
    gate = Gate(world)
    proxy = world.proxy(config="""
servers: { one: { members: [ "%s" ], calls: 1 } }
listeners: [ { address: "127.0.0.1:0", server: one }, { address: "127.0.0.1:0", server: one } ]
""" % gate.address, listeners=2)
    first, second = (bound(world, address) for address in proxy.addresses)
    first.call(1)
    gate.wait_arrivals(1)
    second.call(2)
    stays_false(lambda: len(gate.arrivals()) > 1, "a second call came in")
    gate.release(2)
    answered(first)
    answered(second)


@case("admission/limit-under-load")
def under_load(world):
    server = world.server()
    proxy = world.proxy(server, server="calls: 5")
    client = world.load(proxy, "--connections", 50, "--calls", 200, "--outstanding", 3, "--size", 300)
    equal(dict(client.outcomes()), {"answered": 10000}, "outcomes")
    lines = proxy.wait_calls(10000)
    equal(len(server.ledger()), 10000, "executions")
    check({line["evidence"] for line in lines} == {"all"}, "evidence")


@case("admission/callback-behind-a-waiting-call")
def callback_waits(world):
    """The call inside waits for its client, whose answer stands behind a request that would wait for the call's slot:
    the request is refused, and nobody waits for ever."""
    server = world.server()
    proxy = world.proxy(server, server="calls: 1")
    client = world.load(proxy, "--behaviour", "call-back", "--outstanding", 2, "--calls", 4, "--timeout", 5000,
                        "--expect", "")
    outcomes = dict(client.outcomes())
    equal(sum(outcomes.values()), 4, "calls")
    check(set(outcomes) <= {"answered", "fault:1c010014:1"} and outcomes["answered"] >= 1, "outcomes %r" % outcomes)
    refused = [line for line in proxy.wait_calls(4) if line["end"] == "refused"]
    check(all(line["proof"] == "P6" and line["status"] == "0x1c010014" for line in refused), "refused lines")
    equal(len(refused), outcomes.get("fault:1c010014:1", 0), "refused lines")


# ---- those who leave ----

@case("admission/waiting-call-of-a-client-that-goes-is-never-executed")
def withdrawn(world):
    gate = Gate(world)
    proxy = world.proxy(gate, server="calls: 1")
    links = [bound(world, proxy) for _ in range(4)]
    for own, link in enumerate(links):
        link.call(own + 1, call_id=100 + own)
        gate.wait_arrivals(1)
        wait_until(proxy.rests, "the proxy to take it in")
    links[1].close()
    links[2].reset()
    lines = proxy.wait_calls(2)
    check_calls(lines, [{"call_id": 101 + i, "end": "withdrawn", "evidence": "nothing", "proof": "P6", "attempts": 0}
                        for i in range(2)])
    gate.release(4)
    answered(links[0], 100)
    answered(links[3], 103)
    equal([call_id for _, call_id in gate.arrivals()], [100, 103], "what came in")


def keeps_slot(world, leave):
    """The server is still at work on a call whose client has gone: the next one waits until it is done."""
    gate = Gate(world)
    proxy = world.proxy(gate, server="calls: 1")
    gone, other = bound(world, proxy), bound(world, proxy)
    gone.call(1)
    gate.wait_arrivals(1)
    leave(gone)
    other.call(2)
    stays_false(lambda: len(gate.arrivals()) > 1, "the slot was given away")
    gate.release(2)
    answered(other)
    equal(gate.recorder.most_inside, 1, "inside at once")
    return [line["end"] for line in proxy.wait_calls(2)]


@case("admission/reset-keeps-the-slot")
def reset_keeps(world):
    equal(keeps_slot(world, lambda link: link.reset()), ["client-left", "answered"], "ends")


@case("admission/close-keeps-the-slot")
def close_keeps(world):
    check(keeps_slot(world, lambda link: link.close())[1] == "answered", "the end of the other")


@case("admission/half-close-while-waiting")
def half_close(world):
    """Nobody can tell a half-closed client from one that has gone: what has not begun is withdrawn."""
    gate = Gate(world)
    proxy = world.proxy(gate, server="calls: 1")
    first, second = bound(world, proxy), bound(world, proxy)
    first.call(1)
    gate.wait_arrivals(1)
    second.call(2, call_id=9)
    wait_until(proxy.rests, "the proxy to take it in")
    second.finish_writing()
    check_calls(proxy.wait_calls(1), [{"call_id": 9, "end": "withdrawn"}])
    equal(second.end(), "fin", "the end of the second")
    gate.release()
    answered(first)


@case("admission/slot-of-a-server-that-dies")
def server_dies(world):
    """A slot is free again when its connection is."""
    gate = Gate(world)
    proxy = world.proxy(gate, server="calls: 1")
    first, second = bound(world, proxy), bound(world, proxy)
    first.call(1)
    gate.wait_arrivals(1)
    second.call(2)
    wait_until(proxy.rests, "the proxy to take it in")
    gate.recorder.connections[0].reset()
    compare(first.read(), {"type": FAULT, "status": 0x1C000012})
    gate.wait_arrivals(2)
    gate.release(2)
    answered(second)


@case("admission/server-dies-with-a-line-before-it")
def line_of_the_dead(world):
    """Those in line have provably not run, and are told so."""
    gate = Gate(world)
    proxy = world.proxy(gate, server="calls: 1")
    first, second = bound(world, proxy), bound(world, proxy)
    first.call(1)
    gate.wait_arrivals(1)
    second.call(2)
    wait_until(proxy.rests, "the proxy to take it in")
    gate.recorder.connections[1].reset()
    compare(second.read(), {"type": FAULT, "status": 0x6BF, "dne": True})
    equal(second.end(), "fin", "the end of the second")
    check_calls(proxy.wait_calls(1), [{"end": "not-sent", "proof": "P6", "evidence": "nothing", "attempts": 0}])
    gate.release()
    answered(first)


# ---- drain ----

@case("drain/call-in-flight-is-answered")
def drain(world):
    gate = Gate(world)
    proxy = world.proxy(gate, drain="20s")
    busy, idle = bound(world, proxy), bound(world, proxy)
    busy.call(1)
    gate.wait_arrivals(1)
    signalled(proxy)
    equal(idle.end(), "fin", "the end of an idle client")
    idle.close()
    is_refused(proxy.address)
    check(proxy.is_alive(), "it did not wait")
    gate.release()
    answered(busy)
    leaves_after(busy)
    equal(proxy.wait(2), 0, "exit status")
    check_calls(proxy.calls(), [{"end": "answered"}])


def is_refused(address):
    host, port = address.rsplit(":", 1)
    with socket.socket() as probe:
        check(probe.connect_ex((host, int(port))) != 0, "still listening")


@case("drain/waiting-calls-are-answered-too")
def drain_line(world):
    gate = Gate(world)
    proxy = world.proxy(gate, server="calls: 1", drain="20s")
    links = [bound(world, proxy) for _ in range(3)]
    for link in links:
        link.call(1)
        wait_until(proxy.rests, "the proxy to take it in")
    signalled(proxy)
    gate.release(3)
    for link in links:
        answered(link)
        leaves_after(link)
    equal(proxy.wait(2), 0, "exit status")
    equal(len(proxy.calls()), 3, "lines")


@case("drain/new-calls-are-refused")
def drain_new(world):
    """A call that begins during a drain beside one in flight is told that it has not run."""
    gate = Gate(world)
    proxy = world.proxy(gate, drain="20s")
    link = bound(world, proxy, flags=FULL_FLAGS)
    link.call(1)
    gate.wait_arrivals(1)
    signalled(proxy)
    link.call(2, call_id=3)
    wait_until(proxy.rests, "the proxy to take it in")
    gate.release()
    answered(link)
    compare(link.read(), {"type": FAULT, "call_id": 3, "status": 0x6BF, "dne": True})
    leaves_after(link)
    equal(proxy.wait(2), 0, "exit status")
    check_calls(proxy.calls(), [{"end": "answered"}, {"call_id": 3, "end": "not-sent", "proof": "P6"}])


@case("drain/time-limit")
def drain_limit(world):
    gate = Gate(world)
    proxy = world.proxy(gate, server="calls: 1", drain="400ms")
    inside, waiting = bound(world, proxy), bound(world, proxy)
    inside.call(1)
    gate.wait_arrivals(1)
    waiting.call(2, call_id=5)
    wait_until(proxy.rests, "the proxy to take it in")
    began = time.monotonic()
    signalled(proxy)
    compare(inside.read(), {"type": FAULT, "status": 0x1C000012, "dne": False})
    compare(waiting.read(), {"type": FAULT, "status": 0x6BF, "dne": True})
    leaves_after(inside, waiting)
    equal(proxy.wait(3), 0, "exit status")
    took = time.monotonic() - began
    check(0.35 < took < 1.5, "it took %.2f s" % took)
    lines = {line["call_id"]: line for line in proxy.calls()}
    compare_line(lines[2], end="drained", evidence="all", proof=None)
    compare_line(lines[5], evidence="nothing", proof="P6")


def compare_line(line, **wanted):
    for key, value in wanted.items():
        equal(line[key], value, "%s of %r" % (key, line))


@case("drain/zero-ends-at-once")
def drain_zero(world):
    gate = Gate(world)
    proxy = world.proxy(gate, drain="0s")
    link = bound(world, proxy)
    link.call(1)
    gate.wait_arrivals(1)
    proxy.signal(signal.SIGTERM)
    compare(link.read(), {"type": FAULT, "status": 0x1C000012, "dne": False})
    leaves_after(link)
    equal(proxy.wait(1), 0, "exit status")
    check_calls(proxy.calls(), [{"end": "drained", "evidence": "all", "proof": None}])


@case("drain/server-and-client-that-never-close")
def drain_stubborn(world):
    """Neither side answers our FIN: the drain's time is all they get."""
    recorder = world.adopt(Recorder([ack(), FIN], hangs_on=True))
    proxy = world.proxy(recorder, drain="500ms")
    bound(world, proxy)
    began = time.monotonic()
    signalled(proxy)
    equal(proxy.wait(10), 0, "exit status")
    check(time.monotonic() - began < 1.5, "it took %.2f s, with a drain of 500ms" % (time.monotonic() - began))


@case("drain/second-signal")
def second_signal(world):
    gate = Gate(world)
    proxy = world.proxy(gate, drain="1h")
    links = [bound(world, proxy) for _ in range(5)]
    for link in links:
        link.call(1)
    gate.wait_arrivals(5)
    signalled(proxy)
    stays_false(lambda: not proxy.is_alive(), "it did not wait")
    proxy.signal(signal.SIGTERM)
    equal(proxy.wait(1), 0, "exit status")
    check_calls(proxy.calls(), [{"end": "drained", "evidence": "all"}] * 5)
    for link in links:
        compare(link.read(), {"type": FAULT, "status": 0x1C000012, "dne": False})


@case("drain/sigint")
def sigint(world):
    proxy = world.proxy(world.server())
    link = bound(world, proxy)
    proxy.signal(signal.SIGINT)
    leaves_after(link)
    equal(proxy.wait(3), 0, "exit status")


@case("drain/while-dialling")
def drain_dialling(world):
    from cases_told import Full
    proxy = world.proxy(world.adopt(Full()), server="connect-timeout: 1m", drain="300ms")
    link = world.link(proxy)
    link.send(rpc.bind([rpc.context(0, rpc.TEST)]))
    wait_until(proxy.rests, "the proxy to dial")
    signalled(proxy)
    check(link.end() in ("fin", "reset"), "the end")
    link.close()
    equal(proxy.wait(2), 0, "exit status")


@case("drain/under-load")
def drain_load(world):
    """Nothing that was answered is lost, nothing is executed unseen: the audit counts both sides."""
    server = world.server()
    proxy = world.proxy(server, server="calls: 4")
    client = world.start_load(proxy, "--connections", 30, "--seconds", 2, "--expect", "", "--behaviour", "slow:2")
    wait_until(lambda: len(server.ledger()) > 200, "load")
    proxy.signal(signal.SIGTERM)
    equal(proxy.wait(5), 0, "exit status")
    client.report()
    ran = {entry.own_id for entry in server.ledger()}
    told = [line.split() for line in client.outcome_path.read_text().splitlines()]
    check(all(own_id in ran for own_id, outcome in told if outcome == "answered"), "answered and not executed")
    check(not any(own_id in ran for own_id, outcome in told if outcome.endswith(":1")), "executed, and denied")


# ---- the service manager ----

def notified(world, address, variable):
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.settimeout(PATIENCE)
    receiver.bind(address)
    with receiver:
        proxy = world.proxy(world.server(), env={"NOTIFY_SOCKET": variable})
        equal(receiver.recv(100).split(b"\n")[0], b"READY=1", "first notification")
        world.load(proxy)
        proxy.signal(signal.SIGTERM)
        equal(receiver.recv(100).split(b"\n")[0], b"STOPPING=1", "last notification")
        equal(proxy.wait(3), 0, "exit status")


@case("drain/notify-path")
def notify_path(world):
    notified(world, str(world.path("notify")), str(world.path("notify")))


@case("drain/notify-abstract")
def notify_abstract(world):
    name = "rpcward-" + world.directory.name
    notified(world, "\0" + name, "@" + name)


@case("drain/notify-socket-that-is-not-there")
def notify_nobody(world):
    proxy = world.proxy(world.server(), env={"NOTIFY_SOCKET": str(world.path("nobody"))})
    equal(dict(world.load(proxy).outcomes()), {"answered": 1}, "outcomes")


@case("admission/resets-race-with-leases")
def races(world):
    """A client that resets in the very turn in which its call is let in must not take the slot with it."""
    server = world.server()
    proxy = world.proxy(server, server="calls: 1")
    bystander = bound(world, proxy)
    for round_ in range(40):
        links = [bound(world, proxy) for _ in range(6)]
        for own, link in enumerate(links):
            link.call(1000 * round_ + own, "slow", 1, call_id=own + 2)
        for link in links:
            link.reset()
        first_pdu = world.link(proxy)
        first_pdu.call(900000 + round_)
        first_pdu.reset()
    bystander.call(999999)
    answered(bystander)
    wait_until(lambda: sum(side == "client" for side, _ in proxy.connections()) == 280, "all to be gone")


@case("admission/reset-in-the-turn-of-its-lease")
def reset_with_lease(world):
    """The answer that frees the slot and the reset of the one who gets it, seen at once."""
    gate = Gate(world)
    proxy = world.proxy(gate, server="calls: 1")
    first, second, third = (bound(world, proxy) for _ in range(3))
    first.call(1, call_id=11)
    gate.wait_arrivals(1)
    second.call(2, call_id=12)
    wait_until(proxy.rests, "the proxy to take it in")
    with proxy.stopped():
        written = gate.recorder.written
        gate.release()
        wait_until(lambda: gate.recorder.written > written, "the answer to be on its way")
        second.reset()
    answered(first, 11)
    gate.release(2)
    third.call(3, call_id=13)
    answered(third, 13)
    lines = {line["call_id"]: line for line in proxy.wait_calls(3)}
    check(lines[12]["end"] in ("client-left", "withdrawn"), "the second's end: %r" % lines[12])
    came = [call_id for _, call_id in gate.arrivals()]
    equal(12 in came, lines[12]["evidence"] == "all", "whether the second's call came in, and what its line says")
