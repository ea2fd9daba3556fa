"""A server that cuts a connection after any byte, and keeps a ledger of the requests that it has had whole.

    cutter = Cutter(world)
    cutter.armed = Cut(17, FIN)             # after 17 more bytes have been read, of any connection
    cutter.armed = Cut(17, RESET, down=True)   # or written

It cuts once for each time that it is armed. The request that a cut follows is in the ledger, and not answered."""

import collections
import dataclasses
import socket
import struct
import threading

from fake import Fake
from harness import Entry, rpc
from recorder import FIN, Recorder, ack, close_by_reset, response, split

BINDS = (bytes([rpc.BIND]), bytes([rpc.ALTER]))
HELD = rpc.BEHAVIOURS.index("silent")


@dataclasses.dataclass
class Cut:
    left: int
    how: str
    down: bool = False


def own_id_of(stub):
    return struct.unpack_from("<QI", stub)


def answer_to(own_id):
    """What the test interface answers to a call without a payload."""
    return struct.pack("<QIIII", own_id, 1, 0, 0, 0)


class Ledgered(Fake):
    """Serves the test interface: refuses(pdu) is an answer instead of the execution of a request, or None."""

    def __init__(self, world, refuses=lambda pdu: None, seconds=0, **how):
        super().__init__(world, (rpc.TEST, rpc.NDR), **how)
        self.ran, self.refused, self.refuses, self.seconds = [], [], refuses, seconds
        self.on[rpc.REQUEST] = self.execute

    def execute(self, pdu):
        own_id, _ = own_id_of(pdu.stub)
        refusal = self.refuses(pdu)
        (self.refused if refusal else self.ran).append(own_id)
        return refusal or (self.seconds, response(answer_to(own_id), pdu.call_id))

    def ledger(self):
        return [Entry("test", 0, "%x" % own_id, "", "") for own_id in self.ran]


class Cutter(Recorder):
    def __init__(self, world, **how):
        self.armed, self.cuts, self.guard = None, 0, threading.Lock()
        self.unbound = False  # the last cut came before a bind or a probe was answered: no request can have been sent
        self.ran = collections.Counter()
        super().__init__(**how)
        world.adopt(self)

    def listen_to(self, heard):
        """Looks before it takes: a cut may be ordered while it waits."""
        rest, heard.stubs = b"", {}
        while not heard.closed and heard.socket.recv(1, socket.MSG_PEEK):
            with self.guard:
                cut = self.armed
                counts = cut is not None and not cut.down
                data = heard.socket.recv(min(65536, cut.left)) if counts and cut.left else b""
                if counts:
                    cut.left -= len(data)
                    self.armed = cut if cut.left else None
            if not counts:
                data = heard.socket.recv(65536)
            pdus, rest = split(rest + data)
            is_over = counts and not cut.left
            for index, raw in enumerate(pdus):
                self.take(heard, rpc.Pdu(raw), is_over and index == len(pdus) - 1 and not rest)
            if is_over:
                tail = rest or (heard.pdus[-1] if heard.pdus else b"")
                self.cut(heard, cut.how, not heard.pdus or tail[2:3] in BINDS)

    def cut(self, heard, how, unbound):
        """After a FIN nothing that still comes is taken for a request."""
        self.unbound = unbound
        self.cuts += 1
        if how == FIN:
            heard.socket.shutdown(socket.SHUT_WR)
            while heard.socket.recv(65536):
                pass
            heard.close()
        else:
            heard.closed = True
            close_by_reset(heard.socket)

    def take(self, heard, pdu, is_cut):
        heard.pdus.append(pdu.raw)
        if pdu.type in (rpc.BIND, rpc.ALTER):
            ptype = rpc.BIND_ACK if pdu.type == rpc.BIND else rpc.ALTER_RESP
            answer = ack(ptype=ptype, call_id=pdu.call_id, flags=pdu.flags & (rpc.WHOLE | rpc.CONC_MPX))
        else:
            answer = self.execute(heard, pdu)
        if answer and not is_cut:
            self.give_bytes(heard, answer, pdu)

    def execute(self, heard, pdu):
        """With its last fragment, as most servers do."""
        stub = heard.stubs.pop(pdu.call_id, b"") + pdu.stub
        if not pdu.flags & rpc.LAST:
            heard.stubs[pdu.call_id] = stub
            return None
        own_id, behaviour = own_id_of(stub)
        self.ran[own_id] += 1
        return response(answer_to(own_id), pdu.call_id) if behaviour != HELD else None

    def give_bytes(self, heard, data, pdu):
        whole = len(data)
        with self.guard:
            cut = self.armed
            counts = cut is not None and cut.down
            if counts:
                data = data[:cut.left]
                cut.left -= len(data)
                self.armed = cut if cut.left else None
        heard.socket.sendall(data)
        if counts and not cut.left:
            self.cut(heard, cut.how, bytes([pdu.type]) in BINDS and len(data) < whole)
