#!/usr/bin/env python3
"""Wine's RPC client, which knows nothing of rpcward, led to it by rpcward-run; and the same directly. Prints TAP.

It is wineserver that connects, so it is wineserver that must have been started with the library: by the first led
client of a prefix that is at rest. All of it runs where there is only a loopback device, and a rule of the kernel's
lets no user but the proxy's connect to the server.

Usage: wine_led.py [--build DIR]"""

import argparse
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "shim"), str(HERE.parent / "live")]

import shim  # noqa: E402
import wine  # noqa: E402
from harness import World  # noqa: E402
from verdicts import Report  # noqa: E402

HOSTS = {"IPv4": "10.0.0.5", "IPv6": "fd00::5"}
AWAY = ["echo:hello"]


class Led(wine.Wine):
    """Clients of this prefix begin with the words of `launcher`."""

    launcher = ()

    def rest(self):
        """Until no wineserver is there: the next client starts one of its own kind."""
        self.run([wine.WINESERVER, "-w"])

    def at(self, host, port, words):
        said = self.run([*map(str, self.launcher), wine.WINE, "client.exe", host, str(port), *words])
        return wine.is_said(wine.read_client(said, words))


def all_said(prefix, ports, closed):
    """By name of the host and suite; and what is said where nobody listens."""
    said = {}
    for family, host in HOSTS.items():
        for suite, words in wine.SUITES.items():
            said[family, suite] = prefix.at(host, ports[family], words)
        said[family, "nobody listens"] = prefix.at(host, closed, AWAY)
    return said


def serve(world):
    """Servers that count from nothing, and their ports."""
    servers = [world.server("10.0.0.5:0"), world.server("[fd00::5]:0")]
    return servers, {family: int(server.address.rsplit(":", 1)[1]) for family, server in zip(HOSTS, servers)}


def check_log(report, proxy, servers):
    calls = 2 * sum(wine.calls_of(words) for words in wine.SUITES.values())
    lines = proxy.wait_calls(calls - 2 * wine.NEVER_SENT)
    seen = {line["server"] for line in lines}
    own = {server.address for server in servers}
    report.check("the call lines name both servers by their own addresses", seen == own, repr(seen))
    inside = {line["client"].split(":")[0] for line in lines}
    report.check("all came by the shim", inside == {"shim"}, repr(inside))
    try:
        shim.none_slipped()
        why = ""
    except shim.Failure as failure:
        why = str(failure)
    report.check("nobody but the proxy has connected", not why, why)


def compare(report, world, prefix):
    place = shim.Place(world)
    (alike, first), (servers, ports) = (serve(world) for _ in range(2))
    spare, closed = shim.closed_port()
    with spare:
        prefix.rest()
        directly = all_said(prefix, first, closed)
        for server in alike:
            server.kill()
        prefix.rest()
        proxy = place.proxy()
        prefix.launcher = place.launcher("--to", "*:*")
        led = all_said(prefix, ports, closed)
        prefix.rest()
    for (family, suite), said in directly.items():
        least = 0 if suite == "nobody listens" else wine.calls_of(wine.SUITES[suite]) - 2
        report.compare("Wine client, led, " + family, suite, said, led[family, suite], (0, 0), least)
        if not least:
            away = led[family, suite]
            report.check("Wine client, led, %s: 1722 where nobody listens" % family, "1722" in away.get(AWAY[0], ""),
                         repr(away))
    check_log(report, proxy, servers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    build = parser.parse_args().build.resolve()
    report = Report("wine-led", build)
    why = wine.why_not() or shim.why_not()
    if why:
        report.skip("Wine, led", why)
        return report.end()
    if shim.INSIDE not in os.environ:
        return shim.run_inside([__file__, "--build", build])
    prefix = Led(build)
    with tempfile.TemporaryDirectory(prefix="rpcward-wine-") as scratch:
        world = World(build, pathlib.Path(scratch))
        try:
            prefix.prepare()
            compare(report, world, prefix)
        finally:
            prefix.end()
            world.kill()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
