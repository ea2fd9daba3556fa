"""Counts the calls of a run a second time: tcpdump records what clients and rpcward say, tshark finds the requests in
it, and each must have its line in the call log."""

import collections
import os
import re
import signal
import socket
import subprocess

from harness import Program, wait_until


TAIL = 65536  # bytes of the file in which the last packets must lie


class Capture:
    """The traffic between clients and a gateway, for the time of a `with`."""

    def __init__(self, world, gateway):
        self.address, self.ports, self.path = gateway.address, gateway.server.ports, world.path("calls.pcap")
        ports = " or ".join("tcp port %d" % port for port in self.ports)
        self.program = world.keep(Program(world.directory, "tcpdump", [
            "tcpdump", "-Z", "root", "-i", "lo", "-U", "--immediate-mode", "-s", "0", "-B", "65536", "-w", self.path,
            "host %s and (%s)" % (gateway.address, ports)]))

    def __enter__(self):
        self.program.wait_for(self.program.err, "listening on")
        return self

    def __exit__(self, *_):
        self.settle()
        self.program.signal(signal.SIGINT)
        self.program.wait()

    def settle(self):
        """When a mark that is sent last is in the file, so is all that came before it."""
        mark = os.urandom(16)
        with socket.create_connection((self.address, self.ports[0])) as last:
            last.sendall(mark)
            wait_until(lambda: mark in self.path.read_bytes()[-TAIL:], "the capture's last packets")

    def dropped(self):
        return int(re.search(r"(\d+) packets? dropped by kernel", self.program.err.read_text()).group(1))

    def requests(self):
        """How often each (client port, call_id, opnum) was asked: first fragments, by tshark."""
        ports = [word for port in self.ports for word in ("-d", "tcp.port==%d,dcerpc" % port)]
        fields = [word for field in FIELDS for word in ("-e", field)]
        done = subprocess.run(["tshark", "-n", "-r", str(self.path), *ports, "-o", "dcerpc.reassemble_dcerpc:FALSE",
                               "-Y", "dcerpc.pkt_type == 0", "-T", "fields", *fields],
                              capture_output=True, text=True, timeout=300)
        return collections.Counter(found for line in done.stdout.splitlines() for found in in_frame(line, self.ports))


FIELDS = ("tcp.srcport", "dcerpc.pkt_type", "dcerpc.cn_flags.first_frag", "dcerpc.cn_call_id")


def in_frame(line, ports):
    """A frame may hold several PDUs; each has one value of each field."""
    port, *lists = line.split("\t")
    if int(port) in ports:
        return []
    return [(int(port), int(call_id)) for ptype, first, call_id in zip(*(values.split(",") for values in lists))
            if ptype == "0" and first in ("1", "True")]


def logged(lines):
    return collections.Counter((int(line["client"].rsplit(":", 1)[1]), line["call_id"]) for line in lines)


def nameless(lines):
    """Lines that do not say who called what, how sure of whom."""
    return [line for line in lines if None in (line["interface"], line["opnum"], line["auth_type"], line["auth_level"])]


def report(report, proxy, capture, named):
    """`named` lines at the log's beginning must have their names; raw_protocol's after them also uses contexts that no
    server accepted, which have none."""
    lines = proxy.calls()
    bad = nameless(lines[:named])
    report.check("call log: %d lines name interface, opnum, auth type and level" % named, named and not bad,
                 "%d do not, as %r" % (len(bad), bad[:1]))
    bad = [line for line in nameless(lines[named:]) if line["end"] == "answered"]
    report.check("call log: no answered call of raw_protocol is nameless", not bad, repr(bad[:3]))
    if capture.dropped():
        report.skip("call log: as many calls as tshark counts", "tcpdump lost %d packets" % capture.dropped())
        return
    wanted, found = capture.requests(), logged(lines)
    report.check("call log: %d lines, and tshark counts %d requests" % (sum(found.values()), sum(wanted.values())),
                 found == wanted, "only in the capture: %r\nonly in the log: %r" %
                 (list((wanted - found).items())[:9], list((found - wanted).items())[:9]))
