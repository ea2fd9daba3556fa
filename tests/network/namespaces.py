"""Hosts as network namespaces of our own, joined by veth pairs.

    near = Host.of_this_thread()                  # this thread, and what it starts, live there from now on
    far = near.joined("server", "10.9.1")         # a second host: near has 10.9.1.1, far has 10.9.1.2
    with far.inside():                            # sockets and programs that are made here are the far host's
        ...
    far.fall_silent()

Namespaces belong to threads (setns(2)), so cases in threads of their own do not see each other. A namespace goes when
the last descriptor, socket or process of its has gone."""

import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000  # sched.h
SILENT = """table netdev silent {
 chain in { type filter hook ingress device %s priority 0; policy drop; }
 chain out { type filter hook egress device %s priority 0; policy drop; }
}
"""

_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *arguments):
    if function(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, "%s: %s" % (function.__name__, os.strerror(error)))


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def timers(peer):
    """The kernel's connections to this address, each with its timer, as ss(8) has them."""
    return subprocess.run(["ss", "-Htno", "dst", peer], check=True, capture_output=True, text=True).stdout


def waiting_for_ack(peer):
    """Whether bytes that were sent to this address wait for their acknowledgement (Send-Q)."""
    return any(int(line.split()[2]) for line in timers(peer).splitlines())


class Host:
    def __init__(self):
        """Of the namespace that this thread is in."""
        self.namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.device = self.address = self.gateway = None
        ip("link", "set", "lo", "up")

    @classmethod
    def of_this_thread(cls):
        """A new one, which this thread moves to for good."""
        _call(_libc.unshare, CLONE_NEWNET)
        return cls()

    @contextlib.contextmanager
    def inside(self):
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call(_libc.setns, self.namespace, CLONE_NEWNET)
            yield self
        finally:
            _call(_libc.setns, before, CLONE_NEWNET)
            os.close(before)

    def joined(self, device, net):
        """A new host behind a cable to this one, by which this one is .1 and the new one .2."""
        with self.inside():  # so that this thread comes back from the new one
            other = Host.of_this_thread()
        other.device, other.address, other.gateway = "eth0", net + ".2", net + ".1"
        path = "/proc/%d/fd/%d" % (os.getpid(), other.namespace)
        ip("link", "add", "name", device, "type", "veth", "peer", "name", other.device, "netns", path)
        ip("address", "add", other.gateway + "/24", "dev", device)
        ip("link", "set", device, "up")
        with other.inside():
            ip("address", "add", other.address + "/24", "dev", other.device)
            ip("link", "set", other.device, "up")
            ip("route", "add", "default", "via", other.gateway)
        return other

    def fall_silent(self):
        """It sends and hears nothing, ARP included, its cable still in: a host without power, behind a switch."""
        self.filter(SILENT % (self.device, self.device))

    def drop(self):
        """Its packets are lost in both directions, while it still answers ARP: a firewall's or a router's fault."""
        self.filter("table ip silent {\n chain in { type filter hook input priority 0; policy drop; }\n"
                    " chain out { type filter hook output priority 0; policy drop; }\n}\n")

    def speak_again(self):
        """After fall_silent() or drop()."""
        self.filter("flush ruleset\n")

    def unplug(self):
        """Its cable is pulled: the other end loses the carrier."""
        with self.inside():
            ip("link", "set", self.device, "down")

    def filter(self, rules):
        with self.inside():
            subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, capture_output=True)

    def close(self):
        """Lets go of the namespace; twice does no harm."""
        if self.namespace is not None:
            os.close(self.namespace)
        self.namespace = None
