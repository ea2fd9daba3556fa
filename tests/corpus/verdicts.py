"""Was it safe to retry? Failed calls of public captures of which the truth is known."""

import json
import subprocess

KNOWN = (  # capture, how its failed calls ended, fault status, retry, proof, how many of them
    ("OTRF-Security-Datasets__covenant_dcom_registerxll_2020-09-18145959.pcap", "reset", None, "may-have-run", None, 1),
    ("OISF-suricata-verify__dcerpc-bind-no-frag-flag.pcap", "fault", 0x1C010002, "safe", "P5", 2),
    ("antonioCoco-RemotePotato0__victim_server.pcapng", "fault", 5, "unknown", None, 2),
)


def wrong(program, path, end, status, retry, proof, count):
    done = subprocess.run([program, "--calls", "--json", path], capture_output=True, timeout=60)
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    found = [(call["end"], call["fault_status"], call["retry"], call["proof"]) for call in calls
             if call["retry"] is not None and call["end"] != "capture-ends"]
    wanted = count * [(end, None if status is None else f"0x{status:08x}", retry, proof)]
    return [] if found == wanted else [f"failed calls: {found}, expected {wanted}; {done.stderr!r}"]


def checks(program, folder):
    """(name, what is wrong, the reason to skip)"""
    for name, *expected in KNOWN:
        path = folder / name
        there = path.exists()
        yield f"verdicts of {name}", wrong(program, path, *expected) if there else [], \
            None if there else "the capture is not here"
