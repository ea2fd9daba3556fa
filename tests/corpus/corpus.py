#!/usr/bin/env python3
"""Checks rpcward-inspect against captures: every PDU is found and decoded, every call is paired and timed.

    corpus.py RPCWARD-INSPECT

The captures lie in $SHARED/captures (default: ../shared beside the project). Public ones have reference rows by tshark
and by an independent scanner; where ours differ, differences.tsv says why ours are right. Samba's have counts, in
COUNTS below. The project's own lie in captures/: see own.py. Prints TAP.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys

import own
import rows
import verdicts as known

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = pathlib.Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "captures"

PTYPES = {0: "req", 2: "resp", 3: "fault", 11: "bind", 12: "ack", 13: "nak", 14: "alter", 15: "alter_resp", 16: "auth3",
          18: "co_cancel", 19: "orphaned"}

# Where libpcap stops, or what it would refuse: the words that must be said, and the status.
NOTED = {
    "antonioCoco-RemotePotato0__victim_server.pcapng": ("several link types: all are read", 0),
    "OTRF-Security-Datasets__covenant_sharpsc_stop_dcerpc_smb_svcctl_2020-08-06031938.pcap": ("cut off", 1),
    "OTRF-Security-Datasets__covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.pcap": ("cut off", 1),
}

# PDUs that were sent malformed on purpose (verified by hand): how many, of which error.
MALFORMED = {
    # Binds and an alter_context that end after the count of contexts, without its three reserved bytes.
    "raw_noauth.pcap": {"shorter than its type needs": 3},
    # An exploit's answers to binds, of 26 bytes.
    "corelight-cve-2022-26809__cve-2022-26809-4.pcap": {"shorter than its type needs": 8},
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


class Capture:
    """What rpcward-inspect says of one capture, asked once each."""

    def __init__(self, program, path):
        self.program, self.path, self.name = program, path, path.name
        self.said = {}

    def run(self, *options):
        if options not in self.said:
            self.said[options] = subprocess.run([self.program, *options, self.path], capture_output=True, text=True,
                                                timeout=60)
        return self.said[options]

    def objects(self, *options):
        return [json.loads(line) for line in self.run(*options, "--json").stdout.splitlines()]


def check_ending(capture):
    """Read in full with status 0 and without a word, or with a sentence."""
    run = capture.run("--pdus", "--json")
    words, status = NOTED.get(capture.name, ("", 0))
    wrong = []
    if run.returncode != status or words not in run.stderr or bool(words) != bool(run.stderr):
        wrong.append(f"status {run.returncode}, said {run.stderr!r}, expected {words!r}")
    return wrong if run.stdout else [*wrong, "no rows"]


def check_text(capture, pdus):
    """Every PDU prints as one line, as a tree, and as one JSON object."""
    lines = [line for line in capture.run("--pdus").stdout.splitlines()]
    objects = capture.objects("--tree", "all")
    trees = capture.run("--tree", "all").stdout.count("\n\n")
    connected = sum(pdu["ver"] == 5 for pdu in pdus)
    if (len(lines), len(objects), trees) == (len(pdus), connected, connected):
        return []
    return [f"{len(pdus)} PDUs, but {len(lines)} lines, {len(objects)} objects and {trees} trees"]


def check_views(capture, pdus):
    """Summary, streams and interfaces say how much there is, and agree with each other."""
    counts = capture.objects()
    calls = capture.objects("--calls")
    requests = [call for call in calls if call["resp_kind"] in ("response", "fault", "none")]
    streams = capture.objects("--streams")
    whole, *rest = counts
    operations = [row for row in rest if row["kind"] == "operation"]
    numbers = (whole["pdus"], whole["calls"], sum(row["calls"] for row in operations), whole["conversations"])
    wanted = (sum(pdu["ver"] == 5 for pdu in pdus), len(requests), len(requests), len(streams))
    wrong = [] if numbers == wanted else [f"the summary says {numbers}, the rows {wanted}"]
    if [sum(stream[key] for stream in streams) for key in ("pdus", "calls")] != [wanted[0], len(calls)]:
        wrong.append("the streams do not have the PDUs and calls")
    if len(calls) != len(capture.run("--calls").stdout.splitlines()):
        wrong.append("not a line for each call")
    known = {(row["interface"], row["version"]) for row in capture.objects("--interfaces")}
    used = {(call["interface"], call["version"]) for call in calls if call["interface"]}
    return wrong + ([] if used <= known else [f"interfaces that --interfaces lacks: {used - known}"])


def errors_in(capture, pdus):
    found = collections.Counter(pdu["state"] for pdu in pdus if pdu["state"] != "ok")
    expected = MALFORMED.get(capture.name, {})
    return [] if found == expected else [f"undecoded: {dict(found)}, expected {expected}"]


def check_counts(pdus, counts):
    found = collections.Counter(PTYPES.get(pdu["ptype"], pdu["ptype"]) for pdu in pdus)
    return [] if found == counts else [f"found {dict(found)}, expected {dict(counts)}"]


def judges():
    """(capture, what judges its PDUs) of every check but those of our own captures."""
    for path in sorted((CAPTURES / "public" / "ref").glob("*.pdus.tsv")):
        name = path.name.removesuffix(".pdus.tsv")
        yield CAPTURES / "public" / name, lambda capture, pdus: rows.check(capture, pdus, CAPTURES / "public" / "ref")
    for line in COUNTS.split("\n"):
        if line:
            name, *counts = line.split()
            wanted = {key: int(value) for key, value in (count.split("=") for count in counts)}
            yield CAPTURES / "samba" / name, lambda capture, pdus, wanted=wanted: check_counts(pdus, wanted)


def verdict(capture, judge):
    """What is wrong, as sentences."""
    pdus = capture.objects("--pdus")
    return [*check_ending(capture), *judge(capture, pdus), *errors_in(capture, pdus), *check_text(capture, pdus),
            *check_views(capture, pdus)]


def verdicts(program):
    """(name, what is wrong, the reason to skip) of every check."""
    for name, wrong in own.verdicts(program):
        yield name, wrong, None
    if not (CAPTURES / "public" / "ref").is_dir():
        yield "public captures", [], f"not in {CAPTURES}"
    for path, judge in judges():
        if path.exists():
            yield path.name, verdict(Capture(program, path), judge), None
        else:
            yield path.name, [], "the capture is not here"
    yield from known.checks(program, CAPTURES / "public")
    yield "differences.tsv", rows.unused_differences() if (CAPTURES / "public").is_dir() else [], None


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
