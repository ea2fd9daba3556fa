#!/usr/bin/env python3
"""What waits and for how long: silence on a new connection, aliases that nobody comes for.

As shim.py: in a network namespace that has nothing but loopback. Prints TAP.
Usage: waiting.py [--build DIR] [WORD...]"""

import contextlib
import pathlib
import select
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

import shim  # noqa: E402
from harness import check, equal, wait_until  # noqa: E402
from running import port_of  # noqa: E402
from shim import ask, none_slipped  # noqa: E402

QUICK = "bind-timeout: 300ms"
# Says nothing until it is told to by a line; what comes before that is printed, and so is what comes after.
SILENT = """
import select, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
print("connected", flush=True)
ready = select.select([s, sys.stdin], [], [], 30)[0]
if s in ready:
    try: print("heard", s.recv(100).decode(), flush=True)
    except OSError as e: print(type(e).__name__, flush=True)
else:
    sys.path.insert(0, sys.argv[3])
    import rpc
    s.sendall(rpc.bind([rpc.context(0, rpc.TEST)]))
    print("answered", s.recv(100)[2], flush=True)
"""


class Silent:
    """A led client that waits for its server to speak."""

    def __init__(self, place, host, port):
        words = [*place.launcher("--to", "*:%d" % port), sys.executable, "-c", SILENT, host, port,
                 HERE.parent / "support"]
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.says("connected")

    def says(self, what):
        equal(self.process.stdout.readline().strip(), what, "what the client says")

    def says_nothing(self):
        """For longer than the bind-timeout, which is looked at once in a second."""
        ready = select.select([self.process.stdout], [], [], 2.5)[0]
        check(not ready, "it said %s" % (ready and ready[0].readline()))

    def bind(self):
        self.process.stdin.write("now\n")
        self.process.stdin.flush()

    def end(self):
        self.process.communicate(timeout=10)


def listen():
    """A server that the test itself is."""
    sock = socket.create_server(("10.0.0.5", 0))
    sock.settimeout(10)
    return sock, sock.getsockname()[1]


GREEDY = 45678
# Asks as a shim does until it is refused, comes for one of what it got, and asks again.
ASK_ALONE = """
import os, pathlib, resource, socket, sys, types
sys.path[:0] = ["%s"]
import shim
resource.setrlimit(resource.RLIMIT_NOFILE, (3000, 3000))
os.setuid(%d)
place, port = types.SimpleNamespace(path=pathlib.Path("%s")), %d
socks, aliases = [], []
try:
    for _ in range(2000):
        socks.append(socket.socket())
        aliases.append(shim.ask(place, socks[-1], "10.0.0.5", port))
except shim.Failure:
    print(len(aliases), "refused", flush=True)
else:
    print("never refused", flush=True)
sys.stdin.readline()
socks[0].connect(aliases[0])
socks[0].sendall(b"x")
socks[0].recv(1)
shim.ask(place, socks[-1], "10.0.0.5", port)
print("connected", flush=True)
"""


def slow_to_speak(place):
    """A server that speaks first, and only after the bind-timeout, is heard."""
    listener, port = listen()
    with listener:
        place.proxy(listener=QUICK)
        client = Silent(place, "10.0.0.5", port)
        server, _ = listener.accept()
        client.says_nothing()
        server.sendall(b"220 hello")
        client.says("heard 220 hello")
        server.close()
    client.end()
    none_slipped()


def late_bind(place):
    """A client that binds after the bind-timeout is one of DCE/RPC all the same."""
    server = place.world.server("10.0.0.5:0")
    proxy = place.proxy(listener=QUICK)
    client = Silent(place, "10.0.0.5", port_of(server))
    client.says_nothing()
    client.bind()
    client.says("answered 12")
    client.end()
    wait_until(lambda: ("client", "client-closed") in proxy.connections(), "the line of the client's connection")
    equal(proxy.lines("passage"), [], "passages")
    none_slipped()


def behind_members(place):
    """Where a server with members stands for the destination, what says nothing is led to the destination itself."""
    listener, port = listen()
    with listener:
        member = place.world.server("10.0.0.6:0")
        place.proxy(servers='servers:\n  m: { match: [ "10.0.0.5:*" ], members: [ "%s" ] }\n' % member.address)
        client = Silent(place, "10.0.0.5", port)
        server, _ = listener.accept()
        server.sendall(b"220 hello")
        client.says("heard 220 hello")
        server.close()
    client.end()
    none_slipped()


def late_comer(place):
    """The connection that was made for an alias is not kept long for who does not come; one that comes is heard."""
    listener, port = listen()
    with listener, socket.socket() as late:
        place.proxy()
        alias = ask(place, late, "10.0.0.5", port)
        first, _ = listener.accept()
        first.settimeout(10)
        equal(first.recv(1), b"", "what the server sees of the connection that nobody came for")
        late.settimeout(10)
        late.connect(alias)
        second, _ = listener.accept()
        second.sendall(b"220 hello")
        equal(late.recv(100), b"220 hello", "heard")
        first.close()
        second.close()


def refused_silence(place):
    """With `other: refuse` a client that does not bind is reset after the bind-timeout; and so it is where nobody can
    be reached who might speak first."""
    listener, port = listen()
    with listener:
        proxy = place.proxy(listener=QUICK + "\nother: refuse")
        client = Silent(place, "10.0.0.5", port)
        client.says("ConnectionResetError")
        client.end()
    equal(wait_until(lambda: proxy.lines("passage"), "a line")[0]["reason"], "bind-timeout", "reason")


def unreachable_silence(place):
    """A client whose destination cannot be reached any more is reset then, for nobody can speak to it."""
    listener, port = listen()
    proxy = place.proxy(listener=QUICK)
    with socket.socket() as late:
        alias = ask(place, late, "10.0.0.5", port)
        first, _ = listener.accept()
        first.settimeout(10)
        equal(first.recv(1), b"", "what the server sees")
        first.close()
        listener.close()
        late.settimeout(10)
        late.connect(alias)
        with contextlib.suppress(ConnectionResetError):
            equal(late.recv(1), b"", "what it hears")
    equal(wait_until(lambda: proxy.lines("passage"), "a line")[0]["reason"], "bind-timeout", "reason")


def greedy(place):
    """A user that asks and never comes gets no more after its share; others do, and so does it when it has come."""
    port, _ = place.echo("--quiet")
    proxy = place.proxy()
    program = ASK_ALONE % (HERE, GREEDY, place.path, port)
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as client:
        equal(client.stdout.readline(), "1024 refused\n", "answers")
        equal(place.python(["--to", "*:%d" % port], shim.SAY, "10.0.0.5", str(port), "hi"), "hi", "another user's echo")
        equal(client.communicate("go\n", timeout=20)[0], "connected\n", "after one has come")
    said = [text for text in proxy.notices() if "user %d was refused" % GREEDY in text]
    check(said and "1024 others" in said[0], "%s" % proxy.notices())


CASES = {"a greedy user": greedy, "a server that is slow to speak": slow_to_speak, "a late bind": late_bind,
         "silence before a server with members": behind_members, "a late comer": late_comer,
         "silence that is refused": refused_silence, "silence without a server": unreachable_silence}

if __name__ == "__main__":
    sys.exit(shim.main(__file__, CASES))
