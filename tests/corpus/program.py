#!/usr/bin/env python3
"""Checks rpcward-inspect as a program: where it reads from, what it takes, what it says when it cannot.

    program.py RPCWARD-INSPECT

Works on captures/ alone. Prints TAP.
"""

import copy
import gzip
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import rpc  # noqa: E402
from packets import CLIENT, SERVER, Connection, capture  # noqa: E402

CAPTURES = pathlib.Path(__file__).resolve().parents[2] / "captures"
SAMPLE = CAPTURES / "out-of-order.pcap"
DEADLINE = 20  # seconds
FILE_HEADER, RECORD_HEADER, ETHERNET = 24, 16, 14


class Wrong(Exception):
    """What is not as it should be."""


def need(condition, *what):
    if not condition:
        raise Wrong(" ".join(map(str, what)))


def run(*options, data=b""):
    return subprocess.run([PROGRAM, *map(str, options)], input=data, capture_output=True, timeout=DEADLINE)


def objects(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def records(data):
    """The packets of a little-endian capture in microseconds, with their headers."""
    found, at = [], FILE_HEADER
    while at < len(data):
        size, = struct.unpack_from("<I", data, at + 8)
        found.append(data[at:at + RECORD_HEADER + size])
        at += RECORD_HEADER + size
    return found


def moved(data, number):
    """The packets again, an hour and another address later (Ethernet and IPv4)."""
    for record in records(data):
        record = bytearray(record)
        seconds, = struct.unpack_from("<I", record)
        struct.pack_into("<I", record, 0, (seconds + 3600 * number) & 0xFFFFFFFF)
        for address in (RECORD_HEADER + 26, RECORD_HEADER + 30):
            record[address + 1] = number & 0xFF
            record[address + 2] = number >> 8
        yield bytes(record)


# ---- pcapng ----

SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)


def interface(link, snaplen=0):
    return struct.pack("<IIHHII", 1, 20, link, 0, snaplen, 20)


def packet_block(record, interface_id=0, without=0):
    """`without` so many bytes at its beginning."""
    seconds, micros, captured, sent = struct.unpack_from("<IIII", record)
    captured, sent = captured - without, sent - without
    body = record[RECORD_HEADER + without:] + b"\0" * (-captured % 4)
    stamp, size = seconds * 1000000 + micros, 32 + len(body)
    head = struct.pack("<IIIIIII", 6, size, interface_id, stamp >> 32, stamp & 0xFFFFFFFF, captured, sent)
    return head + body + struct.pack("<I", size)


# ---- cases ----

def same_from_everywhere(folder):
    """A file, standard input, packed, packed in parts."""
    data = SAMPLE.read_bytes()
    wanted = run("--calls", SAMPLE).stdout
    need(wanted.count(b"\n") == 3, "not three calls:", wanted)
    packed = gzip.compress(data)
    parts = gzip.compress(data[:100]) + gzip.compress(data[100:])
    (folder / "packed.pcap.gz").write_bytes(packed)
    for name, done in (("stdin", run("--calls", "-", data=data)), ("gzip", run("--calls", folder / "packed.pcap.gz")),
                       ("gzip in stdin", run("--calls", "-", data=packed)), ("parts", run("--calls", "-", data=parts))):
        need(done.stdout == wanted and done.returncode == 0 and not done.stderr, name, done)


def other_formats(folder):
    """pcapng, nanoseconds, big-endian: the same packets, written by hand."""
    data = SAMPLE.read_bytes()
    wanted = run("--calls", SAMPLE).stdout
    magic, *rest = struct.unpack("<IHHiIII", data[:FILE_HEADER])
    big = struct.pack(">IHHiIII", magic, *rest)
    nano = struct.pack("<IHHiIII", 0xA1B23C4D, *rest)
    blocks = [SECTION, interface(1)]
    for record in records(data):
        seconds, micros, captured, sent = struct.unpack_from("<IIII", record)
        body = record[RECORD_HEADER:]
        big += struct.pack(">IIII", seconds, micros, captured, sent) + body
        nano += struct.pack("<IIII", seconds, micros * 1000, captured, sent) + body
        blocks.append(packet_block(record))
    for name, other in (("big-endian", big), ("nanoseconds", nano), ("pcapng", b"".join(blocks))):
        done = run("--calls", "-", data=other)
        need(done.stdout == wanted and done.returncode == 0, name, done)


def several_link_types(folder):
    """Packets of Ethernet and of raw IP by turns, and at last of something that is not known."""
    data = SAMPLE.read_bytes()
    wanted = run("--calls", SAMPLE).stdout
    blocks = [SECTION, interface(1), interface(101, snaplen=96)]
    for number, record in enumerate(records(data)):
        blocks.append(packet_block(record, number % 2, ETHERNET * (number % 2)))
    done = run("--calls", "-", data=b"".join(blocks))
    need(done.stdout == wanted and done.returncode == 0 and b"several link types" in done.stderr, done)
    blocks += [interface(105), packet_block(records(data)[0], 2)]
    done = run("--calls", "-", data=b"".join(blocks))
    need(done.stdout == wanted and done.returncode == 1 and b"all are read but 1 of" in done.stderr, done)


def cut_off(folder):
    """What was read before the damage is printed, and what is missing is said."""
    data = SAMPLE.read_bytes()
    packed = gzip.compress(data)
    for name, damaged in (("file", data[:-10]), ("gzip", packed[:len(packed) - 20])):
        done = run("--pdus", "-", data=damaged)
        need(done.returncode == 1 and b"not read in full" in done.stderr, name, done)
        need(name == "gzip" or done.stdout.count(b"\n") == 8, name, done)


def not_read(folder):
    """One sentence, naming the file, and status 1."""
    (folder / "text").write_text("this is no capture, and it is long enough to be one\n")
    wireless = bytearray(SAMPLE.read_bytes())
    struct.pack_into("<I", wireless, 20, 105)
    for options, data, words in (
            ((folder / "absent",), b"", b"absent: No such file"),
            ((folder,), b"", b"Is a directory"),
            ((folder / "text",), b"", b"text: this is no capture"),
            (("-",), b"", b"no capture"),
            (("-",), bytes(wireless), b"packets of type '802.11'"),
            (("--tree", "99", SAMPLE), b"", b"there is no call 99")):
        done = run(*options, data=data)
        need(done.returncode == 1 and words in done.stderr and done.stderr.count(b"\n") == 1, options, done)


def usage(folder):
    for options in ((), ("a", "b"), ("--calls", "--pdus", SAMPLE), ("--tree", "x", SAMPLE), ("--addr", "host", SAMPLE),
                    ("--port", "70000", SAMPLE), ("--opnum", "-1", SAMPLE), ("--status", "odd", SAMPLE),
                    ("--slower", "soon", SAMPLE), ("--pdus", "--hung", SAMPLE), ("--nothing", SAMPLE)):
        done = run(*options)
        need(done.returncode == 2 and b"Usage" in done.stderr + b"Usage" and not done.stdout, options, done)
    done = run("--help")
    need(done.returncode == 0 and b"--follow" in done.stdout, done)


def filters(folder):
    """Each leaves out what it should, and they combine."""
    sample = CAPTURES / "fault-did-not-execute.pcap"
    for options, calls in (((), 2), (("--status", "fault"), 2), (("--status", "nca_s_unk_if"), 1),
                           (("--status", "answered"), 0), (("--interface", "mgmt"), 1), (("--opnum", "2"), 1),
                           (("--opnum", "2", "--opnum", "99"), 2), (("--opnum", "2", "--interface", "mgmt"), 0),
                           (("--addr", "127.0.78.1"), 2), (("--addr", "127.0.78.2"), 0), (("--port", "1135"), 2),
                           (("--port", "1136"), 0), (("--slower", "100us"), 1), (("--slower", "1s"), 0),
                           (("--hung",), 0)):
        found = objects(run("--calls", "--json", *options, sample))
        summary = objects(run("--json", *options, sample))[0]
        need(len(found) == calls == summary["calls"], options, "gave", len(found), "and", summary["calls"])
    for options, pdus in ((("--opnum", "2"), 2), (("--interface", "mgmt"), 4), (("--addr", "10.0.0.1"), 0)):
        found = objects(run("--pdus", "--json", *options, sample))
        need(len(found) == pdus, options, "gave", len(found))
    uuid = objects(run("--calls", "--json", "--opnum", "99", sample))[0]["interface"]
    hung = CAPTURES / "server-hung.pcap"
    for options, capture, calls in ((("--interface", uuid), sample, 1), (("--interface", uuid.upper()), sample, 1),
                                    (("--hung",), hung, 1), (("--hung", "--opnum", "0"), hung, 1),
                                    (("--hung", "--opnum", "1"), hung, 0),
                                    (("--hung", "--status", "answered"), hung, 0),
                                    (("--addr", "127.0.78.1", "--port", "1135", "--interface", "mgmt", "--opnum", "99",
                                      "--status", "fault", "--slower", "1us"), sample, 1)):
        found = objects(run("--calls", "--json", *options, capture))
        need(len(found) == calls, options, "gave", len(found))
    for options, findings in (((), 2), (("--opnum", "0"), 0), (("--addr", "127.0.0.9"), 0), (("--port", "1135"), 2)):
        found = objects(run("--findings", "--json", *options, CAPTURES / "contexts.pcap"))
        need(len(found) == findings, options, "gave", found)


def trees(folder):
    """All PDUs of a call, and of no other."""
    calls = objects(run("--calls", "--json", SAMPLE))
    for call in calls:
        found = objects(run("--tree", call["call"], "--json", SAMPLE))
        need([pdu["call_id"] for pdu in found] == 2 * [call["call_id"]], call, found)
        text = run("--tree", call["call"], SAMPLE).stdout
        need(text.count(b"\nframe") == 1 and b"  stub_length" in text, text)


class Follower:
    """One that reads a growing file; its lines are waited for."""

    def __init__(self, path):
        self.process = subprocess.Popen([PROGRAM, "--pdus", "--json", "--follow", path], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.text = b""

    def wait_for(self, lines):
        deadline = time.monotonic() + DEADLINE
        while self.text.count(b"\n") < lines:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            need(ready, "only", self.text.count(b"\n"), "lines of", lines)
            more = os.read(self.process.stdout.fileno(), 65536)
            need(more, "it ended")
            self.text += more

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=DEADLINE)
        return self.text + out, err, self.process.returncode


def follow(folder):
    """PDUs are printed as their packets are written, and an interrupt is an end like any other."""
    path = folder / "growing.pcap"
    data = SAMPLE.read_bytes()
    packets = records(data)
    half = data[:FILE_HEADER] + b"".join(packets[:len(packets) // 2])
    with path.open("wb", buffering=0) as growing:
        growing.write(half)
        follower = Follower(path)
        try:
            follower.wait_for(run("--pdus", "-", data=half).stdout.count(b"\n"))
            for packet in packets[len(packets) // 2:]:
                growing.write(packet[:20])
                growing.write(packet[20:])
            follower.wait_for(8)
        finally:
            text, err, status = follower.stop()
    need(text == run("--pdus", "--json", SAMPLE).stdout and status == 0 and not err, text, err, status)


def peak(data):
    """Most KiB of memory that it needs for a capture, read when it has all but the last of it; and its summary."""
    at_once = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"}  # is freed
    process = subprocess.Popen([PROGRAM, "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=at_once)
    with process.stdin as stdin:
        for part in data:
            stdin.write(part)
        stdin.flush()
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    text = process.stdout.read()
    process.wait(timeout=DEADLINE)
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]), json.loads(text.splitlines()[0])


def memory(folder):
    """It does not grow with the length of a capture, only with what is open."""
    data = SAMPLE.read_bytes()
    header = data[:FILE_HEADER]
    (short, few), (long, many) = (peak(part for number in range(times) for part in (
        moved(data, number) if number else [header])) for times in (500, 4000))
    need(499 * many["calls"] == 3999 * few["calls"] and many["answered"] == many["calls"] > 0, many)
    need(long - short < 500, "from", short, "to", long, "KiB")


def half_sent(folder):
    """A connection that ends within the first fragment of a request: that call has not run, by what is seen here. Not so
    where the first fragment was sent whole, or where the rest is what the capture lost."""
    request = rpc.request(5, bytes(400), call_id=7)
    first, second = rpc.fragments(5, bytes(800), 400, call_id=7)
    begun = Connection().open().bind()
    for name, story, wanted in (
            ("server resets", lambda c: c.send(CLIENT, request[:100]).reset(SERVER), [("reset", "safe", "P3")]),
            ("client closes", lambda c: c.send(CLIENT, request[:100]).close(CLIENT).close(SERVER),
             [("closed", "safe", "P3")]),
            ("capture ends", lambda c: c.send(CLIENT, request[:100]), []),
            ("header only", lambda c: c.send(CLIENT, request[:16]).reset(SERVER), []),
            ("first fragment whole", lambda c: c.send(CLIENT, first, second[:100]).reset(SERVER),
             [("reset", "may-have-run", None)]),
            ("the rest is lost", lambda c: lose(c.send(CLIENT, request[:100]), 200).reset(CLIENT), [])):
        done = run("--calls", "--json", "-", data=capture(story(copy.deepcopy(begun))))
        found = [(call["end"], call["retry"], call["proof"]) for call in objects(done)]
        need(found == wanted, name, "gave", found)
    text = run("--findings", "-", data=capture(copy.deepcopy(begun).send(CLIENT, request[:100]).reset(SERVER))).stdout
    need(b"as far as is seen where this was captured" in text, text)


def lose(connection, size):
    """So many bytes of the client's are sent and not captured."""
    connection.next[CLIENT] += size
    return connection


def progress(folder):
    """Of a large file, and to a terminal only; nothing of it is left behind."""
    data = SAMPLE.read_bytes()
    other = struct.pack("<IIII", 1, 0, 1000, 1000) + bytes(1000)
    large = folder / "large.pcap"
    large.write_bytes(data + 70000 * other)
    for capture, shown in ((large, True), (SAMPLE, False)):
        terminal, its_end = pty.openpty()
        done = subprocess.run([PROGRAM, "--calls", capture], stdout=subprocess.PIPE, stderr=its_end, timeout=DEADLINE)
        text = os.read(terminal, 65536) if select.select([terminal], [], [], 0)[0] else b""
        os.close(its_end)
        os.close(terminal)
        need((b" %" in text) == shown and done.stdout == run("--calls", SAMPLE).stdout, capture, text, done)
        need(not shown or re.search(rb"\r +\r$", text), "something is left", text)
    need(not run("--calls", large).stderr, "progress into a pipe")


def broken_pipe(folder):
    """Nobody reads any more: it ends."""
    data = SAMPLE.read_bytes()
    process = subprocess.Popen([PROGRAM, "--pdus", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.close()
    try:
        process.stdin.write(data[:FILE_HEADER])
        for number in range(2000):
            process.stdin.write(b"".join(moved(data, number)))
        process.stdin.close()
    except BrokenPipeError:
        pass
    process.wait(timeout=DEADLINE)


CASES = (same_from_everywhere, other_formats, several_link_types, cut_off, not_read, usage, filters, trees, follow,
         memory, progress, half_sent, broken_pipe)


def main():
    failed = False
    print(f"1..{len(CASES)}")
    for number, case in enumerate(CASES, 1):
        try:
            with tempfile.TemporaryDirectory() as folder:
                case(pathlib.Path(folder))
            print(f"ok {number} - {case.__name__}")
        except Wrong as wrong:
            failed = True
            print(f"not ok {number} - {case.__name__}\n# {str(wrong)[:2000]}")
    return failed


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    sys.exit(main())
