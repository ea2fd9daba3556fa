"""rpcward is killed while a client is in the middle of its work, and started again: no client may hang beyond its own
time-out, and the next one finds all as it was."""

import os
import pathlib
import subprocess
import tempfile
import time

from harness import wait_until
from servers import SHARED
from verdicts import PYTHON

MANY = 2000  # requests of rpcclient, so that it is not done before it is cut


def torture(side, suite):
    binding = "ncacn_ip_tcp:%s[seal]" % side.address
    return ["smbtorture", "-s", str(side.server.client / "smb.conf"), "--basedir=%s" % side.server.client,
            "-U", side.credentials, binding, suite]


def rpcclient(side, options=""):
    return ["rpcclient", "-s", str(side.server.client / "smb.conf"), "-U", side.credentials,
            "ncacn_ip_tcp:" + side.address + options, "-c", ";".join(["enumdomusers"] * MANY)]


def impacket(side):
    return [PYTHON, "-B", str(SHARED / "imp.py"), side.address]


# What is run, and the seconds that its own runtime waits for an answer.
CLIENTS = {
    "smbtorture rpc.netlogon": (lambda side: torture(side, "rpc.netlogon"), 60),
    "smbtorture rpc.samr": (lambda side: torture(side, "rpc.samr"), 60),
    "rpcclient": (rpcclient, 10),
    "impacket": (impacket, 30),
}


def connections(address, ports):
    """Clients that are connected to one of these ports (proc(5): local address in hex, state 01)."""
    host = "".join("%02X" % int(part) for part in reversed(address.split(".")))
    wanted = {"%s:%04X" % (host, port) for port in ports}
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row for row in rows if row[1] in wanted and row[3] == "01"]


def interrupt(gateway, command, limit, environment):
    """Runs a client, kills rpcward under it, starts another; how many seconds the client still took, or None."""
    with tempfile.TemporaryDirectory(prefix="rpcward-killed-") as home:
        client = subprocess.Popen(command, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "HOME": home,
                                                                  **environment})
        try:
            services = gateway.server.ports[1:]  # past the endpoint mapper
            wait_until(lambda: client.poll() is not None or connections(gateway.address, services), "its connection")
            was_running = client.poll() is None
            gateway.proxy.kill()
            began = time.monotonic()
            gateway.open()
            client.wait(limit + 5)
            return time.monotonic() - began if was_running else None
        except subprocess.TimeoutExpired:
            return float("inf")
        finally:
            client.kill()
            client.wait()


def stopped(report, gateway, side):
    """The server is stopped under a client at level privacy (its kernel goes on acknowledging): call-timeout ends its calls,
    bind-timeout its binds, and it does not hang."""
    server = gateway.server
    with tempfile.TemporaryDirectory(prefix="rpcward-stopped-") as home:
        client = subprocess.Popen(rpcclient(side, "[seal]"), cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "HOME": home})
        try:
            wait_until(lambda: client.poll() is not None or connections(gateway.address, server.ports[1:]), "its connection")
            with server.stopped():
                began = time.monotonic()
                client.wait(60)
                took = time.monotonic() - began
            good = took < 9  # it would wait for 10 s by itself
        except subprocess.TimeoutExpired:
            good, took = False, 60
        finally:
            client.kill()
            client.wait()
    report.check("the server is stopped under rpcclient at level privacy: it ends %.1f s later" % took, good)
    gateway.proxy.stop()
    ends = {line["end"] for line in gateway.proxy.calls()}
    report.check("the call log has a call that timed out", "timed-out" in ends, repr(ends))


def report(report, gateway, side):
    for name, (command, limit) in CLIENTS.items():
        took = interrupt(gateway, command(side), limit, side.server.environment(side.address))
        report.check("killed under %s: it ends %.1f s later, within its own %d s" % (name, took or 0, limit),
                     took is not None and took <= limit, "it was done before it could be cut" if took is None else "")
