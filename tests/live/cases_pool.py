"""The links that plain clients share: kept, proven alive, lost with their server, limited, shown."""

import threading

from case import CASES, Case, case, check, compare, equal
from cases_control import control, control_path, controlled
from cases_plain import MPX, STATELESS, TOO_BUSY, answer, call, links_of, plain, shared
from cases_plain_moves import PROBE
from cases_reload import change, reload
from fake import Fake
from harness import rpc, wait_until
from recorder import RESET
from rpc import ALTER, BIND_ACK, BIND_NAK, ECHO, FAULT, NDR, RESPONSE, TEST, bind, context, request

UNAVAILABLE, SERVER_LOST = 0x000006BA, 0x1C000012  # 1722, 1726
ADD_ONE = (5).to_bytes(4, "little")


def answered(link, own_id, call_id=2, **what):
    link.call(own_id, call_id=call_id, **what)
    answer(link, own_id, call_id)


def fake_call(link, stub=b"x", call_id=2):
    link.send(request(0, stub, call_id=call_id))
    compare(link.read(), {"type": RESPONSE, "call_id": call_id, "stub": b"d089c2e3/8a885d04 " + stub})


def reasons(proxy, side="server"):
    return [reason for ended, reason in proxy.connections() if ended == side]


# ---- a server that comes and goes ----

@case("pool/restart-between-two-calls")
def restart(world):
    """Its clients stay, and notice nothing."""
    server = world.server()
    proxy = shared(world, server, server="unavailable-wait: 5s\nconnections: 4")
    links = [plain(world, proxy) for _ in range(6)]
    for turn in range(3):
        for own, link in enumerate(links):
            answered(link, 10 * turn + own + 1)
        server.restart()
    for own, link in enumerate(links):
        answered(link, 100 + own)
    equal(reasons(proxy, "client"), [], "clients that ended")
    equal({line["end"] for line in proxy.wait_calls(24)}, {"answered"}, "ends")


@case("pool/restart-with-calls-waiting")
def restart_waiting(world):
    """What was asked while the server was away is answered when it is back."""
    server = world.server()
    proxy = shared(world, server, server="unavailable-wait: 10s")
    links = [plain(world, proxy) for _ in range(5)]
    answered(links[0], 1)
    server.kill()
    wait_until(lambda: reasons(proxy), "its link to end")
    for own, link in enumerate(links):
        link.call(own + 10)
    wait_until(lambda: len(reasons(proxy)) > 1, "a dial that failed")
    server.restart()
    for own, link in enumerate(links):
        answer(link, own + 10)
    equal(reasons(proxy, "client"), [], "clients that ended")


@case("pool/killed-with-calls-inside")
def killed(world):
    """Those are told 1726, later ones 1722 when the wait is over; the connections stay, and serve when it is back."""
    server = world.server()
    proxy = shared(world, server, server="unavailable-wait: 300ms\ncalls-per-connection: 3\nconnections: 2")
    links = [plain(world, proxy) for _ in range(4)]
    for own, link in enumerate(links):
        link.call(own + 1, "silent")
    wait_until(lambda: len(server.ledger()) == 4, "the calls")
    server.kill()
    for link in links:
        compare(link.read(), {"type": FAULT, "status": SERVER_LOST, "dne": False})
    for own, link in enumerate(links):
        link.call(own + 10, call_id=3)
    for link in links:
        compare(link.read(), {"type": FAULT, "status": UNAVAILABLE, "dne": True, "call_id": 3})
    lines = proxy.wait_calls(8)[4:]
    check(all(line["proof"] == "P1" and 200000 < line["total_us"] for line in lines), "lines %r" % lines)
    server.restart()
    for own, link in enumerate(links):
        def is_served(link=link, own=own):
            link.call(1000 * (own + 1) + next(numbers), call_id=4)
            return link.read().type == RESPONSE
        numbers = iter(range(1000))
        wait_until(is_served, "the server to be up again")
    equal(reasons(proxy, "client"), [], "clients that ended")


@case("pool/link-cut-while-idle")
def idle_cut(world):
    """The server closes, or resets, a link on which nothing is said: the next call has another one."""
    for end in ("close", "reset"):
        fake = Fake(world, (TEST, NDR))
        proxy = shared(world, fake)
        link = plain(world, proxy)
        for turn in range(3):
            fake_call(link)
            wait_until(lambda: len(fake.recorder.connections) == turn + 1, "the link")
            getattr(fake.recorder.connections[turn], end)()
            wait_until(lambda: len(reasons(proxy)) == turn + 1, "the link to end")
        equal(fake.connections(), 3, "links")


# ---- proving links alive ----

@case("pool/proven-alive-after-a-while")
def validated(world):
    fake = Fake(world, (TEST, NDR))
    proxy = shared(world, fake, server="idle: { validate-after: 100ms }")
    link = plain(world, proxy)
    fake_call(link)
    fake_call(link)
    idle(0.2)
    fake_call(link)
    equal((fake.connections(), len(fake.heard(ALTER))), (1, 1), "links, alter_contexts")
    equal(fake.faults, [], "what the server found wrong")


def idle(seconds):
    """Nothing is said for so long."""
    threading.Event().wait(seconds)


@case("pool/link-that-was-silently-cut")
def silently_cut(world):
    """It does not answer the alter_context: the call goes up on another link, and has not been lost on this one."""
    fake = Fake(world, (TEST, NDR))
    proxy = shared(world, fake, server="idle: { validate-after: 50ms }\nbind-timeout: 200ms\nunavailable-wait: 5s\n"
                   "connections: 1")
    link = plain(world, proxy)
    fake_call(link, b"first")
    fake.on[ALTER] = None
    idle(0.1)
    fake_call(link, b"second")
    equal((fake.connections(), len(fake.heard(ALTER))), (2, 1), "links, alter_contexts")
    equal(len(fake.heard(rpc.REQUEST)), 2, "requests")
    check("bind-timeout" in reasons(proxy), "reasons %r" % reasons(proxy))


@case("pool/server-that-resets-on-alter-context")
def resets_on_alter(world):
    """That is remembered: later links are not tried so, but replaced. Calls are answered all the same."""
    fake = Fake(world, (TEST, NDR), (ECHO, NDR))
    fake.on[ALTER] = RESET
    proxy = shared(world, fake, server="idle: { validate-after: 30ms }\nunavailable-wait: 5s\nconnections: 1")
    link, other = plain(world, proxy), plain(world, proxy, context(0, ECHO))
    for turn in range(6):
        idle(0.05)
        fake_call(link, b"%d" % turn)
        other.send(request(0, b"y", call_id=5))
        compare(other.read(), {"type": RESPONSE, "stub": b"60a15ec5/8a885d04 y"})
    equal(len(fake.heard(ALTER)), 2, "alter_contexts that were tried")
    equal({line["end"] for line in proxy.calls()}, {"answered"}, "ends")


@case("pool/more-kinds-of-binds-than-are-kept")
def many_kinds(world):
    """Each has another context id. Clients that have left hold none of the 4,096, or the last ones would own links."""
    server = world.server()
    proxy = shared(world, server, server="connections: 1")
    for number in range(1, 4096 + 20):
        link = world.link(proxy)
        compare(link.bind(context(number, ECHO)), {"type": BIND_ACK})
        link.close()
    clients = [plain(world, proxy, context(0, TEST)) for _ in range(2)]
    for client in clients:  # with a link of its own the first would keep the second out
        answered(client, 1 + clients.index(client))


# ---- how long they stay ----

@case("pool/kept-as-long-as-idle-keep")
def kept(world):
    server = world.server()
    proxy = shared(world, server, server="idle: { keep: 200ms }")
    links = [plain(world, proxy) for _ in range(3)]
    for own, link in enumerate(links):
        link.call(own + 1, "slow", 100)
    for own, link in enumerate(links):
        answer(link, own + 1)
    wait_until(lambda: reasons(proxy) == ["idle"] * 3, "all to be closed")
    ages = [line["age_us"] for line in proxy.lines("connection") if line["side"] == "server"]
    check(min(ages) > 250000, "ages %r" % ages)
    answered(links[0], 10)
    equal(links_of(server), 4, "links")


@case("pool/spares-serve-plain-and-owned")
def spares(world):
    """They are there before anybody comes, are taken by either kind, and made anew."""
    server = world.server()
    proxy = shared(world, server, server="idle: { spare: 2 }")
    wait_until(lambda: links_of(server) == 2, "two spares")
    first = world.link(proxy)
    with proxy.stopped():
        first.send(bind([context(0, TEST)]))
    compare(first.read(), {"type": BIND_ACK})
    answered(first, 1)
    wait_until(lambda: links_of(server) == 3, "another spare")
    owned = world.link(proxy)
    compare(owned.bind(context(0, PROBE), context(1, TEST)), {"type": BIND_ACK})
    owned.call(2)
    compare(owned.read(), {"type": FAULT})
    owned.send(call(3, context_id=1))
    answer(owned, 3)
    wait_until(lambda: links_of(server) == 4, "another spare")
    serials = {entry.own_id[-1]: entry.connection for entry in server.ledger() if entry.interface == "test"}
    check(set(serials.values()) <= {"1", "2", "3"} and serials["1"] != serials["3"], "calls went up on %r" % serials)


# ---- owned clients count ----

@case("pool/owned-clients-wait-for-a-connection")
def owned_wait(world):
    server = world.server()
    proxy = shared(world, server, server="connections: 2\nwaiting: { longest: 10s }")
    owned = [world.link(proxy) for _ in range(4)]
    for link in owned[:2]:
        compare(link.bind(context(0, PROBE)), {"type": BIND_ACK})
    for link in owned[2:]:
        link.send(bind([context(0, PROBE)]))
    wait_until(proxy.rests, "the proxy to rest")
    equal(links_of(server), 2, "connections")
    for leaves, comes in ((0, 2), (1, 3)):
        owned[leaves].close()
        compare(owned[comes].read(), {"type": BIND_ACK})
    equal(links_of(server), 4, "connections")


@case("pool/owned-clients-are-told-in-time")
def owned_told(world):
    """1723 for a plain bind's first request, bind_nak for one that authenticates; a plain client's call likewise."""
    server = world.server()
    proxy = shared(world, server, server="connections: 1\nwaiting: { longest: 150ms }")
    other = plain(world, proxy)
    holder = world.link(proxy)
    compare(holder.bind(context(0, PROBE)), {"type": BIND_ACK})
    unsigned = world.link(proxy)
    compare(unsigned.bind(context(0, PROBE)), {"type": BIND_ACK})
    refused = unsigned.ask(request(1, bytes(8), call_id=7))
    compare(refused, {"type": FAULT, "status": TOO_BUSY, "dne": True, "call_id": 7})
    equal(unsigned.end(), "fin", "the end")
    signed = world.link(proxy)
    compare(signed.ask(bind([context(0, PROBE)], auth=rpc.trailer(level=6))), {"type": BIND_NAK, "reason": 2})
    equal(signed.end(), "fin", "the end")
    other.call(1, call_id=9)
    compare(other.read(), {"type": FAULT, "status": TOO_BUSY, "dne": True, "call_id": 9})
    equal(sorted(reasons(proxy, "client")), ["connections-limit"] * 2, "reasons")
    holder.close()
    wait_until(lambda: server.events("close")[1:], "its link to end")
    wait_until(proxy.rests, "the proxy to rest")
    answered(other, 2)


@case("pool/shared-links-make-room")
def make_room(world):
    """Idle ones, for owned clients and for other presentations; those with calls stay."""
    server = world.server()
    proxy = shared(world, server, server="connections: 2")
    first, second = plain(world, proxy), plain(world, proxy)
    for own, link in enumerate((first, second)):
        link.call(own + 1, "slow", 50)
    for own, link in enumerate((first, second)):
        answer(link, own + 1)
    first.call(3, "slow", 400)
    wait_until(lambda: len(server.ledger()) == 3, "the call")
    owned = world.link(proxy)
    compare(owned.bind(context(0, PROBE)), {"type": BIND_ACK})
    answer(first, 3)
    equal(reasons(proxy), ["made-room"], "reasons")
    later = world.link(proxy)
    compare(later.bind(context(0, PROBE)), {"type": BIND_ACK})
    equal(reasons(proxy), ["made-room"] * 2, "reasons")
    owned.close()
    answered(second, 4)


# ---- several members ----

@case("pool/member-with-the-fewest-calls")
def members(world):
    servers = [world.server() for _ in range(3)]
    proxy = shared(world, *servers, server="connections: 9")
    links = [plain(world, proxy) for _ in range(9)]
    for own, link in enumerate(links):
        link.call(own + 1, "silent")
        wait_until(lambda: sum(len(server.ledger()) for server in servers) == own + 1, "the call")
    equal([len(server.ledger()) for server in servers], [3, 3, 3], "calls inside")


@case("pool/member-that-is-down")
def member_down(world):
    """The others serve its clients, at once; it is used again when it is back, and links are made."""
    servers = [world.server() for _ in range(2)]
    proxy = shared(world, *servers, server="unavailable-wait: 5s\nhealth: { check: bind, every: 100ms }\n"
                   "idle: { keep: 20ms }")
    links = [plain(world, proxy) for _ in range(4)]
    servers[0].kill()
    wait_until(lambda: reasons(proxy), "the link to it to end")
    for own in range(40):
        answered(links[own % 4], own + 1)
    equal(len(servers[1].ledger()), 40, "calls at the other one")
    servers[0].restart()

    def both():
        idle(0.05)
        for link in links:
            link.call(next(numbers), "slow", 20)
        for link in links:
            compare(link.read(), {"type": RESPONSE})
        return len(servers[0].ledger())
    numbers = iter(range(1000, 100000))
    wait_until(both, "the member to be used again")
    equal({line["end"] for line in proxy.calls()}, {"answered"}, "ends")


@case("pool/connections-of-a-member")
def member_connections(world):
    first, second = world.server(), world.server()
    proxy = world.proxy(config="""
drain: 2s
servers:
  default:
    members: [ { address: "%s", connections: 1 }, { address: "%s", connections: 2 } ]
listeners: [ { address: "127.0.0.1:0", server: default } ]
%s""" % (first.address, second.address, STATELESS))
    for own in range(6):
        plain(world, proxy).call(own + 1, "silent")
    wait_until(lambda: len(first.ledger()) + len(second.ledger()) == 3, "three calls inside")
    wait_until(proxy.rests, "the proxy to rest")
    equal((len(first.ledger()), len(second.ledger()), links_of(first), links_of(second)), (1, 2, 1, 2), "calls, links")


# ---- shown, and set otherwise ----

@case("pool/shown-with-class-and-holders")
def shown(world):
    server = world.server()
    proxy = controlled(world, server, top=STATELESS, server="calls-per-connection: 4\nidle: { spare: 1 }")
    clients = [plain(world, proxy, flags=MPX) for _ in range(3)]
    for own, link in enumerate(clients):
        link.call(own + 1, "silent")
    owned = world.link(proxy)
    owned.bind(context(0, PROBE))
    wait_until(lambda: len(server.ledger()) == 3, "the calls")
    asking = control(world)
    wait_until(lambda: len(asking.ask("show links")) == 3, "the links")
    rows = {row["class"]: row for row in asking.ask("show links")}
    equal(sorted(rows), ["fresh", "owned", "plain"], "classes")
    equal({holder for holder in rows["plain"]["holders"]}, {link.name() for link in clients}, "holders")
    equal((rows["plain"]["calls"], rows["fresh"]["calls"]), (3, 0), "calls carried")
    equal({name: row["open_calls"] for name, row in rows.items()}, {"plain": 3, "fresh": 0, "owned": 0}, "open calls")
    check(all(0 < row["age_us"] < 60000000 for row in rows.values()), "ages")


for name, setting in (("sharing", {"server": "sharing: none"}), ("stateless", {"top": ""})):
    def taken_away(world, setting=setting):
        """From then on clients have links of their own, those that are there included; their calls are answered."""
        server = world.server()
        top = "control: %s\n" % control_path(world)
        before = world.settings([server.address], top=top + STATELESS)
        proxy = world.proxy(config=before)
        first, second = plain(world, proxy), plain(world, proxy)
        for own, link in enumerate((first, second)):
            answered(link, own + 1)
        first.call(5, "slow", 300, call_id=5)
        setting = {"top": STATELESS, **setting}
        change(world, world.settings([server.address], **{**setting, "top": top + setting["top"]}))
        equal(reload(world), "reload", "the answer")
        late = plain(world, proxy)
        answered(late, 10)
        answer(first, 5, 5)
        for own, link in enumerate((first, second)):
            answered(link, own + 20)
        last = {entry.own_id: entry.connection for entry in server.ledger()}
        check(last["%016x" % 10] not in [last["%016x" % own] for own in (1, 2)], "a new client shares a link")
        change(world, before)
        equal(reload(world), "reload", "the answer")
        again = plain(world, proxy)
        answered(again, 30)
    CASES.append(Case("pool/reload-that-takes-%s-away" % name, taken_away))
