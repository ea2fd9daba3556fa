"""Starts servers, proxies and clients for the live tests, and reads what they leave behind.

    world = World(build, directory)
    server = world.server()
    proxy = world.proxy(server, server="calls: 2", listener="bind-timeout: 1s")
    report = world.load(proxy, "--connections", 4, "--behaviour", "slow:100")
    world.end()                             # ends them all, and counts both sides: see audit.py

Nothing here sleeps for a fixed time to let something happen: wait_until() looks for a condition, with a deadline."""

import collections
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import rpc  # noqa: E402
from hosts import own_host  # noqa: E402

PATIENCE = 15  # seconds that anything may take
SANITIZER = re.compile(r"(ERROR: \w+Sanitizer|runtime error:|Assertion .* failed|WARNING: ThreadSanitizer)")


class Failure(Exception):
    """What a case found wrong."""


class Skip(Exception):
    """Why a case cannot run here."""


def check(truth, what):
    if not truth:
        raise Failure(what)


def equal(got, wanted, what):
    check(got == wanted, "%s: %r, wanted %r" % (what, got, wanted))


def wait_until(condition, what, seconds=PATIENCE):
    """What the condition returns, as soon as that is true."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failure("waited %s s for %s" % (seconds, what))
        time.sleep(0.005)


def stays_false(condition, what, seconds=0.15):
    """For what must not happen: there is no event to wait for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        check(not condition(), what)
        time.sleep(0.01)


# ---- programs ----

class Program:
    """A process; its output goes to files beside those of its world."""

    def __init__(self, directory, name, command, stdin=subprocess.DEVNULL, stderr=None, env=None, **how):
        self.name, self.out, self.err = name, directory / (name + ".out"), directory / (name + ".err")
        self.how = {"stdin": stdin, "stderr": stderr, "env": {**os.environ, **(env or {})}, **how}
        (directory / (name + ".command")).write_text(" ".join(map(str, command)) + "\n")
        self.start(command)

    def start(self, command):
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            how = {**self.how, "stdout": out, "stderr": self.how["stderr"] or err}
            self.process = subprocess.Popen([str(part) for part in command], **how)

    def is_alive(self):
        return self.process.poll() is None

    def matches(self, path, pattern):
        return re.findall(pattern, path.read_text(errors="replace"), re.M)

    def wait_for(self, path, pattern, count=1):
        """The matches of a pattern in one of its files, when there are so many; or what it said and died."""
        def found():
            matches = self.matches(path, pattern)
            if len(matches) < count and not self.is_alive() and len(self.matches(path, pattern)) < count:
                raise Failure("%s ended with %s: %s" % (self.name, self.process.returncode,
                                                        self.err.read_text(errors="replace")[-2000:]))
            return matches if len(matches) >= count else None
        return wait_until(found, "%r from %s" % (pattern, self.name))

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=PATIENCE):
        """Its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure("%s did not end in %s s" % (self.name, seconds)) from None

    def kill(self):
        if self.is_alive():
            self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def stopped(self):
        """Meanwhile events gather for it, and it sees them all at once afterwards."""
        self.signal(signal.SIGSTOP)
        stat = pathlib.Path("/proc/%d/stat" % self.process.pid)
        wait_until(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "T", self.name + " to stop")
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def rests(self):
        """Whether it sleeps, and has done no work between two looks."""
        def work():
            words = pathlib.Path("/proc/%d/stat" % self.process.pid).read_text().rsplit(")", 1)[1].split()
            return words[0], words[11], words[12]
        before = work()
        time.sleep(0.05)
        return before == work() and before[0] == "S"

    def memory(self):
        """Resident bytes."""
        status = pathlib.Path("/proc/%d/status" % self.process.pid).read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


Entry = collections.namedtuple("Entry", "interface opnum own_id peer connection")  # of a ledger


class Server(Program):
    """A test-server with its ledger."""

    def __init__(self, build, directory, name, listen):
        self.ledger_path, self.events_path = directory / (name + ".ledger"), directory / (name + ".events")
        self.program = build / "test-server"
        super().__init__(directory, name, self.command(listen))
        self.addresses = self.wait_for(self.out, r"^listening (\S+)$", len(listen))
        self.address = self.addresses[0]

    def command(self, listen):
        options = [part for address in listen for part in ("--listen", address)]
        return [self.program, *options, "--ledger", self.ledger_path, "--accept-log", self.events_path]

    def restart(self):
        """Once more at the same addresses, with the same ledger."""
        self.kill()
        ready = len(self.matches(self.out, "^listening"))
        self.start(self.command(self.addresses))
        self.wait_for(self.out, "^listening", ready + len(self.addresses))

    def ledger(self):
        lines = self.ledger_path.read_text().splitlines()
        return [Entry(words[0], int(words[1]), *words[2:]) for words in (line.split() for line in lines)]

    def events(self, kind):
        return [line.split() for line in self.events_path.read_text().splitlines() if line.split()[0] == kind]


def read_logfmt(line):
    """A line of key=value words as a dict; - is nothing."""
    pairs = re.findall(r'([\w]+)=("(?:[^"\\]|\\.)*"|\S*)', line)
    return {key: None if value == "-" else json.loads(value) if value.startswith('"')
            else int(value) if value.isdigit() else value for key, value in pairs}


class Proxy(Program):
    """An rpcward."""

    def __init__(self, build, directory, name, arguments, listeners=1, logfmt=False, log_path=None,
                 wrapper=(), **how):
        super().__init__(directory, name, [*wrapper, build / "rpcward", *arguments], **how)
        self.log_path, self.logfmt = log_path or self.err, logfmt
        self.addresses, self.address = [], None
        if listeners:
            self.addresses = self.wait_for(self.err, r"^rpcward: ready: (\S+) -> ", listeners)
            self.address = self.addresses[0]

    def read_line(self, line):
        try:
            return read_logfmt(line) if self.logfmt else json.loads(line)
        except ValueError:
            raise Failure("a line of the log is no JSON: %r" % line) from None

    def lines(self, kind=None):
        """Lines of the log, whole ones, as dicts."""
        if not self.log_path.exists():
            return []
        whole, _, _ = self.log_path.read_text(errors="replace").rpartition("\n")
        start = "time=" if self.logfmt else "{"
        lines = [self.read_line(line) for line in whole.split("\n") if line.startswith(start)]
        return [line for line in lines if kind is None or line["kind"] == kind]

    def calls(self):
        return self.lines("call")

    def connections(self):
        """(side, reason) of each connection that has ended."""
        return [(line["side"], line["reason"]) for line in self.lines("connection")]

    def notices(self):
        return [line["message"] for line in self.lines("notice")]

    def wait_calls(self, count):
        return wait_until(lambda: len(self.calls()) >= count and self.calls(), "%d call lines" % count)

    def wait_connections(self, count):
        return wait_until(lambda: len(self.connections()) >= count and self.connections(),
                          "%d connection lines, of which there are %r" % (count, self.connections()))

    def stop(self):
        """SIGTERM, and what must follow."""
        if self.is_alive():
            self.signal(signal.SIGTERM)
        equal(self.wait(), 0, "exit status of " + self.name)


class Load(Program):
    """A test-client; its report and outcomes."""

    def __init__(self, build, directory, name, address, arguments, **how):
        self.outcome_path = directory / (name + ".outcomes")
        super().__init__(directory, name, [build / "test-client", "--connect", address, "--outcomes",
                                           self.outcome_path, "--timeout", 20000, *arguments], **how)

    def report(self, seconds=60):
        self.wait(seconds)
        lines = self.out.read_text().splitlines()
        check(lines, "%s: no report; %s" % (self.name, self.err.read_text()))
        return json.loads(lines[-1])

    def outcomes(self):
        """How often each outcome was had."""
        return collections.Counter(line.split()[1] for line in self.outcome_path.read_text().splitlines())


# ---- connections by hand ----

class Link(rpc.Connection):
    """A connection of our own, perhaps from another source address; counts the requests that it sends."""

    def __init__(self, address, timeout=PATIENCE, source=None):
        if source is None:
            super().__init__(address, timeout)
        else:
            host, port = address.rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), timeout, (source, 0))
            self.buffered = b""

    def bind(self, *contexts, **head):
        """Binds the test interface, or what is given; returns what was answered."""
        return self.ask(rpc.bind(list(contexts) or [rpc.context(0, rpc.TEST)], **head))

    def call(self, own_id, behaviour="echo", a=0, b=0, call_id=2, flags=rpc.WHOLE, **what):
        self.send(rpc.request(0, rpc.test_call(own_id, behaviour, a, b, **what), call_id=call_id, flags=flags))

    def read_bytes(self, count):
        """So many bytes, whatever they are; fewer at the end."""
        while len(self.buffered) < count:
            more = self.socket.recv(65536)
            if not more:
                break
            self.buffered += more
        data, self.buffered = self.buffered[:count], self.buffered[count:]
        return data

    def finish_writing(self):
        self.socket.shutdown(socket.SHUT_WR)

    def name(self):
        """As the log has it."""
        return "%s:%d" % self.socket.getsockname()[:2]

    def end(self):
        """How it ends: "fin", "reset", or the PDU that came instead; "cut …" where a part of a PDU was left."""
        last = self.read()
        how = "fin" if last is None else last
        return "cut " + how if self.buffered and isinstance(how, str) else how


def close_by_reset(sock):
    """Closes by RST."""
    rpc.reset(sock)


# ---- a case's world ----

HOW_A_PROXY_STARTS = ("listeners", "logfmt", "log_path", "stderr", "env", "wrapper")

SETTINGS = """\
drain: {drain}
{top}
servers:
  default:
    members: [ {members} ]
{server}
listeners:
  - address: "{listen}"
    server: default
{listener}
"""


def indent(text, depth):
    return "\n".join(" " * depth + line for line in text.splitlines())


class World:
    """All that one case starts. `directory` is its own."""

    def __init__(self, build, directory):
        self.build, self.directory = pathlib.Path(build), pathlib.Path(directory)
        self.programs, self.others, self.proxies, self.servers = [], [], [], []
        self.ended = False

    def is_sanitized(self):
        return b"__asan_init" in (self.build / "rpcward").read_bytes()

    def name(self, what):
        taken = sum(1 for program in self.programs if re.match(what + r"\d*$", program.name))
        return what + (str(taken + 1) if taken else "")

    def keep(self, program):
        self.programs.append(program)
        return program

    def path(self, name):
        return self.directory / name

    def server(self, *listen, behind=True):
        """A test-server. One that is not behind the proxy is not counted at the end."""
        server = self.keep(Server(self.build, self.directory, self.name("server"), listen or [own_host() + ":0"]))
        if behind:
            self.servers.append(server)
        return server

    def adopt(self, other):
        """Something with a close() and no process; returns it."""
        self.others.append(other)
        return other

    def settings(self, members, server="", listener="", top="", listen="127.0.0.1:0", drain="2s"):
        """Where a case does not say how long clients wait for a server that is away, they do not."""
        if "unavailable-wait" not in server:
            server += "\nunavailable-wait: 0s"
        listed = (member if member.startswith("{") else '"%s"' % member for member in members)
        return SETTINGS.format(members=", ".join(listed), server=indent(server, 4),
                               listener=indent(listener, 4), top=top, listen=listen, drain=drain)

    def proxy(self, *members, config=None, arguments=None, **settings):
        """An rpcward before servers or addresses; settings as YAML text, or the command line's own arguments."""
        how = {key: settings.pop(key) for key in HOW_A_PROXY_STARTS if key in settings}
        name = self.name("proxy")
        if arguments is None:
            addresses = [getattr(member, "address", member) for member in members]
            path = self.path(name + ".yaml")
            path.write_text(config or self.settings(addresses, **settings))
            arguments = ["-c", path]
        proxy = Proxy(self.build, self.directory, name, arguments, **how)
        self.keep(proxy)
        self.proxies.append(proxy)
        return proxy

    def start_load(self, target, *arguments, **how):
        address = getattr(target, "address", target)
        return self.keep(Load(self.build, self.directory, self.name("client"), address, arguments, **how))

    def load(self, target, *arguments):
        """Runs a test-client to its end; returns it."""
        client = self.start_load(target, *arguments)
        client.report()
        return client

    def link(self, target, **how):
        return self.adopt(Link(getattr(target, "address", target), **how))

    def end(self):
        """Ends clients, then proxies, then servers, in order; nothing may be left."""
        if self.ended:
            return
        self.ended = True
        for other in self.others:
            if isinstance(other, Link):
                other.close()
        for proxy in self.proxies:
            if proxy.address:
                proxy.stop()
        self.kill()
        for proxy in self.proxies:
            found = SANITIZER.search(proxy.err.read_text(errors="replace"))
            check(not found, "%s: %s" % (proxy.name, found and found.group(0)))

    def kill(self):
        for program in self.programs:
            program.kill()
        for other in self.others:
            other.close()
