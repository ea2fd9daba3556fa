"""What real peers say directly and through rpcward, held against each other.

A verdict is a text that a peer gave to one of its checks ("success", "FAIL access denied", "8"). A Report takes them
by suite and level, prints TAP as it goes, and keeps a row for each suite for the table (table.py)."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent

PYTHON = "/usr/bin/python3"  # whose modules Debian packages
AROUND = ("exit status", "tests run", "output")  # compared as verdicts, but no tests of their own


class Report:
    """`name` is the script's; rows go to BUILD/peers/NAME.json."""

    def __init__(self, name, build):
        self.name, self.path = name, build / "peers" / (name + ".json")
        self.count, self.good, self.rows = 0, True, []

    def check(self, name, good, why=""):
        """One line of TAP; `why` is printed where it is not good."""
        self.count += 1
        self.good = self.good and bool(good)
        print("%s %d - %s" % ("ok" if good else "not ok", self.count, name))
        if not good:
            print("".join("# %s\n" % line for line in why.splitlines()), end="")
        sys.stdout.flush()

    def skip(self, name, why):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, why), flush=True)

    def compare(self, suite, level, direct, through, seconds, least, not_run=lambda verdict: False):
        """Each check's verdict must be the same; `least` of them must be good ones directly, or the suite proves
        nothing. `seconds` is a pair. What `not_run` says of a direct verdict is skipped by name."""
        skipped = {check: said for check, said in direct.items() if not_run(said)}
        for check in [*direct, *(check for check in through if check not in direct)]:
            name = "%s [%s] %s" % (suite, level, check)
            if check in skipped:
                self.skip(name, "directly: " + " ".join(skipped[check].split())[:120])
                continue
            same = direct.get(check) == through.get(check)
            self.check(name, same, "directly: %s\nthrough rpcward: %s" % (direct.get(check), through.get(check)))
        own = [check for check in direct if check not in skipped and check not in AROUND]
        passed = [sum(is_pass(side.get(check)) for check in own) for side in (direct, through)]
        if passed[0] < least:
            self.check("%s [%s] directly" % (suite, level), False,
                       "%d good verdicts, %d expected: %r" % (passed[0], least, direct))
        self.rows.append({"suite": suite, "level": level, "subtests": len(own), "direct": passed[0],
                          "through": passed[1], "seconds": seconds})

    def end(self):
        """The plan and the rows; the exit status."""
        print("1..%d" % self.count)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.rows, indent=1) + "\n")
        return 0 if self.good else 1


def run_client(script, *arguments):
    """What a client of ours, on somebody else's runtime, says; its complaints; and the seconds. Its home is nowhere: it must
    not find the settings of the one who runs the tests."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rpcward-peers-") as home:
        done = subprocess.run([PYTHON, "-B", str(HERE / script), *arguments], capture_output=True, text=True, timeout=120,
                              cwd=home, env={"PATH": "/usr/bin:/bin", "HOME": home})
    return done.stdout, done.stderr, time.monotonic() - began


def is_pass(verdict):
    return verdict is not None and not verdict.startswith(("FAIL", "failure", "error", "skip", "missing"))


def lacks(program=None, module=None):
    """Which program or module of the Debian Python is not there; or None."""
    if program and not shutil.which(program):
        return program + " is not installed"
    if module and subprocess.run([PYTHON, "-c", "import " + module], capture_output=True).returncode:
        return module + " is not installed for " + PYTHON
    return None
