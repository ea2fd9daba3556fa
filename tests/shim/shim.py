#!/usr/bin/env python3
"""Programs with the shim in them, in a network namespace that has nothing but loopback: what slips out goes nowhere.

The proxy runs as a user of its own, and a rule of the kernel's lets no other one connect to the servers. Prints TAP.
Usage: shim.py [--build DIR] [--seconds N] [WORD...]; with words, only cases whose name has one of them."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

from harness import Failure, Program, World, check, equal, wait_until  # noqa: E402

# Our own client is built with its sanitizer, which wants to be the first library: it is not, behind the shim.
os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
RUSH = {"seconds": 20}
INSIDE = "RPCWARD_SHIM_INSIDE"  # set for the run within the namespace
PROXY_USER, SHARE = 61234, 1024
HOSTS = ("10.0.0.5/32", "10.0.0.6/32", "fd00::5/128", "fd00::6/128")
AS_USER = ["setpriv", "--reuid", str(PROXY_USER), "--regid", str(PROXY_USER), "--clear-groups", "--inh-caps",
           "+dac_read_search", "--ambient-caps", "+dac_read_search"]
ONLY_PROXY = """table inet only {
 chain out { type filter hook output priority 0;
  ip daddr 10.0.0.0/24 tcp flags & (syn | ack) == syn meta skuid != %d counter reject with tcp reset
  ip6 daddr fd00::/64 tcp flags & (syn | ack) == syn meta skuid != %d counter reject with tcp reset
 }
}
""" % (PROXY_USER, PROXY_USER)
SETTINGS = "%slisteners:\n  - shim: %s\n%s"


class Place:
    """A world with a shim's proxy, and what is run in it."""

    def __init__(self, world):
        self.world, self.rules = world, []
        self.folder = world.path("run")
        self.folder.mkdir(mode=0o755)
        os.chmod(world.directory, 0o711)
        os.chown(self.folder, PROXY_USER, PROXY_USER)
        self.path = self.folder / "shim.sock"
        self.count, self.guard, self.guarded = 0, ONLY_PROXY, False

    def proxy(self, servers="", listener="", top=""):
        more = "".join("    %s\n" % line for line in listener.splitlines())
        config = SETTINGS % (top + "\n" + servers, self.path, more)
        proxy = self.world.proxy(config=config, wrapper=AS_USER)
        if not self.guarded:
            subprocess.run(["nft", "-f", "-"], input=self.guard, text=True, check=True)
        self.guarded = True
        return proxy

    def for_everybody(self):
        """A folder with the launcher and its library that any user can read, wherever they were built."""
        folder = self.world.path("for-everybody")
        if not folder.exists():
            folder.mkdir(mode=0o755)
            for name in ("rpcward-run", "librpcward-preload.so"):
                shutil.copy(self.world.build / name, folder)
        return folder

    def launcher(self, *rules):
        """The words before a command that is to be led."""
        return [self.for_everybody() / "rpcward-run", "--proxy", self.path, *rules, "--"]

    def run(self, rules, command, seconds=60, **how):
        command = [str(word) for word in [*self.launcher(*rules), *command]]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL,
                                  check=False, **how)
        except subprocess.TimeoutExpired:
            raise Failure("no end after %s s: %s" % (seconds, command)) from None

    def python(self, rules, program, *arguments, **how):
        """What a program of a few lines printed."""
        done = self.run(rules, [sys.executable, "-c", program, *arguments], **how)
        equal(done.returncode, 0, "exit status of python, which said %r" % done.stderr[-500:])
        return done.stdout.strip()

    def echo(self, *first):
        """(its port, the Program); what it was connected by stands in its output."""
        self.count += 1
        server = self.world.keep(Program(self.world.directory, "echo%d" % self.count,
                                         [sys.executable, HERE / "echo.py", *first]))
        return int(server.wait_for(server.out, r"^\d+$")[0]), server


def callers(server):
    """Users that have connected to an echo server, as far as their sockets were still theirs."""
    return {line.split()[1] for line in server.out.read_text().splitlines()[1:]} - {"None"}


def none_slipped():
    listed = subprocess.run(["nft", "-j", "list", "table", "inet", "only"], capture_output=True, check=True)
    rules = json.loads(listed.stdout)
    counts = [part["counter"]["packets"] for entry in rules["nftables"] if "rule" in entry
              for part in entry["rule"]["expr"] if "counter" in part]
    equal(counts, [0, 0], "SYNs that were not the proxy's")


def closed_port():
    """A port at which nobody listens; it stays bound so that nobody will."""
    sock = socket.socket()
    sock.bind(("10.0.0.5", 0))
    return sock, sock.getsockname()[1]


# ---- cases ----

def calls(place, host):
    """Our own client and server: the calls are logged under the server's true address."""
    world = place.world
    server = world.server("[%s]:0" % host if ":" in host else host + ":0")
    proxy = place.proxy()
    done = place.run(["--to", "*:%s" % server.address.rsplit(":", 1)[1]],
                     [world.build / "test-client", "--connect", server.address, "--calls", 5])
    equal(json.loads(done.stdout)["answered"], 5, "answered")
    lines = proxy.wait_calls(5)
    equal({(line["server"], line["end"]) for line in lines}, {(server.address, "answered")}, "of the call lines")
    check(lines[0]["client"].startswith("shim:%d:" % os.getuid()), "client %s" % lines[0]["client"])
    equal(len(server.events("open")), 1, "connections that the server saw")
    none_slipped()


def calls_v4(place):
    calls(place, "10.0.0.5")


def calls_v6(place):
    calls(place, "fd00::5")


def same_story(place):
    """All that a program can see of a socket, with the shim and without, in every way to connect."""
    port, server = place.echo()
    spare, closed = closed_port()
    with spare:
        probe = [sys.executable, HERE / "probe.py", port, closed]
        direct = subprocess.run([str(word) for word in probe], capture_output=True, text=True, timeout=60, check=True)
        place.proxy()
        led = place.run(["--to", "*:%d" % port, "--to", "*:%d" % closed], probe)
    equal(led.stderr, "", "what the shim said without being asked")
    wanted, got = json.loads(direct.stdout), json.loads(led.stdout)
    check(len(wanted) >= 40, "only %d cases" % len(wanted))
    unlike = ["%s: %s, directly %s" % (name, got.get(name), wanted[name]) for name in wanted
              if got.get(name) != wanted[name]]
    check(not unlike, "%d of %d differ: %s" % (len(unlike), len(wanted), "; ".join(unlike)[:1500]))
    check(str(PROXY_USER) in callers(server), "the proxy has connected for nobody")
    none_slipped()


SAY = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
if len(sys.argv) > 3: s.sendall(sys.argv[3].encode())
print(s.recv(100).decode())
"""


def server_first(place):
    """A server that speaks first is heard, though nothing is known of its protocol."""
    port, _ = place.echo("--first", "220 hello")
    proxy = place.proxy()
    equal(place.python(["--to", "*:%d" % port], SAY, "10.0.0.5", str(port)), "220 hello", "heard")
    equal(wait_until(lambda: proxy.lines("passage"), "a line")[0]["bytes_out"], 9, "bytes_out")


def other_refused(place):
    port, _ = place.echo()
    place.proxy(listener="other: refuse")
    done = place.run(["--to", "*:%d" % port], [sys.executable, "-c", SAY, "10.0.0.5", str(port), "GET /"])
    check("Connection reset" in done.stderr, done.stderr[-300:])


def large(place):
    """What is no DCE/RPC is relayed whole, and its FIN in both directions, though readers are slow."""
    port, _ = place.echo()
    place.proxy()
    program = """
import socket, sys, threading, hashlib
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
data = bytes(range(256)) * 40000
def send():
    s.sendall(b"x" + data); s.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
got = b""
while True:
    more = s.recv(3000)
    if not more: break
    got += more
print(got == b"x" + data)
"""
    equal(place.python(["--to", "*:%d" % port], program, "10.0.0.5", str(port)), "True", "all came back")


QUESTION = struct.Struct("=IHHQQI112sI")
ANSWER = struct.Struct("=IiII112sQII16I")


def ask(place, sock, host, port, spares=0):
    """Asks as the shim does; the alias's address, and that of each spare if there is a wish for any."""
    cookie, netns = (struct.unpack("=Q", sock.getsockopt(socket.SOL_SOCKET, name, 8))[0] for name in (57, 71))
    name = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton(host))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
        asking.connect(str(place.path))
        asking.send(QUESTION.pack(2, 0, 0, cookie, netns, 16, name, spares))
        _, error, _, _, address, _, _, count, *more = ANSWER.unpack(asking.recv(1000))
    equal(error, 0, "error of the answer")
    _, to = struct.unpack_from("=HH", address)
    found = [(socket.inet_ntoa(alias), socket.ntohs(to))
             for alias in (address[4:8], *(struct.pack("=I", spare) for spare in more[:count]))]
    return found if spares else found[0]


def is_reset(sock, alias):
    """Perhaps before connect() returns."""
    sock.settimeout(5)
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        sock.connect(alias)
        sock.sendall(b"hello")
        return sock.recv(5) == b""
    return True


def stolen(place):
    """An alias is good for one connection of one socket."""
    port, server = place.echo()
    proxy = place.proxy()
    first, thief, late = socket.socket(), socket.socket(), socket.socket()
    alias = ask(place, first, "10.0.0.5", port)
    check(is_reset(thief, alias), "another socket was let in")
    first.connect(alias)
    first.sendall(b"hello")
    equal(first.recv(5), b"hello", "answer to its own socket")
    check(is_reset(late, alias), "an alias was good twice")
    check(is_reset(socket.socket(), ("127.77.7.7", alias[1])), "an unknown alias was let in")
    equal(callers(server), {str(PROXY_USER)}, "users that have connected")
    check(any("alias" in text for text in proxy.notices()), "no notice")
    other = ask(place, thief, "10.0.0.5", port)
    check(other != alias, "an alias was given twice")


POLICY = """servers:
  quick: { match: [ "10.0.0.0/24:%d" ], call-timeout: 300ms }
  moved: { match: [ "10.9.0.0/16:135" ], members: [ "%s" ] }
"""


def policies(place):
    """match says whose rules a destination gets; a server with members leads there instead."""
    world = place.world
    server = world.server("10.0.0.5:0")
    port = int(server.address.rsplit(":", 1)[1])
    proxy = place.proxy(servers=POLICY % (port, server.address))
    done = place.run(["--to", "*:%d" % port], [world.build / "test-client", "--connect", server.address, "--calls", 1,
                                              "--behaviour", "silent"])
    equal(json.loads(done.stdout)["faults"], 1, "a call that its server is silent about: faults")
    equal(proxy.wait_calls(1)[0]["end"], "timed-out", "its end")
    done = place.run([], [world.build / "test-client", "--connect", "10.9.8.7:135", "--calls", 1])
    equal(json.loads(done.stdout)["answered"], 1, "answered by the member: %s" % done.stderr)
    none_slipped()


CONNECT = """
import socket, sys, time
began = time.monotonic()
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 10); print("connected", end=" ")
except OSError as e:
    print(type(e).__name__, end=" ")
print(round(time.monotonic() - began, 1))
"""


def only_lo(place):
    """The proxy's own ports can be reached over the loopback device alone; its file of ports only it can write."""
    place.proxy()
    listed = subprocess.run(["ss", "-Htln"], capture_output=True, text=True, check=True).stdout
    places = sorted(line.split()[3].rsplit(":", 1)[0] for line in listed.splitlines())
    equal(places, ["0.0.0.0%lo", "[::1]%lo"], "where it listens")
    ports = os.stat(str(place.path) + ".ports")
    equal((ports.st_uid, ports.st_mode & 0o777), (PROXY_USER, 0o644), "owner and mode of the file of ports")


def descriptors(proxy):
    return len(os.listdir("/proc/%d/fd" % proxy.process.pid))


RESETS = """
import socket, struct, sys
for _ in range(1000):
    s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.connect((sys.argv[1], int(sys.argv[2])))
    s.close()
"""


def hasty(place):
    """Clients that reset at once, and one that asks and never comes, leave no connection behind."""
    port, _ = place.echo("--quiet")
    proxy = place.proxy()
    before = descriptors(proxy)
    for host in ("10.0.0.5", "fd00::5"):
        place.python(["--to", "*:%d" % port], RESETS, host, str(port))
    with socket.socket() as never:
        ask(place, never, "10.0.0.5", port)
        wait_until(lambda: descriptors(proxy) == before, "the proxy's descriptors to be %d again" % before, 5)


def rush(place):
    """32 threads that connect, fork and close: nothing hangs, nobody gets another one's peer, nothing is left over."""
    seconds = RUSH["seconds"]
    port, server = place.echo("--quiet")
    proxy = place.proxy(top="log: { calls: none }")
    before = descriptors(proxy)
    done = place.run(["--to", "*:%d" % port], [place.world.build / "rush", "10.0.0.5", "10.0.0.6", port, seconds, 32],
                     seconds=seconds + 60)
    equal(done.returncode, 0, "exit status, after %r %r" % (done.stdout, done.stderr))
    connects, forks, failures, _ = (int(word) for word in done.stdout.split() if word.isdigit())
    check(connects > 100 * seconds and forks > 0 and failures == 0, done.stdout)
    wait_until(lambda: descriptors(proxy) == before, "the proxy's descriptors to be %d again" % before, 10)
    check(server.is_alive() and proxy.is_alive(), "a server has died")
    none_left_over(place, port)
    none_slipped()
    print("# %s" % done.stdout.strip())


def none_left_over(place, port):
    """A user may have 1024 aliases that it has not come for: were any left from before, there would be fewer now.
    Spares that were not used are over after a few seconds."""
    count = 0

    def fill():
        nonlocal count
        with contextlib.suppress(Failure):
            while count <= SHARE:
                with socket.socket() as sock:
                    ask(place, sock, "10.0.0.5", port)
                count += 1
        return count >= SHARE
    wait_until(fill, "room for %d aliases" % SHARE, 15)
    equal(count, SHARE, "aliases until the first refusal")


def signals(place):
    """Handlers of signals may connect, whatever they interrupt."""
    port, _ = place.echo("--quiet")
    place.proxy(top="log: { calls: none }")
    done = place.run(["--to", "*:%d" % port], [place.world.build / "signals", "10.0.0.5", port, 3])
    equal(done.returncode, 0, "exit status, after %r %r" % (done.stdout, done.stderr))
    inside, outside = map(int, done.stdout.split())
    check(inside > 100 and outside > 100, done.stdout)


CASES = {"calls over IPv4": calls_v4, "calls over IPv6": calls_v6, "the same story": same_story,
         "a server speaks first": server_first, "what is no DCE/RPC is refused": other_refused, "a large echo": large,
         "aliases cannot be stolen": stolen, "policies by destination": policies, "only over lo": only_lo,
         "signal handlers": signals, "clients in haste": hasty, "a rush of threads and forks": rush}


def attempt(case, build):
    with tempfile.TemporaryDirectory(prefix="rpcward-shim-") as scratch:
        world = World(build, pathlib.Path(scratch))
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        try:
            case(Place(world))
            world.end()
            return None
        except Exception as error:
            return "%s: %s" % (type(error).__name__, error)
        finally:
            world.kill()


def why_not():
    for program in ("unshare", "ip", "nft", "setpriv"):
        if not shutil.which(program):
            return program + " is not installed"
    if os.geteuid():
        return "needs root, for a network namespace"
    tried = subprocess.run(["unshare", "-n", "sh", "-c", "ip link set lo up && nft list ruleset"], capture_output=True)
    return "no network namespace with nftables can be made here" if tried.returncode else None


def run_inside(command):
    """The same program in a network namespace of its own, with the hosts on its loopback."""
    shell = "ip link set lo up && %s && exec \"$0\" \"$@\"" % " && ".join(
        "ip addr add %s dev lo%s" % (host, " nodad" if ":" in host else "") for host in HOSTS)
    command = ["unshare", "-n", "sh", "-c", shell, sys.executable, *map(str, command)]
    return subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode


def main(script=__file__, cases=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--seconds", default=RUSH["seconds"], type=int, help="of the rush")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    build, RUSH["seconds"] = options.build.resolve(), options.seconds
    why = why_not()
    if why:
        print("ok 1 - shim # SKIP %s\n1..1" % why)
        return 0
    if INSIDE not in os.environ:
        return run_inside([script, "--build", build, "--seconds", options.seconds, *options.words])
    failed, number = False, 0
    for name, case in (cases or CASES).items():
        if options.words and not any(word in name for word in options.words):
            continue
        number += 1
        why = attempt(case, build)
        failed = failed or bool(why)
        print("%s %d - %s%s" % ("not ok" if why else "ok", number, name, "\n# " + why if why else ""), flush=True)
    print("1..%d" % number)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
