"""One call, and another beside it, on a link that is cut after each byte in turn.

The link is new (the calls wait for its bind), pooled (it has served a call, and holds one of a neighbour), or idle
(it has to prove itself alive before it is used again, see rpcward(8), validate-after)."""

import collections
import contextlib
import threading

from cases_plain import STATELESS, plain
from cutting import Cut, Cutter
from harness import check, equal, wait_until
from restarts import SERVER_LOST, verdict

SETTINGS = """connections: 1
calls-per-connection: 4
unavailable-wait: 20s
idle: { validate-after: %s }
retry: { backoff: 1ms, longest-backoff: 5ms, attempts: 3 }"""
NEW, POOLED, IDLE = KINDS = ["new", "pooled", "idle"]
LOST = str(SERVER_LOST)


class Caller:
    def __init__(self, world, proxy):
        self.link, self.call_id = plain(world, proxy), 1

    def send(self, own_id, behaviour="echo", size=0):
        self.call_id += 1
        self.link.call(own_id, behaviour, call_id=self.call_id, size=size)

    def read(self):
        return verdict(self.link.read(), self.call_id)


class Cuts:
    def __init__(self, world, kind, how, down=False, size=0):
        self.world, self.kind, self.how, self.down, self.size = world, kind, how, down, size
        self.cutter = Cutter(world)
        self.proxy = world.proxy(self.cutter, server=SETTINGS % ("1ms" if kind == IDLE else "never"), top=STATELESS)
        self.victim, self.neighbour = (Caller(world, self.proxy) for _ in range(2))
        self.own_id, self.told, self.recovered = 0, {}, 0

    # ---- one cut ----

    def next_id(self):
        self.own_id += 1
        return self.own_id

    def note(self, own_id, caller):
        self.told[own_id] = caller.read()
        return self.told[own_id]

    def prepare(self):
        """The link as its kind wants it. What is read of a held neighbour is his when all is over."""
        if self.kind == NEW:
            self.lose_link()
            return None
        self.victim.send(self.next_id())
        equal(self.note(self.own_id, self.victim), "answered", "a call while nothing is cut")
        if self.kind == IDLE:
            threading.Event().wait(0.005)  # it is time that makes it so
            return None
        held = self.next_id()
        self.neighbour.send(held, "silent")
        wait_until(lambda: self.cutter.ran[held], "the neighbour's call")
        return held

    def lose_link(self):
        """The next call needs a new one."""
        for heard in self.cutter.connections:
            if not heard.closed:
                with contextlib.suppress(OSError):  # the cutter closes it, too
                    heard.reset()
        wait_until(lambda: self.links_lost() >= len(self.cutter.connections), "the ends of all links to be seen")

    def links_lost(self):
        return self.proxy.err.read_text().count('"side":"server"')

    def play(self, at):
        """Cuts after so many bytes; whether there were so many."""
        held = self.prepare()
        before, self.cutter.armed = self.cutter.cuts, Cut(at, self.how, self.down)
        own = self.next_id()
        self.victim.send(own, size=self.size)
        beside = held
        if held is None:
            beside = self.next_id()
            self.neighbour.send(beside)
        self.note(own, self.victim)
        is_cut = self.cutter.cuts > before
        self.cutter.armed = None
        if held is not None and not is_cut:
            self.lose_link()
        self.note(beside, self.neighbour)
        is_cut = is_cut or self.cutter.cuts > before
        if is_cut and self.cutter.unbound:
            self.check_recovered(at, own, *([] if held else [beside]))
        return is_cut

    def check_recovered(self, at, *ids):
        """No byte of them can have gone up."""
        for own_id in ids:
            equal(self.told[own_id], "answered", "call %d, cut after %d bytes, before it was sent" % (own_id, at))
        self.recovered += len(ids)

    # ---- all ----

    def run(self):
        at = 0 if not self.down else 1
        while self.play(at):
            at += 1
        check(self.kind == POOLED or self.recovered, "nothing was recovered")
        self.hold_against_ledger()
        return self.summary(at)

    def hold_against_ledger(self):
        for own_id, told in self.told.items():
            ran = self.cutter.ran[own_id]
            check(ran <= 1, "call %d ran %d times" % (own_id, ran))
            check(told in ("answered", LOST), "call %d was told %s, and ran %d times" % (own_id, told, ran))
            check(told != "answered" or ran, "call %d was answered and did not run" % own_id)
        client_ends = [line for line in self.proxy.connections() if line[0] == "client"]
        equal(client_ends, [], "clients that lost their connection")

    def summary(self, cuts):
        told = collections.Counter(self.told.values())
        again = sum(line["attempts"] > 1 for line in self.proxy.calls())
        return "%d cuts, %d calls recovered before and %d after they were sent, told: %r, violations: 0" % (
            cuts, self.recovered, again, dict(told))
