"""Runs smbtorture suites, and reads their verdicts subtest by subtest."""

import collections
import os
import re
import subprocess
import tempfile
import time

LIMIT = 120  # seconds that a suite may take
TELLS_LITTLE = ("rpc.samr",)  # hundreds of calls, and one verdict: all that it prints is compared


def read(said):
    """name -> verdict, with the reason of a failure as far as it says the same each time."""
    verdicts, taken = {}, collections.Counter()
    for verdict, name, reason in re.findall(r"^(success|failure|error|skip): (\S+)(?: \[\n(.*)\n)?", said, re.M):
        taken[name] += 1
        key = name if taken[name] == 1 else "%s (%d)" % (name, taken[name])
        verdicts[key] = " ".join([verdict, steady(reason)]).strip()
    return verdicts


def steady(reason):
    """Without the numbers and addresses that differ from run to run."""
    return re.sub(r"0x[0-9a-f]+|S-1-5-\S+|[0-9a-f]{8,}(-[0-9a-f]+)*|\d+", "#", reason, flags=re.I)


def run(suite, binding, user="%", arguments=(), environment=None, base=None):
    """(verdicts, seconds). `base` is a folder with a client's smb.conf; none: an empty one, and no settings."""
    with tempfile.TemporaryDirectory(prefix="rpcward-torture-") as home:
        config = ["-s", str(base / "smb.conf")] if base else []
        command = ["smbtorture", *config, "--basedir=" + str(base or home), "-U", user, *arguments, binding, suite]
        began = time.monotonic()
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  cwd=home, timeout=LIMIT, text=True, errors="replace",
                                  env={"PATH": os.environ["PATH"], "HOME": home, **(environment or {})})
        except subprocess.TimeoutExpired as late:
            return {"end": "missing: no end after %d s" % LIMIT}, LIMIT
        verdicts = read(done.stdout)
        verdicts["exit status"] = str(done.returncode) if done.returncode == 0 else "failure %d" % done.returncode
        if suite in TELLS_LITTLE:
            verdicts["output"] = steady(done.stdout)
        return verdicts, time.monotonic() - began
