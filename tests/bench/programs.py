"""What the benches start: our server, HAProxy and rpcward before it, each on the processor given; and their end."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time


def pin(cpu):
    """To one processor; None: to none."""
    return lambda: cpu is None or os.sched_setaffinity(0, {cpu % os.cpu_count()})


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port):
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise SystemExit(f"nothing listens on port {port} after 10 s") from None


@contextlib.contextmanager
def ending(*processes):
    try:
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.wait()


def with_many_ports():
    """Begins this program again on a network of its own, whose ephemeral ports are as many as there can be. With the
    usual 28,232 of them a connection for each call soon measures how the kernel looks for a port that is free."""
    if os.environ.get("OWN_NETWORK"):
        return
    os.environ["OWN_NETWORK"] = "1"
    shell = 'ip link set lo up && echo "1024 65535" > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"'
    how = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    os.execvp(how[0], [*how, "sh", "-c", shell, "sh", sys.executable, *sys.argv])


def start_server(build, *options, cpu=0):
    """(process, "127.0.0.1:PORT")"""
    process = subprocess.Popen([f"{build}/test-server", "--quiet", "--listen", "127.0.0.1:0", *options],
                               stdout=subprocess.PIPE, text=True, preexec_fn=pin(cpu))
    return process, process.stdout.readline().split()[1]


def start_haproxy(folder, config, cpu=1):
    """(process, "127.0.0.1:PORT") for a configuration with {port} in it."""
    port = free_port()
    path = pathlib.Path(folder, f"haproxy-{port}.cfg")
    path.write_text(config.replace("{port}", str(port)))
    process = subprocess.Popen(["haproxy", "-q", "-db", "-f", str(path)], preexec_fn=pin(cpu))
    wait_for_port(port)
    return process, f"127.0.0.1:{port}"


def start_rpcward(build, folder, *arguments, cpu=1):
    """(process, "127.0.0.1:PORT"); its call log is on, and goes to a file."""
    path = pathlib.Path(folder, "rpcward.log")
    with open(path, "wb") as log:
        process = subprocess.Popen([f"{build}/rpcward", *arguments], stderr=log, preexec_fn=pin(cpu))
    ready, end = None, time.monotonic() + 10
    while not ready:
        ready = re.search(r"ready: (127\.0\.0\.1:\d+)", path.read_text())
        if time.monotonic() > end or process.poll() is not None:
            raise SystemExit(f"rpcward is not ready: {path.read_text()}")
    return process, ready[1]
