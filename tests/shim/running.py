#!/usr/bin/env python3
"""Destinations of led programs while the proxy gets other settings, servers are drained, and members go and come.

As shim.py: in a network namespace that has nothing but loopback. Prints TAP.
Usage: running.py [--build DIR] [WORD...]"""

import json
import pathlib
import signal
import socket
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

import shim  # noqa: E402
from harness import check, equal, rpc, wait_until  # noqa: E402
from recorder import Recorder, ack, response  # noqa: E402
from shim import CONNECT, none_slipped  # noqa: E402


def port_of(server):
    return int(server.address.rsplit(":", 1)[1])


def client(place, server, *arguments):
    """What our own client says of its calls to that server."""
    done = place.run(["--to", "*:%d" % port_of(server)],
                     [place.world.build / "test-client", "--connect", server.address, "--calls", 1, *arguments])
    return json.loads(done.stdout)


class Held:
    """A led client that stays connected, for one more call at the end."""

    def __init__(self, place, server):
        command = [*place.launcher("--to", "*:%d" % port_of(server)), place.world.build / "test-client", "--connect",
                   server.address, "--hold"]
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        equal(self.process.stdout.readline(), "ready\n", "what it says")

    def ends(self):
        """It is told to make its last call."""
        report = json.loads(self.process.communicate("\n", timeout=20)[0])
        equal(report["answered"], 2, "calls that were answered")


def reload(proxy, config):
    seen = proxy.notices().count("reloaded")
    proxy.config.write_text(config)
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: proxy.notices().count("reloaded") > seen, "the reload")


def started(place, **settings):
    proxy = place.proxy(**settings)
    proxy.config = place.world.path(proxy.name + ".yaml")
    return proxy


def withdrawals(place):
    """How often the proxy has said that spare aliases are no good any more: preload/map.h."""
    with open(str(place.path) + ".ports", "rb") as file:
        file.seek(24 + 1024 * 8 * 20)
        return struct.unpack("=1024I", file.read(4096))


def other_rules(place):
    """New connections go by the new rules of their destination, one that was there stays; so does its count."""
    server = place.world.server("10.0.0.5:0")
    proxy = started(place)
    held = Held(place, server)
    equal(client(place, server)["answered"], 1, "answered")
    before = withdrawals(place)
    rule = 'servers:\n  quick: { match: [ "10.0.0.0/24:*" ], call-timeout: 300ms }\n'
    reload(proxy, rule + proxy.config.read_text())
    check(all(now > then for now, then in zip(withdrawals(place), before)), "spare aliases go by the old rules")
    equal(client(place, server, "--behaviour", "silent")["faults"], 1, "faults")
    equal(proxy.wait_calls(3)[-1]["end"], "timed-out", "end of a call that the server is silent about")
    held.ends()
    none_slipped()


def other_doors(place):
    """A shim's listener goes and comes back, another is there meanwhile; a client of the first stays."""
    server = place.world.server("10.0.0.5:0")
    proxy = started(place)
    first, other = place.path, place.folder / "other.sock"
    held = Held(place, server)
    text = proxy.config.read_text()
    reload(proxy, text.replace(str(first), str(other)))
    check(not first.exists(), "the first socket is still there")
    rules = ["--to", "*:%d" % port_of(server)]
    told = place.python(rules, CONNECT, "10.0.0.5", str(port_of(server)))
    equal(told.split()[0], "ConnectionRefusedError", "at the door that is closed")
    place.path = other
    equal(client(place, server)["answered"], 1, "answered at the new one")
    place.path = first
    reload(proxy, text)
    equal(client(place, server)["answered"], 1, "answered at the first one again")
    held.ends()
    none_slipped()


DOWN = """servers:
  moved: { match: [ "10.9.0.0/16:135" ], members: [ "%s" ], unavailable-wait: 200ms, when-down: refuse,
           health: { failures: 1, backoff: 10ms, longest-backoff: 50ms } }
"""


def member_down(place):
    """A destination whose members are all down is refused, as the member would; and not when it is back."""
    world = place.world
    server = world.server("10.0.0.5:0")
    place.proxy(servers=DOWN % server.address)

    def told():
        return place.python([], CONNECT, "10.9.8.7", "135").split()[0]

    def answered():
        done = place.run([], [world.build / "test-client", "--connect", "10.9.8.7:135", "--calls", 1])
        return done.returncode == 0 and json.loads(done.stdout)["answered"]
    equal(answered(), 1, "answered")
    server.kill()
    answered()
    wait_until(lambda: told() == "ConnectionRefusedError", "the refusal")
    server.restart()
    wait_until(lambda: told() == "connected", "the member to be up")
    equal(answered(), 1, "answered")
    none_slipped()


def drained(place):
    """`rpcwardctl drain` is for every destination of a server, those that come later too; resume as well."""
    world = place.world
    servers = [world.server("10.0.0.%d:0" % host) for host in (5, 6)]
    place.folder.chmod(0o777)
    control = world.path("run/control.sock")
    place.proxy(top="control: %s\nlog: { calls: none }" % control,
                servers='servers:\n  all: { match: [ "*:*" ], unavailable-wait: 10s }\n')

    def ctl(*words):
        done = subprocess.run([str(world.build / "rpcwardctl"), "-s", str(control), *words], capture_output=True,
                              text=True, timeout=20, check=False)
        equal(done.returncode, 0, "exit status of %s: %s" % (words, done.stderr))
        return done.stdout

    def row():
        rows = [json.loads(line) for line in ctl("--json", "show", "servers").splitlines()]
        return next(row for row in rows if row.get("name") == "all")
    held = Held(place, servers[0])
    equal(row()["members"], [servers[0].address], "destinations")
    ctl("drain", "all")
    command = [*place.launcher("--to", "*:*"), world.build / "test-client", "--connect", servers[1].address]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as late:
        wait_until(lambda: row()["clients_waiting"] == 1, "the client to wait")
        ctl("resume", "all")
        equal(json.loads(late.communicate(timeout=20)[0])["answered"], 1, "answered")
    held.ends()
    none_slipped()


FOLLOW = """
import socket, sys
for line in sys.stdin:
    s = socket.create_connection(("10.0.0.5", int(line)), 10)
    s.sendall(b"x"); print(s.recv(1).decode(), flush=True)
"""


def name_port(path, host, port):
    """As the proxy writes what an endpoint mapper names: preload/map.h."""
    address = bytes(10) + b"\xff\xff" + socket.inet_aton(host)
    bucket = port
    for byte in address:
        bucket = (bucket ^ byte) * 0x01000193 & 0xFFFFFFFF
    bucket = (bucket ^ bucket >> 16) % 1024
    with open(path, "r+b") as file:
        file.seek(24 + bucket * 8 * 20)
        file.write(address + struct.pack("=HH", port, 0))


def ports_anew(place):
    """The folder of the proxy's socket is cleared while it is started again: programs look into the new file of ports,
    and go on to know what the old one said."""
    (known, _), (first, _), (second, _) = (place.echo("--quiet") for _ in range(3))
    proxy = place.proxy()
    ports = pathlib.Path(str(place.path) + ".ports")
    name_port(ports, "10.0.0.5", first)
    command = [*map(str, place.launcher("--to", "*:%d" % known)), sys.executable, "-c", FOLLOW]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as client:
        def connects(port):
            print(port, file=client.stdin, flush=True)
            equal(client.stdout.readline(), "x\n", "heard at port %d" % port)
        connects(first)
        proxy.kill()
        place.world.proxies.remove(proxy)
        for path in place.folder.iterdir():
            path.unlink()
        proxy = place.proxy()
        name_port(ports, "10.0.0.5", second)
        for port in (known, second, first):
            connects(port)
        client.stdin.close()
    none_slipped()
    wait_until(lambda: len(proxy.lines("passage")) == 3, "the passages")


# Asks an endpoint mapper again and again, and connects at once to where it says, which is another port each time.
MAPPED = """
import socket, struct, sys
sys.path[:0] = [sys.argv[1]]
import rpc
with rpc.Connection("10.0.0.5:135") as mapper:
    mapper.ask(rpc.bind([rpc.context(0, ("e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3, 0))]))
    for turn in range(int(sys.argv[2])):
        stub = mapper.ask(rpc.request(3, bytes(4), call_id=2 + turn)).stub
        socket.create_connection(("10.0.0.5", struct.unpack_from(">H", stub, 5)[0]), 5).close()
print("done")
"""


def named_in_time(place):
    """What an endpoint mapper names is led by the time that its answer is there."""
    doors = [socket.create_server(("10.0.0.5", 0)) for _ in range(60)]
    turns = iter(doors)

    def answer(pdu):
        if pdu.type == rpc.BIND:
            return ack(call_id=pdu.call_id)
        port = next(turns).getsockname()[1]  # floors of a tower: TCP, and an IP address that nobody has
        return response(b"\1\0\7\2\0" + struct.pack(">H", port) + b"\1\0\11\4\0" + bytes(4), pdu.call_id)
    place.world.adopt(Recorder([answer], listen=("10.0.0.5", 135)))
    place.proxy()
    support = HERE.parent / "support"
    equal(place.python([], MAPPED, str(support), str(len(doors))), "done", "what the client says")
    none_slipped()
    for door in doors:
        door.close()


CASES = {"ports that were just named": named_in_time, "ports in a new file": ports_anew,
         "other rules by reload": other_rules, "other doors by reload": other_doors,
         "refused while all members are down": member_down, "a server is drained": drained}

if __name__ == "__main__":
    sys.exit(shim.main(__file__, CASES))
