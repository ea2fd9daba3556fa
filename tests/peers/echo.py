#!/usr/bin/env python3
"""Real clients of rpcecho against our server, directly and through rpcward. Prints TAP: a line per check and client,
which is good when the client says the same both times, and what it says is good.

Usage: echo.py [--build DIR]"""

import argparse
import concurrent.futures
import pathlib
import re
import sys
import tempfile

import servers  # noqa: F401  (it knows where audit and harness are)
import smbtorture
from audit import audit  # noqa: E402
from harness import World, wait_until  # noqa: E402
from verdicts import Report, lacks, run_client  # noqa: E402

BAD = re.compile(r"Error|Exception|Traceback|DISCONNECTED|TIMEOUT|False|missing|failure", re.I)
BAD_STUB_DATA = "0x000006f7"  # refused by the server before it ran, which it does not say
MEANT_TO_FAIL = ("unknown operation", "bad stub", "unknown interface", "NDR64 only")


def torture(*options):
    return lambda host, port: smbtorture.run("rpc.echo", "ncacn_ip_tcp:%s[%s]" % (host, ",".join([port, *options])))


def script(name, *options):
    def run(host, port):
        said, complaints, seconds = run_client(name, host, port, *options)
        lines = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
        return lines or {"start": "missing: " + complaints[-300:]}, seconds
    return run


# What it is, its byte order, what it needs, what it does, how many checks it has.
CLIENTS = [
    ("smbtorture rpc.echo", "little endian", {"program": "smbtorture"}, torture(), 10),
    ("smbtorture rpc.echo", "big endian", {"program": "smbtorture"}, torture("bigendian"), 10),
    ("python3-samba echo", "little endian", {"module": "samba.dcerpc.echo"}, script("client_samba.py"), 10),
    ("python3-samba echo", "big endian", {"module": "samba.dcerpc.echo"}, script("client_samba.py", "bigendian"), 10),
    ("impacket echo", "little endian", {"module": "impacket"}, script("client_impacket.py"), 9),
]


def marked(verdicts):
    """With what is bad marked as such."""
    return {check: said if check in MEANT_TO_FAIL or not BAD.search(said) else "FAIL " + said
            for check, said in verdicts.items()}


def compare(report, suite, order, run, least, build, directory):
    world = World(build, directory)
    try:
        direct_server, server = world.server(), world.server()
        world.servers.remove(direct_server)  # nothing to be counted at the end
        proxy = world.proxy(server)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            sides = list(pool.map(lambda at: run(*at.rsplit(":", 1)), (direct_server.address, proxy.address)))
        (direct, first), (through, second) = sides
        wait_until(lambda: len([1 for side, _ in proxy.connections() if side == "client"]) >=
                   len(direct_server.events("open")), "the end of each client")
        world.end()
        audit(world)
        report.compare(suite, order, marked(direct), marked(through), (round(first, 2), round(second, 2)), least)
        lines = [line for line in proxy.calls() if line["proof"] is None and line["status"] != BAD_STUB_DATA]
        counts = len(lines), len(server.ledger()), len(direct_server.ledger())
        report.check("%s [%s] one line per call" % (suite, order), len(set(counts)) == 1,
                     "%d call lines, %d executions, %d directly" % counts)
    finally:
        world.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    build = parser.parse_args().build.resolve()
    report = Report("echo", build)
    for suite, order, needs, run, least in CLIENTS:
        why = lacks(**needs)
        if why:
            report.skip("%s [%s]" % (suite, order), why)
            continue
        with tempfile.TemporaryDirectory(prefix="rpcward-peers-") as directory:
            compare(report, suite, order, run, least, build, pathlib.Path(directory))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
