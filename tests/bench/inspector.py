#!/usr/bin/python3
"""How fast rpcward-inspect reads, and what memory it needs, beside tshark (one pass) and tcpdump (what libpcap can do).

Of captures that are made here, many conversations side by side: large fragments, and small PDUs. Then the summary of
one of 20 MB beside tshark's, and the memory of a short capture beside that of a long one."""
import argparse
import itertools
import os
import pathlib
import re
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import rpc  # noqa: E402
from packets import ACK, CLIENT, FILE_HEADER, PSH, SERVER, Connection, response  # noqa: E402

MEGABYTE = 1000000
SIDE_BY_SIDE = 140  # conversations that are open at one time
SEGMENT = 1460
MOST_GROWN = 512  # KiB of memory that twice the length may cost
FIELDS = ("frame.number", "frame.time_epoch", "tcp.stream", "dcerpc.pkt_type", "dcerpc.cn_call_id", "dcerpc.opnum",
          "dcerpc.cn_frag_len", "dcerpc.time")
SAMR = ("12345778-1234-abcd-ef00-0123456789ac", 1, 0)


# ---- captures ----

def segments(c, way, *pdus):
    """Full ones; every second is acknowledged, and the last."""
    data = b"".join(pdus)
    for number, at in enumerate(range(0, len(data), SEGMENT)):
        last = at + SEGMENT >= len(data)
        c.put(way, ACK | last * PSH, data[at:at + SEGMENT])
        if number % 2 or last:
            c.put(not way, ACK)


def fragment(way, call_id, stub, flags, auth):
    if way == CLIENT:
        return rpc.request(call_id % 60, stub, call_id=call_id, flags=flags, auth=auth)
    return response(stub, call_id, flags=flags, auth=auth)


def call(c, call_id, asked, answered, auth=None):
    """Stub data of each fragment, and the trailer of each."""
    for way, stubs in ((CLIENT, asked), (SERVER, answered)):
        last = len(stubs) - 1
        segments(c, way, *(fragment(way, call_id, stub, (i == 0) * rpc.FIRST | (i == last) * rpc.LAST, auth)
                           for i, stub in enumerate(stubs)))


def large_fragments():
    """(its packets, PDUs, calls)"""
    c, stub = Connection().open().bind(SAMR), bytes(5840 - 24)
    for call_id in range(1, 41):
        call(c, call_id, [stub], [stub] * 4)
    return c.close(CLIENT).close(SERVER).packets, 2 + 5 * 40, 40


def small_pdus():
    c = Connection().open().bind(SAMR)
    for call_id in range(1, 401):
        call(c, call_id, [bytes(24)], [bytes(32)], rpc.trailer(level=6) if call_id % 2 else None)
    return c.close(CLIENT).close(SERVER).packets, 2 + 2 * 400, 400


def addresses(number):
    """By way: client and server, server and client."""
    client, server = struct.pack(">I", 0x0A010001 + number), struct.pack(">I", 0x0B000001 + number)
    return {False: client + server, True: server + client}


def pieces(packets):
    """(whether it is the server's, sizes and what stands before the addresses, what stands behind them): only addresses
    and times differ between conversations."""
    return [(frame[5] == SERVER, struct.pack("<II", len(frame), len(frame)) + frame[:26], frame[34:])
            for _, frame in packets]


def write_capture(path, template, size):
    """Conversations side by side until that many bytes are written. Returns (packets, PDUs, calls)."""
    packets, pdus, calls = template
    parts = pieces(packets)
    conversations = written = 0
    times = itertools.count(1700000000000000, 7)  # microseconds
    with open(path, "wb") as out:
        out.write(FILE_HEADER)
        while written < size:
            ends = [addresses(conversations + i) for i in range(SIDE_BY_SIDE)]
            conversations += SIDE_BY_SIDE
            for is_server, before, behind in parts:
                written += out.write(b"".join(
                    b"".join((struct.pack("<II", *divmod(next(times), 1000000)), before, end[is_server], behind))
                    for end in ends))
    return conversations * len(parts), conversations * pdus, conversations * calls


# ---- runs ----

def peak(pid, before):
    """The most KiB of memory so far. Not wait4()'s ru_maxrss: a child begins there with what its parent has."""
    found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else before


class Run:
    """One of a command: seconds, and the most KiB of memory, looked at every 5 ms."""

    def __init__(self, command):
        begun, self.memory = time.monotonic(), 0
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        ended = os.pidfd_open(process.pid)
        while not select.select([ended], [], [], 0.005)[0]:
            self.memory = peak(process.pid, self.memory)
        self.seconds = time.monotonic() - begun
        os.close(ended)
        error = process.communicate()[1].decode(errors="replace")
        if process.returncode:
            raise SystemExit(f"{command[0]}: status {process.returncode}: {error}")


def lines(command):
    """How many it writes."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return sum(part.count(b"\n") for part in iter(lambda: process.stdout.read(1 << 20), b""))


def commands(build, path):
    """What is compared, by name."""
    wanted = [word for field in FIELDS for word in ("-e", field)]
    return {"tcpdump -w /dev/null": ["tcpdump", "-r", path, "-w", "/dev/null"],
            "rpcward-inspect --calls --json": [f"{build}/rpcward-inspect", "--calls", "--json", path],
            "tshark -T fields": ["tshark", "-n", "-r", path, "-Y", "dcerpc", "-T", "fields", *wanted]}


def compare(build, folder, name, template, megabytes, rounds):
    path = pathlib.Path(folder, f"{name.replace(' ', '-')}.pcap")
    packets, pdus, calls = write_capture(path, template, megabytes * MEGABYTE)
    print(f"{name}: {path.stat().st_size / MEGABYTE:.0f} MB, {packets:,} packets, {pdus:,} PDUs, {calls:,} calls")
    rates = {}
    for kind, command in commands(build, path).items():
        if kind.startswith("rpcward") and lines(command) != calls:
            raise SystemExit(f"{kind} does not print {calls} calls")  # who reads little is quick
        runs = [Run(command) for _ in range(1 if kind.startswith("tshark") else rounds)]
        seconds = statistics.median(run.seconds for run in runs)
        rates[kind] = packets / seconds
        print(f"  {kind:32}{seconds:8.2f} s{rates[kind] / 1000:10,.0f} kpackets/s"
              f"{max(run.memory for run in runs) / 1024:9.1f} MiB", flush=True)
    fastest, ours, tshark = rates.values()
    print(f"  rpcward-inspect: {ours / tshark:.1f} times tshark, {ours / fastest:.2f} of tcpdump")
    path.unlink()
    return ours / tshark


def summary(build, folder, rounds):
    """Of 20 MB, as somebody waits for it."""
    path = pathlib.Path(folder, "summary.pcap")
    write_capture(path, small_pdus(), 20 * MEGABYTE)
    ours = statistics.median(Run([f"{build}/rpcward-inspect", path]).seconds for _ in range(rounds))
    theirs = Run(commands(build, path)["tshark -T fields"]).seconds
    print(f"summary of 20 MB: {ours:.3f} s, tshark {theirs:.2f} s, {theirs / ours:.0f} times as long")
    path.unlink()
    return theirs / ours


def memory(build, folder, megabytes):
    """Of a capture and one twice as long with as many conversations open at one time: the difference in KiB.

    A shorter one would not do: connections that have ended are kept for a while, for packets that come late."""
    found, lengths = [], (megabytes, 2 * megabytes)
    for megabytes in lengths:
        path = pathlib.Path(folder, "memory.pcap")
        write_capture(path, small_pdus(), megabytes * MEGABYTE)
        found.append(Run([f"{build}/rpcward-inspect", "--calls", "--json", path]).memory)
        path.unlink()
    print("memory: " + ", ".join(f"{kib / 1024:.1f} MiB for {length} MB" for kib, length in zip(found, lengths)))
    return found[1] - found[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # tcpdump reads as a user of its own
        ratios = [compare(options.build, folder, name, make(), options.megabytes, options.rounds)
                  for name, make in (("large fragments", large_fragments), ("small PDUs", small_pdus))]
        ratios.append(summary(options.build, folder, options.rounds))
        grown = memory(options.build, folder, options.megabytes)
    return any(ratio < 20 for ratio in ratios) or grown > MOST_GROWN


if __name__ == "__main__":
    sys.exit(main())
