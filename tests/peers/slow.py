#!/usr/bin/env python3
"""Real clients whose calls take longer than they may: each is told so at once, by its own clock, and can go on. Prints TAP.

Usage: slow.py [--build DIR]"""

import argparse
import pathlib
import re
import sys
import tempfile

import servers  # noqa: F401  (it knows where audit and harness are)
from audit import audit  # noqa: E402
from harness import World  # noqa: E402
from verdicts import Report, lacks, run_client  # noqa: E402

TIMEOUT, SLEEP = 1, 3  # seconds: call-timeout, and what the call takes
CLIENTS = [
    ("python3-samba", {"module": "samba.dcerpc.echo"}, "slow_samba.py", r"0xC0020050|0xc0020050|CALL_CANCELLED|3221356624"),
    ("impacket", {"module": "impacket"}, "slow_impacket.py", r"nca_s_fault_cancel"),
]


def run(script, address):
    said, complaints, _ = run_client(script, *address.rsplit(":", 1), str(SLEEP))
    steps = re.findall(r"^(slow|next): ([\d.]+) (.*)$", said, re.M)
    return {name: (float(seconds), verdict) for name, seconds, verdict in steps}, said + complaints


def try_client(report, name, script, cancelled, sharing, build, directory):
    world = World(build, directory)
    try:
        server = world.server()
        proxy = world.proxy(server, server="call-timeout: %ds\nwaiting: { longest: 20s }\nsharing: %s" % (TIMEOUT, sharing))
        steps, said = run(script, proxy.address)
        seconds, told = steps.get("slow", (0, ""))
        report.check("%s: told that its call was cancelled, %.1f s after it began" % (name, seconds),
                     re.search(cancelled, told) and TIMEOUT <= seconds < TIMEOUT + 1, said)
        seconds, told = steps.get("next", (0, ""))
        if sharing == "none":
            report.check("%s: its next call works, %.1f s later, behind the other one" % (name, seconds),
                         told == "42" and seconds > SLEEP - TIMEOUT - 1, said)
        else:
            report.check("%s: its next call works, %.1f s later, on another connection" % (name, seconds),
                         told == "42" and seconds < TIMEOUT, said)
        world.end()
        audit(world)
        ends = [line["end"] for line in proxy.calls()]
        report.check("%s: the log and the ledger agree" % name,
                     ends == ["timed-out", "answered"] and len(server.ledger()) == 2, repr(ends))
    finally:
        world.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    build = parser.parse_args().build.resolve()
    report = Report("slow", build)
    for name, needs, script, cancelled in CLIENTS:
        why = lacks(**needs)
        if why:
            report.skip(name, why)
            continue
        for sharing in ("none", "stateless"):
            with tempfile.TemporaryDirectory(prefix="rpcward-slow-") as directory:
                try_client(report, "%s, sharing %s" % (name, sharing), script, cancelled, sharing, build,
                           pathlib.Path(directory))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
