"""What went over a cable: tcpdump records it, tshark says what is a keep-alive.

To tshark a keep-alive is a segment of no or one byte whose sequence number is one less than the next expected one: what
Linux and Windows send (RFC 9293 3.8.4). It is judged by the time of capture, not by ours."""

import collections
import subprocess

from harness import Program, wait_until

FIELDS = "frame.time_epoch ip.dst tcp.srcport tcp.dstport tcp.len tcp.flags.fin tcp.analysis.keep_alive".split()
Segment = collections.namedtuple("Segment", "at is_up port size is_fin is_probe")  # up: to the server


def probes_in(segments):
    """Those that were sent to the server."""
    return [segment for segment in segments if segment.is_probe and segment.is_up]


class Capture(Program):
    """Of one device of this thread's namespace. Ports are those of the side that is not the server's."""

    def __init__(self, world, device, server):
        self.server, self.path = server, world.path(device + ".pcap")
        super().__init__(world.directory, world.name("tcpdump"), [
            "tcpdump", "-Z", "root", "-i", device, "-n", "-U", "--immediate-mode", "-w", self.path, "tcp"])
        world.keep(self)
        self.wait_for(self.err, "listening on")

    def segments(self):
        """All there are by now; where tshark says that the last one is cut, it is being written in this moment."""
        fields = [word for field in FIELDS for word in ("-e", field)]
        command = ["tshark", "-n", "-r", self.path, "-T", "fields", *fields]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return [self.segment(*line.split("\t")) for line in done.stdout.splitlines()]

    def segment(self, at, target, source_port, target_port, size, fin, keep_alive):
        is_up = target == self.server
        return Segment(float(at), is_up, int(source_port if is_up else target_port), int(size), fin in ("1", "True"),
                       bool(keep_alive))

    def segments_until_fin(self):
        """All, as soon as a connection's end is among them."""
        def found():
            segments = self.segments()
            return segments if any(segment.is_fin for segment in segments) else None
        return wait_until(found, "a FIN on the cable")
