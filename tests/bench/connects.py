#!/usr/bin/env python3
"""What a connect costs: bare, with the shim where no rule matches and where one does, by torsocks and by proxychains.

All in a network namespace of its own, in turn, medians over rounds. Usage: connects.py [--build DIR] [--rounds N]"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "shim"), str(HERE.parent / "live")]

import shim  # noqa: E402
from harness import Program, World  # noqa: E402

HOST, COUNT = "10.0.0.5", 2000


def configurations(place, socks):
    torsocks, chains = place.world.path("torsocks.conf"), place.world.path("proxychains.conf")
    torsocks.write_text("TorAddress 127.0.0.1\nTorPort %s\n" % socks)
    chains.write_text("strict_chain\nquiet_mode\n[ProxyList]\nsocks5 127.0.0.1 %s\n" % socks)
    return torsocks, chains


def ways(place, port, socks):
    """Name: (words before the command, environment)."""
    torsocks, chains = configurations(place, socks)
    found = {"bare": ([], {}), "shim, no rule matches": (place.launcher("--to", "10.0.0.6:*"), {}),
             "shim, a rule matches": (place.launcher("--to", "%s:%s" % (HOST, port)), {}),
             "the same, without spares": (place.launcher("--open", "--to", "%s:%s" % (HOST, port)), {})}  # so no spares
    if shutil.which("torsocks"):
        found["torsocks"] = (["torsocks"], {"TORSOCKS_CONF_FILE": str(torsocks)})
    if shutil.which("proxychains4"):
        found["proxychains4"] = (["proxychains4", "-q", "-f", chains], {})
    return found


def measure(build, port, before, environment):
    command = [str(word) for word in [*before, build / "connects", HOST, port, COUNT]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **environment},
                          check=False)
    if done.returncode:
        sys.exit("%s: %s" % (command, done.stderr))
    return [int(word) / 1000 for word in done.stdout.split()[-3:]]


def table(results):
    print("| connect | median µs | added µs | to bare | mean µs | added µs | 99 % µs |\n|---|---|---|---|---|---|---|")
    for name, rounds in results.items():
        half, most, mean = (statistics.median(column) for column in zip(*rounds))
        added, more = (statistics.median(own[i] - bare[i] for own, bare in zip(rounds, results["bare"]))
                       for i in (0, 2))
        ratio = statistics.median(own[0] / bare[0] for own, bare in zip(rounds, results["bare"]))
        print("| %s | %.1f | %.1f | %.2f | %.1f | %.1f | %.1f |" % (name, half, added, ratio, mean, more, most))


def verdict(results):
    """What is promised: medians of both ratios over rounds."""
    bare, led = results["bare"], results["shim, a rule matches"]
    ratio = statistics.median(own[0] / other[0] for own, other in zip(results["shim, no rule matches"], bare))
    print("\nunmatched: %.2f of bare (at most 1.05)" % ratio)
    for name in ("torsocks", "proxychains4"):
        if name in results:
            parts = [statistics.median((own[i] - base[i]) / (other[i] - base[i])
                                       for own, other, base in zip(led, results[name], bare)) for i in (0, 2)]
            print("matched: %.2f of what %s adds to the median, %.2f to the mean (at most 0.20)" % (
                parts[0], name, parts[1]))


def bench(world, rounds):
    place = shim.Place(world)
    place.guarded = True  # nothing is tried here
    server = world.keep(Program(world.directory, "server", [world.build / "connects", "--serve", HOST]))
    socks = world.keep(Program(world.directory, "socks", [world.build / "socks"]))
    port, socks_port = (program.wait_for(program.out, r"^\d+$")[0] for program in (server, socks))
    place.proxy(top="log: { calls: none }")
    found = ways(place, port, socks_port)
    results = {name: [] for name in found}
    for _ in range(rounds):
        for name, (before, environment) in found.items():
            results[name].append(measure(world.build, port, before, environment))
    table(results)
    verdict(results)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--rounds", default=9, type=int)
    options = parser.parse_args()
    build, why = options.build.resolve(), shim.why_not()
    if why:
        print("connects: left out: %s" % why)
    elif shim.INSIDE not in os.environ:
        return shim.run_inside([__file__, "--build", build, "--rounds", options.rounds])
    else:
        with tempfile.TemporaryDirectory(prefix="rpcward-connects-") as scratch:
            world = World(build, pathlib.Path(scratch))
            try:
                bench(world, options.rounds)
            finally:
                world.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
