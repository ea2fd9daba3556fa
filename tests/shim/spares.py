#!/usr/bin/env python3
"""Spare aliases: what a program that connects again and again to one destination is given ahead, and when that is not
used.

As shim.py: in a network namespace that has nothing but loopback. Prints TAP.
Usage: spares.py [--build DIR] [WORD...]"""

import json
import os
import pathlib
import socket
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

import shim  # noqa: E402
from harness import check, equal, wait_until  # noqa: E402
from running import port_of  # noqa: E402
from shim import ANSWER, PROXY_USER, QUESTION, ask, callers, is_reset, none_slipped  # noqa: E402

MOST, OTHER_USER = 16, 45679
HEAD = """
import errno, os, select, signal, socket, sys, time
host, port = sys.argv[1], int(sys.argv[2])
def connect():
    s = socket.socket(); s.settimeout(5); s.connect((host, port)); return s
def hello(s):
    try: s.sendall(b"x"); return s.recv(1).decode()
    except OSError as e: return type(e).__name__
def outcome(what=lambda: hello(connect())):
    try: return what()
    except OSError as e: return type(e).__name__
def warm():  # 50 quick ones: the spares that came with the answer to the 38th are not used up by then
    began = time.monotonic()
    for _ in range(50): assert hello(connect()) == "x"
    return time.monotonic() - began < 0.15
while not warm(): pass
"""


def led(place, port, program, *arguments):
    return place.python(["--to", "*:%d" % port], HEAD + program, "10.0.0.5", str(port), *map(str, arguments))


def by_user(sock, uid):
    """The same, belonging to another user (socket(7): the owner of its inode)."""
    os.fchown(sock.fileno(), uid, -1)
    return sock


def good_once(place):
    """A spare is for one connection of any socket of the user that asked, and for no other one's."""
    port, server = place.echo()
    place.proxy()
    first = socket.socket()
    found = ask(place, first, "10.0.0.5", port, spares=100)
    equal((len(found), len(set(found))), (1 + MOST, 1 + MOST), "aliases, different ones")
    check(is_reset(by_user(socket.socket(), OTHER_USER), found[1]), "another user was let in")
    for spare in found[1:3]:
        own = socket.create_connection(spare, 5)
        own.sendall(b"hello")
        equal(own.recv(5), b"hello", "echo by a spare")
        check(is_reset(socket.socket(), spare), "a spare was good twice")
        own.close()
        check(is_reset(socket.socket(), spare), "a spare was good again after its end")
    first.connect(found[0])
    first.sendall(b"hello")
    equal(first.recv(5), b"hello", "echo by the alias that was asked for")
    equal(callers(server), {str(PROXY_USER)}, "users that have connected")


def bounded(place):
    """Half of a user's share may be spares. They are over after a while, and nothing is left of them."""
    port, _ = place.echo("--quiet")
    place.proxy()
    with socket.socket() as sock:
        def spares():
            return ask(place, sock, "10.0.0.5", port, spares=MOST)[1:]
        first = spares()
        found = len(first)
        for more in iter(spares, []):
            found += len(more)
        check(512 - MOST <= found <= 512, "%d spares" % found)
        ask(place, sock, "10.0.0.5", port)
        wait_until(spares, "new spares", 8)
    check(is_reset(socket.socket(), first[0]), "an old one was let in")


NO_ANSWER = """
proxy = int(sys.argv[3])
os.kill(proxy, signal.SIGSTOP)
try:
    s = connect()                       # by a spare, which nobody is asked for
    select.select([], [], [], 0.3)      # longer than a spare lives
    began = time.monotonic()
    print(outcome(connect), time.monotonic() - began > 0.9, end=" ")
finally: os.kill(proxy, signal.SIGCONT)
print(hello(s), s.getpeername() == (host, port), hello(connect()))
"""


def used(place):
    """Connects in a row are made without asking; a spare that is old is not used."""
    port, _ = place.echo("--quiet")
    proxy = place.proxy()
    equal(led(place, port, NO_ANSWER, proxy.process.pid), "ConnectionRefusedError True x True x", "what happened")
    none_slipped()


DIES = """
os.kill(int(sys.argv[3]), signal.SIGKILL)
def listens():
    return any(words[3] == "0A" and words[1].endswith(":%04X" % port)
               for words in (line.split() for line in open("/proc/net/tcp6")))
while listens(): pass
print(*[outcome() for _ in range(5)])
"""


def withdrawn(place):
    """When a destination has gone, one connect at most is let in to be told so by its end; others are refused."""
    port, server = place.echo("--quiet")
    place.proxy()
    told = led(place, port, DIES, server.process.pid).split()
    check(told[0] in ("ConnectionResetError", "ConnectionRefusedError"), "first: %s" % told)
    equal(told[1:], ["ConnectionRefusedError"] * 4, "the others")


OTHERS = """
print(hello(connect()), end=" ")
s = socket.socket()                     # of the user that was
os.seteuid(%d)
print(outcome(), end=" ")
s.connect((host, port))
print(hello(s), end=" ")
os.seteuid(0)
print(outcome())
""" % OTHER_USER


UNREACHABLE = """
import errno, subprocess
subprocess.run(["ip", "addr", "del", host + "/32", "dev", "lo"], check=True)
def how():
    try: return hello(connect())
    except OSError as e: return errno.errorcode[e.errno]
print(*[how() for _ in range(5)])
"""


def unreachable(place):
    """The same where no route leads there any more."""
    port, _ = place.echo("--quiet")
    place.proxy()
    try:
        told = place.python(["--to", "*:%d" % port], HEAD + UNREACHABLE, "10.0.0.6", str(port)).split()
    finally:
        subprocess.run(["ip", "addr", "replace", "10.0.0.6/32", "dev", "lo"], check=True)
    check(told[0] in ("ConnectionResetError", "ENETUNREACH"), "first: %s" % told)
    equal(told[1:], ["ENETUNREACH"] * 4, "the others")


GONE = """
os.kill(int(sys.argv[3]), signal.SIGKILL)
while os.path.exists("/proc/%s/exe" % sys.argv[3]): pass
print(outcome())
"""


def opened(place):
    """Who goes directly when the proxy is gone is not kept from it by spares."""
    port, _ = place.echo("--quiet")
    place.guarded = True  # anybody may
    proxy = place.proxy()
    done = place.run(["--open", "--to", "*:%d" % port], [sys.executable, "-c", HEAD + GONE, "10.0.0.5", port,
                                                          proxy.process.pid])
    equal(done.stdout, "x\n", "echo; %s" % done.stderr)
    place.world.proxies.remove(proxy)


def other_user(place):
    """A program that becomes another user does not use what it was given before, nor what is another's."""
    port, _ = place.echo("--quiet")
    place.proxy()
    equal(led(place, port, OTHERS), "x x x x", "echoes")


FORKS = """
children = []
for _ in range(4):
    child = os.fork()
    if child == 0: os._exit(any(outcome() != "x" for _ in range(30)))
    children.append(child)
print(any(outcome() != "x" for _ in range(30)), [os.waitpid(child, 0)[1] for child in children])
"""


def forked(place):
    """Children have spares of their own."""
    port, _ = place.echo("--quiet")
    place.proxy()
    equal(led(place, port, FORKS), "False [0, 0, 0, 0]", "failures")


GREETED = """
import socket, sys, time
began = time.monotonic()
heard = {socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).recv(9) for _ in range(30)}
print(heard, time.monotonic() - began < 5)
"""


def greeted(place):
    """A server that speaks first is dialled as soon as a spare is used."""
    port, _ = place.echo("--first", "220 hello")
    place.proxy()
    told = place.python(["--to", "*:%d" % port], GREETED, "10.0.0.5", str(port))
    equal(told, "{b'220 hello'} True", "greetings, and whether they came soon")


def calls(place):
    """Clients of DCE/RPC that come by spares, where other clients pass, are refused, or are led to a member."""
    server = place.world.server("10.0.0.5:0")
    member = 'servers:\n  m: { match: [ "10.0.0.6:*" ], members: [ "%s" ] }\n' % server.address
    words = [place.world.build / "test-client", "--calls", 100, "--reconnect", "--connect"]
    for how, host in (("pass", "10.0.0.5"), ("refuse", "10.0.0.5"), ("pass", "10.0.0.6")):
        proxy = place.proxy(listener="other: " + how, servers=member)
        done = place.run(["-v", "--to", "*:%d" % port_of(server)], [*words, "%s:%d" % (host, port_of(server))])
        equal(json.loads(done.stdout)["answered"], 100, "answered; %s" % done.stderr[-500:])
        equal({line["server"] for line in proxy.wait_calls(100)}, {server.address}, "servers")
        aliases = [line.split("-> ")[1] for line in done.stderr.splitlines() if "-> " in line]
        equal((len(aliases), len(set(aliases))), (100, 100), "aliases, different ones")
        proxy.stop()
    none_slipped()


def named(place):
    """Whom a socket is connected to is known before its spare was seen in use."""
    port, _ = place.echo("--quiet")
    proxy = place.proxy()
    with socket.socket() as sock, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
        spare = ask(place, socket.socket(), "10.0.0.5", port, spares=1)[1]
        with proxy.stopped():
            asking.connect(str(place.path))
            cookie = struct.unpack("=Q", sock.getsockopt(socket.SOL_SOCKET, 57, 8))[0]
            name = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(spare[1]), socket.inet_aton(spare[0]))
            asking.send(QUESTION.pack(2, 1, 0, cookie, 0, 16, name, 0))
            sock.connect(spare)
        _, error, _, _, address, *_ = ANSWER.unpack(asking.recv(1000))
    equal((error, socket.inet_ntoa(address[4:8])), (0, "10.0.0.5"), "the name")


CASES = {"spares are good once": good_once, "spares are bounded": bounded, "spares are used": used,
         "spares are withdrawn": withdrawn, "spares to where no route leads": unreachable,
         "spares and --open": opened, "spares of another user": other_user, "spares and fork": forked,
         "calls by spares": calls, "a server speaks first to spares": greeted, "names of spares": named}

if __name__ == "__main__":
    sys.exit(shim.main(__file__, CASES))
