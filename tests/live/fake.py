"""A server with a mind of its own about interfaces and transfer syntaxes. In each answer it says on which context the
request came, so that its clients can compare that with what they were promised.

    fake = Fake(world, (TEST, NDR), (TEST, NDR64))
    fake.accepts.discard((TEST, NDR64))                 # of binds from now on
    fake.on[rpc.ALTER] = RESET                          # an answer of a Recorder, instead of its own"""

import struct

from harness import Entry, rpc
from recorder import Recorder, response


def offered(pdu):
    """The contexts of a bind: (id, abstract, [transfer]) with syntaxes as their 20 bytes."""
    at, contexts = 28, []
    for _ in range(pdu.raw[24]):
        context_id, count = pdu.unpack("HB", at)
        syntaxes = [pdu.raw[at + 4 + 20 * i:at + 24 + 20 * i] for i in range(count + 1)]
        contexts.append((context_id, syntaxes[0], syntaxes[1:]))
        at += 24 + 20 * count
    return contexts


class Fake:
    def __init__(self, world, *accepts, multiplexes=True, **how):
        self.accepts, self.multiplexes, self.on = set(accepts), multiplexes, {}
        self.contexts = {}  # (connection, context id): (abstract, transfer)
        self.faults = []    # what it found wrong
        self.recorder = world.adopt(Recorder([self.answer], **how))
        self.address, self.addresses = self.recorder.address, [self.recorder.address]

    def connections(self):
        return len(self.recorder.connections)

    def heard(self, ptype):
        """PDUs of this type, of all connections."""
        return [raw for heard in self.recorder.connections for raw in list(heard.pdus) if raw[2] == ptype]

    def answer(self, pdu):
        if pdu.type in self.on:
            answer = self.on[pdu.type]
            return answer(pdu) if callable(answer) else answer
        if pdu.type in (rpc.BIND, rpc.ALTER):
            return self.acknowledge(pdu)
        return response(self.name(pdu) + pdu.stub, pdu.call_id) if pdu.type == rpc.REQUEST else None

    def name(self, pdu):
        """Of the context that a request came on."""
        context = self.contexts.get((pdu.connection.serial, pdu.context_id))
        if not context:
            self.faults.append("a request on context %d, which is not bound" % pdu.context_id)
        return b"%s/%s " % context if context else b"nothing "

    def judge(self, pdu, context_id, abstract, transfers):
        for known, transfer in sorted(self.accepts):
            if abstract == rpc.syntax(known) and rpc.syntax(transfer) in transfers:
                key, value = (pdu.connection.serial, context_id), (known[0][:8].encode(), transfer[0][:8].encode())
                if self.contexts.setdefault(key, value) != value:
                    self.faults.append("context %d was bound to something else before" % context_id)
                return struct.pack("<HH", 0, 0) + rpc.syntax(transfer)
        return struct.pack("<HH", 2, 1) + bytes(20)

    def acknowledge(self, pdu):
        results = [self.judge(pdu, *context) for context in offered(pdu)]
        body = struct.pack("<HHIHH", 4280, 4280, 0x1000 + pdu.connection.serial, 0, 0)
        body += struct.pack("<BBH", len(results), 0, 0) + b"".join(results)
        flags = rpc.WHOLE | (pdu.flags & rpc.CONC_MPX if self.multiplexes else 0)
        return rpc.pdu(rpc.BIND_ACK if pdu.type == rpc.BIND else rpc.ALTER_RESP, body, call_id=pdu.call_id, flags=flags)


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
