"""Was it safe to retry? Failed calls of public captures of which the truth is known.

One of them has two link types, which libpcap does not read: it is asked about the packets of the first."""

import json
import struct
import subprocess

SECTION, INTERFACE, ENHANCED = 0x0A0D0D0A, 1, 6  # types of blocks (draft-ietf-opsawg-pcapng 4.1 to 4.3)

KNOWN = (  # capture, how its failed calls ended, fault status, retry, proof, how many of them
    ("OTRF-Security-Datasets__covenant_dcom_registerxll_2020-09-18145959.pcap", "reset", None, "may-have-run", None, 1),
    ("OISF-suricata-verify__dcerpc-bind-no-frag-flag.pcap", "fault", 0x1C010002, "safe", "P5", 2),
    ("antonioCoco-RemotePotato0__victim_server.pcapng", "fault", 5, "unknown", None, 2),
)


def blocks(data):
    """(type, bytes) of each of a little-endian pcapng file."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        yield kind, data[at:at + size]
        at += size


def first_interface(data):
    """What of a pcapng file its first interface captured; any other capture as it is."""
    if data[:4] != struct.pack("<I", SECTION):
        return data
    kept, interfaces = [], 0
    for kind, block in blocks(data):
        interfaces += kind == INTERFACE
        about = interfaces - 1 if kind == INTERFACE else 0
        if kind == ENHANCED:
            about, = struct.unpack_from("<I", block, 8)
        if about == 0 and kind in (SECTION, INTERFACE, ENHANCED):
            kept.append(block)
    return b"".join(kept)


def wrong(program, path, end, status, retry, proof, count):
    done = subprocess.run([program, "--calls", "--json", "-"], input=first_interface(path.read_bytes()),
                          capture_output=True, timeout=60)
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    found = [(call["end"], call["fault_status"], call["retry"], call["proof"]) for call in calls
             if call["retry"] is not None]
    wanted = count * [(end, None if status is None else f"0x{status:08x}", retry, proof)]
    return [] if found == wanted else [f"failed calls: {found}, expected {wanted}; {done.stderr!r}"]


def checks(program, folder):
    """(name, what is wrong, the reason to skip)"""
    for name, *expected in KNOWN:
        path = folder / name
        there = path.exists()
        yield f"verdicts of {name}", wrong(program, path, *expected) if there else [], \
            None if there else "the capture is not here"
