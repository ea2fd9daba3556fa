"""Captures by hand: connections whose packets a test puts together, and the file that they are in.

    c = Connection()
    c.open(); c.bind(); c.send(CLIENT, rpc.request(...)); c.wait(6); c.close(CLIENT)
    data = capture(c)

Each packet is a microsecond behind the one before, unless the test waits."""

import itertools
import struct

import rpc

CLIENT, SERVER = 0, 1
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
MILLION = 1000000


class Connection:
    """IPv4 and TCP. `packets` has (microseconds, bytes of the frame)."""

    def __init__(self, client="10.0.0.1", client_port=50123, server="10.0.0.2", server_port=49155, begins=0):
        self.address = [bytes(map(int, text.split("."))) for text in (client, server)]
        self.port = (client_port, server_port)
        self.next = [1000, 900000]
        self.packets, self.now = [], int(begins * MILLION)

    def wait(self, seconds):
        self.now += int(seconds * MILLION)
        return self

    def put(self, way, flags, payload=b"", sequence=None):
        """One packet, from where that side is; whatever it is, it moves that side on."""
        at = self.next[way] if sequence is None else sequence
        acknowledged = self.next[not way] if flags & ACK else 0
        tcp = struct.pack(">HHIIBBHHH", self.port[way], self.port[not way], at, acknowledged, 0x50, flags, 64240, 0, 0)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0)
        ethernet = bytes((2, 0, 0, 0, 0, way, 2, 0, 0, 0, 0, not way, 8, 0))
        self.packets.append((self.now, ethernet + ip + self.address[way] + self.address[not way] + tcp + payload))
        self.now += 1
        if sequence is None:
            self.next[way] += len(payload) + bool(flags & (SYN | FIN))
        return self

    def open(self):
        return self.put(CLIENT, SYN).put(SERVER, SYN | ACK).put(CLIENT, ACK)

    def send(self, way, *pdus, acknowledged=True):
        self.put(way, PSH | ACK, b"".join(pdus))
        return self.put(not way, ACK) if acknowledged else self

    def repeat(self, way, size):
        """The last so many bytes once more."""
        return self.put(way, PSH | ACK, bytes(size), sequence=self.next[way] - size)

    def probe(self, way, answered=True):
        """A keep-alive."""
        self.put(way, ACK, sequence=self.next[way] - 1)
        return self.put(not way, ACK) if answered else self

    def bind(self, interface=rpc.TEST, flags=rpc.WHOLE):
        self.send(CLIENT, rpc.bind([rpc.context(0, interface)], flags=flags))
        return self.bind_answer(rpc.BIND_ACK, flags)

    def bind_answer(self, ptype, flags=rpc.WHOLE):
        """The server accepts the one context that was offered."""
        ack = struct.pack("<HHIH", 5840, 5840, 77, 0) + bytes(2) + struct.pack("<BBHHH", 1, 0, 0, 0, 0)
        return self.send(SERVER, rpc.pdu(ptype, ack + rpc.syntax(rpc.NDR), flags=flags))

    def close(self, way, acknowledged=True):
        self.put(way, FIN | ACK)
        return self.put(not way, ACK) if acknowledged else self

    def close_again(self, way):
        """Its FIN once more."""
        return self.put(way, FIN | ACK, sequence=self.next[way] - 1)

    def reset(self, way):
        return self.put(way, RST | ACK)


def response(stub, call_id, flags=rpc.WHOLE, **head):
    return rpc.pdu(rpc.RESPONSE, struct.pack("<IHBB", len(stub), 0, 0, 0) + stub, call_id=call_id, flags=flags, **head)


def fault(status, call_id, flags=rpc.WHOLE):
    return rpc.pdu(rpc.FAULT, struct.pack("<IHBBII", 32, 0, 0, 0, status, 0), call_id=call_id, flags=flags)


def capture(*connections):
    """The file with the packets of all of them, by time."""
    packets = sorted(itertools.chain(*(c.packets for c in connections)), key=lambda packet: packet[0])
    return FILE_HEADER + b"".join(
        struct.pack("<IIII", 1700000000 + at // MILLION, at % MILLION, len(frame), len(frame)) + frame
        for at, frame in packets)
