"""rpcwardctl: each command against a running rpcward, its exit statuses and its words."""

import json
import re
import socket
import subprocess
import threading

from case import CASES, Case, case, check, compare, equal
from cases_admission import Gate, answered, bound, leaves_after
from cases_control import control_path, controlled, leaves, line_of_three
from harness import PATIENCE, Program, wait_until
from rpc import BIND_ACK, FAULT, TEST, bind, context


def ctl(world, *arguments, path=None):
    command = [world.build / "rpcwardctl", "-s", path or control_path(world), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def good(world, *arguments):
    done = ctl(world, *arguments)
    equal((done.returncode, done.stderr), (0, ""), "exit status and errors of %r" % (arguments,))
    return done.stdout


def start(world, *arguments):
    """One that goes on by itself; its output goes to a file."""
    return world.keep(Program(world.directory, world.name("ctl"), [world.build / "rpcwardctl", "-s",
                                                                   control_path(world), *arguments]))


def rows(text):
    """A table: its head, and its rows as lists of words."""
    lines = [line.split() for line in text.splitlines()]
    return lines[0], lines[1:]


# ---- what is printed ----

@case("ctl/show")
def show(world):
    gate, proxy, links = line_of_three(world)
    head, (server,) = rows(good(world, "show", "servers"))
    equal(dict(zip(head, server)), {"SERVER": "default", "MEMBERS": gate.address, "DOWN": "-", "DRAINED": "false", "CALLS": "1", "INSIDE": "1",
                                    "WAITING": "2", "LINKS": "3"}, "servers")
    head, calls = rows(good(world, "show", "calls"))
    equal(head, "CALL CLIENT SERVER INTERFACE OPERATION STATE AGE WAITED IN OUT".split(), "head of calls")
    equal(sorted(row[5] for row in calls), ["inside", "waiting", "waiting"], "states")
    check(all(re.match(r"\d+:1\d\.1$", row[0]) for row in calls), "names of calls %r" % calls)
    for what in ("clients", "links"):
        _, connections = rows(good(world, "show", what))
        equal(len(connections), 3, what)
    holders = {row[head.index("CLASS")]: row[-1] for head, rows_ in [rows(good(world, "show", "links"))] for row in rows_}
    check(list(holders) == ["owned"] and holders["owned"] in {link.name() for link in links}, "holders %r" % holders)
    check("calls.answered" in good(world, "show", "counters"), "counters")
    gate.release(3)
    for own, link in enumerate(links):
        answered(link, 10 + own)
    proxy.wait_calls(3)
    equal(good(world, "show", "calls"), "none\n", "no calls")
    check(re.search(r"^calls.answered +3$", good(world, "show", "counters"), re.M), "three were answered")


@case("ctl/json")
def as_json(world):
    gate, _, links = line_of_three(world)
    for what, kind, count in (("servers", "server", 1), ("calls", "open-call", 3), ("links", "link", 3),
                              ("clients", "client", 3)):
        lines = [json.loads(line) for line in good(world, "--json", "show", what).splitlines()]
        equal([line["kind"] for line in lines], [kind] * count, what)
    gate.release(3)
    for own, link in enumerate(links):
        answered(link, 10 + own)


@case("ctl/explain-and-wait")
def explain_and_wait(world):
    gate, proxy, links = line_of_three(world)
    name = next(line["call"] for line in map(json.loads, good(world, "--json", "show", "calls").splitlines())
                if line["call_id"] == 10)
    check("no answer has begun" in good(world, "explain", name), "the call inside")
    equal(len(good(world, "explain").splitlines()), 3, "all that is open")
    waiter = start(world, "wait", name)
    check(waiter.is_alive(), "it did not wait")
    gate.release(3)
    equal(waiter.wait(), 0, "exit status")
    check(": call answered after " in waiter.out.read_text(), waiter.out.read_text())
    for own, link in enumerate(links):
        answered(link, 10 + own)
    proxy.wait_calls(3)
    check("answered, the server's answer went to the client" in good(world, "explain", name), "the same call, ended")


@case("ctl/events")
def events(world):
    gate = Gate(world)
    proxy = controlled(world, gate)
    link = bound(world, proxy)
    plain, raw = start(world, "events"), start(world, "--json", "events")
    raw.wait_for(raw.out, '"kind":"following"')

    def both_follow():
        link.call(1)
        gate.release()
        answered(link)
        return plain.matches(plain.out, ": ended answered after")
    wait_until(both_follow, "the other one to follow too")
    leaves(proxy, link)
    equal((plain.wait(), raw.wait()), (0, 0), "exit statuses at rpcward's end")
    kinds = [json.loads(line)["kind"] for line in raw.out.read_text().splitlines()]
    equal((kinds[0], set(kinds[1:])), ("following", {"event"}), "kinds")


@case("ctl/watch")
def watch(world):
    """Without a terminal: plain text, again and again, until rpcward goes."""
    gate, proxy, links = line_of_three(world)
    watching = start(world, "watch", "1")
    watching.wait_for(watching.out, "^3 open calls$", 2)
    text = watching.out.read_text()
    check("\033" not in text and "payroll" not in text and "default" in text, text)
    calls = [line.split()[0] for line in text.split("3 open calls\n")[1].splitlines()[1:4]]
    equal([call.split(":")[1] for call in calls], ["10.1", "11.1", "12.1"], "the oldest first")
    gate.release(3)
    for own, link in enumerate(links):
        answered(link, 10 + own)
    leaves(proxy, *links)
    equal(watching.wait(), 1, "exit status when rpcward has gone")


@case("ctl/drain-and-restart")
def drain_and_restart(world):
    """As the manual has it: a server is restarted between two calls, and nobody notices."""
    server = world.server()
    proxy = controlled(world, server, server="calls: 2\nunavailable-wait: 1m\nwaiting: { longest: 1m }")
    link = bound(world, proxy)
    link.call(1, call_id=2)
    answered(link, 2)
    equal(good(world, "drain", "default", "--wait"), "draining default: 0 calls inside, 0 in the line\n", "what it says")
    late = world.link(proxy)
    late.send(bind([context(0, TEST)]))
    check(re.search(r" yes |true", good(world, "show", "servers")), "that it is drained")
    server.restart()
    equal(good(world, "resume", "default"), "resumed default: 0 calls inside, 0 in the line\n", "what it says")
    equal(late.read().type, BIND_ACK, "answer to the bind that waited")


@case("ctl/cancel")
def cancel(world):
    gate, proxy, links = line_of_three(world)
    name = re.search(r"^\S+:12\.\d+", good(world, "show", "calls"), re.M).group(0)
    check(re.search(r"cancelled after .* proof P6", good(world, "cancel", name)), "what it says")
    compare(links[2].read(), {"type": FAULT, "status": 0x1C00000D, "dne": True})
    gate.release(2)
    for own, link in enumerate(links[:2]):
        answered(link, 10 + own)
    leaves(proxy, *links)


@case("ctl/stop")
def stop_at_once(world):
    gate, proxy, links = line_of_three(world)
    equal(good(world, "stop"), "draining: 3 clients, 3 calls\n", "what it says")
    check(proxy.is_alive(), "it did not wait for its calls")
    gate.release(3)
    for own, link in enumerate(links):
        answered(link, 10 + own)
        leaves_after(link)
    equal(proxy.wait(), 0, "exit status")


@case("ctl/stop-waits-under-load")
def stop(world):
    """When it returns there is no rpcward: another one may have its addresses at once."""
    server = world.server()
    proxy = controlled(world, server, server="calls: 4")
    client = world.start_load(proxy, "--connections", 30, "--seconds", 2, "--expect", "", "--behaviour", "slow:2")
    wait_until(lambda: len(server.ledger()) > 100, "load")
    check(good(world, "stop", "--wait").startswith("draining: "), "what it says")
    equal(proxy.wait(1), 0, "exit status")
    again = controlled(world, server, listen=proxy.address)
    equal(again.address, proxy.address, "the address of the next one")
    client.report()


# ---- what goes wrong ----

@case("ctl/rpcward-says-no")
def says_no(world):
    controlled(world, world.server())
    for arguments, words in ((("wait", "9:9"), "no such call"), (("explain", "9:9"), "no such call"),
                             (("wait", "x"), "'x' is no call")):
        done = ctl(world, *arguments)
        equal((done.returncode, done.stdout), (1, ""), "exit status and output of %r" % (arguments,))
        check("rpcward said no: " in done.stderr and words in done.stderr, done.stderr)


@case("ctl/rpcward-is-not-there")
def not_there(world):
    done = ctl(world, "show", "servers", path="/nonexistent/control.sock")
    equal(done.returncode, 1, "exit status")
    check("cannot reach rpcward at /nonexistent/control.sock" in done.stderr and "is rpcward running" in done.stderr,
          done.stderr)
    proxy = controlled(world, world.server())
    proxy.kill()
    world.proxies.remove(proxy)
    done = ctl(world, "stop", "--wait")
    check(done.returncode == 1 and "start it again" in done.stderr, done.stderr)


@case("ctl/killed-while-it-is-asked")
def killed(world):
    proxy = controlled(world, Gate(world))
    following = start(world, "--json", "events")
    following.wait_for(following.out, "following")
    proxy.kill()
    world.proxies.remove(proxy)
    equal(following.wait(), 1, "exit status")
    check("went away before it had answered" in following.err.read_text(), following.err.read_text())


@case("ctl/something-else-is-there")
def impostor(world):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(control_path(world)))
        listening.listen()

        def serve():
            other, _ = listening.accept()
            with other:
                other.sendall(b"220 mail.example ESMTP \x1b[2J\r\n")
        threading.Thread(target=serve, daemon=True).start()
        done = ctl(world, "show", "servers")
    equal(done.returncode, 1, "exit status")
    check("is not rpcward" in done.stderr, done.stderr)


def usage(name, wanted, *arguments, out="", err=""):
    def run(world):
        done = ctl(world, *arguments, path="/nonexistent/control.sock")
        equal(done.returncode, wanted, "exit status; %s" % done.stderr)
        check(re.search(out, done.stdout) and re.search(err, done.stderr), "said %r, %r" % (done.stdout, done.stderr))
    CASES.append(Case("ctl/" + name, run))


usage("version", 0, "--version", out=r"^rpcwardctl \d+\.\d+")
usage("help", 0, "--help", out=r"(?s)--json.*--wait.*show servers.*watch")
usage("nothing", 2, err="give a command")
usage("unknown-command", 2, "shw", "calls", err="unknown command 'shw calls'")
usage("half-a-command", 2, "show", err="unknown command 'show'")
usage("wait-without-a-call", 2, "wait", err="'wait' needs a call")
usage("too-much", 2, "stop", "now", err="'now' is too much")
usage("drain-without-a-server", 2, "drain", err="'drain' needs the name of a server")
usage("three-words", 2, "show", "calls", "now", err="'now' is too much")
usage("wait-option-elsewhere", 2, "resume", "a", "--wait", err="--wait is for 'stop' and 'drain'")
usage("no-seconds", 2, "watch", "0", err="'0' is not a number of seconds")
usage("odd-seconds", 2, "watch", "1x", err="'1x' is not a number of seconds")
usage("long-call", 2, "wait", "1" * 200, err="is longer than any argument")
