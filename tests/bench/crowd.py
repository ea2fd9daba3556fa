#!/usr/bin/python3
"""A hostile crowd beside 16 honest clients: 5,000 bound clients that say nothing, 200 that never bind, 50 that send
their bind a byte a second, and 4 that pipeline calls with large answers and read none. The honest ones' latency with
the crowd and without it, in turn, and rpcward's memory."""
import argparse
import json
import pathlib
import re
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import rpc  # noqa: E402
from programs import ending, pin, start_rpcward, start_server  # noqa: E402

IDLE, HALF_OPEN, SLOW, DEAF = 5000, 200, 50, 4
LARGE = 1 << 16


def resident(process):
    """Bytes."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def honest(build, address, seconds):
    """Their report. One call now and then would hide what the crowd costs: they call as fast as they are answered."""
    command = [f"{build}/test-client", "--connect", address, "--connections", "16", "--seconds", str(seconds)]
    out = subprocess.run(command, stdout=subprocess.PIPE, preexec_fn=pin(0), check=False)
    report = json.loads(out.stdout)
    if report["answered"] != report["calls"]:
        raise SystemExit(f"not every honest call was answered: {report}")
    return report


class Hostile(threading.Thread):
    """Those that are few enough for one thread; whoever is thrown out comes again."""

    def __init__(self, address):
        super().__init__(daemon=True)
        host, port = address.rsplit(":", 1)
        self.to, self.over = (host, int(port)), threading.Event()
        self.half_open, self.slow, self.deaf = {}, {}, {}  # the latter with the bytes that were sent
        self.calls = b"".join(rpc.request(0, rpc.test_call(i, answer=LARGE), call_id=i) for i in range(2, 1002))

    def connect(self):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(self.to)
        return s

    def fill(self):
        while len(self.half_open) < HALF_OPEN:
            self.half_open[self.connect()] = None
        while len(self.slow) < SLOW:
            self.slow[self.connect()] = iter(rpc.bind([rpc.context(0, rpc.TEST)]))
        while len(self.deaf) < DEAF:
            link = self.connect()
            link.sendall(rpc.bind([rpc.context(0, rpc.TEST)]))
            link.recv(4096)
            link.setblocking(False)
            self.deaf[link] = 0

    def drip(self):
        for link, rest in self.slow.items():
            try:
                link.send(bytes([next(rest)]))
            except (OSError, StopIteration):
                pass

    def pipeline(self):
        """Calls, as long as any are taken; of the answers nothing is read. They are composed beforehand: the crowd is
        to cost rpcward something, and not the machine."""
        for link, sent in list(self.deaf.items()):
            try:
                while True:
                    sent += link.send(self.calls[sent % len(self.calls):])
            except BlockingIOError:
                self.deaf[link] = sent
            except OSError:
                self.forget(self.deaf, link)

    @staticmethod
    def forget(links, link):
        links.pop(link, None)
        link.close()

    def sweep(self):
        """Those that were thrown out."""
        for links in (self.half_open, self.slow):
            poll = select.poll()
            by_fd = {link.fileno(): link for link in links}
            for fd in by_fd:
                poll.register(fd, select.POLLIN | select.POLLHUP | select.POLLERR)
            for fd, _ in poll.poll(0):
                self.forget(links, by_fd[fd])

    def run(self):
        while not self.over.is_set():
            self.sweep()
            self.fill()
            self.drip()
            self.pipeline()
            self.over.wait(1)
        for links in (self.half_open, self.slow, self.deaf):
            for link in list(links):
                self.forget(links, link)


class Crowd:
    """The whole of it, for one round."""

    def __init__(self, build, address):
        command = [f"{build}/test-client", "--connect", address, "--connections", str(IDLE), "--hold"]
        self.idle = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                     preexec_fn=pin(0))
        self.idle.stdout.readline()  # "ready"
        self.hostile = Hostile(address)
        self.hostile.start()
        end = time.monotonic() + 10
        while len(self.hostile.deaf) < DEAF and time.monotonic() < end:
            time.sleep(0.01)

    def end(self):
        self.hostile.over.set()
        self.hostile.join()
        self.idle.kill()
        self.idle.wait()


def round_(build, address, rpcward, seconds):
    alone = honest(build, address, seconds)
    before = resident(rpcward)
    crowd = Crowd(build, address)
    try:
        beside = honest(build, address, seconds)
        memory = resident(rpcward)
    finally:
        crowd.end()
    return {"alone": alone["latency_p99_us"], "beside": beside["latency_p99_us"],
            "memory": memory - before, "resident": memory, "ratio": beside["latency_p99_us"] / alone["latency_p99_us"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server, server_address = start_server(options.build)
        rpcward, address = start_rpcward(options.build, folder, "--listen", "127.0.0.1:0", "--server", server_address)
        with ending(server, rpcward):
            rounds = [round_(options.build, address, rpcward, options.seconds) for _ in range(options.rounds)]
    of = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
    print(f"hostile crowd: 16 honest clients' p99 {of['alone']:.0f} us alone, {of['beside']:.0f} us beside it:"
          f" {of['ratio']:.2f} times; rpcward {of['resident'] / 1e6:.1f} MB, the crowd's {of['memory'] / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
