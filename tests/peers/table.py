#!/usr/bin/env python3
"""The table of the last `make peers`: suite, level, subtests, good verdicts directly and through rpcward, seconds.

Usage: table.py BUILD     prints it, and writes BUILD/peers/peers.md, which `make accept NAME=peers` keeps in docs/."""

import json
import pathlib
import subprocess
import sys

SOURCES = ("samba", "wine", "echo")
VERSIONS = (("Samba", "samba-testsuite"), ("impacket", "python3-impacket"), ("Wine", "wine64"), ("tshark", "tshark"))

HEAD = """# Real peers

Programs that nobody here wrote, run directly and through rpcward by `make peers`. *Subtests* is how many verdicts were held against each
other; all were the same. *Directly* and *through* count the good ones among them: some fail directly too, because a server lacks what they
test. *Seconds* are directly / through rpcward; both sides run at the same time on the same machine.

%s.

| suite | level | subtests | directly | through | seconds |
|---|---|---|---|---|---|
"""


def version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    return done.stdout.split(":")[-1].split("+")[0].split("-")[0] or "none"


def rows(build):
    for source in SOURCES:
        path = build / "peers" / (source + ".json")
        if path.exists():
            yield from json.loads(path.read_text())


def main():
    build = pathlib.Path(sys.argv[1])
    found = list(rows(build))
    total = [sum(row[key] for row in found) for key in ("subtests", "direct", "through")]
    versions = ", ".join("%s %s" % (name, version(package)) for name, package in VERSIONS)
    text = HEAD % versions + "".join(
        "| %(suite)s | %(level)s | %(subtests)d | %(direct)d | %(through)d | %%.1f / %%.1f |\n" % row % tuple(row["seconds"])
        for row in found) + "| **all** | | **%d** | **%d** | **%d** | |\n" % tuple(total)
    (build / "peers" / "peers.md").write_text(text)
    print(text[text.index("| suite"):], end="")


if __name__ == "__main__":
    main()
