#!/usr/bin/env python3
"""Checks rpcward-inspect --what-if: captures that are put together here, through the brain with settings of our own.

    whatif.py RPCWARD-INSPECT

Prints TAP."""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import rpc  # noqa: E402
from packets import ACK, CLIENT, RST, SERVER, SYN, Connection, capture, fault, response  # noqa: E402

STUB = bytes(32)
SETTINGS = """\
servers:
  default:
    members: [ "10.0.0.2:49155" ]
    {}
listeners:
  - address: "127.0.0.1:1135"
    server: default
"""
PLAIN = f"""\
interfaces:
  - uuid: {rpc.TEST[0]}
    stateless: yes
    operations:
      0: {{ idempotent: yes }}
  - {{ uuid: {rpc.MGMT[0]}, stateless: no }}
"""
BUSY = 0x1C010014


def ask(call_id=2):
    return rpc.request(0, STUB, call_id=call_id)


def fault_dne(status, call_id):
    return fault(status, call_id, flags=rpc.WHOLE | rpc.DNE)


def served(seconds, client=1, begins=0, calls=1, pause=0, flags=rpc.WHOLE, opnum=0):
    """A connection whose calls are answered after so many seconds each."""
    c = Connection(client=f"10.0.1.{client}", client_port=50000 + client, begins=begins).open().bind(flags=flags)
    for call_id in range(2, 2 + calls):
        c.send(CLIENT, rpc.request(opnum, STUB, call_id=call_id)).wait(seconds)
        c.send(SERVER, response(STUB, call_id)).wait(pause)
    return c.close(CLIENT).close(SERVER)


def hung(patience, client=1, begins=0):
    c = Connection(client=f"10.0.1.{client}", client_port=50000 + client, begins=begins).open().bind()
    return c.send(CLIENT, ask()).wait(patience).close(CLIENT)


def refused(client=1, begins=0, answered=True):
    """A connection that the server's host refuses; or does not answer."""
    c = Connection(client=f"10.0.1.{client}", client_port=40000 + client, begins=begins).put(CLIENT, SYN)
    return c.put(SERVER, RST | ACK) if answered else c.wait(0.3).put(CLIENT, SYN, sequence=1000)


def cut(seconds, client=1, begins=0, opnum=0, flags=rpc.WHOLE):
    """A call inside which the server resets its connection."""
    c = Connection(client=f"10.0.1.{client}", client_port=50000 + client, begins=begins).open().bind(flags=flags)
    return c.send(CLIENT, rpc.request(opnum, STUB, call_id=2)).wait(seconds).reset(SERVER)


class Answer:
    """What is said of a capture with some settings of its server, and of its interfaces."""

    def __init__(self, settings, *connections, plain=False, only=()):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "rpcward.yaml")
            path.write_text(SETTINGS.format(settings.replace("\n", "\n    ")) + (PLAIN if plain else ""))
            command = [PROGRAM, "--what-if", "-c", path, *only, "-"]
            self.text = subprocess.run(command, input=capture(*connections), capture_output=True, timeout=20).stdout
            done = subprocess.run([*command, "--json"], input=capture(*connections), capture_output=True, timeout=20)
        self.status, self.error = done.returncode, done.stderr
        *self.calls, self.total = map(json.loads, done.stdout.splitlines())

    def ends(self):
        return [call["end"] for call in self.calls]

    def times(self, key):
        return [None if call[key] is None else round(call[key], 1) for call in self.calls]


def equal(got, wanted):
    return [] if got == wanted else [f"got {got}, expected {wanted}"]


def nothing_changes():
    """Without limits all is as it was."""
    a = Answer("calls: 8", served(0.2, calls=3, pause=0.1), served(0.3, client=2))
    return equal(a.ends(), ["answered"] * 4) + equal(a.times("waited"), [0] * 4) + \
        equal(a.times("took"), [0.2, 0.3, 0.2, 0.2]) + equal(a.times("later"), [0] * 4) + equal(a.status, 0)


def waiting():
    """One at a time: the others wait, and all that their clients do comes later."""
    a = Answer("calls: 1", served(1), served(1, client=2, begins=0.1, calls=2, pause=0.5))
    return equal(a.ends(), ["answered"] * 3) + equal(a.times("waited"), [0, 0.9, 0]) + \
        equal(a.times("took"), [1, 1.9, 1]) + equal(a.times("later"), [0, 0, 0.9]) + \
        equal(a.total["calls_that_waited"], 1) + equal(round(a.total["waited_longest"], 1), 0.9)


def turned_down():
    """No room in the line."""
    a = Answer("calls: 1\nwaiting: { length: 0 }", served(1), served(1, client=2, begins=0.1))
    return equal(a.ends(), ["answered", "refused"]) + equal(a.calls[1]["told"], 0x1C010014) + \
        ([] if b"with it refused" in a.text else [f"not in the text: {a.text}"])


def timed_out():
    """A server that hung: its client is told, and sooner."""
    a = Answer("call-timeout: 2s", hung(6))
    return equal(a.ends(), ["timed-out"]) + equal(a.times("took"), [2.0]) + equal(a.calls[0]["told"], 0x1C00000D) + \
        equal(a.calls[0]["captured_end"], "closed")


def still_left():
    """Nothing is set that would help: the client leaves as it did."""
    return equal(Answer("calls: 8", hung(6)).ends(), ["client-left"])


def left_and_dropped():
    """A server that closes when its client has is done with the call: it has no slot, and nothing is wrong with it."""
    left = [Connection(client=f"10.0.1.{n}", client_port=50000 + n, begins=n).open().bind().send(CLIENT, ask())
            .wait(0.5).close(CLIENT).close(SERVER) for n in (1, 2)]
    a = Answer("calls: 1\nhealth: { failures: 1 }", *left, served(0.5, client=3, begins=2.52), plain=True)
    return equal(a.ends(), ["client-left"] * 2 + ["answered"]) + equal([call["waited"] for call in a.calls], [0] * 3)


def half_closed():
    """It has closed its side, and waits for the answer; or it has reset the connection, and the answer is too late."""
    asked = [Connection(client_port=port).open().bind().send(CLIENT, ask()) for port in (50001, 50002)]
    patient = asked[0].close(CLIENT).wait(1).send(SERVER, response(STUB, 2)).close(SERVER)
    gone = asked[1].reset(CLIENT).wait(1).send(SERVER, response(STUB, 2))
    return equal(Answer("calls: 8", patient, gone).ends(), ["answered", "client-left"])


def kept_alive():
    """The host was gone: keep-alives find that out before the client gives up."""
    c = Connection().open().bind().send(CLIENT, ask())
    for _ in range(30):
        c.wait(1).probe(CLIENT, answered=False)
    a = Answer("com-timeout: 1s", c.reset(CLIENT))
    return equal(a.ends(), ["server-lost"]) + equal(a.calls[0]["kept_alive"], True) + \
        ([] if a.calls[0]["took"] < 10 else [f"after {a.calls[0]['took']} s"])


def faults():
    c = Connection().open().bind().send(CLIENT, ask()).send(SERVER, fault(5, 2))
    return equal(Answer("calls: 1", c).ends(), ["fault"])


def server_ends():
    c = Connection().open().bind().send(CLIENT, ask()).wait(1).reset(SERVER)
    a = Answer("calls: 1", c)
    return equal(a.ends(), ["server-lost"]) + equal(a.times("took"), [1.0])


def not_ours():
    """A server that the settings do not have; with one server it is taken for that."""
    other = Connection(server="10.0.0.9", server_port=5000).open().bind().send(CLIENT, ask())
    return equal(Answer("calls: 1", other.send(SERVER, response(STUB, 2))).ends(), ["answered"])


def bad_settings():
    done = subprocess.run([PROGRAM, "--what-if", "-c", "/nowhere", "-"], input=b"", capture_output=True, timeout=20)
    alone = subprocess.run([PROGRAM, "--what-if", "-"], input=b"", capture_output=True, timeout=20)
    return equal((done.returncode, alone.returncode), (2, 2)) + ([] if b"/nowhere" in done.stderr else [done.stderr])


def dialled_ahead():
    """Connections that wait for clients; and a limit on them that is too low, so that the second client waits."""
    two = served(1), served(1, client=2, begins=0.1)
    a, b = Answer("idle: { spare: 2 }", *two), Answer("connections: 1\nunavailable-wait: 5s", *two)
    return equal(a.ends(), ["answered"] * 2) + equal(b.ends(), ["answered"] * 2) + \
        equal(a.times("later"), [0, 0]) + equal(b.times("later"), [0, 0.9])


def many():
    """Five hundred clients before a server with room for ten: everybody is answered, in the end."""
    a = Answer("calls: 10\nwaiting: { length: 1000, longest: 10m }",
               *(served(0.5, client=client, begins=client / 1000) for client in range(1, 251)),)
    return equal(set(a.ends()), {"answered"}) + equal(a.total["answered"], 250) + \
        ([] if 11 < max(call["waited"] for call in a.calls) < 13 else ["the last one does not wait for the others"])


def shared():
    """Three clients without authentication on a stateless interface: two connections to the server are enough."""
    three = [served(1, client=client, begins=client / 10) for client in range(1, 4)]
    a = Answer("connections: 2", *three, plain=True)
    own = Answer("connections: 2\nsharing: none\nunavailable-wait: 5s", *three, plain=True)
    return equal(a.ends(), ["answered"] * 3) + equal(a.times("waited"), [0, 0, 0.8]) + \
        equal((a.total["connections_captured"], a.total["connections_most"]), (3, 2)) + \
        equal([call["shared"] for call in a.calls], [True] * 3) + equal(own.times("later"), [0, 0, 0.8]) + \
        equal([call["shared"] for call in own.calls], [False] * 3)


def several_on_a_connection():
    """Where the server grants concurrent multiplexing, and was seen to."""
    three = [served(1, client=client, begins=client / 10, flags=rpc.WHOLE | rpc.CONC_MPX) for client in range(1, 4)]
    wide = "connections: 1\ncalls-per-connection: 8"
    a, b = Answer(wide, *three, plain=True), Answer(wide, *(served(1, client=c) for c in range(1, 4)), plain=True)
    return equal(a.times("waited"), [0] * 3) + equal(a.total["connections_most"], 1) + \
        equal(sorted(b.times("waited")), [0, 1, 2])


def own_connection_for_the_rest():
    """Interfaces that may keep state, and binds that were not seen, have a connection of their own."""
    unseen = Connection().send(CLIENT, ask()).wait(1).send(SERVER, response(STUB, 2))
    a, b = Answer("calls: 8", unseen, plain=True), Answer("calls: 8", served(1))
    return equal([call["shared"] for call in a.calls + b.calls], [False, False]) + \
        equal(a.ends() + b.ends(), ["answered"] * 2)


def repeated():
    """A connection that was cut in mid-call: the call is made again, and answered after the operation's median."""
    a = Answer("calls: 8", served(0.5, client=2, calls=3), cut(2), plain=True)
    call = next(call for call in a.calls if call["captured_end"] == "reset")
    return equal((call["end"], call["attempts"], call["proof"]), ("answered", 2, "none")) + \
        ([] if 2.5 < call["took"] < 2.7 else [f"took {call['took']}"]) + \
        equal((a.total["calls_repeated"], a.total["repeats"]), (1, 1)) + \
        ([] if b"sent 2 times (it does no harm to run it twice)" in a.text else [f"not in the text: {a.text}"])


def not_repeated():
    """Not idempotent; on a connection of its own; one attempt only."""
    other = served(0.5, client=2)
    once = Answer("retry: { attempts: 1 }", other, cut(2), plain=True)
    changes, own = Answer("calls: 8", other, cut(2, opnum=1), plain=True), Answer("calls: 8", other, cut(2))
    return [sentence for a in (once, changes, own)
            for sentence in equal(a.ends(), ["answered", "server-lost"]) + equal(a.total["repeats"], 0)]


def medians():
    """A repeat takes as long as its operation, not as others; where it was never answered, as those."""
    slow = served(5, client=3, opnum=1, calls=3)
    a = Answer("calls: 8", served(0.5, client=2), slow, cut(1), plain=True)
    b = Answer("calls: 8", slow, cut(1), plain=True)
    again = [next(call for call in answer.calls if call["attempts"] == 2) for answer in (a, b)]
    return equal([round(call["took"]) for call in again], [2, 6])


def on_the_same_connection():
    """What is lost with another call's connection is repeated, and the answer that was on its way is lost too."""
    flags = rpc.WHOLE | rpc.CONC_MPX
    a = Answer("connections: 1\ncalls-per-connection: 8", served(5, flags=flags), cut(1, client=2, flags=flags),
               plain=True)
    return equal([call["attempts"] for call in a.calls], [2, 2]) + \
        ([] if all(6 < call["took"] < 6.2 for call in a.calls) else [f"{a.times('took')}"])


def too_large_to_keep():
    """Requests that the proxy does not keep are not repeated."""
    fragments = rpc.fragments(0, bytes(60000), 5000, call_id=2)
    c = Connection(client_port=50123).open().bind()
    for fragment in fragments:
        c.send(CLIENT, fragment)
    return equal(Answer("calls: 8", served(0.5, client=2), c.wait(1).reset(SERVER), plain=True).ends(),
                 ["answered", "server-lost"])


def later_contexts():
    """A client that adds an interface which may keep state has a connection of its own from then on."""
    c = Connection().open().bind().send(CLIENT, ask(2)).send(SERVER, response(STUB, 2))
    c.send(CLIENT, rpc.bind([rpc.context(1, rpc.MGMT)], ptype=rpc.ALTER))
    c.bind_answer(rpc.ALTER_RESP).send(CLIENT, ask(3)).wait(1).send(SERVER, response(STUB, 3))
    a = Answer("calls: 8", c, plain=True)
    return equal([call["shared"] for call in a.calls], [True, False]) + equal(a.ends(), ["answered"] * 2)


def some_of_them():
    """With a filter only those are counted, but the others are there all the same."""
    a = Answer("calls: 1", served(1), served(1, client=2, begins=0.1), only=("--addr", "10.0.1.2"))
    return equal(a.ends(), ["answered"]) + equal(a.times("waited"), [0.9]) + equal(a.total["calls"], 1)


def nobody_knows():
    """Where no call was ever answered nobody knows what the second attempt would have been."""
    return equal(Answer("calls: 8", cut(2), plain=True).ends(), ["capture-ends"])


def restarted():
    """Restarted: it refuses connections for three seconds, for which the repeat and the next client wait."""
    late = served(0.5, client=3, begins=6), served(0.5, client=4, begins=8)
    a = Answer("unavailable-wait: 30s", cut(1), refused(2, begins=1.5), refused(2, begins=3.5), *late, plain=True)
    b = Answer("unavailable-wait: 1s", cut(1), refused(2, begins=1.5), refused(2, begins=3.5), *late, plain=True)
    return equal(a.ends(), ["answered"] * 3) + equal(a.calls[0]["attempts"], 2) + \
        ([] if 6.4 < a.calls[0]["took"] < 12 else [f"took {a.calls[0]['took']}"]) + \
        equal(b.ends(), ["server-lost", "answered", "answered"])


def silent_host():
    """Nothing answers its connections until six seconds: neither does the repeat's."""
    silence = [refused(client, begins=client - 3.5, answered=False) for client in (5, 6)]
    a = Answer("unavailable-wait: 30s\nconnect-timeout: 1s", cut(2), *silence, served(0.5, client=3, begins=6),
               plain=True)
    return equal(a.ends(), ["answered"] * 2) + \
        ([] if 6.4 < a.calls[0]["took"] < 14 else [f"took {a.calls[0]['took']}"])


def idle_when_it_went():
    """A server that refuses connections has lost those that were idle: they are not lent to a repeat."""
    a = Answer("unavailable-wait: 30s", served(0.1), cut(2, client=2, begins=0.05), refused(3, begins=1.5),
               served(0.5, client=4, begins=6), plain=True)
    return equal(a.ends(), ["answered"] * 3) + ([] if a.calls[1]["took"] > 5 else [f"took {a.calls[1]['took']}"])


def too_busy():
    """Refused as too busy: made again while the server is, by the proof that it gives, and answered when it is not."""
    c = Connection(client="10.0.1.1").open().bind().send(CLIENT, ask()).send(SERVER, fault_dne(BUSY, 2))
    again = Connection(client="10.0.1.2", client_port=50002, begins=0.5).open().bind().send(CLIENT, ask())
    a = Answer("waiting: { longest: 10s }", c, again.send(SERVER, fault_dne(BUSY, 2)),
               served(0.2, client=3, begins=1), plain=True)
    never = Answer("waiting: { longest: 2s }", c, again, plain=True)
    return equal(a.ends(), ["answered"] * 3) + equal([call["proof"] for call in a.calls], ["P5", "P5", None]) + \
        ([] if a.calls[0]["attempts"] > 2 and a.calls[0]["took"] > 1 else [f"the first one: {a.calls[0]}"]) + \
        equal((never.ends()[0], never.calls[0]["attempts"] > 2), ("fault", True))


CASES = (nothing_changes, waiting, turned_down, timed_out, still_left, left_and_dropped, half_closed, kept_alive,
         faults, server_ends, not_ours, bad_settings, dialled_ahead, many, shared, several_on_a_connection,
         own_connection_for_the_rest, repeated, not_repeated, medians, on_the_same_connection, too_large_to_keep,
         later_contexts, some_of_them, nobody_knows, restarted, silent_host, idle_when_it_went, too_busy)


def main():
    failed = False
    print(f"1..{len(CASES)}")
    for number, case in enumerate(CASES, 1):
        wrong = case()
        failed = failed or bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {case.__name__}")
        for sentence in wrong:
            print("#", sentence)
    return failed


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    sys.exit(main())
