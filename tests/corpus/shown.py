#!/usr/bin/env python3
"""Checks that what README.md, runbook.md and the manual page show of rpcward-inspect is what it prints, and that each
command that they name is one.

    shown.py RPCWARD-INSPECT

Lines behind `$ rpcward-inspect …` must be printed in that order; commands with a file of the reader's own are run on
a capture that lies here. Prints TAP."""

import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "captures/fault-did-not-execute.pcap"
ERRORS = ("1722", "1723", "1726", "1727", "1818", "1820", "hangs")


def shown(text):
    """(command, lines below it) of each example."""
    for match in re.finditer(r"^    \$ (rpcward-inspect .*)\n((?:    .*\n)*)", text, re.M):
        lines = [line[4:] for line in match[2].split("\n") if line.strip() and not line.startswith("    $")]
        yield match[1], lines


def run(command):
    words = shlex.split(command, comments=True)[1:]
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60, cwd=ROOT)


def check_shown(command, lines):
    """Each line, in this order."""
    printed = iter(run(command).stdout.splitlines())
    return [f"not printed, or not there: {line}" for line in lines
            if not any(now.strip() == line.strip() for now in printed)]


def named(text):
    """Commands that are lines of their own, or stand in the text, on files of the reader's."""
    for match in re.finditer(r"^(?:    |\t)(rpcward-inspect .*)$|`([^`\n]*rpcward-inspect [^`\n]*)`", text, re.M):
        for part in (match[1] or match[2]).split("|"):
            if re.match(r" *rpcward-inspect .*(pcap| -)( *#.*| *)$", part):
                yield part.split("#")[0].strip()


def check_named(command):
    """Its options are such, with a capture of ours for the reader's."""
    for name in ("rpc.pcap", "trace.pcap"):
        command = command.replace(name, str(SAMPLE))
    command = re.sub(r" -$", f" {SAMPLE}", command).replace(" SERVER ", " 127.0.0.1 ").replace(" 17 ", " 1 ")
    command = command.replace(" rpcward.yaml ", " docs/rpcward.yaml.example ")
    done = run(command)
    bad = done.returncode == 2 or "there is no call" in done.stderr
    return [f"status {done.returncode}: {done.stderr}"] if bad else []


def checks():
    """(name, sentences about what is wrong)"""
    runbook = (ROOT / "docs/runbook.md").read_text()
    for page in ("README.md", "docs/runbook.md", "docs/rpcward-inspect.1.scd"):
        text = (ROOT / page).read_text().replace("\\", "") if page.endswith(".scd") else (ROOT / page).read_text()
        for command, lines in shown(text):
            yield f"{page}: {command}", check_shown(command, lines) if lines else ["nothing is shown"]
        for command in sorted(set(named(text))):
            yield f"{page}: {command}", check_named(command)
    headings = re.findall(r"^## (.*)", runbook, re.M)
    for number in ERRORS:
        mine = [part for part in re.split(r"^## ", runbook, flags=re.M) if part.startswith((number, f"It {number}"))]
        good = len(mine) == 1 and "rpcward-inspect " in mine[0]
        yield f"runbook: {number}", [] if good else [f"no section with a command among {headings}"]


def main():
    failed, number = False, 0
    for number, (name, wrong) in enumerate(checks(), 1):
        failed = failed or bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for sentence in wrong[:10]:
            print("#", sentence)
    print(f"1..{number}")
    return failed


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
    sys.exit(main())
