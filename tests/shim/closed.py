#!/usr/bin/env python3
"""What matched is not let out: without a proxy, with one that does not answer or is killed, from sockets and programs
that cannot be led.

As shim.py: in a network namespace that has nothing but loopback. Prints TAP.
Usage: closed.py [--build DIR] [WORD...]"""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

import shim  # noqa: E402
from harness import check, equal, wait_until  # noqa: E402
from shim import CONNECT, callers, none_slipped  # noqa: E402


def fails_closed(place):
    """Without a proxy, and with one that does not answer: refused, in time, and never directly."""
    port, server = place.echo()
    rules = ["--to", "*:%d" % port]
    told = place.python(rules, CONNECT, "10.0.0.5", str(port)).split()
    equal(told[0], "ConnectionRefusedError", "without a proxy")
    check(float(told[1]) < 0.5, "it took %s s" % told[1])
    proxy = place.proxy()
    with proxy.stopped():
        told = place.python(rules, CONNECT, "10.0.0.5", str(port)).split()
        equal(told[0], "ConnectionRefusedError", "with one that is stopped")
        check(1.0 <= float(told[1]) <= 1.6, "it took %s s" % told[1])
        told = place.python(rules, CONNECT, "fd00::5", str(port)).split()
        equal(told[0], "ConnectionRefusedError", "the same by IPv6")
    none_slipped()
    equal(callers(server), set(), "users that have connected")


def opens(place):
    """Directly where --open says so, and --not is never led."""
    port, server = place.echo()
    rules = ["-v", "--to", "*:%d" % port]
    done = place.run([*rules, "--open"], [sys.executable, "-c", CONNECT, "10.0.0.5", str(port)])
    check(done.stdout.startswith("connected"), done.stdout)
    check("directly: the proxy does not answer" in done.stderr, done.stderr)
    done = place.run([*rules, "--not", "10.0.0.5:*"], [sys.executable, "-c", CONNECT, "10.0.0.5", str(port)])
    equal((done.stdout.split()[0], done.stderr), ("connected", ""), "with --not")
    wait_until(lambda: len(server.out.read_text().splitlines()) == 3, "two connections")


REFUSED = """
import socket, sys
for family, host in ((socket.AF_INET, "10.0.0.5"), (socket.AF_INET6, "fd00::5")):
    for protocol, device in ((262, b""), (6, b"far0")):
        try:
            s = socket.socket(family, socket.SOCK_STREAM, protocol); s.settimeout(5)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
            s.connect((host, int(sys.argv[1]))); print("connected")
        except OSError as e: print(type(e).__name__)
"""


def unled(place):
    """Sockets that cannot be led are refused, and why is said."""
    port, server = place.echo()
    subprocess.run(["ip", "link", "add", "far0", "type", "veth", "peer", "name", "far1"], check=True)
    try:
        place.proxy()
        done = place.run(["-v", "--to", "*:%d" % port], [sys.executable, "-c", REFUSED, str(port)])
    finally:
        subprocess.run(["ip", "link", "del", "far0"], check=True)
    equal(done.stdout.split(), ["ConnectionRefusedError"] * 4, "outcomes")
    for why in ("the socket is of MPTCP", "the socket is bound to a device"):
        check("refused: " + why in done.stderr, done.stderr)
    equal(callers(server), set(), "users that have connected")
    none_slipped()


EXHAUSTED = """
import resource, socket, sys
s = socket.socket()
resource.setrlimit(resource.RLIMIT_NOFILE, (s.fileno() + 1, s.fileno() + 1))
try: s.connect(("10.0.0.5", int(sys.argv[1]))); print("connected")
except OSError as e: print(type(e).__name__)
"""


def no_descriptors(place):
    """Who has no descriptor left to ask with is refused."""
    port, server = place.echo()
    place.proxy()
    equal(place.python(["--to", "*:%d" % port], EXHAUSTED, str(port)), "ConnectionRefusedError", "outcome")
    equal(callers(server), set(), "users that have connected")
    none_slipped()


def wrong_rules(place):
    """With an environment that cannot be understood nothing is let out; RPCWARD_WAIT is how long an answer may take."""
    port, server = place.echo()
    proxy = place.proxy()
    preload = {**os.environ, "LD_PRELOAD": str(place.for_everybody() / "librpcward-preload.so"),
               "RPCWARD_PROXY": str(place.path)}

    def told(**variables):
        command = [sys.executable, "-c", CONNECT, "10.0.0.5", str(port)]
        return subprocess.run(command, env={**preload, **variables}, capture_output=True, text=True, timeout=30,
                              check=True).stdout.split()
    equal(told(RPCWARD_TO="nonsense")[0], "ConnectionRefusedError", "with a rule that is none")
    equal(told(RPCWARD_NOT="*:135 nonsense")[0], "ConnectionRefusedError", "with an exception that is none")
    equal(told(RPCWARD_PROXY="/x" * 60)[0], "ConnectionRefusedError", "with a path that is too long")
    equal(callers(server), set(), "users that have connected")
    with proxy.stopped():
        outcome, seconds = told(RPCWARD_TO="*:%d" % port, RPCWARD_WAIT="300")
    equal(outcome, "ConnectionRefusedError", "without an answer")
    check(0.3 <= float(seconds) < 0.9, "it took %s s" % seconds)
    equal(told(RPCWARD_TO="*:%d" % port)[0], "connected", "by the environment alone")
    none_slipped()


KILLED = """
import socket, sys, time
end, worst, done, refused = time.monotonic() + 3, 0, 0, 0
while time.monotonic() < end:
    began = time.monotonic()
    try:
        s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
        s.sendall(b"x"); s.recv(1); s.close(); done += 1
    except OSError:
        refused += 1
    worst = max(worst, time.monotonic() - began)
print(done, refused, round(worst, 2))
"""


def killed(place):
    """The proxy is killed and started again under a program that connects without pause."""
    port, _ = place.echo()
    proxy = place.proxy()
    command = [str(word) for word in [*place.launcher("--to", "*:%d" % port), sys.executable, "-c", KILLED, "10.0.0.5",
                                      port]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        for _ in range(3):
            seen = len(proxy.lines("passage"))
            wait_until(lambda: len(proxy.lines("passage")) > seen + 5, "connections")
            proxy.kill()
            place.world.proxies.remove(proxy)
            proxy = place.proxy()
        done, refused, worst = client.communicate(timeout=20)[0].split()
    check(int(done) > 20 and int(refused) > 0, "%s done, %s refused" % (done, refused))
    check(float(worst) < 1.5, "a connect took %s s" % worst)
    none_slipped()


CASES = {"fails closed": fails_closed, "open by request": opens, "sockets that cannot be led": unled,
         "the proxy is killed": killed, "out of descriptors": no_descriptors, "rules that are wrong": wrong_rules}

if __name__ == "__main__":
    sys.exit(shim.main(__file__, CASES))
