#!/usr/bin/python3
"""Random schedules through the whole proxy, on all processors. SEEDS is how many. Output is TAP; tests/run shows what begins
with "# counts:"."""
import argparse
import collections
import os
import pathlib
import re
import subprocess

SEEDS, SANITIZED = 100_000, 5_000


def default(program):
    code = program.read_bytes()
    return SANITIZED if b"__asan_init" in code or b"__ubsan_handle" in code else SEEDS


def count(counts, said):
    """Adds up what one process has counted: "# count NUMBER WHAT"."""
    for number, what in re.findall(r"^# count (\d+) (.*)$", said, re.MULTILINE):
        counts[what] += int(number)


def show(counts, seeds, failures):
    """In two lines: what has come to pass, and how what failed was made good."""
    again = {what: number for what, number in counts.items() if what.startswith("sent again")}
    others = {what: number for what, number in counts.items() if what not in again}
    for kind in (others, again):
        print(f"# counts: sim, {seeds} seeds: " + "; ".join(f"{number} {what}" for what, number in kind.items()) +
              f"; violations {failures}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--seeds", type=int, default=int(os.environ.get("SEEDS", 0)))
    options = parser.parse_args()
    program = pathlib.Path(options.build, "sim")
    processes = os.cpu_count()
    seeds = options.seeds or default(program)
    cuts = [1 + seeds * i // processes for i in range(processes + 1)]
    running = [subprocess.Popen([program, "--first", str(first), "--seeds", str(last - first)], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True) for first, last in zip(cuts, cuts[1:])]
    print(f"1..{processes}")
    failures, counts = 0, collections.Counter()
    for number, process in enumerate(running, 1):
        said = process.communicate()[0].strip().splitlines()
        count(counts, "\n".join(said))
        good = process.returncode == 0
        print(f"{'ok' if good else 'not ok'} {number} - {said[-1].lstrip('# ') if good else 'schedules'}")
        if not good:
            print("\n".join("# " + line for line in said[-40:]))
        failures += not good
    show(counts, seeds, failures)
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
