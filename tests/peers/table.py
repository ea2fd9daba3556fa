#!/usr/bin/env python3
"""The table of the last `make peers`: suite, level, subtests, good verdicts directly and through rpcward, seconds.

Usage: table.py BUILD     prints it, and writes BUILD/peers/peers.md, which `make accept NAME=peers` keeps in docs/."""

import json
import pathlib
import subprocess
import sys

SOURCES = ("samba", "wine", "echo")

HEAD = """# Real peers

Programs that nobody here wrote, run directly and through rpcward by `make peers`. *Subtests* is how many verdicts were held against each
other; all were the same. *Directly* and *through* count the good ones among them: some fail directly too, because a server lacks what they
test. *Seconds* are directly / through rpcward.

| program | suites and levels | subtests | good directly | good through rpcward |
|---|---|---|---|---|
%s
| suite | level | subtests | directly | through | seconds |
|---|---|---|---|---|---|
%s"""
PROGRAMS = (  # by the beginning of a suite's name
    ("smbtorture %(samba)s, Samba domain controller", ("rpc.", "drs.")),
    ("smbtorture %(samba)s, standalone Samba", ("standalone",)),
    ("smbtorture %(samba)s, our server", ("smbtorture",)),
    ("Samba's raw_protocol %(samba)s, domain controller", ("raw_protocol",)),
    ("python3-samba %(samba)s, our server", ("python3-samba",)),
    ("impacket %(impacket)s, domain controller", ("impacket none",)),
    ("impacket %(impacket)s, our server", ("impacket echo",)),
    ("Wine %(wine)s, Wine's server", ("Wine client, Wine",)),
    ("Wine %(wine)s, our server", ("Wine client, our",)),
)
PACKAGES = {"samba": "samba-testsuite", "impacket": "python3-impacket", "wine": "wine64"}


def version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    return done.stdout.split(":")[-1].split("+")[0].split("-")[0].split("~")[0] or "none"


def rows(build):
    for source in SOURCES:
        path = build / "peers" / (source + ".json")
        if path.exists():
            yield from json.loads(path.read_text())


def counts(rows):
    return "%d | %d | %d" % tuple(sum(row[key] for row in rows) for key in ("subtests", "direct", "through"))


def summary(rows):
    versions = {name: version(package) for name, package in PACKAGES.items()}
    named = [(row, "%s %s" % (row["suite"], row["level"])) for row in rows]
    for program, beginnings in PROGRAMS:
        own = [row for row, name in named if name.startswith(beginnings)]
        if own:
            yield "| %s | %d | %s |\n" % (program % versions, len(own), counts(own))
    yield "| **all** | %d | %s |\n" % (len(rows), counts(rows))


def detail(rows):
    for row in rows:
        yield "| %s | %s | %s | %.1f / %.1f |\n" % (row["suite"], row["level"], counts([row]), *row["seconds"])


def main():
    build = pathlib.Path(sys.argv[1])
    found = list(rows(build))
    text = HEAD % ("".join(summary(found)), "".join(detail(found)))
    (build / "peers" / "peers.md").write_text(text)
    print(text[text.index("| program"):], end="")


if __name__ == "__main__":
    main()
