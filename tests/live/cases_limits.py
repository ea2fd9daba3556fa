"""Limits and hostile input: what one client does must not be felt by another."""

import os
import select
import socket
import subprocess
import threading
import time

from case import case, check, check_calls, compare, equal, stays_false
from cases_admission import bound
from harness import ROOT, Skip, rpc, wait_until
from recorder import DEAF, Recorder, ack
from rpc import ALTER, BIND_ACK, BIND_NAK, CONC_MPX, ECHO, MAYBE, TEST, WHOLE, bind, context, fragments, request, test_answer, test_call

MIB = 1 << 20


def works(world, proxy, calls=5):
    """Somebody else's calls are answered, and soon."""
    began = time.monotonic()
    equal(dict(world.load(proxy, "--calls", calls).outcomes()), {"answered": calls}, "outcomes of a bystander")
    check(time.monotonic() - began < 3, "a bystander's calls took %.1f s" % (time.monotonic() - began))


def ends_of(proxy, side="client"):
    return [reason for ended, reason in proxy.connections() if ended == side]


def is_turned_away(world, proxy, **how):
    """By a reset, which may come so soon that connect() reports it."""
    try:
        equal(world.link(proxy, **how).end(), "reset", "a client too many")
    except ConnectionResetError:
        pass


# ---- how many ----

@case("limits/clients")
def clients(world):
    proxy = world.proxy(world.server(), listener="clients: 3")
    links = [world.link(proxy) for _ in range(3)]
    for link in links:
        equal(link.bind().type, BIND_ACK, "bind of a client within the limit")
    is_turned_away(world, proxy)
    wait_until(lambda: ends_of(proxy) == ["clients-limit"], "the reason")
    links[0].close()
    wait_until(lambda: ends_of(proxy).count("client-closed") == 1, "the first to go")
    equal(world.link(proxy).bind().type, BIND_ACK, "bind of the next")


@case("limits/clients-per-address")
def clients_per_address(world):
    proxy = world.proxy(world.server(), listener="clients-per-address: 2")
    links = [world.link(proxy, source="127.0.0.1") for _ in range(2)]
    is_turned_away(world, proxy, source="127.0.0.1")
    equal(world.link(proxy, source="127.0.0.2").bind().type, BIND_ACK, "the first from another")
    for link in links:
        equal(link.bind().type, BIND_ACK, "the first two")
    wait_until(lambda: ends_of(proxy) == ["clients-per-address-limit"], "the reason")
    links[0].close()
    wait_until(lambda: "client-closed" in ends_of(proxy), "one to go")
    equal(world.link(proxy, source="127.0.0.1").bind().type, BIND_ACK, "the next from the first address")


@case("limits/clients-per-user")
def clients_per_user(world):
    proxy = world.proxy(world.server(), listen="unix:%s" % world.path("sock"), listener="clients-per-address: 1")
    link = world.link(proxy)
    equal(link.bind().type, BIND_ACK, "the first of one user")
    check(world.link(proxy).end() in ("fin", "reset"), "the second of one user")
    wait_until(lambda: ends_of(proxy) == ["clients-per-address-limit"], "the reason")


@case("limits/contexts")
def contexts(world):
    """Calls on contexts beyond the limit are relayed, without a name."""
    server = world.server()
    proxy = world.proxy(server, listener="contexts: 2")
    link = world.link(proxy)
    link.bind()
    for i in range(1, 60):
        compare(link.ask(bind([context(i, TEST)], ptype=ALTER, call_id=i)), {"results": [(0, 0)]})
    for i in (0, 1, 2, 30, 59):
        link.send(request(0, test_call(100 + i), context_id=i, call_id=100 + i))
        equal(rpc.test_answer(link.read())[0], 100 + i, "own id")
    names = [line["interface"] for line in proxy.wait_calls(5)]
    equal(names, [TEST[0]] * 2 + [None] * 3, "interfaces in the log")
    check(any("contexts" in notice for notice in proxy.notices()), "no notice")


# ---- how long ----

def gone_after(world, link, proxy, seconds, reason="bind-timeout"):
    began = time.monotonic()
    equal(link.end(), "reset", "the end")
    took = time.monotonic() - began
    check(seconds - 0.1 < took < seconds + 2, "it took %.2f s" % took)
    wait_until(lambda: reason in ends_of(proxy), reason)


@case("limits/bind-timeout-of-silence")
def silence(world):
    proxy = world.proxy(world.server(), listener="bind-timeout: 300ms")
    gone_after(world, world.link(proxy), proxy, 0.3)
    works(world, proxy)


@case("limits/bind-timeout-of-half-a-header")
def half_a_header(world):
    proxy = world.proxy(world.server(), listener="bind-timeout: 300ms")
    link = world.link(proxy)
    link.send(bind([context(0, TEST)])[:9])
    gone_after(world, link, proxy, 0.3)


@case("limits/bind-timeout-of-dripping")
def dripping(world):
    """A byte now and then does not help."""
    proxy = world.proxy(world.server(), listener="bind-timeout: 400ms")
    link = world.link(proxy)
    began, end = time.monotonic(), None
    for byte in bind([context(0, TEST)]):
        try:
            link.send(bytes([byte]))
        except (ConnectionResetError, BrokenPipeError):
            end = "reset"  # it takes the error with it: a read would only tell the end
            break
        readable, _, _ = select.select([link.socket], [], [], 0.02)
        if readable:
            break
    equal(end or link.end(), "reset", "the end")
    check(0.3 < time.monotonic() - began < 2, "it took %.2f s" % (time.monotonic() - began))


@case("limits/client-timeout-of-half-a-request")
def half_a_request(world):
    """The slot of a call whose client stops in the middle of it is free again; one that goes on slowly is served."""
    server = world.server()
    proxy = world.proxy(server, listener="client-timeout: 300ms", server="calls: 1")
    stops, other = bound(world, proxy), bound(world, proxy)
    parts = fragments(0, test_call(1, size=4000), 1000, call_id=2)
    stops.send(parts[0])
    other.call(2, call_id=2)
    equal(stops.end(), "reset", "the end of the one that stopped")
    equal(test_answer(other.read())[0], 2, "own id of the other one")
    slow = bound(world, proxy)
    *first, last = fragments(0, test_call(3, size=4000), 1000, call_id=2)
    for part in first:
        slow.send(part)
        stays_false(lambda: select.select([slow.socket], [], [], 0)[0], "it was ended")
    slow.send(last)
    equal(test_answer(slow.read())[0], 3, "own id of the slow one")
    check(("client", "client-timeout") in proxy.connections(), "%r" % proxy.connections())


@case("limits/client-timeout-spares-one-that-is-refused")
def refused_all_the_time(world):
    """Requests that are dropped here are steps too, though each is read while the next has begun."""
    proxy = world.proxy(world.server(), listener="client-timeout: 300ms", server="calls: 1\nwaiting: { length: 0 }")
    busy, link = bound(world, proxy), bound(world, proxy)
    busy.call(1, "slow", 3000)
    proxy_has_it = world.link(proxy)  # accepted, and so read, after the call
    equal(proxy_has_it.bind().type, BIND_ACK, "answer to a bind")
    requests = b"".join(request(0, test_call(own), call_id=own, flags=WHOLE | MAYBE) for own in range(2, 10))
    each = len(requests) // 8
    for at in range(0, len(requests) - each // 2, each):
        link.send(requests[:each // 2] if at == 0 else requests[at - each // 2:at + each // 2])
        stays_false(lambda: select.select([link.socket], [], [], 0)[0], "it was ended")
    link.send(requests[-(each // 2):])
    wait_until(lambda: len([k for k in proxy.calls() if k["end"] == "refused"]) == 8, "the lines of what was refused")


@case("limits/client-timeout-of-half-a-pdu")
def half_a_pdu(world):
    proxy = world.proxy(world.server(), listener="client-timeout: 300ms")
    link, idle = bound(world, proxy), bound(world, proxy)
    link.send(request(0, test_call(1), call_id=2)[:20])
    equal(link.end(), "reset", "its end")
    idle.call(2, call_id=2)  # one that owes nothing may take its time
    equal(test_answer(idle.read())[0], 2, "own id")


@case("limits/client-timeout-spares-whom-the-server-keeps-waiting")
def kept_waiting(world):
    """In the middle of a request, and it is the server that does not read."""
    server = world.server()
    proxy = world.proxy(server, listener="client-timeout: 300ms\nbuffer: 64KiB")
    link = bound(world, proxy)
    parts = b"".join(fragments(0, test_call(1, size=4000000, answer=0), 4000, call_id=2))
    sending = threading.Thread(target=link.send, args=(parts,))
    with server.stopped():
        sending.start()
        stays_false(lambda: proxy.connections(), "it was ended", seconds=1)
    sending.join()
    equal(test_answer(link.read())[0], 1, "own id")


@case("limits/client-timeout-of-one-that-does-not-read")
def not_reading(world):
    """It pipelines calls with large answers and reads none of them."""
    server = world.server()
    proxy = world.proxy(server, listener="client-timeout: 500ms\nbuffer: 64KiB")
    link = world.link(proxy)
    link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    equal(link.bind().type, BIND_ACK, "answer to the bind")
    for own in range(100):
        link.call(own + 1, call_id=own + 2, answer=100000)
    wait_until(lambda: ("client", "client-timeout") in proxy.connections(), "its end")


@case("limits/idle-timeout")
def idle(world):
    proxy = world.proxy(world.server(), listener="idle-timeout: 300ms")
    link = bound(world, proxy)
    link.call(1, "slow", 600)
    equal(test_answer(link.read())[0], 1, "own id of a call that takes longer")
    equal(link.end(), "fin", "its end")
    equal(proxy.wait_connections(2)[0], ("client", "idle-timeout"), "reason")


@case("limits/bind-timeout-of-a-server-that-never-answers")
def unanswered_bind(world):
    proxy = world.proxy(world.adopt(Recorder([None])), listener="bind-timeout: 300ms")
    link = world.link(proxy)
    link.send(bind([context(0, TEST)]))
    gone_after(world, link, proxy, 0.3)
    equal(sorted(proxy.wait_connections(2)), [("client", "bind-timeout"), ("server", "bind-timeout")], "connections")


@case("limits/bind-timeout-spares-the-bound")
def spared(world):
    proxy = world.proxy(world.server(), listener="bind-timeout: 200ms")
    link = world.link(proxy)
    link.bind()
    gone_after(world, world.link(proxy), proxy, 0.2)
    gone_after(world, world.link(proxy), proxy, 0.2)
    link.call(7)
    equal(rpc.test_answer(link.read())[0], 7, "own id")


# ---- rubbish ----

def rubbish(name, data, why):
    @case("limits/refused-" + name)
    def refused(world):
        proxy = world.proxy(world.server())
        bystander = world.link(proxy)
        bystander.bind()
        link = world.link(proxy)
        link.send(data)
        equal(link.end(), "reset", "the end")
        wait_until(lambda: ends_of(proxy) == ["client-not-dcerpc"], "the reason")
        check(any(why in notice for notice in proxy.notices()), "notices %r" % proxy.notices())
        bystander.call(7)
        equal(rpc.test_answer(bystander.read())[0], 7, "own id")


rubbish("first-byte", b"\xff", "version")
rubbish("http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "version")
rubbish("tls", bytes.fromhex("1603010200010001fc0303") + bytes(200), "version")
rubbish("smb", b"\0\0\0\x45\xffSMBr" + bytes(60), "version")
rubbish("short-frag-length", bytes.fromhex("05000b0310000000") + b"\x08\0\0\0\1\0\0\0", "length")


@case("limits/refused-after-good-calls")
def later_rubbish(world):
    """What came before is relayed and answered; the call inside is given up with the client."""
    server = world.server()
    proxy = world.proxy(server)
    link = world.link(proxy)
    link.bind()
    link.call(6)
    equal(rpc.test_answer(link.read())[0], 6, "own id")
    link.send(request(0, test_call(7, "silent"), call_id=3), b"\x99" * 50)
    equal(link.end(), "reset", "the end")
    wait_until(lambda: len(server.ledger()) == 2, "the call before the rubbish")
    check_calls(proxy.wait_calls(2), [{"end": "answered"}, {"end": "client-left", "evidence": "all"}])


# ---- floods ----

def push_all(link, data, patience=0.4):
    """Sends until it has all gone or nobody takes any more; returns what is left."""
    link.socket.setblocking(False)
    view, deadline = memoryview(data), time.monotonic() + patience
    while view and time.monotonic() < deadline:
        try:
            view = view[link.socket.send(view):]
            deadline = time.monotonic() + patience
        except BlockingIOError:
            time.sleep(0.005)
    link.socket.settimeout(15)
    return bytes(view)


def bounded(world, proxy, before, most, what):
    grown = proxy.memory() - before
    check(world.is_sanitized() or grown <= most, "%s: %d KiB more" % (what, grown // 1024))


@case("limits/pipelining-without-reading", alone=True)
def pipelining(world):
    """20,000 calls whose answers nobody fetches; then they are fetched, and all are there."""
    server = world.server()
    proxy = world.proxy(server)
    works(world, proxy)
    before = proxy.memory()
    link = world.link(proxy)
    link.bind(flags=WHOLE | CONC_MPX)
    calls = 20000
    left = push_all(link, b"".join(request(0, test_call(1000 + i, answer=1000), call_id=2 + i) for i in range(calls)))
    wait_until(proxy.rests, "the proxy to rest")
    bounded(world, proxy, before, 4 * MIB, "a client that does not read")
    works(world, proxy)
    answered = set()
    while len(answered) < calls:
        left = left[link.socket.send(left[:65536]):] if left and not link.buffered else left
        answered.add(link.read().call_id)
    equal((min(answered), max(answered)), (2, 1 + calls), "answered calls")
    check(not left, "requests that were not taken")
    bounded(world, proxy, before, 4 * MIB, "afterwards")


@case("limits/server-that-does-not-read", alone=True)
def deaf_server(world):
    deaf = world.adopt(Recorder([(ack(flags=WHOLE | CONC_MPX), DEAF)], receive_buffer=8192))
    server = world.server()
    proxy = world.proxy(config="""
drain: 0s
servers:
  deaf: { members: [ "%s" ] }
  good: { members: [ "%s" ] }
listeners:
  - { address: "127.0.0.1:0", server: deaf }
  - { address: "127.0.0.1:0", server: good }
""" % (deaf.address, server.address), listeners=2)
    good = proxy.addresses[1]
    works(world, good)
    before = proxy.memory()
    links = [world.link(proxy) for _ in range(4)]
    for link in links:
        link.bind(flags=WHOLE | CONC_MPX)
        left = push_all(link, b"".join(request(0, test_call(i, size=2000), call_id=2 + i) for i in range(8000)))
        check(left, "everything was taken")
    bounded(world, proxy, before, 4 * MIB, "four clients of a deaf server")
    works(world, good)


@case("limits/thousands-of-half-open-clients", alone=True)
def half_open(world):
    count = 3000
    proxy = world.proxy(world.server(), listener="bind-timeout: 3s")
    works(world, proxy)
    before = proxy.memory()
    links = []
    for i in range(count):
        links.append(world.link(proxy))
        links[-1].send(b"\x05\0\x0b"[:i % 4])
    works(world, proxy)
    bounded(world, proxy, before, count * 2048, "%d half-open clients" % count)
    wait_until(lambda: ends_of(proxy).count("bind-timeout") == count, "all to be ended")
    works(world, proxy)


@case("limits/storm-of-connects-and-resets")
def storm(world):
    proxy = world.proxy(world.server(), server="calls: 2")
    for i in range(600):
        link = world.link(proxy)
        if i % 3:
            link.send(bind([context(0, TEST)])[:20 * (i % 5)])
        if i % 7 == 0:
            link.bind() if i % 3 == 0 else None
            link.call(5000 + i)
        link.reset() if i % 2 else link.close()
    works(world, proxy)
    wait_until(lambda: len(ends_of(proxy)) == 601, "all to be gone")


@case("limits/descriptors-run-out", alone=True)
def descriptors(world):
    """With 256 descriptors there is room for 96 clients; the rest is turned away, nobody is harmed, and it recovers."""
    server = world.server()
    path = world.path("few.yaml")
    path.write_text(world.settings([server.address]))
    few = world.proxy(arguments=["-c", path], wrapper=["sh", "-c", 'ulimit -n 256; exec "$0" "$@"'])
    links = [link for link in (try_link(world, few) for _ in range(400)) if link]
    kept = [link for link in links if asks(link)]
    check(80 <= len(kept) <= 100, "%d clients were kept" % len(kept))
    check(any("descriptor" in notice for notice in few.notices()), "no notice")
    for link in kept:
        link.call(links.index(link) + 1)
        equal(rpc.test_answer(link.read())[0], links.index(link) + 1, "own id")
    for link in links:
        link.close()
    wait_until(lambda: ends_of(few).count("client-closed") >= len(kept), "them to go")
    works(world, few)


def try_link(world, target):
    """A connection, or None where it was reset before connect() had returned."""
    try:
        return world.link(target)
    except ConnectionResetError:
        return None


def asks(link):
    try:
        return isinstance(link.bind(), rpc.Pdu)
    except OSError:
        return False


# ---- association groups ----

@case("limits/group-guard")
def group_guard(world):
    server = world.server()
    proxy = world.proxy(server)
    first = world.link(proxy, source="127.0.0.1")
    group = first.bind().group
    check(group, "no group")
    thief = world.link(proxy, source="127.0.0.2")
    compare(thief.bind(group=group), {"type": BIND_NAK, "reason": 0})
    equal(thief.end(), "fin", "end of the thief")
    second = world.link(proxy, source="127.0.0.1")
    compare(second.bind(group=group), {"type": BIND_ACK, "group": group})
    equal(len(server.events("open")), 2, "connections that the server saw")
    wait_until(lambda: "foreign-association-group" in ends_of(proxy), "the reason")
    first.close()
    second.close()
    wait_until(lambda: len(server.events("close")) == 2, "both to go")
    late = world.link(proxy, source="127.0.0.2")
    compare(late.bind(group=group), {"type": BIND_NAK, "reason": 0})


@case("limits/group-pins-its-member")
def group_member(world):
    """The second connection of a group goes to the member that granted it, though the other is less busy."""
    one, two = world.server(), world.server()
    proxy = world.proxy(one, two)
    first = world.link(proxy)
    group = first.bind().group
    for _ in range(3):
        compare(world.link(proxy).bind(group=group), {"type": BIND_ACK, "group": group})
    equal(sorted([len(one.events("open")), len(two.events("open"))]), [0, 4], "connections of the members")


@case("limits/unknown-group-passes")
def unknown_group(world):
    """Only the server can know it."""
    server = world.server()
    outside = world.link(server)
    group = outside.bind().group
    proxy = world.proxy(server)
    compare(world.link(proxy).bind(group=group), {"type": BIND_ACK, "group": group})


BIND_AS = """
import sys
sys.path[:0] = sys.argv[1:3]
from harness import Link
answer = Link(sys.argv[3]).bind(group=int(sys.argv[4]))
print(answer.type)
"""


@case("limits/group-guard-by-user")
def group_by_user(world):
    if os.geteuid() != 0:
        raise Skip("needs root, to be two users")
    path = world.path("sock")
    proxy = world.proxy(world.server(), listen="unix:%s" % path)
    os.chmod(path, 0o666)
    first = world.link(proxy)
    group = first.bind().group
    for uid, wanted in ((65534, BIND_NAK), (0, BIND_ACK)):
        told = subprocess.run(["/usr/bin/python3", "-B", "-c", BIND_AS, ROOT / "tests/live", ROOT / "tests/support",
                               proxy.address, str(group)], user=uid, capture_output=True, text=True)
        if uid and told.returncode:
            raise Skip("another user cannot read the tests")
        equal(told.stdout.strip(), str(wanted), "answer to uid %d; %s" % (uid, told.stderr[-300:]))


# ---- a slow reader's calls end with it ----

@case("limits/slot-of-a-slow-reader-that-resets")
def slow_reader_resets(world):
    """A client that asked for much and read nothing must not keep its slot when it goes."""
    server = world.server()
    proxy = world.proxy(server, server="calls: 1")
    link = world.link(proxy)
    link.bind()
    link.call(7, answer=40 * MIB)
    wait_until(server.ledger, "the call")
    wait_until(server.rests, "everybody to be stuck")
    link.reset()
    works(world, proxy)
    wait_until(lambda: [line for line in proxy.calls() if line["end"] == "client-left"], "the line of its call")


@case("limits/echo-interface-and-strangers")
def strangers(world):
    """Clients of several interfaces on one listener."""
    proxy = world.proxy(world.server())
    for own, interface in enumerate((TEST, ECHO)):
        link = world.link(proxy)
        compare(link.bind(context(0, interface)), {"results": [(0, 0)]})
        link.send(request(0, test_call(9 + own) if interface == TEST else (1).to_bytes(4, "little"), call_id=2))
        equal(link.read().type, rpc.RESPONSE, "answer")

