"""Calls that their server is silent about: who is told what, and what still counts."""

import time

from case import case, check, compare, equal
from harness import rpc, wait_until
from recorder import DEAF, Recorder, ack
from rpc import BIND_ACK, CONC_MPX, FAULT, TEST, WHOLE, bind, context, features, fragments, test_answer, test_call

CANCELLED, TOO_BUSY = 0x1C00000D, 0x1C010014


def bound(world, target):
    link = world.link(target)
    equal(link.bind().type, BIND_ACK, "answer to the bind")
    return link


def told(link, status, call_id=2, within=2.0, dne=False):
    """The next thing that it is told is this fault, soon."""
    began = time.monotonic()
    compare(link.read(), {"type": FAULT, "status": status, "call_id": call_id, "dne": dne})
    check(time.monotonic() - began < within, "it took %.1f s" % (time.monotonic() - began))


@case("timeout/told-and-next-call-waits-behind-it")
def next_call(world):
    server = world.server()
    proxy = world.proxy(server, server="call-timeout: 200ms")
    link = bound(world, proxy)
    link.call(7, "slow", 900)
    told(link, CANCELLED)
    link.call(8, call_id=3)  # waits, and is answered when the server is done with the other one
    answer = link.read()
    equal((answer.call_id, test_answer(answer)[0]), (3, 8), "the next call's answer")
    world.end()
    lines = {line["call_id"]: line for line in proxy.calls()}
    equal((lines[2]["end"], lines[2]["status_name"], lines[3]["end"]), ("timed-out", "nca_s_fault_cancel", "answered"), "ends")
    check(lines[3]["waited_us"] > 300000, "the next call did not wait: %r" % lines[3])
    equal(len(server.ledger()), 2, "executions")


@case("timeout/reused-call-id-waits-too")
def reused(world):
    proxy = world.proxy(world.server(), server="call-timeout: 200ms")
    link = bound(world, proxy)
    link.call(7, "slow", 700)
    told(link, CANCELLED)
    link.call(8)
    equal(test_answer(link.read())[0], 8, "own id")


@case("timeout/slot-stays-taken")
def slot(world):
    """Its client has been told and another one waits: never two inside."""
    server = world.server()
    proxy = world.proxy(server, server="calls: 1\ncall-timeout: 200ms\nabandoned: 2")
    first, second = bound(world, proxy), bound(world, proxy)
    first.call(7, "slow", 1000)
    wait_until(server.ledger, "the first call to come in")
    second.call(8)
    told(first, CANCELLED)
    began = time.monotonic()
    equal(test_answer(second.read())[0], 8, "own id")
    check(time.monotonic() - began > 0.5, "it was let in beside the abandoned one")


@case("timeout/all-slots-abandoned-refuses-at-once")
def all_slots(world):
    server = world.server()
    proxy = world.proxy(server, server="calls: 1\ncall-timeout: 200ms")
    first, second = bound(world, proxy), bound(world, proxy)
    first.call(7, "silent")
    told(first, CANCELLED)
    second.call(8)
    told(second, TOO_BUSY, within=0.5, dne=True)
    first.close()
    world.end()
    equal(sorted(line["end"] for line in proxy.calls()), ["refused", "timed-out"], "ends")
    equal(len(server.ledger()), 1, "executions")


@case("timeout/answer-in-many-parts-is-fine")
def parts(world):
    proxy = world.proxy(world.server(), server="call-timeout: 300ms")
    link = bound(world, proxy)
    link.call(7, "fragments", 200, 100, size=1500)  # 8 fragments, 100 ms apart
    answer, stub = link.read(), b""
    while True:
        equal(answer.type, rpc.RESPONSE, "a fragment")
        stub += answer.stub
        if answer.flags & rpc.LAST:
            break
        answer = link.read()
    check(len(stub) > 1500, "%d bytes" % len(stub))


@case("timeout/signed-connection-ends")
def signed(world):
    """By a server that answers whatever it likes: ours has no authentication."""
    server = world.adopt(Recorder([ack(), DEAF]))
    proxy = world.proxy(server, server="call-timeout: 200ms")
    link = world.link(proxy)
    link.send(bind([context(0, TEST)], auth=rpc.trailer(10, 5)))
    equal(link.read().type, BIND_ACK, "answer to the bind")
    link.send(rpc.request(0, b"x" * 16, call_id=2, auth=rpc.trailer(10, 5)))
    told(link, CANCELLED)
    began = time.monotonic()
    equal(link.end(), "reset", "end")
    check(0.5 < time.monotonic() - began < 3, "it was reset after %.1f s" % (time.monotonic() - began))
    wait_until(lambda: ("client", "call-timeout") in proxy.connections(), "the reason")


@case("timeout/server-that-stops-reading")
def stops_reading(world):
    """The kernel has a part of the request: its connection is given up."""
    server = world.adopt(Recorder([ack(), DEAF]))
    proxy = world.proxy(server, server="call-timeout: 500ms", listener="buffer: 16MiB")
    link = world.link(proxy)
    equal(link.bind().type, BIND_ACK, "answer to the bind")
    for fragment in rpc.fragments(0, bytes(8 << 20), 5000, call_id=2):
        link.send(fragment)
    told(link, CANCELLED, within=10)
    equal(link.end(), "fin", "end")


@case("timeout/deadline-counts-the-waiting")
def deadline(world):
    server = world.server()
    proxy = world.proxy(server, server="calls: 1\ndeadline: 400ms")
    first, second = bound(world, proxy), bound(world, proxy)
    first.call(7, "slow", 300)
    wait_until(server.ledger, "the first call to come in")
    second.call(8, "slow", 2000)
    equal(test_answer(first.read())[0], 7, "own id")
    told(second, CANCELLED, within=0.3)


@case("timeout/cancel-is-sent-where-nothing-is-authenticated")
def cancel(world):
    server = world.server()
    proxy = world.proxy(server, server="call-timeout: 200ms\non-timeout: cancel")
    link = bound(world, proxy)
    link.call(7, "slow", 600)
    told(link, CANCELLED)
    wait_until(lambda: [event[2] for event in server.events("co_cancel")] == ["2"], "co_cancel")
    link.call(8, call_id=3)  # evidence is still exact: our own PDU is no part of it
    equal(test_answer(link.read())[0], 8, "own id")


@case("timeout/orphaned-is-sent-where-it-was-negotiated")
def orphan(world):
    """A server that has not granted to keep the connection after it is told nothing."""
    server = world.server()
    proxy = world.proxy(server, server="call-timeout: 200ms\non-timeout: orphan")
    for serial, offers in enumerate(([], [context(1, TEST, (features(2),))])):
        link = world.link(proxy)
        equal(link.bind(context(0, TEST), *offers).type, BIND_ACK, "answer to the bind")
        link.call(7 + 2 * serial, "slow", 600)
        told(link, CANCELLED)
        link.call(8 + 2 * serial, call_id=3)
        equal(test_answer(link.read())[0], 8 + 2 * serial, "own id")
    equal(server.events("orphaned"), [["orphaned", "2", "2"]], "orphaned")


@case("timeout/rest-of-a-refused-request-goes-nowhere")
def rest(world):
    """A request of several fragments is refused at its first; the others must not reach the server without it."""
    server = world.server()
    proxy = world.proxy(server, server="calls: 1\nwaiting: { length: 0 }")
    first, second = bound(world, proxy), bound(world, proxy)
    first.call(7, "slow", 1000)
    wait_until(server.ledger, "the first call to come in")
    *parts, last = fragments(0, test_call(8, size=9000), 2000, call_id=2)
    second.send(*parts)
    told(second, TOO_BUSY, dne=True)
    second.send(last)
    equal(test_answer(first.read())[0], 7, "own id")
    second.call(9, call_id=3)
    equal(test_answer(second.read())[0], 9, "own id of the next call on that connection")
    check(not [text for text in proxy.notices() if "fragment" in text], "%r" % proxy.notices())


@case("timeout/late-answer-of-a-multiplexed-connection")
def late(world):
    """Two calls at once; one is given up, the other is not touched by that."""
    proxy = world.proxy(world.server(), server="call-timeout: 400ms")
    link = world.link(proxy)
    link.ask(bind([context(0, TEST)], flags=WHOLE | CONC_MPX))
    link.call(7, "slow", 900)
    link.call(8, "fragments", 100, 150, call_id=3, size=1000)
    heard = []
    while len(heard) < 2:
        pdu = link.read()
        if pdu.type == FAULT or pdu.flags & rpc.LAST:
            heard.append((pdu.call_id, pdu.type))
    equal(sorted(heard), [(2, FAULT), (3, rpc.RESPONSE)], "what was heard")


@case("timeout/line-is-bounded")
def line(world):
    server = world.server()
    proxy = world.proxy(server, server="calls: 1\nwaiting: { length: 1, longest: 500ms }")
    links = [bound(world, proxy) for _ in range(3)]
    links[0].call(7, "slow", 1500)
    wait_until(server.ledger, "the first call to come in")
    links[1].call(8)
    wait_until(proxy.rests, "it to stand in line")
    links[2].call(9)
    told(links[2], TOO_BUSY, within=0.3, dne=True)
    told(links[1], TOO_BUSY, within=1, dne=True)
    equal(test_answer(links[0].read())[0], 7, "own id")
    links[1].call(10, call_id=3)
    equal(test_answer(links[1].read())[0], 10, "own id")
