#!/usr/bin/python3
"""That the simulator can fail: each of tests/sim/broken/*.patch breaks the promise that its first line names, and that is
noticed within 3,000 seeds; each promise is broken by one at least. A patch that does not apply any more is a failure.
Output is TAP."""
import argparse
import pathlib
import re
import subprocess

SEEDS = 3000
PATCHES = sorted(pathlib.Path(__file__).parent.glob("broken/*.patch"))


def promise_of(patch):
    return patch.read_text().partition(":")[0]


def run(program, *words):
    done = subprocess.run([program, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.strip()


def catch(program, promise):
    """The seed that noticed, and None; or None, and what is wrong. Other promises that the patch breaks do not count."""
    if not program.exists():
        return None, "it was not built: does the patch still apply?"
    said = run(program, "--seeds", str(SEEDS), "--promise", promise)
    found = re.search(rf"^not ok - {re.escape(promise)}: seed (\d+)", said, re.MULTILINE)
    return (found[1], None) if found else (None, f"{SEEDS} schedules do not notice: " + said.replace("\n", "\n# "))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    build = pathlib.Path(parser.parse_args().build)
    failures = 0
    print(f"1..{len(PATCHES) + 1}")
    for number, patch in enumerate(PATCHES, 1):
        seed, wrong = catch(build / "broken" / patch.stem / "sim", promise_of(patch))
        print(f"{'not ok' if wrong else 'ok'} {number} - {promise_of(patch)}: {patch.stem}, {wrong or f'by seed {seed}'}",
              flush=True)
        failures += wrong is not None
    promises = set(re.findall(r"^ok - (\S+)", run(build / "sim", "--seeds", "0"), re.MULTILINE))
    lacking = sorted(promises - {promise_of(patch) for patch in PATCHES})
    print(f"{'not ok' if lacking or not promises else 'ok'} {len(PATCHES) + 1} - each promise is broken once {lacking or ''}")
    raise SystemExit(1 if failures or lacking or not promises else 0)


if __name__ == "__main__":
    main()
