#!/usr/bin/python3
"""What rpcward costs: our client and server directly, through HAProxy in TCP mode with one thread, and through rpcward
with its call log on, in turn. Figures are medians of the ratios of each round, so that a noisy machine's drift cancels.

The proxy is alone on one processor, client and server share another."""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

from programs import ending, pin, start_haproxy, start_rpcward, start_server

SHAPES = {
    "1 connection, small calls": ["--connections", "1", "--size", "64"],
    "64 connections, small calls": ["--connections", "64", "--size", "64"],
    "500 connections, small calls": ["--connections", "500", "--size", "64"],
    "64 clients, a connection a call": ["--connections", "64", "--size", "64", "--reconnect"],
    "8 connections, 100 KB both ways": ["--connections", "8", "--size", "100000", "--answer", "100000"],
}
HAPROXY = """global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen relay
    bind 127.0.0.1:{port}
    server one {server}
"""


def cpu_ns(pid):
    """Time on a processor of all threads of a process, in nanoseconds."""
    return sum(int((t / "schedstat").read_text().split()[0]) for t in pathlib.Path(f"/proc/{pid}/task").iterdir())


class Way:
    """One way to the server: a proxy's process, or none."""

    def __init__(self, name, process, address, client_cpu=0, clients=1):
        self.name, self.process, self.address = name, process, address
        self.client_cpu, self.clients = client_cpu, clients  # clients: programs, each with the same arguments

    def run(self, build, shape, arguments, seconds):
        """One round of `shape`: what the client did, and what of a processor the proxy took for it."""
        before = cpu_ns(self.process.pid) if self.process else 0
        command = [f"{build}/test-client", "--connect", self.address, "--seconds", str(seconds), *arguments]
        programs = [subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=pin(self.client_cpu))
                    for _ in range(self.clients)]
        reports = [json.loads(program.communicate()[0]) for program in programs]
        for report in reports:
            if report["answered"] != report["calls"]:
                raise SystemExit(f"{self.name}: {shape}: not every call was answered: {report}")
        spent = cpu_ns(self.process.pid) - before if self.process else 0
        calls = sum(report["calls"] for report in reports)
        return {"calls_per_second": sum(report["calls_per_second"] for report in reports),
                "cpu_us": spent / 1000 / max(calls, 1), "p50_us": reports[0]["latency_p50_us"]}


def start(build, folder):
    server, address = start_server(build)
    haproxy, haproxy_address = start_haproxy(folder, HAPROXY.replace("{server}", address))
    rpcward, rpcward_address = start_rpcward(build, folder, "--listen", "127.0.0.1:0", "--server", address)
    ways = [Way("direct", None, address), Way("haproxy", haproxy, haproxy_address),
            Way("rpcward", rpcward, rpcward_address)]
    return ways, [server, haproxy, rpcward]


def median(rounds, way, key):
    return statistics.median(r[way][key] for r in rounds)


def ratio(rounds, key):
    return statistics.median(r["rpcward"][key] / r["haproxy"][key] for r in rounds)


def print_head():
    print(f"{'':34}{'calls/s':>10}{'':>10}{'':>10}{'proxy CPU us/call':>22}{'rpcward/haproxy':>20}")
    print(f"{'shape':34}{'direct':>10}{'haproxy':>10}{'rpcward':>10}{'haproxy':>12}{'rpcward':>10}"
          f"{'CPU':>12}{'calls/s':>8}")


def compare(options, ways, shape, arguments):
    """The line of one shape."""
    rounds = [{w.name: w.run(options.build, shape, arguments, options.seconds) for w in ways}
              for _ in range(options.rounds)]
    print(f"{shape:34}" + "".join(f"{median(rounds, w.name, 'calls_per_second'):10.0f}" for w in ways) +
          f"{median(rounds, 'haproxy', 'cpu_us'):12.2f}{median(rounds, 'rpcward', 'cpu_us'):10.2f}" +
          f"{ratio(rounds, 'cpu_us'):12.2f}{ratio(rounds, 'calls_per_second'):8.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--shape", default="", help="only shapes whose name has this word")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ways, processes = start(options.build, folder)
        print_head()
        with ending(*processes):
            for shape in SHAPES:
                if options.shape not in shape:
                    continue
                compare(options, ways, shape, SHAPES[shape])


if __name__ == "__main__":
    main()
