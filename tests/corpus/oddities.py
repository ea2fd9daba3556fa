#!/usr/bin/env python3
"""Checks rpcward-inspect on captures whose truth is known because they are made here: one conversation over every link
type and IP version, in fragments, out of order, repeated, overlapping, beyond the end of sequence numbers, and so on.

    oddities.py RPCWARD-INSPECT [SEED...]

With seeds only what chance makes of them. Prints TAP."""

import gzip
import json
import pathlib
import random
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import rpc  # noqa: E402
from packets import response  # noqa: E402

CLIENT, SERVER = 0, 1
FIN, SYN, PSH, ACK = 1, 2, 8, 16
PORTS = (50123, 49155)
ADDRESSES = {4: (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))), 6: (bytes(15) + b"\1", bytes(15) + b"\2")}
TCP, FRAGMENT = 6, 44


# ---- what is said ----

def story(chance, calls=6):
    """[(way, PDU)]: a bind, then calls, some of several fragments, one id for each."""
    ack = struct.pack("<HHIH", 5840, 5840, 77, 0) + bytes(2) + struct.pack("<BBHHH", 1, 0, 0, 0, 0)
    said = [(CLIENT, rpc.bind([rpc.context(0, rpc.TEST)])),
            (SERVER, rpc.pdu(rpc.BIND_ACK, ack + rpc.syntax(rpc.NDR)))]
    for call_id in range(2, 2 + calls):
        stub = chance.randbytes(chance.choice((0, 8, 500, 9000)))
        said += [(CLIENT, pdu) for pdu in rpc.fragments(0, stub, 4000, call_id=call_id)]
        parts = [stub[at:at + 4000] for at in range(0, max(len(stub), 1), 4000)]
        said += [(SERVER, response(part, call_id, flags=(rpc.FIRST if i == 0 else 0) |
                                   (rpc.LAST if i == len(parts) - 1 else 0))) for i, part in enumerate(parts)]
    return said


def facts(said):
    """What must be found of it, in any order: way, type, call_id, length."""
    return sorted(("s2c" if way else "c2s", pdu[2], struct.unpack_from("<I", pdu, 12)[0], len(pdu))
                  for way, pdu in said)


# ---- TCP ----

class Segment:
    def __init__(self, way, sequence, data, flags=PSH | ACK, acknowledged=0):
        self.way, self.sequence, self.data, self.flags = way, sequence & 0xFFFFFFFF, data, flags
        self.acknowledged = acknowledged & 0xFFFFFFFF

    def bytes(self):
        return struct.pack(">HHIIBBHHH", PORTS[self.way], PORTS[not self.way], self.sequence, self.acknowledged, 0x50,
                           self.flags, 64240, 0, 0) + self.data


def segments(said, starts=(1000, 900000), most=1400, opened=True):
    """In order, as a well-behaved connection has them; what one side says without a pause is cut into segments."""
    at, found = list(starts), []
    if opened:
        found += [Segment(CLIENT, at[0] - 1, b"", SYN), Segment(SERVER, at[1] - 1, b"", SYN | ACK, at[0])]
    turns = []
    for way, pdu in said:
        if turns and turns[-1][0] == way:
            turns[-1][1] += pdu
        else:
            turns.append([way, pdu])
    for way, data in turns:
        for cut in range(0, len(data), most):
            part = data[cut:cut + most]
            found.append(Segment(way, at[way], part, acknowledged=at[not way]))
            at[way] += len(part)
    return found


def closed(found):
    """The connection ends, both ways."""
    for way in (CLIENT, SERVER):
        last = [s for s in found if s.way == way][-1]
        found.append(Segment(way, last.sequence + len(last.data), b"", FIN | ACK))
    return found


# ---- IP ----

def ipv4(payload, way, protocol=TCP, fragment=0, ident=1):
    a, b = ADDRESSES[4][way], ADDRESSES[4][not way]
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0) + a + b + payload


def ipv4_options(payload, way):
    a, b = ADDRESSES[4][way], ADDRESSES[4][not way]
    return struct.pack(">BBHHHBBH", 0x47, 0, 28 + len(payload), 1, 0, 64, TCP, 0) + a + b + b"\x01" * 8 + payload


def ipv6(payload, way, next_header=TCP):
    a, b = ADDRESSES[6][way], ADDRESSES[6][not way]
    return struct.pack(">IHBB", 6 << 28, len(payload), next_header, 64) + a + b + payload


def extended(payload, way):
    """Hop-by-hop, destination options, routing and authentication headers before TCP (RFC 8200, RFC 4302)."""
    headers = [(0, 6 * b"\0"), (60, b"\1\4" + 12 * b"\0"), (43, 6 * b"\0"), (51, None)]
    chain, body = TCP, payload
    for kind, content in reversed(headers):
        if kind == 51:
            body = struct.pack(">BBHII", chain, 4, 0, 1, 1) + bytes(12) + body
        else:
            body = struct.pack(">BB", chain, (len(content) + 2) // 8 - 1) + content + body
        chain = kind
    return ipv6(body, way, chain)


def fragments4(payload, way, ident, size=400):
    cuts = range(0, len(payload), size)
    return [ipv4(payload[at:at + size], way, fragment=at // 8 | (0x2000 if at + size < len(payload) else 0),
                 ident=ident) for at in cuts]


def fragments6(payload, way, ident, size=400):
    cuts = range(0, len(payload), size)
    return [ipv6(struct.pack(">BBHI", TCP, 0, at | (at + size < len(payload)), ident) + payload[at:at + size], way,
                 FRAGMENT) for at in cuts]


# ---- links ----

def ethertype(packet):
    return b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"


MACS = bytes((2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2))
FAMILY6 = 30  # AF_INET6 of macOS; 24 and 28 elsewhere
LINKS = {
    "ethernet": (1, lambda p: MACS + ethertype(p) + p),
    "VLAN": (1, lambda p: MACS + b"\x81\x00\x00\x05" + ethertype(p) + p),
    "QinQ": (1, lambda p: MACS + b"\x88\xa8\x00\x05\x81\x00\x00\x06" + ethertype(p) + p),
    "two old tags": (1, lambda p: MACS + b"\x81\x00\x00\x05\x81\x00\x00\x06" + ethertype(p) + p),
    "0x9100": (1, lambda p: MACS + b"\x91\x00\x00\x05\x81\x00\x00\x06" + ethertype(p) + p),
    "padded": (1, lambda p: (MACS + ethertype(p) + p).ljust(60, b"\0")),
    "cooked v1": (113, lambda p: struct.pack(">HHH8s", 0, 1, 6, MACS[:6]) + ethertype(p) + p),
    "cooked v2": (276, lambda p: ethertype(p) + struct.pack(">HIHBB8s", 0, 2, 1, 0, 6, MACS[:6]) + p),
    "cooked v1, VLAN": (113, lambda p: struct.pack(">HHH8sHH", 0, 1, 6, MACS[:6], 0x8100, 5) + ethertype(p) + p),
    "raw": (101, lambda p: p),
    "raw, of OpenBSD": (14, lambda p: p),
    "null, little-endian": (0, lambda p: struct.pack("<I", 2 if p[0] >> 4 == 4 else FAMILY6) + p),
    "null, big-endian": (0, lambda p: struct.pack(">I", 2 if p[0] >> 4 == 4 else 24) + p),
    "loop": (108, lambda p: struct.pack(">I", 2 if p[0] >> 4 == 4 else 28) + p),
}


# ---- files ----

def pcap(frames, link, order="<", nano=False, snap=262144, every=1000):
    """`every` so many µs a frame."""
    data = struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snap, link)
    for number, frame in enumerate(frames):
        micros = number * every
        part = micros % 1000000 * (1000 if nano else 1)
        data += struct.pack(order + "IIII", 1700000000 + micros // 1000000, part, min(len(frame), snap), len(frame))
        data += frame[:snap]
    return data


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack(order + "II", kind, 12 + len(body)) + body + struct.pack(order + "I", 12 + len(body))


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def pcapng(frames, link, order="<", resolution=6):
    """With options everywhere, blocks of other kinds between the packets, and time in a resolution of its own."""
    end = struct.pack("<I", 0)
    section = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + option(order, 1, b"made by a test") + end
    described = struct.pack(order + "HHI", link, 0, 0) + option(order, 2, b"eth0") + \
        option(order, 9, bytes([resolution])) + option(order, 14, struct.pack(order + "q", 100)) + end
    data = block(order, 0x0A0D0D0A, section) + block(order, 1, described)
    for number, frame in enumerate(frames):
        stamp = (1700000000 - 100) * 10 ** resolution + number * 10 ** (resolution - 3)
        body = struct.pack(order + "IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame)) + frame
        body += b"\0" * (-len(body) % 4) + option(order, 1, b"a comment") + option(order, 2, bytes(4)) + end
        data += block(order, 6, body)
        if number % 5 == 0:
            data += block(order, 4, struct.pack(order + "HH", 0, 0)) + block(order, 0x00000BAD, b"custom")
    return data + block(order, 5, struct.pack(order + "III", 0, 0, 0) + end)


# ---- looking ----

class Found:
    def __init__(self, data, *options):
        done = subprocess.run([PROGRAM, "--pdus", "--json", *options, "-"], input=data, capture_output=True, timeout=60)
        self.pdus = [json.loads(line) for line in done.stdout.splitlines()]
        calls = subprocess.run([PROGRAM, "--calls", "--json", *options, "-"], input=data, capture_output=True,
                               timeout=60)
        self.calls = [json.loads(line) for line in calls.stdout.splitlines()]
        self.status, self.error = done.returncode, done.stderr.decode()

    def facts(self):
        return sorted((pdu["dir"], pdu["ptype"], pdu["call_id"], pdu["frag_len"]) for pdu in self.pdus)

    def ends(self):
        return [call["end"] for call in sorted(self.calls, key=lambda call: call["call_id"])]


def same(said, data, *options):
    """All of it, and every call answered."""
    found = Found(data, *options)
    calls = len({pdu[12:16] for way, pdu in said if pdu[2] == rpc.REQUEST})
    wrong = [] if found.facts() == facts(said) else [f"found {len(found.pdus)} of {len(said)} PDUs"]
    if found.ends() != ["answered"] * calls:
        wrong.append(f"calls end {found.ends()}")
    if any(pdu["state"] != "ok" for pdu in found.pdus) or found.error:
        wrong.append(f"{[pdu['state'] for pdu in found.pdus]}, {found.error}")
    return wrong


def frames_of(found, link="ethernet", ip=ipv4):
    wrap = LINKS[link][1]
    return [wrap(ip(s.bytes(), s.way)) for s in found]


# ---- cases ----

SAID = story(random.Random(1))
WHOLE = closed(segments(SAID))


def links():
    """Every link type, with IPv4, its options, IPv6 and its extension headers."""
    return [f"{name}, {ip.__name__}: {sentence}" for name, (link, _) in LINKS.items()
            for ip in (ipv4, ipv4_options, ipv6, extended)
            for sentence in same(SAID, pcap(frames_of(WHOLE, name, ip), link))]


def files():
    """pcap in both byte orders and resolutions, pcapng with options, packed or not."""
    frames = frames_of(WHOLE)
    kinds = {(order, nano): pcap(frames, 1, order, nano) for order in "<>" for nano in (False, True)}
    kinds |= {("pcapng", order, digits): pcapng(frames, 1, order, digits) for order in "<>" for digits in (6, 9, 3)}
    times = [[pdu["time"] for pdu in Found(data).pdus] for data in kinds.values()]
    return [f"{kind}: {sentence}" for kind, data in kinds.items() for sentence in same(SAID, data) +
            same(SAID, gzip.compress(data))] + ([] if all(t == times[0] for t in times) else ["times differ"])


def ip_fragments():
    """In order, reversed, shuffled, twice, with the last one behind the next datagram; both IP versions."""
    chance, wrong = random.Random(2), []
    for cut in (fragments4, fragments6):
        pieces = [cut(s.bytes(), s.way, i) for i, s in enumerate(WHOLE)]
        late = []
        for number, parts in enumerate(pieces):
            late += parts[:-1] + pieces[number - 1][-1:] if number else parts[:-1]
        orders = {"in order": sum(pieces, []), "reversed": sum((parts[::-1] for parts in pieces), []),
                  "shuffled": sum((chance.sample(parts, len(parts)) for parts in pieces), []),
                  "twice": sum((parts + parts[:1] for parts in pieces), []), "late": late + pieces[-1][-1:]}
        wrong += [f"{cut.__name__} {name}: {sentence}" for name, packets in orders.items()
                  for sentence in same(SAID, pcap([LINKS["ethernet"][1](p) for p in packets], 1))]
    return wrong


def sizes():
    """Segments of a byte, of some, and of more than a PDU, across the end of the sequence numbers."""
    return [f"{most}: {sentence}" for most in (1, 3, 17, 536, 1400, 65000) for start in (1000, 2 ** 32 - 3000)
            for sentence in same(SAID, pcap(frames_of(closed(segments(SAID, (start, start - 8000), most))), 1))]


def out_of_order(found, chance):
    """Runs of one side reversed."""
    result, run = [], []
    for s in found:
        if run and (run[-1].way != s.way or not s.data or len(run) > 4):
            result, run = result + run[::-1], []
        (run if s.data else result).append(s)
    return result + run[::-1]


def overlapping(found, chance):
    """Segments that begin with some of what the one before had."""
    last, result = {}, []
    for s in found:
        before = last.get(s.way)
        back = chance.randrange(len(before.data)) if before and before.data and s.data else 0
        part = before.data[len(before.data) - back:] if back else b""
        result.append(Segment(s.way, s.sequence - back, part + s.data, s.flags, s.acknowledged))
        last[s.way] = s
    return result


def repeated(found, chance):
    """Segments sent again: at once, or some packets later."""
    result = []
    for number, s in enumerate(found):
        result.append(s)
        if number > 4 and chance.random() < 0.4:
            result.append(found[number - chance.randrange(4)])
    return result


def answers_first(found, chance):
    """The capture has some answers before what they answer."""
    result, i = list(found), 4
    while i + 1 < len(result):
        if result[i].way == CLIENT and result[i + 1].way == SERVER and result[i].data and result[i + 1].data:
            result[i], result[i + 1] = result[i + 1], result[i]
            i += 1
        i += 1
    return result


def disorder():
    """Each kind alone."""
    chance = random.Random(3)
    return [f"{kind.__name__}: {sentence}" for kind in (out_of_order, overlapping, repeated, answers_first)
            for sentence in same(SAID, pcap(frames_of(kind(WHOLE, chance)), 1))]


def in_mid_connection():
    """From any packet on: what begins there is found, opnums are known, interfaces are not, and nothing hangs."""
    wrong = []
    for start in range(3, len(WHOLE) - 2):
        found = Found(pcap(frames_of(WHOLE[start:]), 1))
        left = len({s.data[12:16] for s in WHOLE[start:] if s.way == CLIENT and s.data[:1] == b"\5" and
                    s.data[2] == rpc.REQUEST and s.data[3] & rpc.FIRST})
        calls = [call for call in found.calls if call["req_frame_first"] is not None]
        answered = [call for call in calls
                    if (call["end"], call["opnum"], call["interface"]) == ("answered", 0, None)]
        if start > 3 and (len(answered), len(calls)) != (left, len(calls)):
            wrong.append(f"from {start}: {len(answered)} answered of {left}")
    return wrong


def gap():
    """Each segment missing in turn, for longer than it is waited for: every call that has all of its bytes is answered,
    none hangs, and it is said."""
    wrong = []
    data = [i for i, s in enumerate(WHOLE) if s.data]
    for lost in data[2:]:
        frames = frames_of(s for i, s in enumerate(WHOLE) if i != lost)
        capture = pcap(frames, 1, every=20000)
        found = Found(capture)
        whole = {pdu["call_id"] for pdu in found.pdus if pdu["ptype"] == rpc.REQUEST and pdu["flags"][-1] in "13"}
        bad = [call for call in found.calls if call["end"] in ("closed", "reset") and call["call_id"] in whole]
        said = json.loads(subprocess.run([PROGRAM, "--json", "-"], input=capture, capture_output=True,
                                         timeout=60).stdout.splitlines()[0])
        if bad or not said["gaps"] or sum(call["end"] == "answered" for call in found.calls) < 4:
            wrong.append(f"without {lost}: gaps {said['gaps']}, {found.ends()}")
    return wrong


def snap_lengths():
    """Headers are enough; what was cut is said, and no call hangs."""
    wrong = []
    for snap in (80, 96, 200, 1000):
        data = pcap(frames_of(WHOLE), 1, snap=snap)
        found = Found(data)
        said = json.loads(subprocess.run([PROGRAM, "--json", "-"], input=data, capture_output=True,
                                         timeout=60).stdout.splitlines()[0])
        ends = found.ends()
        if not set(ends) <= {"answered", "gap"} or ends.count("answered") < 5 or not said["packets_cut"]:
            wrong.append(f"{snap}: {found.ends()}, {said['packets_cut']} cut")
    return wrong


def by_chance(seed):
    """All of it together."""
    chance = random.Random(seed)
    said = story(chance, chance.randrange(1, 9))
    starts = chance.randrange(2 ** 32), chance.randrange(2 ** 32)
    found = closed(segments(said, starts, chance.choice((60, 700, 1400))))
    for kind in (overlapping, out_of_order, repeated, answers_first):
        found = kind(found, chance) if chance.random() < 0.4 else found
    link = chance.choice(list(LINKS))
    if chance.random() < 0.3:
        cut = chance.choice((fragments4, fragments6))
        pieces = [cut(s.bytes(), s.way, i) for i, s in enumerate(found)]
        frames = [LINKS[link][1](p) for parts in pieces for p in chance.sample(parts, len(parts))]
    else:
        frames = frames_of(found, link, chance.choice((ipv4, ipv4_options, ipv6, extended)))
    writes = chance.choice((pcap, pcapng))
    return same(said, writes(frames, LINKS[link][0], chance.choice("<>")))


def mixtures():
    return [f"seed {seed}: {sentence}" for seed in SEEDS or range(60) for sentence in by_chance(seed)]


CASES = (links, files, ip_fragments, sizes, disorder, in_mid_connection, gap, snap_lengths, mixtures)


def main():
    failed = False
    cases = (mixtures,) if SEEDS else CASES
    print(f"1..{len(cases)}")
    for number, case in enumerate(cases, 1):
        wrong = case()
        failed = failed or bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {case.__name__}")
        for sentence in wrong[:10]:
            print("#", sentence)
    return failed


if __name__ == "__main__":
    PROGRAM, SEEDS = sys.argv[1], [int(word) for word in sys.argv[2:]]
    sys.exit(main())
