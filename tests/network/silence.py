#!/usr/bin/env python3
"""A host falls silent: the server's or the client's, each in a network namespace of its own. Prints TAP.

Usage: silence.py [--build DIR] [WORD]...

The proxy's host is joined by a cable (a veth pair) to the server's, and by another to that of clients. What must not
happen is judged by a capture of the cable, or by a call that takes its time meanwhile."""

import argparse
import concurrent.futures
import itertools
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

from capture import Capture, probes_in  # noqa: E402
from harness import Failure, World, check, equal, rpc, wait_until  # noqa: E402
from namespaces import Host, timers, waiting_for_ack  # noqa: E402
from recorder import DEAF, Recorder, ack  # noqa: E402
from restarts import SERVER_LOST, SETTINGS as RETRIES, Callers, interfaces  # noqa: E402
from rpc import BIND_ACK, FAULT, RESPONSE, TEST, bind, context, trailer  # noqa: E402

COM_TIMEOUT, LOST = 1, 6  # seconds: the setting, and the most that finding out may take after it
SPEAKS = 2                # seconds before a host falls silent again
SETTINGS = "com-timeout: %ds" % COM_TIMEOUT
CALL_FAILED, CANCELLED = 0x1C000012, 0x1C00000D
CONNECT, PACKET = 2, 4    # auth levels (MS-RPCE 2.2.1.1.8)
LEVELS = (None, CONNECT, PACKET)


class Place(World):
    """A world of three hosts: the proxy's, where this thread is, a server's and a clients'."""

    def __init__(self, build, directory):
        super().__init__(build, directory)
        self.near = self.adopt(Host.of_this_thread())
        self.far = self.adopt(self.near.joined("server", "10.9.1"))
        self.clients = self.adopt(self.near.joined("clients", "10.9.2"))

    def far_server(self):
        with self.far.inside():
            return self.server(self.far.address + ":0")

    def far_deaf(self):
        """One that accepts a bind, authenticated as it came, and no more; ours has no authentication."""
        def accept(pdu):
            auth = trailer(10, pdu.raw[-pdu.auth_length - 7]) if pdu.auth_length else None
            return ack(auth=auth)
        with self.far.inside():
            return self.adopt(Recorder([accept, DEAF], listen=(self.far.address, 0)))

    def linked(self, proxy, level=None):
        """A client that has bound."""
        link = self.link(proxy)
        link.level = level
        answer = link.ask(bind([context(0, TEST)], auth=level and trailer(10, level)))
        equal(answer.type, BIND_ACK, "answer to the bind")
        return link


def call(link, behaviour="silent", a=0, own_id=7, **what):
    auth = trailer(10, link.level) if link.level else None
    link.send(rpc.request(0, rpc.test_call(own_id, behaviour, a, **what), call_id=2, auth=auth))


def told_lost(link, since, earliest=COM_TIMEOUT, latest=COM_TIMEOUT + LOST):
    """A fault where nothing is signed, else a reset; in time."""
    answer = link.read()
    took = time.monotonic() - since
    if link.level == PACKET:
        equal(answer, "reset", "what the client was told")
    else:
        equal((answer.type, answer.status, answer.dne), (FAULT, CALL_FAILED, False), "what the client was told")
    check(earliest <= took <= latest, "it was told after %.1f s" % took)


def ends_of(proxy, count):
    return sorted(line["end"] for line in proxy.wait_calls(count))


def acknowledged(place, silence):
    """The requests are acknowledged, then the host falls silent: only keep-alive can find out."""
    server = place.far_deaf()
    proxy = place.proxy(server, server=SETTINGS)
    links = [place.linked(proxy, level) for level in LEVELS]
    began = time.monotonic()
    for link in links:
        call(link)
    wait_until(lambda: len(server.arrivals) == 3 and not waiting_for_ack(server.address), "acknowledgement")
    silence(place.far)
    for link in links:
        told_lost(link, began)
    equal(ends_of(proxy, 3), ["server-lost"] * 3, "ends")


def unacknowledged(place, silence, com_timeout=COM_TIMEOUT):
    """The host is silent before the requests are sent: the kernel probes nothing while bytes are un-ACKed, and repeats
    them ever more rarely."""
    server = place.far_deaf()
    proxy = place.proxy(server, server="com-timeout: %ds" % com_timeout)
    links = [place.linked(proxy, level) for level in LEVELS]
    wait_until(lambda: not waiting_for_ack(server.address), "acknowledgement of the binds")
    silence(place.far)
    began = time.monotonic()
    for link in links:
        call(link)
    wait_until(lambda: waiting_for_ack(server.address), "bytes that nobody acknowledges")
    for link in links:
        told_lost(link, began, com_timeout, com_timeout + LOST)
    equal(ends_of(proxy, 3), ["server-lost"] * 3, "ends")


def stopped(place):
    """A process that is stopped is not dead: its kernel answers. The call ends when its time is over."""
    server = place.far_server()
    proxy = place.proxy(server, server=SETTINGS + "\ncall-timeout: %ds" % (COM_TIMEOUT + LOST + 1))
    link = place.linked(proxy)
    with server.stopped():
        began = time.monotonic()
        call(link, "echo")
        answer = link.read()
        took = time.monotonic() - began
    equal((answer.type, answer.status), (FAULT, CANCELLED), "what the client was told")
    check(took >= COM_TIMEOUT + LOST + 0.9, "it was told after %.3f s" % took)  # times are counted in whole ms
    link.call(8, call_id=3)  # the connection was kept: what is told of the first call is swallowed
    equal((link.read().call_id, ends_of(proxy, 2)), (3, ["answered", "timed-out"]), "the next call")


def not_reading(place):
    """Nor is one whose buffers are full: its kernel answers, though it takes no more, and is asked ever more
    rarely: after 6 s, once in 6 s."""
    server = place.far_server()
    proxy = place.proxy(server, server=SETTINGS + "\ncall-timeout: 12s", listener="buffer: 16MiB")
    link = place.linked(proxy)
    with server.stopped():
        link.send(*rpc.fragments(0, rpc.test_call(7, size=8 << 20), 5000, call_id=2))
        answer = link.read()
    equal((answer.type, answer.status), (FAULT, CANCELLED), "what the client was told")
    equal(ends_of(proxy, 1), ["timed-out"], "end")


def slow_reader(place):
    """A client that is in no hurry to read a long answer is not dead either."""
    proxy = place.proxy(place.far_server(), server=SETTINGS)
    link, clock = place.linked(proxy), place.linked(proxy)
    link.call(7, "slow", 1000 * COM_TIMEOUT + 500, answer=16 << 20)
    call(clock, "slow", 1000 * (COM_TIMEOUT + LOST + 1), own_id=8)
    equal(clock.read().type, RESPONSE, "the other call's answer")
    length = 0
    while not length or not answer.flags & rpc.LAST:
        answer = link.read()
        equal(getattr(answer, "type", answer), RESPONSE, "a part of the answer")
        length += len(answer.stub)
    check(length > 16 << 20, "%d bytes of the answer" % length)


def system_keepalive(place):
    """What the system does for connections that idle is there before and after."""
    server = place.far_server()
    link = place.linked(place.proxy(server, server=SETTINGS))
    wait_until(lambda: "(keepalive,119min," in timers(server.address), "the system's keep-alive")
    call(link, "slow", 1000 * COM_TIMEOUT + 500)
    wait_until(lambda: "(keepalive,119min," not in timers(server.address), "ours")
    equal(link.read().type, RESPONSE, "the answer")
    wait_until(lambda: "(keepalive,119min," in timers(server.address), "the system's keep-alive")


def source_port(server, own_id):
    """Of the proxy's connection by which a call came in."""
    def entries():
        return [entry for entry in server.ledger() if int(entry.own_id) == own_id]
    return int(wait_until(entries, "call %d to come in" % own_id)[0].peer.rsplit(":", 1)[1])


def on_the_wire(place):
    """Of three connections whose calls are long one probes, once a second; at its answer the next one takes over; at
    the last answer all end, and short calls on another connection bring none back."""
    server = place.far_server()
    capture = Capture(place, "server", place.far.address)
    proxy = place.proxy(server, server="com-timeout: 2s")
    ports = []
    links = [place.linked(proxy) for _ in range(3)]
    for own_id, (link, takes) in enumerate(zip(links, (5000, 8500, 8000))):
        call(link, "slow", takes, own_id)
        ports.append(source_port(server, own_id))
    for link in (links[0], links[2], links[1]):
        equal(link.read().type, RESPONSE, "the answer")
    idle = place.linked(proxy)
    for own_id in (10, 11):
        call(idle, "slow", 1200, own_id)
        equal(idle.read().type, RESPONSE, "the answer")
    idle.close()
    segments = capture.segments_until_fin()
    runs = [list(run) for _, run in itertools.groupby(probes_in(segments), lambda probe: probe.port)]
    equal([run[0].port for run in runs], ports[:2], "who probed, in turn")
    for run in runs:
        probes_well(run, [s for s in segments if s.port == run[0].port and s.size > 1])


def probes_well(run, talk):
    """From com-timeout after the request on, a second apart, none after the answer."""
    asked, answered = max(s.at for s in talk if s.is_up), max(s.at for s in talk if not s.is_up)
    times = [probe.at for probe in run]
    check(asked + 1.9 <= times[0] and times[-1] <= answered,
          "probes at %r; asked %r, answered %r" % (times, asked, answered))
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    check(2 <= len(times) <= 5 and all(0.7 <= gap <= 1.5 for gap in gaps), "seconds between probes: %r" % gaps)


def all_fail(place):
    """The one that probes goes unanswered: then the others probe too, and all their calls fail."""
    server = place.far_server()
    capture = Capture(place, "server", place.far.address)
    proxy = place.proxy(server, server=SETTINGS)
    links, ports = [place.linked(proxy) for _ in range(3)], []
    began = time.monotonic()
    for own_id, link in enumerate(links):
        call(link, own_id=own_id)
        ports.append(source_port(server, own_id))
    wait_until(lambda: len(probes_in(capture.segments())) >= 2, "probes")
    place.far.drop()
    fell_silent = time.monotonic()
    told_lost(links[0], fell_silent, 1)
    found_out = time.time()
    for link in links[1:]:
        told_lost(link, fell_silent, 1)
    first = {}
    for probe in probes_in(capture.segments()):
        first.setdefault(probe.port, probe.at)
    equal((list(first)[0], set(first)), (ports[0], set(ports)), "who probed")
    others = [first.pop(port) for port in ports[1:]]
    check(first[ports[0]] + 1.5 <= min(others) and max(others) < found_out,
          "the first probed at %r and was lost at %r, the others probed from %r" % (first, found_out, others))


def at_clients_host(place, proxy):
    with place.clients.inside():
        return place.linked(place.clients.gateway + ":" + proxy.address.rsplit(":", 1)[1])


def client_gone(place):
    """The clients' host vanishes in mid-call: its link ends too, as its server is to know."""
    server = place.far_server()
    proxy = place.proxy(server, server=SETTINGS, listen="0.0.0.0:0")
    link, began = at_clients_host(place, proxy), time.monotonic()
    call(link)
    source_port(server, 7)
    place.clients.drop()
    ends = {("client", "client-reset"), ("server", "client-reset")}
    wait_until(lambda: set(proxy.connections()) == ends, "both ends", COM_TIMEOUT + LOST)
    check(time.monotonic() - began >= COM_TIMEOUT, "it was not waited for")
    equal(ends_of(proxy, 1), ["client-left"], "ends")
    wait_until(lambda: server.events("close"), "the server to know")


def slot_stays(place):
    """Where calls are limited, the call of one that vanished is still inside: the next one waits for its end."""
    server = place.far_server()
    proxy = place.proxy(server, server=SETTINGS + "\ncalls: 1", listen="0.0.0.0:0")
    gone, began = at_clients_host(place, proxy), time.monotonic()
    call(gone, "slow", 1000 * (COM_TIMEOUT + LOST + 1))
    source_port(server, 7)
    place.clients.fall_silent()
    other = place.linked(proxy)
    call(other, "echo", own_id=8)
    wait_until(proxy.connections, "the client's end", COM_TIMEOUT + LOST)
    equal((proxy.connections(), len(server.ledger())), ([("client", "client-reset")], 1), "ends, and calls inside")
    equal(other.read().type, RESPONSE, "the answer")
    check(time.monotonic() - began >= COM_TIMEOUT + LOST + 1, "two calls were inside")


def again_and_again(place, idempotent):
    """The host falls silent under plain clients that call without pause, for longer than it takes to find out, and is
    back: they keep their connections, and what cannot have run is answered."""
    server = place.far_server()
    settings = SETTINGS + "\nconnect-timeout: 500ms\nhealth: { longest-backoff: 200ms }\n" + RETRIES
    proxy = place.proxy(server, server=settings, top=interfaces(idempotent))
    callers, silences = Callers(place, proxy, 32), []

    def fall_silent_and_speak():
        """The pauses are what is played; nothing waits for them."""
        threading.Event().wait(SPEAKS)
        place.far.fall_silent()
        threading.Event().wait(COM_TIMEOUT + LOST)
        place.far.speak_again()
        silences.append(None)
    told = callers.during(2 * (SPEAKS + COM_TIMEOUT + LOST) - 1, fall_silent_and_speak)
    allowed = {"answered"} if idempotent else {"answered", str(SERVER_LOST)}
    equal(set(told) - allowed, set(), "what else clients were told")
    check(len(silences) == 2 and (idempotent or told[str(SERVER_LOST)]), "no call was lost: %r" % dict(told))
    equal([line for line in proxy.connections() if line[0] == "client"], [], "clients that lost theirs")
    lost = [line for line in proxy.calls() if line["end"] == "server-lost"]
    check(all(line["evidence"] == "all" for line in lost), "lost, and not all of it was written: %r" % lost[:1])
    if idempotent:
        place.servers.clear()  # what is idempotent may run twice
    place.end()
    callers.hold_against(server, once=not idempotent)


def unix_server(place):
    """A Unix socket has no host that could fall silent: its server's death is known at once."""
    servers = [place.server("unix:%s" % place.path("test")),
               place.adopt(Recorder([ack(auth=trailer(10, PACKET)), DEAF], listen=str(place.path("deaf"))))]
    proxies = [place.proxy(server, server=SETTINGS) for server in servers]
    links = [place.linked(proxy, level) for proxy, level in zip(proxies, (None, PACKET))]
    for link in links:
        call(link)
    wait_until(lambda: servers[0].ledger() and servers[1].arrivals, "the calls to come in")
    for server, link, die in zip(servers, links, (servers[0].kill, servers[1].close)):
        since = time.monotonic()
        die()
        told_lost(link, since, 0, COM_TIMEOUT)


CASES = {
    "acknowledged/no-ip": lambda place: acknowledged(place, Host.drop),
    "acknowledged/nothing-at-all": lambda place: acknowledged(place, Host.fall_silent),
    "acknowledged/unplugged": lambda place: acknowledged(place, Host.unplug),
    "unacknowledged/no-ip": lambda place: unacknowledged(place, Host.drop),
    "unacknowledged/nothing-at-all": lambda place: unacknowledged(place, Host.fall_silent),
    "unacknowledged/unplugged": lambda place: unacknowledged(place, Host.unplug),
    "unacknowledged/for-long": lambda place: unacknowledged(place, Host.drop, 7),
    "server-stopped": stopped,
    "server-stopped-in-a-request": not_reading,
    "slow-reader": slow_reader,
    "system-keep-alive": system_keepalive,
    "probes-on-the-wire": on_the_wire,
    "prober-unanswered": all_fail,
    "client-gone": client_gone,
    "client-gone-keeps-its-slot": slot_stays,
    "unix-server-dies": unix_server,
    "again-and-again": lambda place: again_and_again(place, False),
    "again-and-again-idempotent": lambda place: again_and_again(place, True),
}


def attempt(name, build):
    """None, or why it failed."""
    with tempfile.TemporaryDirectory(prefix="rpcward-network-") as scratch:
        place = None
        try:
            place = Place(build, pathlib.Path(scratch))
            CASES[name](place)
            place.end()
            return None
        except Failure as failure:
            return str(failure)
        except Exception:
            return traceback.format_exc()
        finally:
            if place:
                place.kill()


def why_not():
    """Why nothing of this can run here, or None."""
    for program in ("ip", "ss", "nft", "tcpdump", "tshark"):
        if not shutil.which(program):
            return program + " is not installed"
    try:
        near = Host.of_this_thread()
        other = near.joined("server", "10.9.1")
        other.fall_silent()
        other.drop()
    except (OSError, subprocess.CalledProcessError) as error:
        return "no network namespaces with nftables can be made here: %s" % error
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("words", nargs="*", help="only cases whose name has one of these words")
    options = parser.parse_args()
    why = why_not()
    if why:
        print("ok 1 - network # SKIP %s\n1..1" % why)
        return 0
    names = [name for name in CASES if not options.words or any(word in name for word in options.words)]
    failed = False
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:  # they wait more than they work
        verdicts = pool.map(lambda name: attempt(name, options.build.resolve()), names)
        for number, (name, why) in enumerate(zip(names, verdicts), 1):
            failed = failed or bool(why)
            print("%s %d - %s" % ("not ok" if why else "ok", number, name), flush=True)
            print("".join("# %s\n" % line for line in (why or "").splitlines()), end="", flush=True)
    print("1..%d" % len(names))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
