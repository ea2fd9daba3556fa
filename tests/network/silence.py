#!/usr/bin/env python3
"""A server's host falls silent, or the server is only busy; two network namespaces, a cable between them. Prints TAP.

Usage: silence.py [--build DIR]"""

import argparse
import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

import two_hosts  # noqa: E402
from harness import Failure, Program, Server, World, check, equal, rpc, wait_until  # noqa: E402
from recorder import Recorder, ack  # noqa: E402
from rpc import BIND_ACK, FAULT, RESPONSE  # noqa: E402

COM_TIMEOUT, LOST = 1, 6           # seconds: the setting, and the most that finding out may take after it
CALL_FAILED, CANCELLED = 0x1C000012, 0x1C00000D


class FarServer(Server):
    """One that runs on the far host."""

    def __init__(self, world, far):
        self.far = far
        super().__init__(world.build, world.directory, world.name("server"), [two_hosts.FAR + ":0"])
        world.keep(self)
        world.servers.append(self)

    def command(self, listen):
        return self.far.command(*super().command(listen))


def settings(more=""):
    return "com-timeout: %ds\n%s" % (COM_TIMEOUT, more)


def start(world, more=""):
    server = FarServer(world, world.far)
    return server, world.proxy(server, server=settings(more))


def start_signed(world):
    """A server that takes any trailer for a signature, and answers no call."""
    with world.far.inside():
        server = world.adopt(Recorder([ack(auth=rpc.trailer()), None], listen=(two_hosts.FAR, 0)))
    proxy = world.proxy(server, server=settings())
    link = world.link(proxy)
    equal(link.bind(auth=rpc.trailer()).type, BIND_ACK, "answer to the bind")
    return server, link


def bound(world, proxy):
    link = world.link(proxy)
    equal(link.bind().type, BIND_ACK, "answer to the bind")
    return link


def told_lost(link, since, is_signed=False):
    """At level packet and above nothing that we could say would be signed: it is reset."""
    answer = link.end()
    told = (answer.type, answer.status) if isinstance(answer, rpc.Pdu) else answer
    equal(told, "reset" if is_signed else (FAULT, CALL_FAILED), "what the client was told")
    took = time.monotonic() - since
    check(COM_TIMEOUT <= took <= COM_TIMEOUT + LOST, "it was told after %.1f s" % took)


def acknowledged(world):
    """The request is acknowledged, then the host falls silent."""
    server, proxy = start(world)
    link = bound(world, proxy)
    began = time.monotonic()
    link.call(7, "silent")
    wait_until(server.ledger, "the call to come in")
    world.far.fall_silent()
    told_lost(link, began)


def unacknowledged(world):
    """The host is silent before the request is sent: the kernel probes nothing while bytes are un-ACKed."""
    _, proxy = start(world)
    link = bound(world, proxy)
    world.far.fall_silent()
    began = time.monotonic()
    link.call(7, "silent")
    told_lost(link, began)


def signed(before):
    def case(world):
        server, link = start_signed(world)
        if before:
            world.far.fall_silent()
        began = time.monotonic()
        link.send(rpc.request(0, rpc.test_call(7), call_id=2, auth=rpc.trailer()))
        if not before:
            wait_until(lambda: server.arrivals, "the call to come in")
            world.far.fall_silent()
        told_lost(link, began, is_signed=True)
    return case


def all_of_them(world):
    """One connection probes for its member; when it is not answered the others find out for themselves."""
    server, proxy = start(world)
    links = [bound(world, proxy) for _ in range(4)]
    began = time.monotonic()
    for number, link in enumerate(links):
        link.call(7 + number, "silent")
    wait_until(lambda: len(server.ledger()) == 4, "the calls to come in")
    world.far.fall_silent()
    for link in links:
        told_lost(link, began)


def hears_nothing(link):
    link.socket.settimeout(COM_TIMEOUT + LOST)
    try:
        raise Failure("told %r" % link.read())
    except TimeoutError:
        pass
    link.socket.settimeout(15)


def stopped(size):
    def case(world):
        """A process that is stopped is not dead: its kernel answers, also when its window is closed."""
        server, proxy = start(world)
        link = bound(world, proxy)
        with server.stopped():
            link.send(*rpc.fragments(0, rpc.test_call(7, size=size), 4000, call_id=2))
            hears_nothing(link)
        while not link.read().flags & rpc.LAST:
            pass
    return case


def stopped_too_long(world):
    """What ends it is the call time-out."""
    server, proxy = start(world, "call-timeout: 3s")
    link = bound(world, proxy)
    with server.stopped():
        began = time.monotonic()
        link.call(7)
        answer = link.read()
        equal((answer.type, answer.status), (FAULT, CANCELLED), "what the client was told")
        check(2.9 < time.monotonic() - began < 4, "it was told after %.1f s" % (time.monotonic() - began))
    link.call(8, call_id=3)
    equal(link.read().type, RESPONSE, "the answer to the next call")


PROBE = re.compile(r"^(\d+\.\d+) IP \S+?\.(\d+) > %s\.\d+: Flags \[\.\], ack \d+" % re.escape(two_hosts.FAR))


def probes_of(text):
    """(seconds, source port) of bare ACKs to the server that come alone: keep-alive probes repeat an old number."""
    return [(float(match[1]), match[2]) for match in map(PROBE.match, text.splitlines()) if match]


def on_the_wire(world):
    """Probes begin after com-timeout, come once a second from one of three connections, and stop at the answer."""
    server, proxy = start(world)
    links = [bound(world, proxy) for _ in range(3)]
    wanted = "tcp and dst host %s and tcp[13] == 16" % two_hosts.FAR
    tcpdump = world.keep(Program(world.directory, "tcpdump", [
        "tcpdump", "-Z", "root", "-i", "near", "-n", "-l", "--immediate-mode", "-tt", wanted]))
    tcpdump.wait_for(tcpdump.err, "listening on")
    began = time.time()
    for number, link in enumerate(links):
        link.call(7 + number, "slow", 5500)
    for link in links:
        equal(link.read().type, RESPONSE, "the answer")
    ended = time.time()
    time.sleep(1.5)  # for what must not come: there is no event to wait for
    tcpdump.signal(signal.SIGINT)
    tcpdump.wait()
    probes = [(at, port) for at, port in probes_of(tcpdump.out.read_text()) if at > began + 0.5]
    ports = collections.Counter(port for at, port in probes if at < ended - 0.2)
    check(len(ports) == 1 and 3 <= sum(ports.values()) <= 5, "probes by connection: %r" % ports)
    check(probes[0][0] >= began + COM_TIMEOUT, "a probe %.1f s after the call began" % (probes[0][0] - began))
    late = [at - ended for at, _ in probes if at > ended + 0.3]
    check(not late, "probes after the answers: %r" % late)


CASES = {"silence after the request was acknowledged": acknowledged,
         "silence after a signed request was acknowledged": signed(before=False),
         "silence before the request is acknowledged": unacknowledged,
         "silence before a signed request is acknowledged": signed(before=True),
         "silence with four calls on four connections": all_of_them,
         "a server that is stopped": stopped(0),
         "a server that is stopped, with its window closed": stopped(3500000),
         "a server that is stopped for longer than call-timeout": stopped_too_long,
         "probes on the wire": on_the_wire}


def attempt(case, build):
    with tempfile.TemporaryDirectory(prefix="rpcward-network-") as scratch:
        world = World(build, pathlib.Path(scratch))
        world.far = two_hosts.FarHost()
        try:
            case(world)
            return None
        except Exception as error:
            return "%s: %s" % (type(error).__name__, error)
        finally:
            world.far.speak()
            world.kill()
            world.far.end()


def why_not():
    for program in ("unshare", "nsenter", "ip", "nft", "tcpdump"):
        if not shutil.which(program):
            return program + " is not installed"
    if os.geteuid():
        return "needs root, for a network namespace"
    make = "ip link set lo up && ip link add near type veth peer name far && nft list ruleset"
    tried = subprocess.run(["unshare", "-n", "sh", "-c", make], capture_output=True)
    return "no network namespace with nftables can be made here" if tried.returncode else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    build = parser.parse_args().build.resolve()
    why = why_not()
    if why:
        print("ok 1 - network # SKIP %s\n1..1" % why)
        return 0
    if two_hosts.INSIDE not in os.environ:
        return two_hosts.enter(str(HERE / "silence.py"))
    failed = False
    for number, (name, case) in enumerate(CASES.items(), 1):
        why = attempt(case, build)
        failed = failed or bool(why)
        print("%s %d - %s%s" % ("not ok" if why else "ok", number, name, "\n# " + why if why else ""), flush=True)
    print("1..%d" % len(CASES))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
