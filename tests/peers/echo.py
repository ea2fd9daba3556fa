#!/usr/bin/env python3
"""Real clients of rpcecho against our server, directly and through rpcward. Prints TAP: a line per check and client,
which is good when the client says the same both times, and what it says is good.

Usage: echo.py [--build DIR]"""

import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

from audit import audit  # noqa: E402
from harness import World  # noqa: E402

PYTHON = "/usr/bin/python3"  # whose modules Debian packages
TORTURE = """addone sinkdata echodata sourcedata testcall testcall2 enum surrounding doublepointer sleep""".split()
BAD = re.compile(r"Error|Exception|Traceback|DISCONNECTED|TIMEOUT|False|missing|failure", re.I)
BAD_STUB_DATA = "0x000006f7"  # refused by the server before it ran, which it does not say
MEANT_TO_FAIL = ("unknown operation", "bad stub", "unknown interface", "NDR64 only")


def run(command):
    """What a client says. Its home is nowhere: it must not find the settings of the one who runs the tests."""
    with tempfile.TemporaryDirectory(prefix="rpcward-peers-") as home:
        done = subprocess.run([part.replace("HOME", home) for part in command], capture_output=True, text=True,
                              timeout=120, cwd=home, env={"PATH": "/usr/bin:/bin", "HOME": home})
    return done.stdout + done.stderr


def torture(options):
    def verdicts(host, port):
        binding = "ncacn_ip_tcp:%s[%s]" % (host, ",".join([port, *options]))
        said = run(["smbtorture", "--basedir=HOME", "-U%", binding, "rpc.echo"])
        found = dict((name, verdict) for verdict, name in re.findall(r"^(success|failure|error|skip): echo\.(\w+)", said, re.M))
        return {name: found.get(name, "missing: " + said[-300:]) for name in TORTURE}
    return verdicts


def script(name, *options):
    def verdicts(host, port):
        said = run([PYTHON, "-B", str(HERE / name), host, port, *options])
        lines = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
        return lines or {"start": "missing: " + said[-300:]}
    return verdicts


def lacks_program():
    return None if shutil.which("smbtorture") else "smbtorture is not installed (samba-testsuite)"


def lacks_module(module, package):
    def why():
        done = subprocess.run([PYTHON, "-c", "import " + module], capture_output=True)
        return "%s is not installed (%s)" % (module, package) if done.returncode else None
    return why


CLIENTS = {
    "smbtorture": (lacks_program, torture([])),
    "smbtorture big-endian": (lacks_program, torture(["bigendian"])),
    "python3-samba": (lacks_module("samba.dcerpc.echo", "python3-samba"), script("client_samba.py")),
    "python3-samba big-endian": (lacks_module("samba.dcerpc.echo", "python3-samba"),
                                 script("client_samba.py", "bigendian")),
    "impacket": (lacks_module("impacket", "python3-impacket"), script("client_impacket.py")),
}


def is_good(check, verdict):
    return verdict is not None and (check in MEANT_TO_FAIL or not BAD.search(verdict))


def compare(client, verdicts, build, directory):
    """(name, good, what was said) of each check, and of the counts of both sides."""
    world = World(build, directory)
    try:
        direct_server, server = world.server(behind=False), world.server()
        proxy = world.proxy(server)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            direct, proxied = pool.map(lambda at: verdicts(*at.rsplit(":", 1)), (direct_server.address, proxy.address))
        proxy.wait_connections(2 * len(server.events("open")))
        world.end()
        audit(world)
        results = [("%s: %s" % (client, check), said == proxied.get(check) and is_good(check, said),
                    "directly: %s\nthrough rpcward: %s" % (said, proxied.get(check))) for check, said in direct.items()]
        lines = [line for line in proxy.calls() if line["proof"] is None and line["status"] != BAD_STUB_DATA]
        counts = len(lines), len(server.ledger()), len(direct_server.ledger())
        return results + [("%s: one line per call" % client, len(set(counts)) == 1,
                           "%d call lines, %d executions, %d directly" % counts)]
    finally:
        world.kill()


def attempt(client, build):
    lacks, verdicts = CLIENTS[client]
    why = lacks()
    if why:
        return [(client + " # SKIP " + why, True, "")]
    with tempfile.TemporaryDirectory(prefix="rpcward-peers-") as directory:
        try:
            return compare(client, verdicts, build, pathlib.Path(directory))
        except Exception as error:
            return [(client, False, "%s: %s" % (type(error).__name__, error))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    build = parser.parse_args().build.resolve()
    with concurrent.futures.ThreadPoolExecutor(len(CLIENTS)) as pool:
        results = [result for found in pool.map(lambda client: attempt(client, build), CLIENTS) for result in found]
    for number, (name, good, said) in enumerate(results, 1):
        print("%s %d - %s" % ("ok" if good else "not ok", number, name))
        if not good:
            print("".join("# %s\n" % line for line in said.splitlines()), end="")
    print("1..%d" % len(results))
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
