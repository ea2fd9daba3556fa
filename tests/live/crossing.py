"""Answers never cross: many plain clients on few links, with delays at random, clients that leave in the middle, and
links that are cut. Each call has an id of its own in request and answer.

What a client was told is kept for each call, and held against the server's ledger at the end."""

import collections
import itertools
import random
import threading
import time
import traceback

from harness import Link, check, equal, rpc
from rpc import CONC_MPX, FAULT, FIRST, NDR, NDR64, RESPONSE, TEST, WHOLE, bind, context, request

CLIENTS = 64
MOST_OPEN = 5
QUIET = [("echo", 0, 0)] * 6 + [("slow", 1, 0), ("slow", 7, 0), ("slow", 30, 0), ("fragments", 90, 0),
                                ("fragments", 2000, 2), ("fault", 5, 0)]
BUSY = [("busy", 3, 0)]  # in one seed of four, since a server that says so is given fewer calls at once
CUTTING = ["reset-after", "reset-before", "close-after", "close-before", "half", "rubbish", "twice"]
SETTINGS = """connections: 8
calls-per-connection: 16
idle: { keep: 1s, validate-after: 50ms, spare: 1 }
retry: { backoff: 5ms }
waiting: { longest: 2s }
unavailable-wait: 10s"""
TRUE_FAULTS = {(0x1C010014, True), (5, False), (0x1C000012, False), (0x6BF, True), (0x6BA, True)}
LEFT = "left"  # the outcome of a call whose client did not wait for it
CUT = "cut"    # the outcome of a call whose client's connection was ended


class Client:
    """One after another, on connections of its own."""

    def __init__(self, crossing, number):
        self.crossing, self.chance = crossing, random.Random("%s.%d" % (crossing.seed, number))
        self.ids = itertools.count((number + 1) << 32)
        self.outcomes = {}  # own id: what became of it
        self.open = {}      # call_id: own id, of the present connection
        self.cuts = 0       # connections that were ended for it

    def run(self, until):
        try:
            while time.monotonic() < until and not self.crossing.errors:
                self.hold_connection(until)
        except Exception:
            self.crossing.errors.append(traceback.format_exc())

    # ---- a connection ----

    def hold_connection(self, until):
        self.big, self.context_id = self.chance.random() < 0.3, self.chance.choice([0, 1, 7, 300, 0xFFFF])
        self.most = self.chance.choice([1, MOST_OPEN])
        self.call_ids = itertools.count(self.chance.choice([0, 2, 2, 0xFFFFFF00]))
        self.open, self.parts, self.link = {}, {}, Link(self.crossing.proxy.address)
        flags = WHOLE | (CONC_MPX if self.most > 1 else 0)
        contexts = [context(self.context_id, TEST, self.chance.choice([(NDR,), (NDR64, NDR)]))]
        told = self.link.ask(bind(contexts, flags=flags, big=self.big))
        equal((told.type, told.flags, told.results), (rpc.BIND_ACK, flags, [(0, 0)]), "answer to the bind")
        try:
            for _ in range(self.chance.randint(1, 12)):
                if time.monotonic() > until or not self.converse():
                    break
            self.leave()
        except ConnectionError:
            self.cut()
        self.link.close()

    def converse(self):
        """Some calls at once, and their answers; false: the connection is over."""
        for _ in range(self.chance.randint(1, self.most)):
            self.link.send(*self.make_call())
        if self.chance.random() < 0.05:
            return False
        while self.open:
            pdu = self.link.read()
            if not isinstance(pdu, rpc.Pdu):
                raise ConnectionError
            self.take(pdu)
        return True

    def leave(self):
        """In any way, with or without calls inside, perhaps within a request."""
        self.end_open(LEFT)
        if self.chance.random() < 0.2:
            own_id, call_id = next(self.ids), next(self.call_ids) & 0xFFFFFFFF
            self.outcomes[own_id] = LEFT
            pdu = request(0, rpc.test_call(own_id, size=900), call_id=call_id, context_id=self.context_id)
            self.link.send(pdu[:self.chance.randint(1, len(pdu) - 1)])
        self.chance.choice([self.link.reset, self.link.close])()

    def end_open(self, outcome):
        for own_id in self.open.values():
            self.outcomes[own_id] = outcome
        self.open = {}

    def cut(self):
        self.cuts += 1
        self.end_open(CUT)

    # ---- a call ----

    def make_call(self):
        own_id, call_id = next(self.ids), next(self.call_ids) & 0xFFFFFFFF
        behaviour, a, b = self.chance.choice(self.crossing.behaviours)
        if self.chance.random() < self.crossing.cutting:
            behaviour, a, b = self.chance.choice(CUTTING), self.chance.randint(1, 20), 0
        size = self.chance.choice([0, 8, 100, 100, 3000, self.chance.randint(0, 60000)])
        answer = self.chance.choice([size, 50, self.chance.randint(0, 20000)])
        stub = rpc.test_call(own_id, behaviour, a, b, size=size, answer=answer, big=self.big)
        self.open[call_id] = own_id
        return rpc.fragments(0, stub, self.chance.choice([5816, 4256, 1000]), call_id=call_id, big=self.big,
                             context_id=self.context_id)

    def take(self, pdu):
        """A whole answer; its fragments may stand between those of another call's."""
        own_id = self.open.get(pdu.call_id)
        check(own_id, "an answer to no open call: %r" % pdu)
        check(pdu.big == self.big or pdu.type == FAULT, "the byte order of %r" % pdu)
        if pdu.type == FAULT:
            self.parts.pop(pdu.call_id, None)
            check((pdu.status, pdu.dne) in TRUE_FAULTS, "an unknown fault: %r" % pdu)
            self.end(pdu.call_id, (pdu.status, pdu.dne))
            return
        equal((pdu.type, pdu.context_id), (RESPONSE, self.context_id & 0xFF), "type and context of an answer")
        parts = self.parts.setdefault(pdu.call_id, [])
        equal(bool(pdu.flags & FIRST), not parts, "whether %r is the first fragment" % pdu)
        parts.append(pdu.stub)
        if pdu.flags & rpc.LAST:
            pdu.stub = b"".join(self.parts.pop(pdu.call_id))
            equal(rpc.test_answer(pdu)[:2], (own_id, 1), "own id and executions in an answer")
            self.end(pdu.call_id, "answered")

    def end(self, call_id, outcome):
        self.outcomes[self.open.pop(call_id)] = outcome


class Crossing:
    def __init__(self, world, seconds, seed, cutting=0.02):
        self.world, self.seconds, self.seed, self.cutting = world, seconds, seed, cutting
        self.behaviours = QUIET + (BUSY if seed % 4 == 0 else [])
        self.server = world.server()
        self.proxy = world.proxy(self.server, server=SETTINGS, listener="buffer: 64KiB",
                                 top="interfaces: [ { uuid: %s, stateless: yes } ]" % TEST[0])
        self.errors = []
        self.clients = [Client(self, number) for number in range(CLIENTS)]

    def run(self):
        until = time.monotonic() + self.seconds
        threads = [threading.Thread(target=client.run, args=(until,)) for client in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(not self.errors, "seed %s: %s" % (self.seed, "".join(self.errors[:1])))
        self.account()

    def account(self):
        """What the clients were told against what the server has done."""
        self.world.end()
        ran = collections.Counter(int(entry.own_id, 16) for entry in self.server.ledger())
        outcomes = {own_id: told for client in self.clients for own_id, told in client.outcomes.items()}
        for own_id, told in outcomes.items():
            check(ran[own_id] <= 1, "%x ran %d times" % (own_id, ran[own_id]))
            check(told != "answered" or ran[own_id], "%x was answered and did not run" % own_id)
            proven = isinstance(told, tuple) and told[1]
            check(not proven or not ran[own_id], "%x ran, and was told %r" % (own_id, told))
        check(set(ran) <= set(outcomes), "ids ran that nobody sent: %r" % list(set(ran) - set(outcomes))[:3])
        words = ("%08x:%d" % told if isinstance(told, tuple) else told for told in outcomes.values())
        self.tally = collections.Counter(words)
        self.check_lines()

    def check_lines(self):
        """A connection is cut where an answer was, and for no other reason."""
        lines = self.proxy.calls()
        ends = collections.Counter(line["end"] for line in lines)
        check(ends["answered"] >= self.tally["answered"], "%r in the log, %r here" % (ends, self.tally))
        cut = [reason for side, reason in self.proxy.connections() if side == "client" and reason.startswith("server-")]
        check(len(cut) <= ends["answer-cut"], "%d clients were cut, %d answers" % (len(cut), ends["answer-cut"]))
        seen = sum(client.cuts for client in self.clients)
        check(seen <= len(cut), "%d clients saw the end, %d were cut" % (seen, len(cut)))
