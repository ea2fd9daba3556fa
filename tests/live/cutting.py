"""A server that cuts a connection after any byte, and keeps a ledger of the requests that it has had whole; and clients
that call it. Both live on a Stage.

    cutter = Cutter(stage, name)
    cutter.arm(Cut(17, FIN))               # after 17 more bytes have been read, of any connection
    cutter.arm(Cut(17, RESET, down=True))  # or written

It cuts once for each time that it is armed. The request that a cut follows is in the ledger, and not answered; after a
FIN it goes on to read and to execute what still comes, as a server may that had it in its buffer."""

import collections
import dataclasses
import socket
import struct

from harness import Failure, check, rpc
from hosts import own_host
from recorder import FIN, RESET, ack
from stage import Wire

SILENCE = "silence"
BINDS = (rpc.BIND, rpc.ALTER)
OWN_ID = 24  # where the stub of a request without an object, and that of a response, begin
ACKS = {rpc.BIND: ack(flags=rpc.WHOLE | rpc.CONC_MPX),
        rpc.ALTER: ack(ptype=rpc.ALTER_RESP, flags=rpc.WHOLE | rpc.CONC_MPX)}


@dataclasses.dataclass
class Cut:
    left: int
    how: str
    down: bool = False


@dataclasses.dataclass
class Shape:
    """Of a request or an answer: its fragments, all with the same call_id; its own id comes first in the stub."""
    fragments: list

    @classmethod
    def of(cls, ptype, size, count, opnum=0):
        parts = []
        for i in range(count):
            flags = (rpc.FIRST if i == 0 else 0) | (rpc.LAST if i == count - 1 else 0)
            body = struct.pack("<IHH", (count - i) * size, 0, opnum if ptype == rpc.REQUEST else 0) + bytes(size)
            parts.append(rpc.pdu(ptype, body, flags=flags))
        return cls(parts)

    def bytes(self, own_id, call_id):
        called = struct.pack("<I", call_id)
        parts = [part[:12] + called + part[16:] for part in self.fragments]
        parts[0] = parts[0][:OWN_ID] + struct.pack("<Q", own_id) + parts[0][OWN_ID + 8:]
        return b"".join(parts)


def call_id_of(pdu):
    return int.from_bytes(pdu[12:16], "little")


def own_id_of(pdu):
    return int.from_bytes(pdu[OWN_ID:OWN_ID + 8], "little")


class Heard(Wire):
    """A connection to the cutter."""

    def __init__(self, cutter, sock):
        super().__init__(cutter.stage, cutter.name, sock)
        self.cutter, self.asked, self.dead, self.silent = cutter, {}, None, False
        self.taken = 0         # bytes that were read
        self.begun = set()     # own ids of calls of whose answer a whole fragment was written

    def room(self):
        cut = self.cutter.armed
        if self.dead or cut is None or cut.down:
            return 1 << 18
        return cut.left

    def came(self, data):
        cut = self.cutter.armed
        counts = not self.dead and cut is not None and not cut.down
        self.taken += len(data)
        if counts:
            cut.left -= len(data)
        self.cutter.note_first(self, data)
        pdus = self.frames(data)
        is_over = counts and not cut.left
        for index, pdu in enumerate(pdus):
            self.take(pdu, is_over and index == len(pdus) - 1 and not self.inbox)
        if is_over:
            self.cutter.cut(self)

    def take(self, pdu, is_cut=False):
        ptype = pdu[2]
        if ptype in BINDS:
            answer = ACKS[ptype][:12] + pdu[12:16] + ACKS[ptype][16:]
        else:
            answer = self.execute(pdu)
        if not is_cut and not self.dead:
            self.answer(answer, ptype in BINDS)

    def execute(self, pdu):
        """With its last fragment, as most servers do. The answer, or None for now."""
        call_id = call_id_of(pdu)
        own_id = self.asked.setdefault(call_id, own_id_of(pdu) if pdu[3] & rpc.FIRST else None)
        if not pdu[3] & rpc.LAST:
            return b""
        del self.asked[call_id]
        return self.cutter.execute(self, own_id, call_id)

    def answer(self, data, is_bind=False):
        cut = self.cutter.armed
        counts = cut is not None and cut.down and data
        part = data[:cut.left] if counts else data
        if counts:
            cut.left -= len(part)
        if not is_bind and part:
            self.note_begun(part)
        if part and not self.silent:
            self.give(part)
        self.cutter.has_acked = self.cutter.has_acked or (is_bind and len(part) == len(data))
        if counts and not cut.left:
            self.cutter.cut(self)

    def note_begun(self, part):
        if len(part) >= int.from_bytes(part[8:10], "little"):
            self.begun.add(own_id_of(part))

    def ended(self, how):
        self.dead = self.dead or how
        self.cutter.links.discard(self)


class Cutter:
    """`shape`: of its answers. `buffer`: its receive buffer, where it is to take little."""

    def __init__(self, stage, name, shape, buffer=None):
        self.stage, self.name, self.shape = stage, name, shape
        self.armed = self.how = self.last = self.late = self.first = None
        self.cuts, self.links, self.connections = 0, set(), 0
        self.has_acked = False  # a bind or alter_context, since it was armed;
        self.had_acked = False  # when it last cut
        self.ran, self.hold, self.refuse = collections.Counter(), set(), set()
        self.buffer, self.place = buffer, (own_host(), 0)
        self.listen()
        self.place = self.listener.getsockname()
        self.address = "%s:%d" % self.place

    def listen(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer)
        self.listener.bind(self.place)
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.stage.watch(self.listener, self.name, self.accept)

    def accept(self, _):
        heard = Heard(self, self.listener.accept()[0])
        self.connections += 1
        self.links.add(heard)
        if self.armed and not self.armed.left:
            self.cut(heard)

    def arm(self, cut):
        """One after no byte at all cuts what there is, or comes next."""
        self.armed, self.first, self.last, self.has_acked = cut, None, None, False
        for heard in list(self.links):
            if not cut.left and self.armed:
                self.cut(heard)

    def note_first(self, heard, data):
        """What the first PDU was that came when it was armed."""
        if self.armed and self.first is None and len(heard.inbox + data) > 2:
            self.first = (heard.inbox + data)[2]

    def cut(self, heard):
        """Once all that was written is on its way: the script looks again (settle)."""
        if self.armed:
            self.last, self.how, self.armed, self.had_acked = heard, self.armed.how, None, self.has_acked
        self.late = None if self.how == SILENCE or heard.has_left() else heard
        if self.late:
            return
        how, self.cuts = self.how, self.cuts + 1
        self.links.discard(heard)
        heard.dead = how
        if how == SILENCE:
            heard.silent = True
            heard.stage.poll.modify(heard.socket, 0)
        elif how == FIN:
            self.finish(heard)
        else:
            heard.close(reset=True)

    def settle(self):
        """A cut that could not be made yet. How long to wait before the next look, or None."""
        if self.late:
            self.cut(self.late)
        return 0.001 if self.late else None

    def finish(self, heard):
        try:
            heard.socket.shutdown(socket.SHUT_WR)
        except OSError:
            heard.close()

    def execute(self, heard, own_id, call_id):
        if own_id in self.refuse:
            self.refuse.discard(own_id)
            return TOO_BUSY[:12] + struct.pack("<I", call_id) + TOO_BUSY[16:]
        self.ran[own_id] += 1
        if own_id in self.hold:
            self.hold.discard(own_id)
            return b""
        return self.shape.bytes(own_id, call_id)

    def close(self):
        for heard in list(self.links):
            heard.close()
        self.stage.forget(self.listener)
        self.listener.close()


TOO_BUSY = rpc.pdu(rpc.FAULT, bytes(8) + (0x1C010014).to_bytes(4, "little") + bytes(4), flags=rpc.WHOLE | rpc.DNE)
BIND = rpc.bind([rpc.context(0, rpc.TEST)], flags=rpc.WHOLE | rpc.CONC_MPX)
LOST, CANCELLED, NOT_RUN = "1726", "1818", "1727 did-not-execute"
STATUSES = {0x1C000012: LOST, 0x6BE: LOST, 0x1C00000D: CANCELLED, 0x6BF: "1727"}


class Caller(Wire):
    """A plain client with one call at a time. told: what became of each, by own id."""

    def __init__(self, stage, name, address):
        host, port = address.rsplit(":", 1)
        super().__init__(stage, name, socket.create_connection((host, int(port))))
        self.address, self.own_id, self.call_id, self.told, self.bound = address, None, 1, {}, False
        self.fragments = 0
        self.give(BIND)

    def again(self):
        """The same client with a new connection."""
        caller = Caller(self.stage, self.name, self.address)
        caller.told = self.told
        return caller

    def came(self, data):
        """Acknowledges at once what may be the last that it hears: a reset waits for that."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        super().came(data)

    def call(self, own_id, shape):
        check(self.own_id is None and not self.closed, "a call before the last one is over")
        self.call_id += 1
        self.own_id, self.fragments = own_id, 0
        self.give(shape.bytes(own_id, self.call_id))

    def take(self, pdu):
        if pdu[2] == rpc.BIND_ACK:
            self.bound = True
            return
        if self.own_id is None or call_id_of(pdu) != self.call_id:
            raise Failure("an answer that belongs to no call: %r" % rpc.Pdu(pdu))
        if pdu[2] == rpc.FAULT:
            fault = rpc.Pdu(pdu)
            self.end(STATUSES.get(fault.status, hex(fault.status)) + (" did-not-execute" if fault.dne else ""))
            return
        check(pdu[2] == rpc.RESPONSE, "it was told %r" % rpc.Pdu(pdu))
        check(bool(pdu[3] & rpc.FIRST) == (self.fragments == 0), "fragments of an answer out of order")
        check(self.fragments or own_id_of(pdu) == self.own_id, "the answer to another call")
        self.fragments += 1
        if pdu[3] & rpc.LAST:
            self.end("answered")

    def end(self, told):
        self.told[self.own_id], self.own_id = told, None

    def ended(self, how):
        if self.own_id is not None:
            self.end("cut")

