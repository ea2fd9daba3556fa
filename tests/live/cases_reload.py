"""Other settings while it runs, by SIGHUP and by rpcwardctl."""

import signal

from case import case, check, compare, equal
from cases_admission import Gate, answered, bound, leaves_after
from cases_control import control, control_path
from cases_health import asks, connects
from harness import Link, wait_until
from rpc import BIND_ACK, BIND_NAK, FAULT

CANCELLED = 0x1C00000D


def settings(world, *members, **how):
    return world.settings([member.address for member in members], top="control: %s\n" % control_path(world), **how)


def path_of(world):
    return world.path("proxy.yaml")


def change(world, text):
    path_of(world).write_text(text)


def reload(world):
    """What is wrong, or the kind of the first line of the answer."""
    asking = control(world)
    asking.send("reload")
    lines, error = asking.answer()
    asking.close()
    return error or lines[0]["kind"]


@case("reload/new-calls-by-new-rules")
def new_rules(world):
    """On a connection that was there before; the call that is inside keeps its own."""
    gate = Gate(world)
    proxy = world.proxy(config=settings(world, gate))
    first, second = bound(world, proxy), bound(world, proxy)
    first.call(1, call_id=2)
    gate.wait_arrivals(1)
    change(world, settings(world, gate, server="call-timeout: 100ms"))
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: "reloaded" in proxy.notices(), "the reload")
    second.call(2, call_id=2)
    compare(second.read(), {"type": FAULT, "status": CANCELLED})
    gate.release(2)
    answered(first, 2)
    leaves(proxy, first, second)


def leaves(proxy, *links):
    proxy.process.terminate()
    leaves_after(*links)
    equal(proxy.wait(), 0, "exit status of rpcward")


@case("reload/limit")
def limit(world):
    """A call that waits is let in as soon as the limit allows."""
    gate = Gate(world)
    proxy = world.proxy(config=settings(world, gate, server="calls: 1"))
    links = [bound(world, proxy) for _ in range(2)]
    for own, link in enumerate(links):
        link.call(own + 1, call_id=2)
    gate.wait_arrivals(1)
    change(world, settings(world, gate, server="calls: 2"))
    equal(reload(world), "reload", "the answer")
    gate.wait_arrivals(2)
    gate.release(2)
    for link in links:
        answered(link, 2)
    leaves(proxy, *links)


@case("reload/bad-settings-change-nothing")
def bad(world):
    server = world.server()
    proxy = world.proxy(config=settings(world, server))
    link = bound(world, proxy)
    wrong = ((settings(world, server, server="cals: 2"), "unknown key 'cals'; did you mean 'calls'?"),
             ("{", "proxy.yaml"),
             (settings(world, server).replace("control.sock", "other.sock"), "'control' cannot change"),
             (settings(world, server, listen="192.0.2.1:1"), "cannot listen on 192.0.2.1:1"),
             (settings(world, server).replace("drain:", "log: { calls: /nonexistent/calls }\ndrain:"),
              "cannot write the call log to /nonexistent/calls"))
    for own, (text, why) in enumerate(wrong):
        change(world, text)
        answer = reload(world)
        check(why in answer, "it said %r, wanted %r" % (answer, why))
        check(why in proxy.err.read_text(), "stderr")
        link.call(own + 1, call_id=2)
        answered(link, 2)
        Link(proxy.address).close()
    equal(proxy.notices().count("not reloaded, the settings are as before: stderr says why"), 5, "notices")
    check("reloaded" not in proxy.notices(), "it was reloaded")
    leaves(proxy, link)


@case("reload/listeners-and-servers")
def listeners(world):
    """One listener goes, its client stays; one comes, and leads to another server."""
    first, second = world.server(), world.server()
    proxy = world.proxy(config=settings(world, first, listen="127.0.0.1:0"))
    link = bound(world, proxy)
    text = settings(world, second, listen="unix:%s" % world.path("rpc.sock")).replace("default", "payroll")
    change(world, text)
    equal(reload(world), "reload", "the answer")
    proxy.wait_for(proxy.err, r"^rpcward: ready: unix:\S+ -> payroll$")
    link.call(1, call_id=2)
    answered(link, 2)
    try:
        Link(proxy.address).close()
        check(False, "the listener that is gone takes clients")
    except ConnectionRefusedError:
        pass
    other = world.link("unix:%s" % world.path("rpc.sock"))
    other.bind()
    other.call(2, call_id=2)
    answered(other, 2)
    equal((len(first.ledger()), len(second.ledger())), (1, 1), "executions")
    rows = {row["name"]: row["draining"] for row in control(world).ask("show servers")}
    equal(rows, {"default": True, "payroll": False}, "servers, and whether they are on their way out")
    link.close()
    wait_until(lambda: [row["name"] for row in control(world).ask("show servers")] == ["payroll"], "it to go")
    change(world, settings(world, first, listen="127.0.0.1:0"))
    equal(reload(world), "reload", "the answer")
    address = proxy.wait_for(proxy.err, r"^rpcward: ready: (127\S+) -> default$", 2)[1]
    back = world.link(address)
    back.bind()
    back.call(3, call_id=2)
    answered(back, 2)
    check(not world.path("rpc.sock").exists(), "its socket was left behind")


@case("reload/other-members")
def members(world):
    """New clients go to the new member, the old client stays where it is."""
    first, second = world.server(), world.server()
    proxy = world.proxy(config=settings(world, first))
    link = bound(world, proxy)
    change(world, settings(world, second))
    equal(reload(world), "reload", "the answer")
    other = bound(world, proxy)
    for own, each in enumerate((link, other)):
        each.call(own + 1, call_id=2)
        answered(each, 2)
    equal((len(first.ledger()), len(second.ledger())), (1, 1), "executions")


@case("reload/nobody-is-refused-any-more")
def answer(world):
    """The listener of a server that is down was closed, and is not to be."""
    server = world.server()
    down = "unavailable-wait: 200ms\nhealth: { failures: 1, backoff: 10ms, longest-backoff: 50ms }\nwhen-down: "
    proxy = world.proxy(config=settings(world, server, server=down + "refuse"))
    link = bound(world, proxy)
    server.kill()
    link.close()
    asks(world, proxy).close()
    wait_until(lambda: not connects(proxy), "connections to be refused")
    change(world, path_of(world).read_text().replace("when-down: refuse", "when-down: answer"))
    equal(reload(world), "reload", "the answer")
    wait_until(lambda: connects(proxy), "connections to be taken again")


@case("reload/groups-are-guarded-still")
def groups(world):
    """The server has another member now: whose group it was is known of the one that was there."""
    first, second = world.server(), world.server()
    proxy = world.proxy(config=settings(world, first))
    link = world.link(proxy, source="127.0.0.1")
    group = link.bind().group
    change(world, settings(world, second, first))
    equal(reload(world), "reload", "the answer")
    compare(world.link(proxy, source="127.0.0.2").bind(group=group), {"type": BIND_NAK, "reason": 0})
    compare(world.link(proxy, source="127.0.0.1").bind(group=group), {"type": BIND_ACK, "group": group})


@case("reload/log-that-was-moved-away")
def log(world):
    """As logrotate does it."""
    path, moved = world.path("calls.log"), world.path("calls.log.1")
    server = world.server()
    text = settings(world, server).replace("drain:", "log: { calls: %s }\ndrain:" % path)
    proxy = world.proxy(config=text, log_path=moved)
    link = bound(world, proxy)
    link.call(1, call_id=2)
    answered(link, 2)
    wait_until(lambda: "answered" in path.read_text(), "the first line")
    path.rename(moved)
    proxy.signal(signal.SIGHUP)
    wait_until(path.exists, "the new file")
    link.call(2, call_id=3)
    answered(link, 3)
    wait_until(lambda: path.read_text().count('"kind":"call"') == 1, "the second line")
    equal(moved.read_text().count('"kind":"call"'), 1, "lines in the old one")
    proxy.log_path = world.path("both")
    world.path("both").write_text(moved.read_text() + path.read_text())
    leaves(proxy, link)


@case("reload/under-load")
def load(world):
    """Again and again, with calls in flight: none notices."""
    server = world.server()
    proxy = world.proxy(config=settings(world, server, server="calls: 4"))
    client = world.start_load(proxy, "--connections", 20, "--seconds", 2, "--behaviour", "slow:2")
    for turn in range(40):
        change(world, settings(world, server, server="calls: %d\ncall-timeout: %ds" % (2 + turn % 5, 20 + turn)))
        equal(reload(world), "reload", "the answer")
    report = client.report()
    check(set(client.outcomes()) <= {"answered"}, "outcomes %r of %r" % (client.outcomes(), report))
