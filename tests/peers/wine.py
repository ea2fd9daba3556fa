#!/usr/bin/env python3
"""Wine's RPC runtime as client and server, directly and through rpcward. Prints TAP.

All of it runs in a network namespace that has only a loopback device, so that nothing can go elsewhere.

Usage: wine.py [--build DIR]"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from servers import SHARED

from harness import Program, World, wait_until  # noqa: E402  (servers.py knows where it is)
from verdicts import Report, lacks  # noqa: E402

PROBE = "6f1d2a90-53c4-4e0b-9d1c-7a1f0c5be001"
WINE, WINESERVER = "/usr/lib/wine/wine64", "/usr/lib/wine/wineserver64"
MINGW = "x86_64-w64-mingw32-gcc"
INSIDE = "RPCWARD_WINE_INSIDE"  # set for the run within the namespace
FIRST_PORT = 23001              # nobody else is in there
LIMIT = 90                      # seconds a program may take

# What a client does in one process: words of client.exe, of which each is a verdict.
PLAIN = ["echo:hello", "add:2,3", "sleep:50", "peek", "bump", "bump", "peek", "maybe:3", "echo:" + "x" * 200]
HANDLES = ["open:5", "next", "next", "close", "open:100", "next", "rebind", "next", "close", "next"]
ARRAYS = ["blob:0,0", "blob:1,1", "blob:5800,5800", "blob:1000000,1000000", "blob:1,1000000", "blob:1000000,1"]
FAULTS = ["raise:%d" % code for code in (5, 6, 87, 1234, 1702, 1717, 1722, 1723, 1726, 1727, 1728, 1745, 1783, 1818,
                                         0xC0000005)] + ["add:1,1"]
# Calls at the same time each open a connection of one association; a handle of the first serves the others.
SEVERAL = ["open:7", "bg:sleep:300", "bg:sleep:300", "wait:50", "next", "join", "bg:sleep:200", "wait:30", "next",
           "join", "close"]
SUITES = {"calls": PLAIN, "context handles": HANDLES, "large arrays": ARRAYS, "exceptions": FAULTS,
          "several connections of an association": SEVERAL}
LOCAL = ("wait", "join", "rebind", "bg")  # words that make no call by themselves


def calls_of(words):
    """How many calls a list of words makes."""
    return sum(1 for word in words if word.removeprefix("bg:").split(":")[0] not in LOCAL)


class Wine:
    """A prefix, and the programs built for it."""

    def __init__(self, build):
        self.home = build / "peers" / "wine"
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "WINEPREFIX": str(self.home / "prefix"),
                            "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe=d"}

    def prepare(self):
        self.home.mkdir(parents=True, exist_ok=True)
        self.run([str(SHARED / "wine" / "build.sh"), str(self.home)])
        if not (self.home / "prefix").exists():
            self.run([WINE, "wineboot", "-i"])
        self.run([WINESERVER, "-w"])

    def run(self, command, limit=LIMIT):
        done = subprocess.run(command, cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=limit, start_new_session=True)
        return done.stdout

    def client(self, address, words):
        host, port = address.rsplit(":", 1)
        return self.run([WINE, "client.exe", host, port, *words])

    def end(self):
        subprocess.run([WINESERVER, "-k"], env=self.environment, stdin=subprocess.DEVNULL)


class WineServer(Program):
    """server.exe; it tells what it executes."""

    def __init__(self, world, wine, port):
        self.address = "127.0.0.1:%d" % port
        super().__init__(world.directory, world.name("wine-server"), [WINE, wine.home / "server.exe", port],
                         env=wine.environment, start_new_session=True)
        self.wait_for(self.out, "^LISTEN")

    def executions(self):
        return len(self.matches(self.out, "^EXEC "))

    def rundowns(self):
        return len(self.matches(self.out, "^RUNDOWN "))

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        super().kill()


def read_client(said, words):
    """word -> exception and what was answered; without the time it took. Words may come twice, and out of order."""
    verdicts = {}
    for tag, word, rest in re.findall(r"^(\[bg\])?(\S+): exc=(.*) [\d.]+ms\s*$", said, re.M):
        if word.split(":")[0] in LOCAL:
            continue
        key, number = tag + word[:40], 2
        while key in verdicts:
            key, number = "%s%s (%d)" % (tag, word[:40], number), number + 1
        verdicts[key] = ("exc " + rest).strip()
    verdicts["exit status"] = "done" if len(verdicts) >= calls_of(words) else "missing: " + said[-300:]
    return verdicts


def is_said(verdicts):
    """Marks exceptions that nobody asked for."""
    return {word: "FAIL " + said if said.startswith("exc ") and not said.startswith("exc 0 ")
            and not word.startswith("raise") else said for word, said in verdicts.items()}


# ---- the servers that clients are sent to ----

class Pair:
    """Two servers alike, one reached directly, one through rpcward."""

    def __init__(self, world, make):
        self.direct, self.server = make(), make()
        self.proxy = world.proxy(self.server.address)


@contextlib.contextmanager
def worlds(build):
    with tempfile.TemporaryDirectory(prefix="rpcward-wine-") as scratch:
        world = World(build, pathlib.Path(scratch))
        try:
            yield world
        finally:
            world.kill()


def make_wine_server(world, wine, ports):
    return lambda: world.keep(WineServer(world, wine, next(ports)))


def make_own_server(world):
    return lambda: world.server("127.0.0.1:0", behind=False)


# ---- what is compared ----

def run_suites(report, wine, pair, name):
    for suite, words in SUITES.items():
        sides = []
        for target in (pair.direct.address, pair.proxy.address):
            began = time.monotonic()
            sides.append((is_said(read_client(wine.client(target, words), words)), time.monotonic() - began))
        (direct, first), (through, second) = sides
        report.compare("Wine client, " + name, suite, direct, through, (round(first, 2), round(second, 2)),
                       calls_of(words) - 2)


def run_crowd(report, wine, pair, name, count=8):
    """Several processes at once."""
    words = ["open:1", "next", "blob:20000,20000", "close", "add:4,5"]
    found = []
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for target in (pair.direct.address, pair.proxy.address):
            began = time.monotonic()
            said = list(pool.map(lambda _, at=target: is_said(read_client(wine.client(at, words), words)), range(count)))
            found.append(({"client %d" % i: repr(sorted(one.items())) for i, one in enumerate(said)},
                          time.monotonic() - began))
    (direct, first), (through, second) = found
    report.compare("Wine client, " + name, "%d processes at once" % count, direct, through,
                   (round(first, 2), round(second, 2)), count)
    return count * calls_of(words)


def check_log(report, pair, name, executed, asked):
    """Each call left a line, and its server executed it once."""
    wait_until(lambda: len(pair.proxy.calls()) >= asked, "%d call lines" % asked)
    lines = pair.proxy.calls()
    nameless = [line for line in lines if line["interface"] != PROBE or line["opnum"] is None]
    report.check("Wine client, %s: %d call lines name the interface and opnum" % (name, asked),
                 len(lines) == asked and not nameless, "%d lines, as %r" % (len(lines), nameless[:1]))
    report.check("Wine client, %s: as many executions" % name, executed(pair.server) == executed(pair.direct) == asked,
                 "%d through rpcward, %d directly" % (executed(pair.server), executed(pair.direct)))
    opened = max(line["connection"] for line in lines)
    processes = len(SUITES) + 8
    report.check("Wine client, %s: %d connections of %d processes" % (name, opened, processes), opened > processes)


def check_rundown(report, wine, pair, name, count):
    """A client that leaves an open handle behind: its server runs it down."""
    before = count(pair.server), count(pair.direct)
    for target in (pair.direct.address, pair.proxy.address):
        wine.client(target, ["open:9", "next"])
    try:
        wait_until(lambda: (count(pair.server), count(pair.direct)) == (before[0] + 1, before[1] + 1), "rundown", 5)
        good = True
    except Exception:
        good = False
    report.check("Wine client, %s: an open handle is run down when its client has gone" % name, good,
                 "%r, then %r" % (before, (count(pair.server), count(pair.direct))))


def check_death(report, wine, pair, name):
    """The server dies in mid-call, and then is away."""
    words = ["add:1,2", "die", "add:1,2"]
    direct, through = (read_client(wine.client(target, words), words)
                       for target in (pair.direct.address, pair.proxy.address))
    report.check("Wine client, %s: death in mid-call is told as directly" % name,
                 direct["die"] == through["die"] and "1726" in direct["die"],
                 "directly: %r\nthrough rpcward: %r" % (direct, through))
    report.check("Wine client, %s: the call after it fails as directly" % name,
                 direct["add:1,2 (2)"].split()[1] == through["add:1,2 (2)"].split()[1] == "1722",
                 "directly: %r\nthrough rpcward: %r" % (direct, through))


def check_timeout(report, build, wine, name, maker):
    """A call that takes longer than it may: 1818 at once, and the next call waits until the server is done with it."""
    words = ["sleep:3000", "add:2,3"]
    with worlds(build) as world:
        proxy = world.proxy(maker(world)().address, server="call-timeout: 1s")
        began = time.monotonic()
        said = read_client(wine.client(proxy.address, words), words)
        took = time.monotonic() - began
        proxy.stop()
        report.check("Wine client, %s: told 1818 by call-timeout, and its next call works" % name,
                     said.get("sleep:3000", "").startswith("exc 1818 ") and "sum=5" in said.get("add:2,3", ""), repr(said))
        report.check("Wine client, %s: both in %.1f s" % (name, took), 2.5 < took < 5)
        ends = [line["end"] for line in proxy.calls()]
        report.check("Wine client, %s: the log has both" % name, ends == ["timed-out", "answered"], repr(ends))


def run_against(report, build, wine, name, maker, executed, rundowns):
    with worlds(build) as world:
        pair = Pair(world, maker(world))
        run_suites(report, wine, pair, name)
        asked = sum(calls_of(words) for words in SUITES.values()) + run_crowd(report, wine, pair, name)
        check_log(report, pair, name, executed, asked - NEVER_SENT)
        check_rundown(report, wine, pair, name, rundowns)
        check_death(report, wine, pair, name)
    check_timeout(report, build, wine, name, maker)


NEVER_SENT = 1  # "next" on a handle that was closed: the client refuses that itself


# ---- the namespace ----

def why_not():
    for program in (WINE, WINESERVER):
        if not os.path.exists(program):
            return program + " is not installed (wine64)"
    if not (SHARED / "wine").is_dir():
        return "%s is missing" % (SHARED / "wine")
    return lacks(program=MINGW) or lacks(program="unshare") or lacks(program="ip")


def enter_namespace(arguments):
    """Runs this program again where there is only lo."""
    how = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    shell = 'ip link set lo up && exec "$0" "$@"'
    return subprocess.run([*how, "sh", "-c", shell, sys.executable, *arguments],
                          env={**os.environ, INSIDE: "1"}).returncode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    build = parser.parse_args().build.resolve()
    report = Report("wine", build)
    why = why_not()
    if why:
        report.skip("Wine", why)
        return report.end()
    if INSIDE not in os.environ:
        return enter_namespace([str(pathlib.Path(__file__).resolve()), "--build", str(build)])
    ports = iter(range(FIRST_PORT, FIRST_PORT + 100))
    wine = Wine(build)
    try:
        wine.prepare()
        run_against(report, build, wine, "Wine server", lambda world: make_wine_server(world, wine, ports),
                    WineServer.executions, WineServer.rundowns)
        run_against(report, build, wine, "our server", make_own_server,
                    lambda server: len(server.ledger()), lambda server: len(server.events("rundown")))
    finally:
        wine.end()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
