#!/usr/bin/env python3
"""Live tests: rpcward between real sockets. Prints TAP.

Usage: live.py [--build DIR] [--jobs N] [WORD]...      runs the cases whose names contain a word, or all
       live.py --list"""

import argparse
import concurrent.futures
import importlib
import os
import pathlib
import shutil
import sys
import tempfile
import time
import traceback

from case import CASES, run_case
from harness import Failure, Skip

ROOMS = sorted(path.stem for path in pathlib.Path(__file__).parent.glob("cases_*.py"))


def keep(case, directory, why, build):
    """What a case that failed leaves to be looked at."""
    kept = build / "live-failures" / case.name.replace("/", "-")
    shutil.rmtree(kept, ignore_errors=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    (directory / "why").write_text(why + "\n")
    shutil.copytree(directory, kept, ignore=lambda folder, names: [
        name for name in names if not (pathlib.Path(folder) / name).is_file()])
    return kept


def attempt(case, build):
    """(case, None or why it failed, or a Skip, seconds, what it counted)"""
    with tempfile.TemporaryDirectory(prefix="rpcward-live-") as scratch:
        os.chmod(scratch, 0o755)
        began = time.monotonic()
        try:
            counted = run_case(case, build, pathlib.Path(scratch))
            return case, None, time.monotonic() - began, counted
        except Skip as skip:
            return case, skip, 0, None
        except Exception as error:
            is_plain = isinstance(error, Failure)
            why = str(error)[:1500] if is_plain else traceback.format_exc()
            kept = keep(case, pathlib.Path(scratch), traceback.format_exc(), build)
            return case, "%s\nkept in %s" % (why, kept), 0, None


def report(number, case, verdict, seconds, counted):
    """Prints it; whether all is as it should be: a case with a todo may fail."""
    is_good = isinstance(verdict, (type(None), Skip))
    note = " # SKIP %s" % verdict if isinstance(verdict, Skip) else " # TODO %s" % case.todo if case.todo else \
        " # %.1f s" % seconds if seconds > 3 else ""
    print("%s %d - %s%s" % ("ok" if is_good else "not ok", number, case.name, note))
    if not is_good:
        print("".join("# %s\n" % line for line in verdict.splitlines()), end="")
    elif counted:
        print("# %s" % counted)
    sys.stdout.flush()
    return is_good or case.todo is not None


def run(cases, build, jobs):
    """Those that bear company first, then those that measure, one by one."""
    good, number = True, 0
    for group, width in (([c for c in cases if not c.alone], jobs), ([c for c in cases if c.alone], 1)):
        with concurrent.futures.ThreadPoolExecutor(width) as pool:
            for done in concurrent.futures.as_completed([pool.submit(attempt, case, build) for case in group]):
                number += 1
                good = report(number, *done.result()) and good
    print("1..%d" % number)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--jobs", default=4, type=int, help="cases at once; they wait more than they work")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    for room in ROOMS:
        importlib.import_module(room)
    cases = [c for c in CASES if not options.words or any(word in c.name for word in options.words)]
    if options.list:
        print("\n".join(c.name for c in cases))
        return 0
    return 0 if run(cases, options.build.resolve(), options.jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
