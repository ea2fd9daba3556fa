#!/usr/bin/env python3
"""A server's host falls silent, in a network namespace of our own where nftables can drop its packets. Prints TAP.

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

from harness import Program, World, check, equal, rpc, wait_until  # noqa: E402
from rpc import BIND_ACK, FAULT, RESPONSE  # noqa: E402

INSIDE = "RPCWARD_NETWORK_INSIDE"  # set for the run within the namespace
HOST = "127.9.9.1"                 # of the server; its packets are what is dropped
COM_TIMEOUT, LOST = 1, 6           # seconds: the setting, and the most that finding out may take after it
CALL_FAILED = 0x1C000012


def nft(rules):
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def silence():
    nft("table ip quiet {\n chain in { type filter hook input priority 0;\n ip daddr %s drop\n ip saddr %s drop\n }\n }\n"
        % (HOST, HOST))


def start(world):
    server = world.server(HOST + ":0")
    return server, world.proxy(server, server="com-timeout: %ds" % COM_TIMEOUT)


def bound(world, proxy):
    link = world.link(proxy)
    equal(link.bind().type, BIND_ACK, "answer to the bind")
    return link


def told_lost(link, since):
    answer = link.read()
    equal((answer.type, answer.status), (FAULT, CALL_FAILED), "what the client was told")
    took = time.monotonic() - since
    check(COM_TIMEOUT <= took <= COM_TIMEOUT + LOST, "it was told after %.1f s" % took)


def acknowledged(world):
    """The request is acknowledged, then the host falls silent."""
    server, proxy = start(world)
    link = bound(world, proxy)
    began = time.monotonic()
    link.call(7, "silent")
    wait_until(server.ledger, "the call to come in")
    silence()
    told_lost(link, began)


def unacknowledged(world):
    """The host is silent before the request is sent: the kernel probes nothing while bytes are un-ACKed."""
    _, proxy = start(world)
    link = bound(world, proxy)
    silence()
    began = time.monotonic()
    link.call(7, "silent")
    told_lost(link, began)


def stopped(world):
    """A process that is stopped is not dead: its kernel answers."""
    server, proxy = start(world)
    link = bound(world, proxy)
    link.socket.settimeout(COM_TIMEOUT + LOST)
    with server.stopped():
        link.call(7)
        try:
            check(False, "told %r" % link.read())
        except TimeoutError:
            pass
    link.socket.settimeout(15)
    equal(link.read().type, RESPONSE, "the answer")


PROBE = re.compile(r"^(\d+\.\d+) IP \S+?\.(\d+) > %s\.\d+: Flags \[\.\], ack \d+" % re.escape(HOST))


def probes_of(text):
    """(seconds, source port) of bare ACKs to the server that come alone: keep-alive probes repeat an old number."""
    return [(float(match[1]), match[2]) for match in map(PROBE.match, text.splitlines()) if match]


def on_the_wire(world):
    """Probes begin after com-timeout, come once a second from one of three connections, and stop at the answer."""
    server, proxy = start(world)
    links = [bound(world, proxy) for _ in range(3)]
    tcpdump = world.keep(Program(world.directory, "tcpdump", [
        "tcpdump", "-Z", "root", "-i", "lo", "-n", "-l", "--immediate-mode", "-tt", "tcp and dst host %s and tcp[13] == 16" % HOST]))
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


CASES = {"silence after the request was acknowledged": acknowledged, "silence before the request is acknowledged":
         unacknowledged, "a server that is stopped": stopped, "probes on the wire": on_the_wire}


def attempt(case, build):
    with tempfile.TemporaryDirectory(prefix="rpcward-network-") as scratch:
        world = World(build, pathlib.Path(scratch))
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        try:
            case(world)
            return None
        except Exception as error:
            return "%s: %s" % (type(error).__name__, error)
        finally:
            world.kill()


def why_not():
    for program in ("unshare", "ip", "nft", "tcpdump"):
        if not shutil.which(program):
            return program + " is not installed"
    if os.geteuid():
        return "needs root, for a network namespace"
    tried = subprocess.run(["unshare", "-n", "sh", "-c", "ip link set lo up && nft list ruleset"], capture_output=True)
    return "no network namespace with nftables can be made here" if tried.returncode else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    build = parser.parse_args().build.resolve()
    why = why_not()
    if why:
        print("ok 1 - network # SKIP %s\n1..1" % why)
        return 0
    if INSIDE not in os.environ:
        shell = 'ip link set lo up && exec "$0" "$@"'
        return subprocess.run(["unshare", "-n", "sh", "-c", shell, sys.executable, str(HERE / "silence.py"), "--build",
                               str(build)], env={**os.environ, INSIDE: "1"}).returncode
    failed = False
    for number, (name, case) in enumerate(CASES.items(), 1):
        why = attempt(case, build)
        failed = failed or bool(why)
        print("%s %d - %s%s" % ("not ok" if why else "ok", number, name, "\n# " + why if why else ""), flush=True)
    print("1..%d" % len(CASES))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
