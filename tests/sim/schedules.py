#!/usr/bin/python3
"""Random schedules through the whole proxy, on all processors. SEEDS is how many. Output is TAP."""
import argparse
import os
import pathlib
import subprocess

SEEDS, SANITIZED = 100_000, 5_000


def default(program):
    code = program.read_bytes()
    return SANITIZED if b"__asan_init" in code or b"__ubsan_handle" in code else SEEDS


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
    failures = 0
    for number, process in enumerate(running, 1):
        said = process.communicate()[0].strip().splitlines()
        good = process.returncode == 0
        print(f"{'ok' if good else 'not ok'} {number} - {said[-1].lstrip('# ') if good else 'schedules'}")
        if not good:
            print("\n".join("# " + line for line in said[-40:]))
        failures += not good
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
