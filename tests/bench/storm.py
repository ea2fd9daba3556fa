#!/usr/bin/python3
"""A retry storm. A server has 8 workers, and a call takes one for 10 ms; calls are queued in it in order and are
executed even when their client has gone, as RPC servers do. For some seconds 80 clients together ask for twice what it
can do, give up after 50 ms each and call again; then 8 clients ask for a fifth of it. What is answered in time:
directly, through HAProxy with the same limit, and through rpcward."""
import argparse
import json
import pathlib
import subprocess
import tempfile

from plot import plot
from programs import ending, start_haproxy, start_rpcward, start_server

WORKERS, WORK_MS, LONGEST = 8, 10, "30ms"
HAPROXY = """global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout queue {longest}
listen relay
    bind 127.0.0.1:{port}
    server one {server} maxconn {workers}
"""
BIN = 0.1  # seconds


class Way:
    """One way to the server, and what came of it."""

    def __init__(self, name, bins):
        self.name, self.bins = name, bins

    def rate(self, key, begin, end):
        """A second, from `begin` to `end` seconds."""
        return sum(row[key] for row in self.bins if begin <= row["ms"] / 1000 < end - BIN / 2) / (end - begin)

    def recovery(self, begin, end):
        """Seconds until nine in ten of what is asked is answered, and stays so; None: never."""
        late = [row["ms"] / 1000 + BIN - begin for row in self.bins
                if begin <= row["ms"] / 1000 < end and row["answered"] < 0.9 * row["begun"]]
        last = max(late, default=0)
        return last if last < end - begin - 2 * BIN else None


def capacity(build, address):
    """What eight clients that wait for each answer get: calls a second."""
    command = [f"{build}/test-client", "--connect", address, "--connections", str(WORKERS), "--seconds", "2",
               "--behaviour", f"slow:{WORK_MS}"]
    report = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return json.loads(report)["calls_per_second"]


def storm(build, address, options):
    out = subprocess.run([f"{build}/storm", "--connect", address, "--work", str(WORK_MS), "--storm", str(options.storm),
                          "--light", str(options.light)], stdout=subprocess.PIPE, check=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def start_way(name, build, folder, server):
    """(processes, address)"""
    if name == "HAProxy":
        config = HAPROXY.replace("{longest}", LONGEST).replace("{server}", server).replace("{workers}", str(WORKERS))
        process, address = start_haproxy(folder, config)
    elif name == "rpcward":
        process, address = start_rpcward(build, folder, "--listen", "127.0.0.1:0", "--server", server, "--set",
                                         f"calls={WORKERS}", "--set", f"waiting.longest={LONGEST}")
    else:
        return [], server
    return [process], address


def run(name, build, options):
    """Each with a server of its own: what one leaves in the queue is not the next one's."""
    with tempfile.TemporaryDirectory() as folder:
        server, server_address = start_server(build, "--workers", str(WORKERS))
        processes, address = start_way(name, build, folder, server_address)
        with ending(server, *processes):
            return Way(name, storm(build, address, options))


def measure_capacity(build):
    server, address = start_server(build, "--workers", str(WORKERS))
    with ending(server):
        return capacity(build, address)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--storm", type=int, default=10, help="seconds")
    parser.add_argument("--light", type=int, default=5, help="seconds")
    parser.add_argument("--plot", help="where the plot goes")
    options = parser.parse_args()
    most = measure_capacity(options.build)
    ways = [run(name, options.build, options) for name in ("directly", "HAProxy", "rpcward")]
    end = options.storm + options.light
    print(f"retry storm: the server can do {most:.0f} calls/s")
    print(f"{'':12}{'asked/s':>10}{'answered/s':>12}{'of capacity':>13}"
          f"{'then asked/s':>14}{'answered/s':>12}{'well again after':>18}")
    for way in ways:
        well = way.recovery(options.storm, end)
        answered = way.rate("answered", 0, options.storm)
        print(f"{way.name:12}{way.rate('begun', 0, options.storm):10.0f}{answered:12.0f}{answered / most:13.2f}"
              f"{way.rate('begun', options.storm + 1, end):14.0f}{way.rate('answered', options.storm + 1, end):12.0f}"
              f"{'never' if well is None else f'{well:.1f} s':>18}", flush=True)
    path = pathlib.Path(options.plot or f"{options.build}/bench/storm.svg")
    path.parent.mkdir(parents=True, exist_ok=True)
    rates = {way.name: [row["answered"] / BIN for row in way.bins] for way in ways}
    path.write_text(plot(rates, BIN, options.storm, most))
    print(f"plot: {path}")


if __name__ == "__main__":
    main()
