#!/usr/bin/python3
"""What rpcward costs: our client and server directly, through HAProxy in TCP mode with one thread, and through rpcward
with its call log on, in turn. Figures are medians of the ratios of each round, so that a noisy machine's drift cancels.

The proxy is alone on one processor, client and server share another."""
import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import tempfile
import time

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


def pin(cpu):
    return lambda: os.sched_setaffinity(0, {cpu % os.cpu_count()})


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port):
    import socket
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise SystemExit(f"nothing listens on port {port} after 10 s")


def cpu_ns(pid):
    """Time on a processor of all threads of a process, in nanoseconds."""
    return sum(int((t / "schedstat").read_text().split()[0]) for t in pathlib.Path(f"/proc/{pid}/task").iterdir())


class Way:
    """One way to the server: a proxy's process, or none."""

    def __init__(self, name, process, port):
        self.name, self.process, self.port = name, process, port

    def run(self, build, shape, seconds):
        before = cpu_ns(self.process.pid) if self.process else 0
        out = subprocess.run([f"{build}/test-client", "--connect", f"127.0.0.1:{self.port}", "--seconds", str(seconds),
                              *SHAPES[shape]], stdout=subprocess.PIPE, preexec_fn=pin(0), check=False)
        report = json.loads(out.stdout)
        if report["answered"] != report["calls"]:
            raise SystemExit(f"{self.name}: {shape}: not every call was answered: {report}")
        spent = cpu_ns(self.process.pid) - before if self.process else 0
        return {"calls_per_second": report["calls_per_second"], "cpu_us": spent / 1000 / max(report["calls"], 1),
                "p50_us": report["latency_p50_us"]}


def start(build, folder):
    server = subprocess.Popen([f"{build}/test-server", "--quiet", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
                              text=True, preexec_fn=pin(0))
    address = server.stdout.readline().split()[1]
    port = free_port()
    config = pathlib.Path(folder, "haproxy.cfg")
    config.write_text(HAPROXY.format(port=port, server=address))
    haproxy = subprocess.Popen(["haproxy", "-q", "-db", "-f", str(config)], preexec_fn=pin(1))
    wait_for_port(port)
    with open(f"{folder}/calls.log", "wb") as log:
        rpcward = subprocess.Popen([f"{build}/rpcward", "--listen", "127.0.0.1:0", "--server", address], stderr=log,
                                   preexec_fn=pin(1))
    ready = None
    while not ready:
        ready = re.search(r"ready: 127\.0\.0\.1:(\d+)", pathlib.Path(folder, "calls.log").read_text())
    ways = [Way("direct", None, int(address.split(":")[1])), Way("haproxy", haproxy, port),
            Way("rpcward", rpcward, int(ready[1]))]
    return ways, [server, haproxy, rpcward]


def median(rounds, way, key):
    return statistics.median(r[way][key] for r in rounds)


def ratio(rounds, key):
    return statistics.median(r["rpcward"][key] / r["haproxy"][key] for r in rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--shape", default="", help="only shapes whose name has this word")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ways, processes = start(options.build, folder)
        print(f"{'':34}{'calls/s':>10}{'':>10}{'':>10}{'proxy CPU us/call':>22}{'rpcward/haproxy':>20}")
        print(f"{'shape':34}{'direct':>10}{'haproxy':>10}{'rpcward':>10}{'haproxy':>12}{'rpcward':>10}"
              f"{'CPU':>12}{'calls/s':>8}")
        try:
            for shape in SHAPES:
                if options.shape not in shape:
                    continue
                rounds = [{w.name: w.run(options.build, shape, options.seconds) for w in ways}
                          for _ in range(options.rounds)]
                print(f"{shape:34}" + "".join(f"{median(rounds, w.name, 'calls_per_second'):10.0f}" for w in ways) +
                      f"{median(rounds, 'haproxy', 'cpu_us'):12.2f}{median(rounds, 'rpcward', 'cpu_us'):10.2f}" +
                      f"{ratio(rounds, 'cpu_us'):12.2f}{ratio(rounds, 'calls_per_second'):8.2f}", flush=True)
        finally:
            for process in processes:
                process.send_signal(signal.SIGKILL)


if __name__ == "__main__":
    main()
