"""The log: its forms and places, and that its reader cannot stop the proxy. Then the command line."""

import json
import os
import re
import signal
import subprocess

from audit import KEYS
from case import CASES, Case, case, check, compare, equal
from harness import PATIENCE, rpc, wait_until

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")


# ---- forms ----

def one_call(world, logs=True, **settings):
    server = world.server()
    proxy = world.proxy(server, **settings)
    equal(dict(world.load(proxy, "--size", 500).outcomes()), {"answered": 1}, "outcomes")
    if logs:
        wait_until(lambda: len(proxy.connections()) == 2, "both connections to end")
    proxy.stop()
    return server, proxy


def check_one_call(server, proxy):
    line, = proxy.calls()
    equal(set(KEYS) - set(line), set(), "keys that are missing")
    for key, value in {"server": server.address, "interface": rpc.TEST[0], "version": "1.0", "name": None, "opnum": 0,
                       "operation": None, "call_id": 2, "auth_type": "none", "auth_level": "none", "fragments_in": 1,
                       "bytes_in": 556, "fragments_out": 1, "bytes_out": 548, "attempts": 1, "evidence": "all",
                       "proof": None, "status": None, "status_name": None, "end": "answered"}.items():
        equal(str(line[key]), str(value), key)
    check(RFC3339.match(line["time"]), "time %r" % line["time"])
    check(0 <= line["waited_us"] <= line["first_us"] <= line["total_us"] < 5000000, "times of %r" % line)
    equal(sorted(proxy.connections()), [("client", "client-closed"), ("server", "client-closed")], "connections")


@case("log/json")
def log_json(world):
    server, proxy = one_call(world)
    check_one_call(server, proxy)
    for line in proxy.err.read_text().splitlines():
        check(line.startswith("rpcward: ready") or json.loads(line)["kind"], "a line of another kind: %r" % line)


@case("log/logfmt")
def log_logfmt(world):
    check_one_call(*one_call(world, top="log: { format: logfmt }", logfmt=True))


@case("log/to-a-file")
def log_file(world):
    path = world.path("calls.log")
    path.write_text('{"time":"before","kind":"other"}\n')
    server, proxy = one_call(world, top="log: { calls: %s }" % path, log_path=path)
    check_one_call(server, proxy)
    equal(len(proxy.lines("other")), 1, "what was in the file before")
    equal(len(proxy.err.read_text().splitlines()), 1, "lines on stderr")


@case("log/none")
def log_none(world):
    _, proxy = one_call(world, logs=False, top="log: { calls: none }")
    check("call" not in proxy.err.read_text(), "a line in spite of it")
    world.servers.clear()


@case("log/place-that-cannot-be-written")
def log_nowhere(world):
    proxy = world.proxy("127.0.0.1:1", top="log: { calls: /nonexistent/log }", listeners=0)
    equal(proxy.wait(), 1, "exit status")
    check("cannot write the call log to /nonexistent/log" in proxy.err.read_text(), proxy.err.read_text())


@case("log/payload-never-appears")
def payload(world):
    """Whatever happens to a call, its bytes are nobody's business."""
    marker = b"xyzzy-secret-payload"
    server = world.server()
    for form in ("json", "logfmt"):
        proxy = world.proxy(server, top="log: { format: %s }" % form, logfmt=form == "logfmt")
        link = world.link(proxy)
        link.bind()
        link.send(rpc.request(0, marker * 10, call_id=2))
        compare(link.read(), {"type": rpc.FAULT})
        for odd in (rpc.pdu(77, marker), rpc.request(0, marker, flags=rpc.FIRST, call_id=3), marker):
            other = world.link(proxy)
            other.bind()
            other.send(odd)
            wait_until(proxy.rests, "it to be relayed")
            other.reset()
        proxy.wait_connections(6)
        proxy.stop()
        text = proxy.err.read_bytes()
        check(b"xyzzy" not in text and marker.hex().encode() not in text, "the payload is in the log")


# ---- a reader that stalls ----

class Stalled:
    """A pipe that nobody reads until told; then it is read into a file."""

    def __init__(self, path):
        self.path = path
        self.reading, self.writing = os.pipe()

    def drain(self):
        """Reads what is there; returns whether it was anything."""
        os.set_blocking(self.reading, False)
        try:
            data = os.read(self.reading, 1 << 20)
        except BlockingIOError:
            return False
        with open(self.path, "ab") as out:
            out.write(data)
        return bool(data)

    def close(self):
        for end in (self.reading, self.writing):
            try:
                os.close(end)
            except OSError:
                pass
        self.reading = self.writing = -1


@case("log/stalled-reader-stops-nothing")
def stalled(world):
    """More lines than can wait: calls go on, the loss is counted, and what waits is written when there is room."""
    pipe = world.adopt(Stalled(world.path("read")))
    server = world.server()
    path = world.path("sock")
    proxy = world.proxy(server, listen="unix:%s" % path, stderr=pipe.writing, listeners=0, log_path=pipe.path)
    wait_until(path.exists, "the listener")
    proxy.address = "unix:%s" % path
    for _ in range(3):
        equal(dict(world.load(proxy, "--calls", 1500, "--connections", 2).outcomes()), {"answered": 3000}, "outcomes")
    check(os.get_blocking(pipe.writing), "rpcward made its caller's stderr non-blocking")
    wait_until(lambda: pipe.drain() and pipe.path.stat().st_size > 1 << 20, "what waited to be written")
    world.load(proxy, "--calls", 3)
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: not pipe.drain() and not proxy.is_alive(), "the end")
    equal(proxy.wait(), 0, "exit status")
    lost = sum(line.get("lines_lost_before", 0) for line in proxy.lines())
    check(lost > 100, "%d lines lost" % lost)
    everything = [line for line in proxy.lines() if line["kind"] in ("call", "connection")]
    equal(len(everything) + lost, 9003 + 2 * 7, "lines that were written or counted as lost")


@case("log/what-waited-is-written-soon")
def written_soon(world):
    """A reader that comes back gets what waited within a second, though no call comes."""
    pipe = world.adopt(Stalled(world.path("read")))
    path = world.path("sock")
    proxy = world.proxy(world.server(), listen="unix:%s" % path, stderr=pipe.writing, listeners=0, log_path=pipe.path)
    wait_until(path.exists, "the listener")
    proxy.address = "unix:%s" % path
    world.load(proxy, "--calls", 500)

    def all_there():
        pipe.drain()
        return len(proxy.calls()) == 500 if pipe.path.exists() else False
    wait_until(all_there, "the lines that waited", 2)


@case("log/reader-that-goes")
def reader_goes(world):
    """A pipe that nobody will ever read again is no reason to stop."""
    pipe = world.adopt(Stalled(world.path("read")))
    path = world.path("sock")
    proxy = world.proxy(world.server(), listen="unix:%s" % path, stderr=pipe.writing, listeners=0, log_path=pipe.path)
    wait_until(path.exists, "the listener")
    proxy.address = "unix:%s" % path
    pipe.close()
    for _ in range(3):
        equal(dict(world.load(proxy, "--calls", 20).outcomes()), {"answered": 20}, "outcomes")
    world.servers.clear()  # there is no log to count against


# ---- the command line ----

def command(world, *arguments, text=None):
    path = world.path("settings.yaml")
    path.write_text(text or "")
    arguments = [str(path) if argument == "FILE" else argument for argument in arguments]
    return subprocess.run([world.build / "rpcward", *arguments], capture_output=True, text=True, timeout=PATIENCE)


GOOD = """\
servers:
  payroll: { members: [ 10.0.0.5:5000 ], calls: 16 }
listeners:
  - { address: "127.0.0.1:1135", server: payroll }
"""


def commands(name, wanted, *arguments, text=None, out="", err=""):
    """One start: its exit status, and expressions that stdout and stderr must hold."""
    def run(world):
        done = command(world, *arguments, text=text)
        equal(done.returncode, wanted, "exit status; %s" % done.stderr[-500:])
        check(re.search(out, done.stdout), "stdout %r" % done.stdout)
        check(re.search(err, done.stderr), "stderr %r" % done.stderr)
    CASES.append(Case("command/" + name, run))


commands("version", 0, "--version", out=r"^rpcward \d+\.\d+")
commands("help", 0, "--help", out=r"(?s)--listen.*--server.*--set.*servers")
commands("usage", 0, "--usage", out=r"--check")
commands("check-good", 0, "--check", "-c", "FILE", text=GOOD, out=r"(?s)drain: 30s.*calls: 16")
commands("check-empty", 1, "--check", "-c", "FILE", text="", err="error")
commands("check-no-file", 1, "--check", "-c", "/nonexistent", err="/nonexistent")
commands("check-broken-yaml", 1, "--check", "-c", "FILE", text="servers: [", err=r"settings.yaml:\d+:\d+: error: ")
commands("check-all-errors-at-once", 1, "--check", "-c", "FILE",
         text=GOOD.replace("16", "0").replace("payroll }", "payrol, nonsense: 1 }"),
         err=r"(?s):2:\d+: error.*:4:\d+: error.*:4:\d+: error")
commands("run-with-a-bad-file", 1, "-c", "FILE", text="x: 1", err=r":1:1: error")
commands("check-options", 0, "--check", "--listen=127.0.0.1:0", "--server=127.0.0.1:1", "--set=calls=7",
         out="calls: 7")
commands("nothing-given", 2, err="rpcward")
commands("listen-without-server", 2, "--listen=127.0.0.1:0", err="rpcward")
commands("file-and-options", 2, "-c", "FILE", "--listen=127.0.0.1:0", "--server=127.0.0.1:1", text=GOOD, err="rpcward")
commands("file-twice", 2, "-c", "FILE", "-c", "FILE", text=GOOD, err="rpcward")
commands("unknown-option", 2, "--nonsense", err="nonsense")
commands("stray-argument", 2, "--listen=127.0.0.1:0", "--server=127.0.0.1:1", "more", err="rpcward")
ECHO = "60a15ec5-4de8-11d7-a637-005056a20182"
commands("explain", 0, "--check", "--explain", ECHO, "6", "-c", "FILE",
         text=GOOD + "interfaces:\n- uuid: %s\n  operations: { 6: { call-timeout: 2m } }\n" % ECHO,
         out=r"(?s)payroll\n.* call-timeout: 2m +\S*settings.yaml:7 \(operation 6 of rpcecho\)\n")
commands("explain-options", 0, "--check", "--explain=" + ECHO, "6", "--listen=127.0.0.1:0", "--server=127.0.0.1:1",
         "--set=deadline=5s", out=r"deadline: 5s +command line \(server default\)")
commands("explain-a-bad-file", 1, "--check", "--explain", ECHO, "6", "-c", "FILE", text="x: 1", err=r":1:1: error")
commands("explain-which-version", 2, "--check", "--explain", ECHO, "6", "-c", "FILE",
         text=GOOD + "interfaces: [ { uuid: %s }, { uuid: %s, version: 1.0 } ]\n" % (ECHO, ECHO), err="say which")
commands("explain-without-opnum", 2, "--check", "--explain", ECHO, "-c", "FILE", text=GOOD, err="number of an operation")
commands("explain-bad-opnum", 2, "--check", "--explain", ECHO, "65536", "-c", "FILE", text=GOOD, err="65536")
commands("explain-bad-uuid", 2, "--check", "--explain", "rpcecho", "6", "-c", "FILE", text=GOOD, err="rpcecho.*UUID")
commands("explain-without-check", 2, "--explain", ECHO, "6", "-c", "FILE", text=GOOD, err="--check")
commands("explain-two-opnums", 2, "--check", "--explain", ECHO, "6", "7", "-c", "FILE", text=GOOD, err="rpcward")
commands("set-unknown", 1, "--check", "--listen=127.0.0.1:0", "--server=127.0.0.1:1", "--set=cals=7", err="cals")


@case("command/check-prints-what-it-takes-back")
def round_trip(world):
    first = command(world, "--check", "-c", "FILE", text=GOOD)
    again = command(world, "--check", "-c", "FILE", text=first.stdout)
    equal((again.returncode, again.stdout), (0, first.stdout), "its own output")


# ---- memory ----

@case("memory/per-client", alone=True)
def per_client(world):
    """2,000 clients, each bound and answered once, idle: at most 4,096 bytes each; then all call again."""
    count = 2000
    server = world.server()
    proxy = world.proxy(server)
    world.load(proxy, "--calls", 10)
    before = proxy.memory()
    client = world.start_load(proxy, "--connections", count, "--hold", stdin=subprocess.PIPE)
    client.wait_for(client.out, "^ready$")
    wait_until(proxy.rests, "the proxy to rest")
    each = (proxy.memory() - before) / count
    print("# %.0f bytes of memory a client" % each, flush=True)
    check(world.is_sanitized() or each <= 4096, "%.0f bytes a client" % each)
    client.process.stdin.close()
    report = client.report()
    equal((report["answered"], report["lost"], report["unexpected"]), (2 * count, 0, 0), "answered, lost, unexpected")
    equal(len(server.ledger()), 2 * count + 10, "executions")
    proxy.wait_connections(2 * count + 2)
    check((proxy.memory() - before) / count <= 4096 or world.is_sanitized(), "memory afterwards")


