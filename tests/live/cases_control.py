"""The control socket: what it answers, and that nobody on it can slow or stop a call."""

import json
import os
import signal
import socket
import stat
import threading

from case import case, check, check_calls, compare, equal, stays_false
from cases_admission import FULL_FLAGS, Gate, answered, bound, leaves_after
from harness import PATIENCE, rpc, wait_until
from recorder import Recorder, ack
from rpc import BIND_ACK, FAULT, TEST, bind, context


class Control:
    """A connection to the control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.buffered = b""

    def send(self, *requests):
        self.socket.sendall(b"".join(request.encode() + b"\n" for request in requests))

    def line(self):
        """The next one, or None at the end."""
        while b"\n" not in self.buffered:
            more = self.socket.recv(65536)
            if not more:
                equal(self.buffered, b"", "what was left at the end")
                return None
            self.buffered += more
        text, _, self.buffered = self.buffered.partition(b"\n")
        return json.loads(text)

    def answer(self):
        """The lines of an answer, and the error that ended it, or None."""
        lines = []
        while True:
            line = self.line()
            check(line is not None, "the connection ended within an answer")
            if "kind" not in line:
                check(line == {"end": True} or list(line) == ["error"], "last line %r" % line)
                return lines, line.get("error")
            lines.append(line)

    def ask(self, request):
        self.send(request)
        lines, error = self.answer()
        equal(error, None, "the error of " + request)
        return lines

    def refusal(self, request):
        """The error, and no line before it."""
        self.send(request)
        lines, error = self.answer()
        equal(lines, [], "lines before the error")
        check(error, "%r was not refused" % request)
        return error

    def close(self):
        self.socket.close()


def control_path(world):
    return world.path("control.sock")


def controlled(world, *members, top="", **settings):
    """A proxy with a control socket."""
    return world.proxy(*members, top="control: %s\n%s" % (control_path(world), top), **settings)


def control(world):
    return world.adopt(Control(control_path(world)))


def line_of_three(world):
    """One call inside and two waiting, in this order; their links and the server's gate."""
    gate = Gate(world)
    proxy = controlled(world, gate, server="calls: 1", drain="20s")
    links = [bound(world, proxy) for _ in range(3)]
    for own, link in enumerate(links):
        link.call(own + 1, call_id=10 + own)
        gate.wait_arrivals(1)
        wait_until(proxy.rests, "the proxy to take it in")
    return gate, proxy, links


def leaves(proxy, *links):
    proxy.process.terminate()
    leaves_after(*links)
    equal(proxy.wait(), 0, "exit status of rpcward")


def by_call(lines):
    return {line["call_id"]: line for line in lines}


# ---- the socket ----

@case("control/only-owner-and-group")
def permissions(world):
    os.umask(0o022)
    proxy = controlled(world, world.server())
    mode = control_path(world).stat().st_mode
    equal((stat.S_ISSOCK(mode), stat.S_IMODE(mode)), (True, 0o660), "what it is, and its mode")
    proxy.stop()
    check(not control_path(world).exists(), "the socket was left behind")


@case("control/stale-socket")
def stale(world):
    """What a process that was killed left is taken over; what is alive, or no socket, is not."""
    server = world.server()
    first = controlled(world, server)
    first.kill()
    world.proxies.remove(first)
    check(control_path(world).exists(), "it went with its process")
    second = controlled(world, server)
    equal(control(world).ask("show servers")[0]["name"], "default", "name")
    third = controlled(world, server, listeners=0)
    equal(third.wait(), 1, "exit status of another one at the same path")
    check("another rpcward is there" in third.err.read_text(), third.err.read_text())
    equal(len(control(world).ask("show servers")), 1, "servers, as before")
    second.stop()
    control_path(world).write_text("precious")
    fourth = controlled(world, server, listeners=0)
    equal((fourth.wait(), control_path(world).read_text()), (1, "precious"), "exit status, and the file")


@case("control/folder-that-is-not-there")
def nowhere(world):
    proxy = world.proxy(world.server(), top="control: /nonexistent/control.sock", listeners=0)
    equal(proxy.wait(), 1, "exit status")
    check("cannot open the control socket /nonexistent/control.sock" in proxy.err.read_text(), proxy.err.read_text())


# ---- show ----

@case("control/show-servers-and-calls")
def show_calls(world):
    gate, proxy, links = line_of_three(world)
    asking = control(world)
    server, = asking.ask("show servers")
    equal([server[key] for key in ("name", "members", "calls", "inside", "waiting", "links", "draining")],
          ["default", [gate.address], 1, 1, 2, 3, False], "the server")
    calls = by_call(asking.ask("show calls"))
    equal({call_id: call["state"] for call_id, call in calls.items()}, {10: "inside", 11: "waiting", 12: "waiting"},
          "states")
    for own, link in enumerate(links):
        call = calls[10 + own]
        equal((call["client"], call["server"], call["interface"], call["opnum"]),
              (link.name(), gate.address, rpc.TEST[0], 0), "call")
        equal(call["call"], "%d:%d.1" % (call["connection"], call["call_id"]), "name")
        check(0 < call["age_us"] < 60000000, "age %r" % call)
    equal((calls[10]["waited_us"], calls[11]["bytes_in"]), (0, 0), "wait of the first, bytes of the second")
    check(calls[10]["bytes_in"] > 0 and calls[11]["waited_us"] == calls[11]["age_us"], "calls %r" % calls)
    gate.release(3)
    for own, link in enumerate(links):
        answered(link, 10 + own)
    proxy.wait_calls(3)
    equal(asking.ask("show calls"), [], "open calls afterwards")


@case("control/show-answering")
def show_answering(world):
    """An answer of which only the first fragment has come."""
    whole = threading.Event()
    first = rpc.pdu(rpc.RESPONSE, bytes(8), call_id=2, flags=rpc.FIRST)
    last = rpc.pdu(rpc.RESPONSE, bytes(8), call_id=2, flags=rpc.LAST)
    recorder = world.adopt(Recorder([ack(), (first, whole, last)]))
    proxy = controlled(world, recorder)
    link = bound(world, proxy)
    link.call(1)
    asking = control(world)

    def seen():
        calls = asking.ask("show calls")
        return calls if calls and calls[0]["state"] == "answering" else None
    call, = wait_until(seen, "the answer to begin")
    equal(call["bytes_out"], len(first), "bytes")
    whole.set()
    check_calls(proxy.wait_calls(1), [{"end": "answered", "fragments_out": 2}])


@case("control/show-clients-and-links")
def show_connections(world):
    gate, proxy, links = line_of_three(world)
    asking = control(world)
    clients = {line["client"]: line for line in asking.ask("show clients")}
    uplinks = {line["client"]: line for line in asking.ask("show links")}
    equal(set(clients), {link.name() for link in links}, "clients")
    equal(set(uplinks), set(clients), "clients of the links")
    equal([clients[link.name()]["state"] for link in links], ["open", "waiting", "waiting"], "states of clients")
    for link in links:
        client, up = clients[link.name()], uplinks[link.name()]
        equal((up["state"], up["server"], up["name"]), ("relaying", gate.address, "default"), "link")
        equal((client["connection"], client["calls"], client["open_calls"]), (up["connection"], 1, 1), "client")
    links[0].reset()
    wait_until(lambda: [line["state"] for line in asking.ask("show links")].count("orphaned") == 1,
               "the link whose call is still inside")
    equal(len(asking.ask("show clients")), 2, "clients")
    gate.release(3)
    answered(links[1], 11)
    answered(links[2], 12)


@case("control/show-counters")
def show_counters(world):
    server = world.server()
    proxy = controlled(world, server)
    asking = control(world)
    before = {line["name"]: line["value"] for line in asking.ask("show counters")}
    equal(set(before.values()), {0}, "counters at the start")
    world.load(proxy, "--calls", 30)
    world.load(proxy, "--calls", 2, "--behaviour", "fault", "--expect", "")
    lines = proxy.wait_calls(32)
    proxy.wait_connections(4)
    after = {line["name"]: line["value"] for line in asking.ask("show counters")}
    equal({name: value for name, value in after.items() if value},
          {"calls.answered": 30, "calls.fault": 2, "faults.server": 2, "connections.client.client-closed": 2,
           "connections.server.client-closed": 2, "bytes.in": sum(line["bytes_in"] for line in lines),
           "bytes.out": sum(line["bytes_out"] for line in lines)}, "counters")
    equal(set(after), set(before), "names")


@case("control/show-many-clients")
def show_many(world):
    """An answer of many slices holds each client once."""
    proxy = controlled(world, world.server())
    client = world.start_load(proxy, "--connections", 1500, "--hold", stdin=-1)
    client.wait_for(client.out, "^ready$")
    for what in ("show clients", "show links"):
        lines = control(world).ask(what)
        equal(len({line["connection"] for line in lines}), 1500, what)
        equal(len(lines), 1500, what)
    client.process.stdin.close()
    client.report()


# ---- one call ----

@case("control/explain")
def explain(world):
    gate, proxy, links = line_of_three(world)
    asking = control(world)
    calls = by_call(asking.ask("show calls"))
    inside, = asking.ask("explain " + calls[10]["call"])
    waiting, = asking.ask("explain %d:11" % calls[11]["connection"])
    check("no answer has begun" in inside["sentence"] and "Evidence: all" in inside["sentence"], inside["sentence"])
    check("default has 1 calls inside of 1, and 2 in the line before it" in waiting["sentence"], waiting["sentence"])
    equal(len(asking.ask("explain")), 3, "all that is open")
    links[1].reset()
    proxy.wait_calls(1)
    gate.release(3)
    answered(links[0], 10)
    answered(links[2], 12)
    proxy.wait_calls(3)
    ended = {line["call"]: line["sentence"] for line in asking.ask("explain")}
    equal(set(ended), {call["call"] for call in calls.values()}, "those that have ended")
    check("answered, the server's answer went to the client" in ended[calls[10]["call"]], "%r" % ended)
    check("withdrawn, " in ended[calls[11]["call"]] and "Proof: P6" in ended[calls[11]["call"]], "%r" % ended)
    check("no such call" in asking.refusal("explain 99:1"), "an unknown call")


@case("control/wait")
def wait(world):
    gate, proxy, links = line_of_three(world)
    asking, other = control(world), control(world)
    calls = by_call(asking.ask("show calls"))
    asking.send("wait " + calls[10]["call"], "wait " + calls[12]["call"], "show servers")
    other.send("wait %d:10" % calls[10]["connection"])
    asking.socket.settimeout(0.1)
    try:
        check(False, "answered before the call has ended: %r" % asking.line())
    except TimeoutError:
        asking.socket.settimeout(PATIENCE)
    gate.release()
    answered(links[0], 10)
    first, error = asking.answer()
    told, _ = other.answer()
    equal(({**told[0], "time": None}, error), ({**first[0], "time": None}, None), "what the other one was told")
    gate.release(2)
    second, _ = asking.answer()
    third, _ = asking.answer()
    log = by_call(proxy.wait_calls(3))
    for line, call_id in ((first[0], 10), (second[0], 12)):
        equal({**line, "time": None}, {**log[call_id], "time": None}, "its line")
    equal((third[0]["kind"], third[0]["waiting"]), ("server", 0), "the request behind them")
    again, = asking.ask("wait " + calls[10]["call"])
    equal((again["call_id"], again["end"], again["total_us"]), (10, "answered", log[10]["total_us"]), "once more")
    check("no such call" in asking.refusal("wait 99:1"), "an unknown call")


@case("control/calls-of-one-name")
def same_name(world):
    """A client may give two calls the same call_id."""
    gate = Gate(world)
    proxy = controlled(world, gate, server="calls: 3")
    link = bound(world, proxy, flags=FULL_FLAGS)
    link.send(rpc.request(0, b"x", call_id=7), rpc.request(0, b"x", call_id=7))
    asking = control(world)
    calls = wait_until(lambda: len(asking.ask("show calls")) == 2 and asking.ask("show calls"), "both")
    names = sorted(call["call"] for call in calls)
    short = names[0].split(".")[0]
    equal(names, [short + ".1", short + ".2"], "names")
    check("several open calls" in asking.refusal("wait " + short), "it chose one of two")
    equal(len(asking.ask("explain " + short)), 2, "both are explained")
    asking.send("wait " + names[1])
    gate.release(2)
    answered(link, 7)
    answered(link, 7)
    equal(asking.answer()[0][0]["call_id"], 7, "the call that was waited for")


# ---- events ----

@case("control/events-in-order")
def events(world):
    gate = Gate(world)
    proxy = controlled(world, gate, server="calls: 1")
    first, second = bound(world, proxy), bound(world, proxy)
    followers = [control(world), control(world)]
    for follower in followers:
        follower.send("events")
        equal(follower.line()["kind"], "following", "first line")
    first.call(1, call_id=21)
    gate.wait_arrivals(1)
    second.call(2, call_id=22)
    wait_until(proxy.rests, "the proxy to take it in")
    gate.release(2)
    answered(first, 21)
    answered(second, 22)
    proxy.wait_calls(2)
    for follower in followers:
        lines = [follower.line() for _ in range(5)]
        equal([(line["call_id"], line["event"]) for line in lines],
              [(21, "inside"), (22, "waiting"), (21, "ended"), (22, "inside"), (22, "ended")], "events")
        equal((lines[2]["end"], lines[2]["evidence"], lines[2]["proof"]), ("answered", "all", None), "the end")
    followers[0].close()
    first.call(3, call_id=23)
    gate.release()
    answered(first, 23)
    equal([followers[1].line()["event"] for _ in range(2)], ["inside", "ended"], "the one who stays")
    proxy.signal(signal.SIGTERM)
    leaves_after(first, second)
    equal([followers[1].line(), followers[1].line(), proxy.wait()], [{"end": True}, None, 0], "rpcward's own end")


@case("control/slow-follower-loses-events")
def slow_follower(world):
    """Every event is told or counted, and no call waits for a follower."""
    server = world.server()
    proxy = controlled(world, server)
    follower = control(world)
    follower.send("events")
    follower.line()
    for _ in range(3):
        equal(dict(world.load(proxy, "--calls", 1500, "--connections", 2).outcomes()), {"answered": 3000}, "outcomes")
    check(proxy.memory() < 64 << 20 or world.is_sanitized(), "memory %d" % proxy.memory())
    told = lost = calls = 0
    link = bound(world, proxy)
    while told + lost < 2 * (9000 + calls):
        line = follower.line()
        told += line["kind"] == "event"
        lost += line.get("lost", 0)
        if line["kind"] == "event" and told % 500 == 0 and lost == 0:
            calls += 1
            link.call(1 << 40 | calls)  # what was lost is told before the next event
            answered(link)
    check(lost > 1000, "%d lost, %d told" % (lost, told))


# ---- odd readers and writers ----

@case("control/readers-that-stop")
def stopped_readers(world):
    """Sixteen that ask and do not read: calls go on, memory is bounded, and a seventeenth is served."""
    server = world.server()
    proxy = controlled(world, server)
    before = proxy.memory()
    asking = [control(world) for _ in range(16)]
    for one in asking:
        one.socket.setblocking(False)
        try:
            while True:
                one.socket.send(b"show counters\n" * 250)
        except BlockingIOError:
            pass
    equal(dict(world.load(proxy, "--calls", 300, "--connections", 4).outcomes()), {"answered": 1200}, "outcomes")
    wait_until(proxy.rests, "the proxy to have nothing more to do for them")
    check(world.is_sanitized() or proxy.memory() - before < 8 << 20, "%d bytes more" % (proxy.memory() - before))
    equal(control(world).ask("show servers")[0]["inside"], 0, "the seventeenth's answer")
    asking[-1].socket.settimeout(PATIENCE)
    lines, error = asking[-1].answer()
    check(len(lines) > 20 and error is None, "what one gets that reads on")


@case("control/many-connections")
def many(world):
    """Sixteen at once, the next is told why not; one that goes makes room."""
    controlled(world, world.server())
    asking = [control(world) for _ in range(16)]
    for one in asking:
        equal(len(one.ask("show servers")), 1, "servers")
    extra = control(world)
    check("16 control connections" in extra.line()["error"], "the seventeenth")
    equal(extra.line(), None, "its end")
    asking[3].close()

    def comes_in():
        one = control(world)
        one.send("show servers")
        return "error" not in one.line()
    wait_until(comes_in, "room for another")
    for _ in range(100):
        control(world).close()
    equal(len(asking[5].ask("show servers")), 1, "servers, after many came and went")


@case("control/garbage")
def garbage(world):
    proxy = controlled(world, world.server())
    asking = control(world)
    for request in ("", "nonsense", "show", "show nothing", "wait", "wait x", "stop now", "drain", "drain nothing", "cancel 9:9", "\x00\x7f", "é" * 40,
                    "x" * 4000, '{"show":"servers"}', "%s%n" * 10):
        check(asking.refusal(request), "refused %r" % request)
    for raw in (b"x" * 4096, os.urandom(64).replace(b"\n", b"") + b"x" * 100000):
        hostile = control(world)
        try:
            hostile.socket.sendall(raw)
        except OSError:
            pass  # it is closed while more is sent
        equal(hostile.line(), {"error": "the request is longer than 4096 bytes"}, "the answer to a line without end")
    for byte in b"show servers\n":
        asking.socket.sendall(bytes([byte]))
    equal(len(asking.answer()[0]), 1, "a request that came byte by byte")
    asking.socket.sendall(b"show servers\nstop")
    asking.socket.shutdown(socket.SHUT_WR)
    equal((len(asking.answer()[0]), asking.line()), (1, None), "the last whole request, and the end")
    check(proxy.is_alive() and not proxy.notices(), "the proxy took something for an order")


@case("control/requests-in-a-row")
def pipelined(world):
    controlled(world, world.server())
    asking = control(world)
    asking.send(*["show servers", "show counters", "nonsense"] * 20)
    for _ in range(20):
        equal([(len(lines) > 0, error is None) for lines, error in (asking.answer() for _ in range(3))],
              [(True, True), (True, True), (False, False)], "answers")


# ---- servers that are drained, calls that are cancelled ----

@case("control/drain-and-resume")
def drain_and_resume(world):
    """Calls inside end, the next ones wait; new clients wait for their bind; then all go on."""
    gate = Gate(world)
    proxy = controlled(world, gate, server="unavailable-wait: 1m")
    first, second = bound(world, proxy), bound(world, proxy)
    first.call(1, call_id=10)
    gate.wait_arrivals(1)
    asking, waiting = control(world), control(world)
    waiting.send("drain default wait")
    line = waiting.line()
    equal((line["kind"], line["name"], line["inside"], line["waiting"]), ("drain", "default", 1, 0), "what is inside")
    second.call(2, call_id=11)
    third = world.link(proxy)
    third.send(bind([context(0, TEST)]))
    wait_until(lambda: asking.ask("show servers")[0]["clients_waiting"] == 1, "the third client to wait")
    server, = asking.ask("show servers")
    equal((server["draining"], server["inside"], server["waiting"]), (True, 1, 1), "the server meanwhile")
    gate.release(1)
    answered(first, 10)
    equal(waiting.line(), {"end": True}, "the end of the wait")
    equal(asking.ask("resume default")[0]["kind"], "resume", "the answer")
    gate.release(1)
    answered(second, 11)
    equal(third.read().type, BIND_ACK, "answer to the bind")
    equal([text for text in proxy.notices() if "default" in text],
          ["control: draining default", "control: resuming default"], "notices")
    leaves(proxy, first, second, third)


@case("control/drain-that-is-resumed-early")
def resumed_early(world):
    gate = Gate(world)
    proxy = controlled(world, gate)
    link = bound(world, proxy)
    link.call(1, call_id=10)
    gate.wait_arrivals(1)
    waiting = control(world)
    waiting.send("drain default wait")
    waiting.line()
    control(world).ask("resume default")
    check("resumed" in waiting.line()["error"], "the last line")
    check("no server" in waiting.refusal("drain payroll"), "a server that is not there")
    gate.release(1)
    answered(link, 10)
    leaves(proxy, link)


@case("control/cancel")
def cancel(world):
    """One that waits has not run; one inside may have, and keeps its place."""
    gate, proxy, links = line_of_three(world)
    asking = control(world)
    names = {line["call_id"]: line["call"] for line in asking.ask("show calls")}
    line, = asking.ask("cancel " + names[12])
    equal((line["end"], line["proof"], line["status_name"]), ("cancelled", "P6", "nca_s_fault_cancel"), "who waited")
    compare(links[2].read(), {"type": FAULT, "status": 0x1C00000D, "dne": True, "call_id": 12})
    line, = asking.ask("cancel " + names[10])
    equal((line["end"], line["proof"], line["evidence"]), ("cancelled", None, "all"), "who was inside")
    compare(links[0].read(), {"type": FAULT, "status": 0x1C00000D, "dne": False, "call_id": 10})
    equal(asking.ask("show servers")[0]["inside"], 1, "calls inside, still")
    equal([call["state"] for call in asking.ask("show calls")], ["abandoned", "waiting"], "states")
    check("nobody waits" in asking.refusal("cancel " + names[10]), "once more")
    check("an administrator gave it up" in asking.ask("explain " + names[12])[0]["sentence"], "the sentence")
    gate.release(2)
    answered(links[1], 11)
    leaves(proxy, *links)


# ---- the end ----

@case("control/stop")
def stop_at_once(world):
    """As SIGTERM; and SIGTERM after it ends nothing early."""
    gate, proxy, links = line_of_three(world)
    asking = control(world)
    line, = asking.ask("stop")
    equal((line["kind"], line["clients"], line["calls"]), ("stop", 3, 3), "what is left")
    wait_until(lambda: "control: draining" in proxy.notices(), "the notice")
    equal(asking.ask("show servers")[0]["draining"], True, "draining")
    asking.ask("stop")
    proxy.signal(signal.SIGTERM)
    stays_false(lambda: not proxy.is_alive() or len(proxy.calls()) > 0, "a call was cut")
    gate.release(3)
    for own, link in enumerate(links):
        answered(link, 10 + own)
        leaves_after(link)
    equal(proxy.wait(), 0, "exit status")
    check_calls(proxy.calls(), [{"end": "answered"}] * 3)


@case("control/stop-under-load")
def stop(world):
    """Its last line comes when all has ended; the connection ends with the process."""
    server = world.server()
    proxy = controlled(world, server, server="calls: 4")
    client = world.start_load(proxy, "--connections", 30, "--seconds", 2, "--expect", "", "--behaviour", "slow:2")
    wait_until(lambda: len(server.ledger()) > 100, "load")
    asking = control(world)
    asking.send("stop wait")
    equal((asking.line()["kind"], asking.line(), asking.line()), ("stop", {"end": True}, None), "all that it says")
    equal(proxy.wait(1), 0, "exit status")
    check(not control_path(world).exists(), "the socket was left behind")
    client.report()


@case("control/stop-that-is-cut-short")
def stop_cut(world):
    """Two signals end what a drain would wait for, and whoever waits is told so."""
    gate, proxy, links = line_of_three(world)
    asking = control(world)
    asking.send("stop wait")
    asking.line()
    proxy.signal(signal.SIGTERM)
    wait_until(proxy.rests, "the first signal to be taken")
    proxy.signal(signal.SIGTERM)
    check("second signal" in asking.line()["error"], "the last line")
    equal((asking.line(), proxy.wait()), (None, 0), "the end, exit status")
    gate.release(3)
