#!/usr/bin/env python3
"""Connects to Unix sockets, as local RPC makes them (ncalrpc), led by --to unix:PATH.

As shim.py. Prints TAP. Usage: local.py [--build DIR] [WORD...]"""

import json
import os
import pathlib
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

import shim  # noqa: E402
from harness import check, equal, wait_until  # noqa: E402
from shim import PROXY_USER  # noqa: E402

NOBODY = 65534
AS_NOBODY = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]

# What a program sees: how the connect went, blocking or not; both names; an echo; a second connect.
STORY = """
import errno, fcntl, os, socket, sys
def outcome(call, *arguments):
    try: return call(*arguments)
    except OSError as e: return errno.errorcode[e.errno]
for blocking in (True, False):
    s = socket.socket(socket.AF_UNIX); s.setblocking(blocking)
    fd = s.fileno()
    print(outcome(s.connect, sys.argv[1]), outcome(s.getpeername), s.getsockname(), s.fileno() == fd, s.getblocking())
    s.setblocking(True)
    print(outcome(s.connect, sys.argv[1]), outcome(s.send, b"hello"), outcome(s.recv, 5))
    copy = os.dup(fd)
    s.close()
    print(outcome(socket.socket(fileno=copy).getpeername))
"""


def echo(place, name, owner, mode):
    """An echo server at a path of its own."""
    path = place.world.path(name)
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)
    command = ["socat", "UNIX-LISTEN:%s,fork,mode=%o,user=%d" % (path, mode, owner), "EXEC:cat"]
    place.world.keep(shim.Program(place.world.directory, "socat%d" % place.count, command))
    place.count += 1
    wait_until(path.exists, "the echo server")
    return path


def calls(place):
    """Calls to a server at a path; they are logged under it."""
    world = place.world
    path = world.path("rpc.sock")
    server = world.server("unix:%s" % path)
    path.chmod(0o666)
    proxy = place.proxy()
    done = place.run(["--to", "unix:%s" % path],
                     [world.build / "test-client", "--connect", "unix:%s" % path, "--calls", 3])
    equal(json.loads(done.stdout or "{}").get("answered"), 3, "answered; %s" % done.stderr)
    lines = proxy.wait_calls(3)
    equal({(line["server"], line["end"]) for line in lines}, {("unix:%s" % path, "answered")}, "of the call lines")
    equal(len(server.events("open")), 1, "connections that the server saw")


def story(place):
    """What a program sees of such a socket is the same, with the shim and without."""
    path = echo(place, "open/echo", 0, 0o666)
    place.proxy()
    for target in (path, place.world.path("nothing")):
        told = subprocess.run([sys.executable, "-c", STORY, target], capture_output=True, text=True, check=True).stdout
        equal(place.python(["--to", "unix:%s" % target], STORY, str(target)), told.strip(), "what it saw")


def private(place):
    """The proxy's user may connect where the program's may not: the program may not then, and leads nobody astray."""
    path = echo(place, "private/echo", PROXY_USER, 0o600)
    everybody = echo(place, "open/echo", 0, 0o666)
    place.proxy()

    def told(target):
        rules = ["--to", "unix:%s" % target]
        done = subprocess.run([*map(str, AS_NOBODY), *map(str, place.launcher(*rules)), "/usr/bin/python3", "-c", STORY,
                               str(target)], capture_output=True, text=True, timeout=30, check=False)
        return done.stdout.split(" ")[0] or done.stderr
    os.chmod(place.world.directory, 0o755)
    equal(told(everybody), "None", "where everybody may")
    equal(told(path), "EACCES", "where only the proxy may")
    own = place.world.path("own")
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    (own / "echo").symlink_to(path)
    equal(told(own / "echo"), "EACCES", "by a link of its own")


def unanswered(place):
    """Without a proxy such a connect is refused, and not made directly."""
    path = echo(place, "open/echo", 0, 0o666)
    told = place.python(["--to", "unix:%s" % path], STORY, str(path))
    check(told.startswith("ECONNREFUSED"), told)
    told = place.python(["--to", "unix:%s" % path, "--not", "unix:%s" % path], STORY, str(path))
    check(told.startswith("None %s" % path), told)


CLOBBER = """
import ctypes, socket, sys
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_void_p
for name in (b"RPCWARD_TO", b"RPCWARD_PROXY"):
    at = libc.getenv(name)
    ctypes.memset(at, ord("x"), len(ctypes.string_at(at)))
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"x")
s.recv(1)
"""


def clobbered(place):
    """A program that writes over its environment, as those do that change their titles, is led all the same."""
    path = echo(place, "open/echo", 0, 0o666)
    proxy = place.proxy()
    place.python(["--to", "unix:%s" % path], CLOBBER, str(path))
    wait_until(lambda: proxy.lines("passage"), "the passage")


def strangers(place):
    """Who has not asked is not let in at the door of local sockets."""
    place.proxy()
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(place.path) + ".local")
        stranger.settimeout(5)
        equal(stranger.recv(1), b"", "what a stranger hears")


CASES = {"local calls": calls, "an environment that is written over": clobbered,
         "the same story of a local socket": story, "private local sockets": private,
         "local sockets without a proxy": unanswered, "strangers at the local door": strangers}

if __name__ == "__main__":
    sys.exit(shim.main(__file__, CASES))
