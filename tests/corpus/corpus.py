#!/usr/bin/env python3
"""Checks dissect against captures: every PDU is found, and every PDU is decoded.

    corpus.py PDU-ROWS

PDU-ROWS is the program built from pdu-rows.c. The captures lie in $SHARED/captures (default: ../shared beside the
project). Public ones have reference rows by an independent scanner; Samba's have counts, in COUNTS below. The project's
own lie in captures/: see own.py. Prints TAP.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys

import own

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = pathlib.Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "captures"

PTYPES = {0: "req", 2: "resp", 3: "fault", 11: "bind", 12: "ack", 13: "nak", 14: "alter", 15: "alter_resp", 16: "auth3",
          18: "co_cancel", 19: "orphaned"}

UNREADABLE = {
    "antonioCoco-RemotePotato0__victim_server.pcapng": "libpcap reads no file with several link types",
}

# PDUs that were sent malformed on purpose (verified by hand): how many, of which error.
MALFORMED = {
    # Binds and an alter_context that end after the count of contexts, without its three reserved bytes.
    "raw_noauth.pcap": {"shorter than its type needs": 3},
}

COUNTS = """
asyncbind_50.pcap                req=20 resp=20 bind=40 ack=40
badpw_alter.pcap                 req=1 resp=1 fault=1 bind=2 ack=2 alter=1
badpw_auth3.pcap                 req=2 resp=1 fault=1 bind=2 ack=2 auth3=1
client_timeout.pcap              req=5 resp=4 bind=4 ack=4
dssetup_ndr64_reject.pcap        req=1 resp=1 bind=2 ack=2
echo_bigendian_quick.pcap        req=63 resp=63 bind=2 ack=2
echo_connect_quick.pcap          req=63 resp=64 bind=2 ack=2 auth3=1
echo_packet_quick.pcap           req=63 resp=64 bind=2 ack=2 alter=1 alter_resp=1
echo_sealed_full.pcap            req=67 resp=68 bind=4 ack=4 alter=2 alter_resp=2
echo_sealed_krb5_quick.pcap      req=64 resp=64 bind=2 ack=2 auth3=1
echo_sealed_quick.pcap           req=63 resp=64 bind=2 ack=2 alter=1 alter_resp=1
echo_signed_krb5_quick.pcap      req=64 resp=63 bind=2 ack=2 auth3=1
echo_unauth_full.pcap            req=68 resp=68 bind=4 ack=4
echo_unauth_quick.pcap           req=63 resp=63 bind=2 ack=2
epm_map_lookup.pcap              req=2 resp=3 bind=2 ack=2
handles_assoc.pcap               req=22 resp=16 fault=6 bind=26 ack=24 nak=2
impacket_alter.pcap              req=1 resp=1 fault=1 bind=1 ack=1 alter=2 alter_resp=1
impacket_epm.pcap                req=3 resp=3 bind=3 ack=3
impacket_fault.pcap              req=3 resp=1 fault=2 bind=2 ack=2
impacket_multifrag.pcap          req=18 resp=18 bind=3 ack=3 auth3=2
impacket_samr.pcap               req=9 resp=9 bind=3 ack=3 auth3=2
raw_assoc.pcap                   req=10 resp=8 fault=2 bind=9 ack=7 nak=2
raw_bind_time.pcap               req=14 resp=10 fault=4 bind=6 ack=6 alter=7 alter_resp=7 auth3=1
raw_cancel_orphan.pcap           req=24 resp=13 fault=3 bind=15 ack=15 co_cancel=2 orphaned=5
raw_fragments.pcap               req=29 resp=12 fault=9 bind=20 ack=20
raw_multi_auth.pcap              req=54 resp=1 fault=26 bind=27 ack=27 alter=62 alter_resp=62
raw_noauth.pcap                  req=33 resp=30 fault=5 bind=39 ack=34 nak=5 alter=25 alter_resp=23
raw_spnego.pcap                  req=46 resp=29 fault=28 bind=39 ack=33 nak=6 alter=36 alter_resp=26 auth3=2
rawrpc_edge_cases.pcap           req=39 resp=32 fault=12 bind=53 ack=49 nak=4 alter=2 alter_resp=1 co_cancel=2 orphaned=3
rpcclient_samr_seal.pcap         req=22 resp=22 bind=6 ack=6 auth3=3
samr_signed.pcap                 req=14 resp=10 fault=4 bind=2 ack=2 alter=1 alter_resp=1
schannel2.pcap                   req=22 resp=22 bind=10 ack=10 alter=1 alter_resp=1
"""

KEY = ("src", "sport", "dst", "dport", "ptype", "flags", "byteorder", "frag_len", "auth_len", "call_id")
COLUMNS = ("src", "sport", "dst", "dport", "stream_off", *KEY[4:], "state")


def rows_of(program, capture):
    """The rows that dissect gives, or a sentence that says why there are none."""
    run = subprocess.run([program, capture], capture_output=True, text=True)
    if run.returncode != 0:
        return f"pdu-rows ended with {run.returncode}: {run.stderr.strip()}"
    return [dict(zip(COLUMNS, line.split("\t"))) for line in run.stdout.splitlines()]


def check_text(program, capture, pdus):
    """Every PDU prints as one line, as a tree, and as one JSON object that says what the row says."""
    text = {style: subprocess.run([program, style, capture], capture_output=True, text=True).stdout
            for style in ("--line", "--tree", "--json")}
    objects = [json.loads(line) for line in text["--json"].splitlines()]
    wrong = []
    if len(objects) != pdus or len(text["--line"].splitlines()) != pdus:
        wrong.append(f"{pdus} PDUs, but {len(text['--line'].splitlines())} lines and {len(objects)} JSON objects")
    if text["--tree"].count("\n") < pdus:
        wrong.append("a PDU has no tree")
    return wrong


def reference_of(path):
    head, *lines = path.read_text().splitlines()
    return [dict(zip(head.split("\t"), line.split("\t"))) for line in lines]


def errors_in(rows, capture):
    found = collections.Counter(row["state"] for row in rows if row["state"] != "ok")
    expected = MALFORMED.get(capture, {})
    return [] if found == expected else [f"undecoded: {dict(found)}, expected {expected}"]


def check_public(rows, reference):
    key = lambda row: tuple(row[name] for name in KEY)
    found, wanted = (collections.Counter(map(key, some)) for some in (rows, reference))
    return [f"missing: {row}" for row in wanted - found] + [f"too many: {row}" for row in found - wanted]


def check_counts(rows, counts):
    found = collections.Counter(PTYPES.get(int(row["ptype"]), row["ptype"]) for row in rows)
    return [] if found == counts else [f"found {dict(found)}, expected {dict(counts)}"]


def cases():
    """Every check: a name, the capture, and what judges its rows."""
    for path in sorted((CAPTURES / "public" / "ref").glob("*.hdr.tsv")):
        capture = CAPTURES / "public" / path.name.removesuffix(".hdr.tsv")
        yield capture, lambda rows, path=path: check_public(rows, reference_of(path))
    for line in COUNTS.split("\n"):
        if line:
            name, *counts = line.split()
            wanted = {key: int(value) for key, value in (count.split("=") for count in counts)}
            yield CAPTURES / "samba" / name, lambda rows, wanted=wanted: check_counts(rows, wanted)


def verdict(program, capture, judge):
    """What is wrong, as sentences, or the reason to skip."""
    if capture.name in UNREADABLE:
        return [], UNREADABLE[capture.name]
    if not capture.exists():
        return [], "the capture is not here"
    rows = rows_of(program, capture)
    if isinstance(rows, str):
        return [rows], None
    return judge(rows) + errors_in(rows, capture.name) + check_text(program, capture, len(rows)), None


def verdicts(program):
    """(name, what is wrong, the reason to skip) of every check."""
    for name, wrong in own.verdicts(program):
        yield name, wrong, None
    if not (CAPTURES / "public" / "ref").is_dir():
        yield "public captures", [], f"not in {CAPTURES}"
    for capture, judge in cases():
        yield capture.name, *verdict(program, capture, judge)


def main():
    failed = False
    number = 0
    for number, (name, wrong, skip) in enumerate(verdicts(sys.argv[1]), 1):
        failed = failed or bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}{' # SKIP ' + skip if skip else ''}")
        for sentence in wrong[:10]:
            print(f"# {sentence}")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
