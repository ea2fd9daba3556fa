#!/usr/bin/python3
"""That the simulator can fail: each of tests/sim/broken/*.patch breaks a promise, and is caught within 1,000 seeds by
the words on its first line. One that catches nothing, or that does not apply any more, is a failure. Output is TAP."""
import argparse
import pathlib
import re
import subprocess

SEEDS = 1000


def verdict(program, wanted):
    """None, or what is wrong."""
    if not program.exists():
        return "it was not built: does the patch still apply?"
    done = subprocess.run([program, "--seeds", str(SEEDS)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = done.stdout.strip().splitlines()
    if done.returncode == 0:
        return f"{SEEDS} schedules, and nothing was noticed"
    found = next((line for line in said if line.startswith("not ok")), said[-1] if said else "nothing")
    return None if re.search(wanted, found) else f"it said: {found}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    build = pathlib.Path(parser.parse_args().build)
    patches = sorted(pathlib.Path(__file__).parent.glob("broken/*.patch"))
    failures = 0
    print(f"1..{len(patches)}")
    for number, patch in enumerate(patches, 1):
        wanted = patch.read_text().splitlines()[0].removeprefix("Breaks: ")
        wrong = verdict(build / "broken" / patch.stem / "sim", wanted)
        print(f"{'not ok' if wrong else 'ok'} {number} - {patch.stem}")
        if wrong:
            print(f"# {wrong}")
        failures += wrong is not None
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
