"""A server that dies again and again behind plain clients that call without pause.

Each call has an id of its own. What its client was told is held against the ledgers of all servers at the end, so that
neither a second execution nor a false claim passes."""

import collections
import itertools
import threading
import time
import traceback

from cases_plain import plain
from harness import check, equal, rpc
from rpc import FAULT, RESPONSE, TEST

AWAY = 0.5         # seconds that a dead server stays away
SERVER_LOST = 1726  # RPC_S_CALL_FAILED, on the wire as nca_s_fault_remote_comm_failure
STATUSES = {0x1C000012: SERVER_LOST, 0x6BE: SERVER_LOST}
MIX = [("echo", 0), ("slow", 2), ("echo", 0), ("slow", 11)]
SETTINGS = "connections: 8\ncalls-per-connection: 4\nunavailable-wait: 30s\nretry: { attempts: 20, floor: 1000 }\n"


def interfaces(idempotent=False):
    operations = ", operations: { 0: { idempotent: yes } }" if idempotent else ""
    return "interfaces: [ { uuid: %s, stateless: yes%s } ]\n" % (TEST[0], operations)


def verdict(pdu, call_id):
    """What a client was told, as a word; anything that may not be told is a failure."""
    check(isinstance(pdu, rpc.Pdu), "a client was told %r" % pdu)
    equal(pdu.call_id, call_id, "call_id of what it was told")
    if pdu.type == FAULT:
        return "%s%s" % (STATUSES.get(pdu.status, hex(pdu.status)), " did-not-execute" if pdu.dne else "")
    equal(pdu.type, RESPONSE, "type of an answer")
    return "answered"


class Callers:
    """Plain clients on one connection each, which they keep whatever becomes of the server."""

    def __init__(self, world, proxy, count, mix=None):
        self.mix, self.errors, self.told = mix or MIX, [], {}
        self.links = [plain(world, proxy) for _ in range(count)]

    def call(self, link, own_id, call_id):
        behaviour, a = self.mix[own_id % len(self.mix)]
        if behaviour == "pause":
            threading.Event().wait(a / 1000)
            behaviour = "echo"
        link.call(own_id, behaviour, a, call_id=call_id, size=own_id % 300)
        pdu = link.read()
        self.told[own_id] = verdict(pdu, call_id)
        if self.told[own_id] == "answered":
            equal(rpc.test_answer(pdu)[0], own_id, "own id of an answer")

    def work(self, number, until):
        ids = itertools.count((number + 1) << 32)
        try:
            for call_id in itertools.count(2):
                if time.monotonic() > until or self.errors:
                    return
                self.call(self.links[number], next(ids), call_id)
        except Exception:
            self.errors.append(traceback.format_exc())

    def during(self, seconds, disturb):
        """They call for so long, while disturb() is called over and over."""
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self.work, args=(i, until)) for i in range(len(self.links))]
        for thread in threads:
            thread.start()
        while time.monotonic() < until and not self.errors:
            disturb()
        for thread in threads:
            thread.join()
        check(not self.errors, "".join(self.errors[:1]))
        return collections.Counter(self.told.values())

    def hold_against(self, *servers, once=True):
        """No execution that nobody asked for, none twice, no answer without one, no claim that one contradicts."""
        ran = collections.Counter(int(entry.own_id, 16) for server in servers for entry in server.ledger())
        check(set(ran) <= set(self.told), "ids ran that nobody sent")
        for own_id, told in self.told.items():
            check(not once or ran[own_id] <= 1, "%x ran %d times" % (own_id, ran[own_id]))
            check(told != "answered" or ran[own_id], "%x was answered and did not run" % own_id)
            check("did-not-execute" not in told or not ran[own_id], "%x ran, and was told %s" % (own_id, told))


class Restarts:
    def __init__(self, world, seconds, clients, every, idempotent=False):
        self.world, self.seconds, self.every, self.idempotent, self.count = world, seconds, every, idempotent, 0
        self.server = world.server(behind=not idempotent)  # what is idempotent may run twice
        self.proxy = world.proxy(self.server, server=SETTINGS, top=interfaces(idempotent))
        self.callers = Callers(world, self.proxy, clients)

    def kill(self):
        """The pauses are what is played; nothing waits for them."""
        threading.Event().wait(self.every - AWAY)
        self.server.kill()
        threading.Event().wait(AWAY)
        self.server.restart()
        self.count += 1

    def run(self):
        self.told = self.callers.during(self.seconds, self.kill)
        allowed = {"answered"} if self.idempotent else {"answered", str(SERVER_LOST)}
        check(set(self.told) <= allowed, "clients were told %r" % dict(self.told))
        check(self.count > 1, "the server was killed %d times" % self.count)
        equal([line for line in self.proxy.connections() if line[0] == "client"], [], "clients that lost theirs")
        self.world.end()
        self.callers.hold_against(self.server, once=not self.idempotent)
        return self.check_lines()

    def check_lines(self):
        """Nothing was lost of which a part only was written. Returns the numbers."""
        lines = self.proxy.calls()
        lost = [line for line in lines if line["end"] == "server-lost"]
        check(all(line["evidence"] == "all" for line in lost), "lost, and not all of it was written: %r" % lost[:1])
        equal(len(lost), self.told[str(SERVER_LOST)], "call lines of those that were lost")
        repeated = sum(line["attempts"] > 1 for line in lines)
        check(repeated or not self.idempotent, "nothing was repeated")
        return "%d restarts, %d calls repeated, told: %r" % (self.count, repeated, dict(self.told))
