"""Members that cannot be reached, do not answer, and come back."""

import time

from case import case, check, compare, equal
from cases_control import control, controlled
from harness import Link, rpc, wait_until
from rpc import BIND_ACK, FAULT, TEST, bind, context, test_answer

AWAY = 0x6BA


def asks(world, proxy, level=None):
    """A client that has sent its bind."""
    link = world.link(proxy)
    auth = rpc.trailer(level=level) if level else None
    link.send(bind([context(0, TEST)], auth=auth))
    return link


def works(link, own_id=1, call_id=2):
    link.call(own_id, call_id=call_id)
    equal(test_answer(link.read())[0], own_id, "own id")


def is_told_away(link):
    """Its bind was accepted, so that a request can be told."""
    equal(link.read().type, BIND_ACK, "answer to the bind")
    link.call(9)
    compare(link.read(), {"type": FAULT, "status": AWAY, "dne": True})


@case("health/new-clients-wait-for-their-server")
def waits(world):
    """The server is away when they come; they never know."""
    server = world.server()
    proxy = world.proxy(server, server="unavailable-wait: 1m\nhealth: { backoff: 10ms, longest-backoff: 50ms }")
    server.kill()
    links = [asks(world, proxy), asks(world, proxy)]
    wait_until(lambda: any(" is down" in text for text in proxy.notices()), "the notice")
    links.append(asks(world, proxy))
    server.restart()
    for own, link in enumerate(links):
        equal(link.read().type, BIND_ACK, "answer to the bind")
        works(link, own + 1)
    equal([text.split(" is ")[1].split(":")[0] for text in proxy.notices()], ["down", "up again"], "notices")


@case("health/the-wait-is-over")
def wait_is_over(world):
    """At level none it is told 1722, authenticated it is reset; not before its time."""
    server = world.server()
    proxy = world.proxy(server, server="unavailable-wait: 300ms\nhealth: { backoff: 10ms, longest-backoff: 50ms }")
    server.kill()
    began = time.monotonic()
    plain, signed = asks(world, proxy), asks(world, proxy, level=5)
    is_told_away(plain)
    equal(signed.end(), "reset", "the end of the authenticated one")
    check(0.29 < time.monotonic() - began < 3, "it took %.2f s" % (time.monotonic() - began))
    equal([line["end"] for line in proxy.wait_calls(1)], ["unavailable"], "ends")


@case("health/bind-that-is-not-answered")
def bind_unanswered(world):
    """A process that is stopped accepts connections and says nothing."""
    server = world.server()
    proxy = world.proxy(server, server="bind-timeout: 200ms\nhealth: { failures: 1 }")
    with server.stopped():
        link = asks(world, proxy)
        equal(link.end(), "reset", "its end")
        wait_until(lambda: any(" is down" in text for text in proxy.notices()), "the notice")
    equal(sorted(reason for _, reason in proxy.wait_connections(2)), ["bind-timeout"] * 2, "reasons")


@case("health/down-is-told-at-once")
def down(world):
    """With nobody waiting, a member that is down is not even dialled."""
    server = world.server()
    proxy = controlled(world, server, server="health: { failures: 2, backoff: 1m, longest-backoff: 1m }")
    asking = control(world)
    works(bound(world, proxy))
    server.kill()
    for _ in range(4):
        is_told_away(asks(world, proxy))
    row, = asking.ask("show servers")
    equal((row["members"], row["down"]), ([server.address], [server.address]), "members, and which are down")
    reasons = [reason for side, reason in proxy.connections() if side == "server"]
    equal(reasons.count("server-unavailable"), 2, "dials")


def bound(world, proxy):
    link = asks(world, proxy)
    equal(link.read().type, BIND_ACK, "answer to the bind")
    return link


@case("health/other-members-serve")
def others(world):
    first, second = world.server(), world.server()
    proxy = world.proxy(first, second, server="unavailable-wait: 10s\nhealth: { failures: 1, backoff: 10s }")
    first.kill()
    for own in range(6):
        works(bound(world, proxy), own + 1)
    equal(len(second.ledger()), 6, "executions")
    equal(len([text for text in proxy.notices() if " is down" in text]), 1, "notices")


@case("health/other-members-serve-who-cannot-wait")
def others_at_once(world):
    """There is room for one connection, and the first member that is dialled is not there."""
    first, second = world.server(), world.server()
    proxy = world.proxy(first, second, server="unavailable-wait: 0s\nconnections: 1")
    first.kill()
    works(bound(world, proxy))


@case("health/when-down-refuse")
def refuse(world):
    """New clients are refused while the server is down, at the same address as before and after."""
    server = world.server()
    proxy = world.proxy(server, server="unavailable-wait: 200ms\nwhen-down: refuse\n"
                                       "health: { failures: 1, backoff: 10ms, longest-backoff: 50ms }")
    works(bound(world, proxy))
    server.kill()
    asks(world, proxy).close()
    wait_until(lambda: not connects(proxy), "connections to be refused")
    server.restart()
    wait_until(lambda: connects(proxy), "connections to be taken again")
    works(bound(world, proxy), 2)


def connects(proxy):
    try:
        Link(proxy.address).close()
        return True
    except ConnectionRefusedError:
        return False


def checked(kind):
    @case("health/check-by-" + kind)
    def run(world):
        """Nobody calls, and it is known all the same that the server went, and that it is back."""
        server = world.server(behind=False)  # it executes what no client has asked for
        proxy = controlled(world, server, server="health: { check: %s, every: 100ms, failures: 2 }" % kind)
        asking = control(world)
        works(bound(world, proxy))
        server.kill()
        wait_until(lambda: asking.ask("show servers")[0]["down"] == [server.address], "it to be down")
        server.restart()
        wait_until(lambda: asking.ask("show servers")[0]["down"] == [], "it to be up again")
        works(bound(world, proxy), 2)


for each in ("connect", "bind", "listening"):
    checked(each)


@case("health/check-of-a-stopped-server")
def check_stopped(world):
    """Its kernel accepts connections; a bind finds out."""
    server = world.server()
    proxy = controlled(world, server, server="bind-timeout: 100ms\nconnect-timeout: 100ms\n"
                                             "health: { check: bind, every: 100ms, failures: 1 }")
    asking = control(world)
    with server.stopped():
        wait_until(lambda: asking.ask("show servers")[0]["down"] == [server.address], "it to be down")
    wait_until(lambda: asking.ask("show servers")[0]["down"] == [], "it to be up again")
    check(not proxy.calls(), "a check has a line of its own")
