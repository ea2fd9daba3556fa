"""Transports: every kind of address on both sides, several listeners and servers, and addresses that are taken."""

import socket
import subprocess

from case import CASES, Case, case, check, equal
from harness import rpc, wait_until

FAMILIES = ("ipv4", "ipv6", "unix")


def address(world, family, name):
    return {"ipv4": "127.0.0.1:0", "ipv6": "[::1]:0", "unix": "unix:%s" % world.path(name)}[family]


def combination(listener, member):
    def run(world):
        server = world.server(address(world, member, "member.sock"))
        proxy = world.proxy(server, listen=address(world, listener, "listener.sock"))
        client = world.load(proxy, "--calls", 5, "--connections", 3, "--size", 9000)
        equal(dict(client.outcomes()), {"answered": 15}, "outcomes")
        proxy.wait_connections(6)
        world.end()
        equal({line["server"] for line in proxy.calls()}, {server.address}, "server in the log")
        prefix = {"ipv4": "127.0.0.1:", "ipv6": "[::1]:", "unix": "unix:"}[listener]
        check(all(line["client"].startswith(prefix) for line in proxy.calls()), "client in the log")
        if listener == "unix":
            check(not world.path("listener.sock").exists(), "the socket's file is left")
    CASES.append(Case("transport/%s-to-%s" % (listener, member), run))


for listener_family in FAMILIES:
    for member_family in FAMILIES:
        combination(listener_family, member_family)


@case("transport/several-listeners-and-servers")
def several(world):
    one, two = world.server(), world.server("[::1]:0")
    proxy = world.proxy(config="""
servers:
  one: { members: [ "%s" ] }
  two:
    members:
      - address: "%s"
    calls: 3
listeners:
  - { address: 127.0.0.1:0, server: one }
  - { address: "[::1]:0", server: two, contexts: 7 }
  - { address: "unix:%s", server: one }
""" % (one.address, two.address, world.path("third.sock")), listeners=3)
    equal(proxy.matches(proxy.err, r" -> (\w+)$"), ["one", "two", "one"], "servers of the ready lines")
    for calls, listener in zip((3, 5, 7), proxy.addresses):
        world.load(listener, "--calls", calls)
    equal((len(one.ledger()), len(two.ledger())), (10, 5), "executions")


@case("transport/members-share-the-clients")
def members(world):
    one, two = world.server(), world.server()
    proxy = world.proxy(one, two)
    client = world.start_load(proxy, "--connections", 10, "--hold", stdin=subprocess.PIPE)
    client.wait_for(client.out, "^ready$")
    equal((len(one.ledger()), len(two.ledger())), (5, 5), "executions")
    client.process.stdin.close()
    equal(client.report()["answered"], 20, "answered")


@case("transport/options-instead-of-a-file")
def options(world):
    server = world.server()
    proxy = world.proxy(arguments=["--listen=127.0.0.1:0", "--listen=[::1]:0", "--server", server.address,
                                   "--set=calls=1", "--set", "connect-timeout=500ms"], listeners=2)
    for listener in proxy.addresses:
        equal(dict(world.load(listener, "--connections", 3).outcomes()), {"answered": 3}, "outcomes")


@case("transport/stale-unix-socket-is-taken-over")
def stale(world):
    path = str(world.path("listener.sock"))
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    left.close()
    proxy = world.proxy(world.server(), listen="unix:" + path)
    equal(dict(world.load(proxy).outcomes()), {"answered": 1}, "outcomes")


def refused(world, listen, wanted):
    """A proxy that cannot listen says why, and exits with 1."""
    proxy = world.proxy("127.0.0.1:1", listen=listen, listeners=0)
    equal(proxy.wait(), 1, "exit status")
    told = proxy.err.read_text()
    check("cannot listen on %s" % listen in told and wanted in told, "told %r" % told)
    check(": ready:" not in told, "ready in spite of it")


@case("transport/live-unix-socket-is-refused")
def live(world):
    path = "unix:%s" % world.path("listener.sock")
    first = world.proxy(world.server(), listen=path)
    refused(world, path, "in use")
    equal(dict(world.load(first).outcomes()), {"answered": 1}, "outcomes of the first")


@case("transport/port-in-use")
def in_use(world):
    refused(world, world.server().address, "in use")


@case("transport/address-of-somebody-else")
def not_ours(world):
    refused(world, "192.0.2.1:1135", "assign")


@case("transport/file-that-is-no-socket-stays")
def no_socket(world):
    world.path("precious").write_text("do not touch")
    refused(world, "unix:%s" % world.path("precious"), "in use")
    equal(world.path("precious").read_text(), "do not touch", "the file")


@case("transport/killed-proxy-resets-its-clients")
def killed(world):
    """With a call in flight and without one: a FIN would say that all was well."""
    server = world.server()
    proxy = world.proxy(server)
    busy, idle = world.link(proxy), world.link(proxy)
    for link in (busy, idle):
        equal(link.bind().type, rpc.BIND_ACK, "answer to the bind")
    busy.call(7, "silent")
    wait_until(server.ledger, "the call to reach the server")
    proxy.kill()
    equal((busy.end(), idle.end()), ("reset", "reset"), "ends")
    world.proxies.remove(proxy)  # its last lines died with it
    world.servers.clear()


@case("transport/unix-server-restarts")
def restart(world):
    path = "unix:%s" % world.path("member.sock")
    server = world.server(path)
    proxy = world.proxy(server)
    world.load(proxy)
    server.kill()
    equal(list(world.load(proxy, "--timeout", 3000, "--expect", "").outcomes()), ["fault:000006ba:1"], "while it is away")
    server.restart()
    equal(dict(world.load(proxy).outcomes()), {"answered": 1}, "when it is back")
    wait_until(lambda: len(server.ledger()) == 2, "the execution")
