"""Clients, servers and administrators that would harm others, where clients share links."""

import signal
import struct
import threading

from case import CASES, Case, case, check, compare, equal
from cases_admission import signalled
from cases_control import control, control_path
from cases_plain import MPX, STATELESS, TOO_BUSY, answer, plain, shared
from cases_pool import answered, fake_call, reasons
from cases_promise import served_as
from cases_reload import change, reload
from fake import Fake
from harness import rpc, wait_until
from recorder import RESET, Recorder
from rpc import (BIND, BIND_ACK, DNE, ECHO, FAULT, NDR, NDR64, ORPHANED, TEST, WHOLE, context, fragments, request,
                 test_call)

SERVER_LOST = 0x1C000012  # 1726


# ---- clients that leave others a link without room ----

@case("hostile/orphaned-within-a-large-request")
def orphaned_within(world):
    """The rest of it will never come (C706 12.6.4.8), and until then nothing else could go up on that link."""
    server = world.server()
    proxy = shared(world, server, server="connections: 1\ncalls-per-connection: 16")
    link, other = plain(world, proxy, flags=MPX), plain(world, proxy)
    for own in (1, 3):
        link.send(*fragments(0, test_call(own, size=200000), 4000, call_id=2)[:-1])
        wait_until(lambda: proxy.rests() and server.rests(), "what there is of it to be taken")
        link.send(rpc.control(ORPHANED, call_id=2))
        answered(other, own + 1)
    answered(link, 5, call_id=3)
    equal(sorted(line["end"] for line in proxy.wait_calls(5)), ["answered"] * 3 + ["client-left"] * 2, "ends")


def left_alone(world, leave):
    """All that is inside on the only link belongs to nobody any more, and is never answered."""
    server = world.server()
    proxy = shared(world, server, server="connections: 1\ncalls-per-connection: 3")
    links = [plain(world, proxy) for _ in range(3)]
    for own, link in enumerate(links):
        link.call(own + 1, "silent")
    wait_until(lambda: len(server.ledger()) == 3, "the calls")
    for link in links:
        leave(link)
    answered(plain(world, proxy), 50)
    equal(sorted(line["end"] for line in proxy.wait_calls(4)), ["answered"] + ["client-left"] * 3, "ends")


for name, leave in (("left", lambda link: link.reset()),
                    ("orphaned", lambda link: link.send(rpc.control(ORPHANED, call_id=2)))):
    CASES.append(Case("hostile/link-on-which-all-calls-were-" + name,
                      lambda world, leave=leave: left_alone(world, leave)))


@case("hostile/left-beside-one-that-is-answered")
def left_beside(world):
    """The last one who waits on the link has its answer; what is left there is nobody's."""
    server = world.server()
    proxy = shared(world, server, server="connections: 1\ncalls-per-connection: 2")
    leaver, stays = plain(world, proxy), plain(world, proxy)
    leaver.call(1, "silent")
    stays.call(2, "slow", 300)
    wait_until(lambda: len(server.ledger()) == 2, "the calls")
    leaver.reset()
    answer(stays, 2)
    wait_until(lambda: server.events("close"), "the link to be closed")
    answered(stays, 3)


@case("hostile/orphaned-in-a-drain")
def orphaned_in_drain(world):
    """A client with nothing inside is closed at once, and not when the time for the drain is over."""
    server = world.server()
    proxy = shared(world, server, drain="20s")
    link = plain(world, proxy)
    link.call(1, "silent")
    wait_until(server.ledger, "the call")
    signalled(proxy)
    link.send(rpc.control(ORPHANED, call_id=2))
    equal(link.end(), "fin", "the end")
    link.close()
    equal(proxy.wait(), 0, "exit status")


# ---- clients with many calls that came to nothing ----

def refused(world, count, **how):
    """A client with many calls inside; a busy server has refused each, and they wait to be sent again."""
    fake = Fake(world, (TEST, NDR))
    fake.on[rpc.REQUEST] = lambda pdu: rpc.pdu(FAULT, bytes(8) + struct.pack("<II", TOO_BUSY, 0), call_id=pdu.call_id,
                                               flags=WHOLE | DNE)
    proxy = shared(world, fake, server="calls-per-connection: 100\n"
                   "retry: { floor: 1000, backoff: 10s, longest-backoff: 10s }", **how)
    link = plain(world, proxy, flags=MPX)
    link.send(*[request(0, b"x", call_id=i) for i in range(count)])
    wait_until(lambda: len(fake.heard(rpc.REQUEST)) >= count // 2, "many of them to be refused")
    wait_until(proxy.rests, "the proxy to rest")
    return fake, proxy, link


@case("hostile/leaves-with-many-calls-that-were-refused")
def leaves_refused(world):
    fake, proxy, link = refused(world, 200)
    link.reset()
    ends = {line["end"] for line in proxy.wait_calls(100)}
    check("withdrawn" in ends <= {"withdrawn", "client-left"}, "ends %r" % ends)
    del fake.on[rpc.REQUEST]
    fake_call(plain(world, proxy))


@case("hostile/drain-with-many-calls-that-were-refused")
def drain_refused(world):
    """When its time is over each is told so, at once. What stands behind them was not read."""
    fake, proxy, link = refused(world, 200, drain="300ms")
    proxy.signal(signal.SIGTERM)
    told = list(iter(link.read, None))
    for pdu in told:
        compare(pdu, {"type": FAULT, "dne": True})
    link.close()
    equal(proxy.wait(), 0, "exit status")
    equal(sorted(pdu.call_id for pdu in told), sorted(line["call_id"] for line in proxy.calls()), "calls that were told")
    check(len(told) >= 100, "only %d were told" % len(told))


# ---- clients that do not read ----

@case("hostile/reader-that-stops-on-a-shared-link")
def reader_stops(world):
    """The link is not read for as long as that lasts. Its server is not blamed, nor its calls given up, for that."""
    server = world.server()
    proxy = shared(world, server, listener="client-timeout: 3s\nbuffer: 64KiB",
                   server="connections: 1\ncalls-per-connection: 16\ncall-timeout: 1s\nhealth: { failures: 1 }")
    bad, good = plain(world, proxy, flags=MPX), plain(world, proxy)
    good.call(1, "slow", 400)
    wait_until(server.ledger, "the call")
    for i in range(10):
        bad.call(100 + i, call_id=i, answer=3000000)
    answer(good, 1)
    wait_until(lambda: ("client", "client-timeout") in proxy.connections(), "the other one to be cut")
    check(not [notice for notice in proxy.notices() if "is down" in notice], "notices %r" % proxy.notices())


# ---- servers ----

@case("hostile/server-that-answers-the-same-bind-otherwise")
def otherwise(world):
    """Whoever was told NDR is served as NDR, or not at all, though others that bind alike are told NDR64 meanwhile."""
    fake = Fake(world, (TEST, NDR), (ECHO, NDR))
    proxy = shared(world, fake, top="", server="connections: 3")
    old = plain(world, proxy, context(0, TEST, (NDR, NDR64)))
    finds_out = plain(world, proxy, context(0, ECHO))
    served_as(old, TEST, NDR, 0)
    fake.accepts = {(TEST, NDR64)}
    for heard in fake.recorder.connections:
        heard.close()
    wait_until(lambda: len(reasons(proxy)) == fake.connections(), "the links to end")
    finds_out.send(request(0, b"x"))
    compare(finds_out.read(), {"type": FAULT, "dne": True})
    for _ in range(2):
        served_as(plain(world, proxy, context(0, TEST, (NDR, NDR64))), TEST, NDR64, 0)
    old.send(request(0, b"x"))
    compare(old.read(), {"type": FAULT, "dne": True})
    equal(old.end(), "fin", "the end")
    equal(fake.faults, [], "what the server found wrong")


@case("hostile/server-that-takes-small-fragments")
def small_fragments(world):
    """A fragment goes up in pieces. The first of them may have been enough for it to begin, so nothing is proven by the last
    ones, which were not taken."""
    gate, begun = threading.Event(), threading.Event()

    def serve(pdu):
        if pdu.type == BIND:
            body = struct.pack("<HHIH", 4280, 100, 0x77, 0) + bytes(2) + struct.pack("<BBHHH", 1, 0, 0, 0, 0)
            return rpc.pdu(BIND_ACK, body + rpc.syntax(NDR), call_id=pdu.call_id, flags=pdu.flags)
        begun.set()
        return gate, RESET
    server = world.adopt(Recorder([serve, serve], receive_buffer=2304))
    proxy = shared(world, server, server="connections: 1\nretry: { attempts: 3, backoff: 1ms }")
    link = plain(world, proxy)
    link.send(*fragments(0, bytes(20000), 5800, call_id=2))
    check(begun.wait(10), "nothing came")
    wait_until(proxy.rests, "the proxy to have written what is taken")
    gate.set()
    compare(link.read(), {"type": FAULT, "status": SERVER_LOST, "dne": False})
    line, = proxy.wait_calls(1)
    equal((line["evidence"], line["proof"], line["attempts"]), ("first-fragment", None, 1), "evidence, proof, attempts")


# ---- administrators ----

@case("hostile/reload-that-takes-the-member-of-idle-links")
def member_goes(world):
    """They and the spares are closed; who shared them is served by the member that came."""
    first, second = world.server(), world.server()
    how = {"top": "control: %s\n" % control_path(world) + STATELESS, "server": "connections: 4\nidle: { spare: 2 }"}
    proxy = world.proxy(config=world.settings([first.address], **how))
    links = [plain(world, proxy) for _ in range(3)]
    for own, link in enumerate(links):
        answered(link, own + 1)
    links[0].call(10, "slow", 400)
    wait_until(lambda: len(first.ledger()) == 4, "the call")
    change(world, world.settings([second.address], **how))
    equal(reload(world), "reload", "the answer")
    for own, link in enumerate(links[1:]):
        answered(link, own + 20)
    answer(links[0], 10)
    answered(links[0], 30)
    wait_until(lambda: {row["server"] for row in control(world).ask("show links")} == {second.address}, "it to go")
    equal((len(first.ledger()), len(second.ledger())), (4, 3), "executions")
