"""Two hosts, each a network namespace, and a cable: ours with clients and rpcward, and a far one for servers."""

import contextlib
import ctypes
import os
import subprocess
import sys

NEAR, FAR = "10.77.0.1", "10.77.0.2"
INSIDE = "RPCWARD_NETWORK_INSIDE"  # set for the run within the near one
LINK = """set -e
ip link set lo up
ip link add near type veth peer name far netns %(pid)d
ip addr add %(near)s/24 dev near
ip link set near up
nsenter -t %(pid)d -n sh -c 'ip link set lo up; ip addr add %(far)s/24 dev far; ip link set far up'
"""


def enter(script):
    """Runs the script again in a namespace of its own; its exit status."""
    command = ["unshare", "-n", sys.executable, script, *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, INSIDE: "1"}).returncode


class FarHost:
    """Lives as long as a process in its namespace does."""

    def __init__(self):
        self.keeper = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo here; exec cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.keeper.stdout.readline()
        places = {"pid": self.keeper.pid, "near": NEAR, "far": FAR}
        subprocess.run(["sh", "-c", LINK % places], check=True)

    def command(self, *words):
        """As a command that runs there."""
        return ["nsenter", "-t", str(self.keeper.pid), "-n", *map(str, words)]

    @contextlib.contextmanager
    def inside(self):
        """This thread is there: a socket that it makes belongs to that host for ever."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net") as home, open("/proc/%d/ns/net" % self.keeper.pid) as there:
            try:
                if libc.setns(there.fileno(), 0):
                    raise OSError(ctypes.get_errno(), "setns")
                yield
            finally:
                libc.setns(home.fileno(), 0)

    def fall_silent(self):
        """It drops what comes, and nothing leaves it."""
        self.nft("table ip quiet {\n chain in { type filter hook input priority 0; drop; }\n"
                 " chain out { type filter hook output priority 0; drop; }\n }\n")

    def speak(self):
        self.nft("flush ruleset\n")

    def nft(self, rules):
        subprocess.run(self.command("nft", "-f", "-"), input=rules, text=True, check=True)

    def end(self):
        subprocess.run(["ip", "link", "delete", "near"], check=True)
        self.keeper.stdin.close()
        self.keeper.wait()
