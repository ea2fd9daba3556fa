#!/usr/bin/env python3
"""Checks what rpcward-inspect finds, in captures that are put together here: one story each.

    findings.py RPCWARD-INSPECT

Each story has a twin in which the same goes well or is not to be judged, so that nothing is found there. Prints TAP."""

import json
import pathlib
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import rpc  # noqa: E402
from packets import CLIENT, SERVER, Connection, capture, fault, response  # noqa: E402

EPM = ("e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3, 0)
WITNESS = ("ccd8c074-d0e5-4a40-92b4-d074faa6ba28", 1, 1)
STUB = bytes(32)


def ask(call_id=2, opnum=0, **head):
    return rpc.request(opnum, STUB, call_id=call_id, **head)


def bound(**where):
    return Connection(**where).open().bind()


def asked(wait=0, **where):
    return bound(**where).send(CLIENT, ask()).wait(wait)


def answered(connection, call_id=2):
    return connection.send(SERVER, response(STUB, call_id))


# ---- stories: (what is found, captures) ----

def hung():
    """Acknowledged, never answered: the client gives up after six seconds."""
    yield ["server-hung"], asked(6).close(CLIENT)
    yield ["server-hung"], asked(6).reset(CLIENT)
    yield ["server-hung"], asked(3).probe(CLIENT).wait(3).probe(CLIENT).close(CLIENT)
    cancelled = asked(6).send(CLIENT, rpc.control(rpc.CO_CANCEL, call_id=2), acknowledged=False).reset(CLIENT)
    yield ["server-hung"], cancelled, bound(client_port=50200, begins=9)
    yield ["client-left"], asked(1).close(CLIENT)
    yield ["client-left"], bound().send(CLIENT, ask()[:40]).wait(6).close(CLIENT)
    heard = asked(6).send(SERVER, rpc.control(rpc.SHUTDOWN, call_id=9))
    yield ["still-waiting"], heard, bound(client_port=50200, begins=12)
    yield ["late-answer"], answered(asked(6)).close(CLIENT)
    yield [], answered(asked(1)).close(CLIENT)


def gone():
    """Not acknowledged, and sent again."""
    lost = bound().send(CLIENT, ask(), acknowledged=False).wait(1).repeat(CLIENT, 20).wait(2).repeat(CLIENT, 20)
    yield ["host-gone"], lost.close(CLIENT, acknowledged=False)
    yield ["host-gone", "keep-alive-missing"], asked(6).close(CLIENT, acknowledged=False).wait(2).close_again(CLIENT)
    silent = asked(3)
    for _ in range(3):
        silent.wait(1).probe(CLIENT, answered=False)
    yield ["host-gone"], silent.reset(CLIENT)
    found = bound().send(CLIENT, ask(), acknowledged=False).wait(1).repeat(CLIENT, 20)
    yield [], answered(found).close(CLIENT)


def waiting():
    """The capture ends: after long, or soon."""
    other = bound(client_port=50200, begins=8)
    yield ["still-waiting", "keep-alive-missing"], asked(), other
    yield ["still-waiting"], asked(3).probe(CLIENT).wait(3).probe(CLIENT), other
    yield [], asked(), bound(client_port=50200, begins=2)
    lost = bound().send(CLIENT, ask(), acknowledged=False)
    yield ["host-gone"], lost.wait(1).repeat(CLIENT, 20).wait(2).repeat(CLIENT, 20).wait(4).repeat(CLIENT, 20)


def idle():
    """Nothing for a while, then the connection is dead, and another one is well."""
    well = answered(bound(client_port=50200, begins=20).send(CLIENT, ask()))
    cut = bound().wait(10).send(CLIENT, ask(), acknowledged=False).wait(1).repeat(CLIENT, 20)
    yield ["idle-cut", "reissued"], cut.close(CLIENT, acknowledged=False), well
    yield ["host-gone"], cut
    yield ["idle-cut"], bound().wait(10).send(CLIENT, ask(), acknowledged=False).reset(SERVER)
    yield [], answered(bound().wait(10).send(CLIENT, ask()))


def ended():
    """The server's side ends it: in order, or not."""
    yield ["connection-reset"], asked(1).reset(SERVER)
    yield ["connection-closed"], asked(1).close(SERVER).close(CLIENT)
    yield [], answered(asked(1)).reset(SERVER)


def by_design():
    """An operation that returns only when something happens: witness, WitnessrAsyncNotify; and another one of its."""
    for opnum, answered_late, left in ((3, [], []), (1, ["late-answer"], ["server-hung"])):
        asking = Connection().open().bind(WITNESS).send(CLIENT, ask(opnum=opnum)).wait(100)
        yield answered_late, answered(asking)
        asking = Connection().open().bind(WITNESS).send(CLIENT, ask(opnum=opnum)).wait(100)
        yield left, asking.close(CLIENT)


def given_up():
    cancelled = asked(1).send(CLIENT, rpc.control(rpc.CO_CANCEL, call_id=2))
    yield ["cancelled"], answered(cancelled)
    orphaned = asked(1).send(CLIENT, rpc.control(rpc.ORPHANED, call_id=2))
    yield ["orphaned"], orphaned


def again():
    """Given up and made again, by one client; or by many until it is a storm; or another operation; or much later."""
    first = asked(1).close(CLIENT)
    second = answered(bound(client_port=50124, begins=2).send(CLIENT, ask()))
    yield ["client-left", "reissued"], first, second
    yield ["client-left"], first, answered(bound(client_port=50124, begins=2).send(CLIENT, ask(opnum=1)))
    yield ["client-left"], first, answered(bound(client_port=50124, begins=100).send(CLIENT, ask()))
    yield ["client-left"], first, answered(bound(client="10.0.0.9", begins=2).send(CLIENT, ask()))
    storm = [asked(1, client=f"10.0.1.{host}", client_port=50000 + turn, begins=turn * 2 + host / 10).close(CLIENT)
             for host in range(4) for turn in range(4)]
    yield ["client-left", "retry-storm"], *storm
    some = [asked(1, client_port=50000 + turn, begins=turn * 3) for turn in range(30)]
    yield ["client-left", "reissued"], *(c.close(CLIENT) if turn % 3 == 0 else answered(c)
                                         for turn, c in enumerate(some))


def faults():
    for status, name in ((0x1C010014, "too-busy"), (1723, "too-busy"), (0x1C00001A, "context-handle-lost"),
                         (6, "context-handle-lost"), (0x1C010002, "rejected"), (5, "access-denied"),
                         (1722, "server-unavailable"), (0x1C000012, "fault"), (0xDEAD, "fault")):
        yield [name], asked().send(SERVER, fault(status, 2))
    yield ["rejected"], asked().send(SERVER, fault(0xDEAD, 2, flags=rpc.WHOLE | rpc.DNE))


def refused():
    """Binds."""
    nak = Connection().open().send(CLIENT, rpc.bind([rpc.context(0, rpc.TEST)]))
    yield ["bind-refused"], nak.send(SERVER, rpc.pdu(rpc.BIND_NAK, struct.pack("<HBBB", 4, 1, 5, 0)))
    both = [rpc.context(0, rpc.TEST), rpc.context(1, rpc.TEST, (rpc.NDR64,))]
    results = struct.pack("<BBHHH", 2, 0, 0, 0, 0) + rpc.syntax(rpc.NDR) + struct.pack("<HH", 2, 2) + bytes(20)
    ack = struct.pack("<HHIH", 5840, 5840, 77, 0) + bytes(2) + results
    offered = Connection().open().send(CLIENT, rpc.bind(both)).send(SERVER, rpc.pdu(rpc.BIND_ACK, ack))
    yield [], answered(offered.send(CLIENT, ask()))


def tower(port, address):
    """Of the test interface at a TCP port (C706 appendix L)."""
    def floor(left, right):
        return struct.pack("<H", len(left)) + left + struct.pack("<H", len(right)) + right
    identity = [b"\x0d" + rpc.syntax(name)[:18] for name in (rpc.TEST, rpc.NDR)]
    return struct.pack("<H", 5) + floor(identity[0], b"\0\0") + floor(identity[1], b"\0\0") + \
        floor(b"\x0b", b"\0\0") + floor(b"\x07", struct.pack(">H", port)) + floor(b"\x09", bytes(address))


def mapped(port, address=(10, 0, 0, 2)):
    """An answer of the endpoint mapper."""
    octets = tower(port, address)
    stub = bytes(20) + struct.pack("<IIIII", 1, 4, 0, 1, 3) + struct.pack("<II", len(octets), len(octets)) + octets
    stub += bytes(-len(stub) % 4) + bytes(4)
    asking = Connection(server_port=135, client_port=50100).open().bind(EPM)
    return asking.send(CLIENT, ask(opnum=3)).send(SERVER, response(stub, 2))


def endpoints():
    """The port that was named: refused, silent, answered; and one that was not named."""
    refused_there = Connection(begins=1).put(CLIENT, 0x02).reset(SERVER)
    yield ["endpoint-refused"], mapped(49155), refused_there
    yield ["endpoint-refused"], mapped(49155, (0, 0, 0, 0)), refused_there
    yield ["endpoint-refused"], mapped(49155), Connection(begins=1).put(CLIENT, 0x02)
    yield [], mapped(49155), answered(bound(begins=1).send(CLIENT, ask()))
    yield [], mapped(49156), refused_there
    yield [], mapped(49155, (10, 0, 0, 3)), refused_there


STORIES = (hung, gone, waiting, idle, ended, by_design, given_up, again, faults, refused, endpoints)


# ---- what is held against them ----

def run(data, *options):
    done = subprocess.run([PROGRAM, *options, "-"], input=data, capture_output=True, timeout=20)
    return done.stdout.decode(), done.returncode


def wrong_with(data, wanted):
    """The names, in JSON, in text and in the summary; the exit status."""
    text, status = run(data, "--findings", "--json")
    found = [json.loads(line) for line in text.splitlines()]
    names = [finding["finding"] for finding in found]
    if sorted(names) != sorted(wanted):
        return f"found {names}, expected {wanted}"
    if status != bool(wanted):
        return f"status {status}"
    frames = data_frames(data)
    if not all(0 < frame <= frames for finding in found for frame in finding["frames"]):
        return f"frames that are not there: {found}"
    if not all(f"{name}" in run(data, "--findings")[0] for name in names):
        return "not in the text"
    if not all(f"\n{name}" in run(data)[0] for name in names):
        return "not in the summary"
    return None


def data_frames(data):
    count, at = 0, 24
    while at < len(data):
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
        count += 1
    return count


def wrong(story):
    for number, (wanted, *connections) in enumerate(story(), 1):
        why = wrong_with(capture(*connections), wanted)
        if why:
            yield f"capture {number}: {why}"


def main():
    failed = False
    print(f"1..{len(STORIES)}")
    for number, story in enumerate(STORIES, 1):
        sentences = list(wrong(story))
        failed = failed or bool(sentences)
        print(f"{'not ok' if sentences else 'ok'} {number} - {story.__name__}")
        for sentence in sentences:
            print("#", sentence)
    return failed


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    sys.exit(main())
