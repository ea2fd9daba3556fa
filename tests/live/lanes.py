"""Lanes of cuts.py: a server that cuts, a listener before it, a client and its neighbour on the same link.

They call again and again, and each time the link is cut at another place. It is new (the calls wait for its bind),
pooled (it has served a call, and holds one of the neighbour's), or idle (it has to prove itself alive by an
alter_context first, see rpcward(8), validate-after)."""

import collections
import dataclasses
import itertools
import os
import pathlib
import select
import signal
import time

from account import account
from cutting import CANCELLED, Caller, Cut, Cutter, FIN, LOST, NOT_RUN, RESET, SILENCE, Shape
from harness import PATIENCE, check, equal, rpc
from stage import READ

NEW, POOLED, IDLE = KINDS = ["new", "pooled", "idle"]
SMALL, MULTI, LARGE = "single", "fragments", "large"
# For short writes. A giant is not kept, so it cannot be repeated, but its client is told the truth.
SHORT, GIANT = "crowd", "giant"
# Stub bytes of a fragment, fragments.
SIZES = {SMALL: (1200, 1), MULTI: (280, 5), LARGE: (3900, 10), SHORT: (3800, 8), GIANT: (4000, 100)}
SHAPES = {(name, opnum): Shape.of(rpc.REQUEST, *SIZES[name], opnum) for name in SIZES for opnum in (0, 1)}
ANSWERS = {name: Shape.of(rpc.RESPONSE, *size) for name, size in SIZES.items()}
TINY = {opnum: Shape.of(rpc.REQUEST, 16, 1, opnum) for opnum in (0, 1)}
SERVER = """  {name}:
    members: [ "{address}" ]
    connections: 1
    calls-per-connection: {per}
    unavailable-wait: 60s
    waiting: {{ longest: 60s }}
    idle: {{ validate-after: {validate} }}
    retry: {{ backoff: 1ms, longest-backoff: 1ms, attempts: 3, floor: 1000000 }}
    health: {{ failures: never, backoff: 1ms, longest-backoff: 1ms }}
{more}
"""


@dataclasses.dataclass
class Plan:
    """Of one lane."""
    kind: str
    how: str
    down: bool
    shape: str
    opnum: int
    places: list
    more: str = "    starts-calls-after: last-fragment"
    per: int = 16  # calls at once on a link

    def name(self):
        return "%s-link/by-%s/%s-%s%s" % (self.kind, self.how, self.shape, "answers" if self.down else "requests",
                                          "/idempotent" if self.opnum else "")


class Lane:
    def __init__(self, stage, plan, number):
        self.stage, self.plan, self.name = stage, plan, "%d: %s" % (number, plan.name())
        self.cutter = Cutter(stage, self.name, ANSWERS[plan.shape])
        self.ids, self.told, self.counts = itertools.count(1), {}, collections.Counter()
        self.was_unbound = False  # the last cut: two in a row of an alter_context, and no more are sent

    def settings(self, name):
        validate = "1ms" if self.plan.kind == IDLE else "never"
        return SERVER.format(name=name, address=self.cutter.address, validate=validate, more=self.plan.more,
                             per=self.plan.per)

    # ---- calls ----

    def calls(self, caller, shape):
        own_id = next(self.ids)
        caller.told = self.told
        caller.call(own_id, shape)
        return own_id

    def until(self, condition):
        while not condition():
            yield self.cutter.settle()

    def is_told(self, *ids):
        return all(own_id in self.told for own_id in ids)

    def answered(self, caller):
        own_id = self.calls(caller, TINY[self.plan.opnum])
        yield from self.until(lambda: own_id in self.told)
        equal(self.told[own_id], "answered", "a call while nothing is cut")

    def begin(self, address):
        self.victim, self.neighbour = (Caller(self.stage, self.name, address) for _ in range(2))
        yield from self.until(lambda: self.victim.bound and self.neighbour.bound)

    # ---- the link, as its kind wants it ----

    def prepare(self):
        """Own id of a call of the neighbour's that is held."""
        if self.plan.kind == NEW:
            yield from self.lose_links()
            return None
        yield from self.answered(self.victim)
        if self.plan.kind == POOLED:
            return (yield from self.hold())
        yield 0.0025
        if self.was_unbound:
            yield from self.answered(self.victim)
            yield 0.0025
        return None

    def hold(self):
        held = next(self.ids)
        self.cutter.hold.add(held)
        self.neighbour.told = self.told
        self.neighbour.call(held, TINY[self.plan.opnum])
        yield from self.until(lambda: self.cutter.ran[held])
        return held

    def lose_links(self):
        """The next call needs a new one."""
        for heard in list(self.cutter.links):
            self.cutter.finish(heard)
            yield from self.until(lambda heard=heard: heard.closed)

    # ---- one cut ----

    def play(self, at):
        held = yield from self.prepare()
        before = self.cutter.cuts
        self.cutter.arm(Cut(at, self.plan.how, self.plan.down))
        own = self.calls(self.victim, SHAPES[self.plan.shape, self.plan.opnum])
        beside = held or self.calls(self.neighbour, TINY[self.plan.opnum])
        yield from self.until(lambda: self.is_told(own, beside))
        equal(self.cutter.cuts - before, 1, "cuts after %d bytes" % at)
        self.judge(at, own, beside, held)
        yield from self.come_back()

    def come_back(self):
        """A client whose answer was cut has lost its connection."""
        for role in ("victim", "neighbour"):
            caller = getattr(self, role)
            if caller.closed:
                setattr(self, role, caller.again())
        yield from self.until(lambda: self.victim.bound and self.neighbour.bound)

    def judge(self, at, own, beside, held):
        link = self.cutter.last
        self.was_unbound = self.is_unbound()
        first = {NEW: rpc.BIND, IDLE: rpc.ALTER, POOLED: rpc.REQUEST}[self.plan.kind]
        check(not at or self.cutter.first in (None, first), "cut after %d bytes: the link was not %s, but got type %r first" %
              (at, self.plan.kind, self.cutter.first))
        for own_id in {own, beside}:
            what = "a call on a link that was cut after %d bytes" % at
            if self.was_unbound:
                equal(self.told[own_id], "answered", what + ", before a request can have been sent")
                self.counts["P2"] += 1
            else:
                self.judge_sent(own_id, link, what)
        self.counts["cuts"] += 1

    def is_unbound(self):
        """No request can have been sent before the bind, or the alter_context, was answered."""
        return self.plan.kind != POOLED and not self.cutter.had_acked

    def judge_sent(self, own_id, link, what):
        told = self.told[own_id]
        if told == "cut":
            check(own_id in link.begun, what + " has cost its client the connection before it was answered")
        else:
            check(told == "answered" or (told == LOST and not self.plan.opnum), "%s was told %s" % (what, told))

    def script(self, address):
        yield from self.begin(address)
        for at in self.plan.places:
            yield from self.play(at)

    # ---- the account ----

    def hold_against_ledger(self):
        for own_id, told in self.told.items():
            ran = self.cutter.ran[own_id]
            check(ran <= 1 or self.plan.opnum, "%s: call %d ran %d times" % (self.name, own_id, ran))
            check(told != "answered" or ran, "%s: call %d was answered and did not run" % (self.name, own_id))
            check(not told.endswith("did-not-execute") or not ran, "%s: call %d ran, and was told %s" %
                  (self.name, own_id, told))
            self.counts["told " + told] += 1


class Silent(Lane):
    """Its server falls silent once, in the middle."""

    def script(self, address):
        at, = self.plan.places
        yield from self.begin(address)
        held = yield from self.prepare()
        self.cutter.arm(Cut(at, SILENCE, self.plan.down))
        began = time.monotonic()
        own = self.calls(self.victim, SHAPES[self.plan.shape, self.plan.opnum])
        beside = held or self.calls(self.neighbour, TINY[self.plan.opnum])
        yield from self.until(lambda: self.is_told(own))
        took = time.monotonic() - began
        yield from self.until(lambda: self.is_told(beside))
        self.judge_silence(at, own, took)

    def judge_silence(self, at, own, took):
        link, told = self.cutter.last, self.told[own]
        self.counts["silences"] += 1
        if self.is_unbound():
            equal(told, "answered", "a call before the silence after %d bytes could reach it" % at)
            self.counts["P2"] += 1
            return
        wanted = "cut" if own in link.begun else CANCELLED
        equal(told, wanted, "a call in the silence after %d bytes" % at)
        timeout = int(self.plan.more.split("call-timeout: ")[1].split("ms")[0]) / 1000
        check(timeout - 0.01 <= took < timeout + 2, "it was told after %.2f s of %.2f" % (took, timeout))


class Doors(Lane):
    """Its server is not there, is too busy, or has died under the call that the neighbour's waits for."""

    def play(self, at):
        yield from (self.refused, self.busy, self.in_line)[at % 3]()
        self.counts["cuts"] += at % 3 != 1

    def both_answered(self, *ids):
        yield from self.until(lambda: self.is_told(*ids))
        for own_id in ids:
            equal(self.told[own_id], "answered", "a call that cannot have run")

    def refused(self):
        yield from self.lose_links()
        self.cutter.close()
        ids = [self.calls(caller, TINY[0]) for caller in (self.victim, self.neighbour)]
        yield 0.005
        self.cutter.listen()
        yield from self.both_answered(*ids)
        self.counts["P1"] += 2

    def busy(self):
        own_id = next(self.ids)
        self.cutter.refuse.add(own_id)
        self.victim.call(own_id, TINY[0])
        yield from self.both_answered(own_id)

    def in_line(self):
        """One call at a time on the link, and no other link."""
        held = yield from self.hold()
        waits = self.calls(self.victim, TINY[0])
        yield 0.002
        self.cutter.arm(Cut(0, self.plan.how))
        yield from self.both_answered(waits)
        yield from self.until(lambda: self.is_told(held))
        equal(self.told[held], LOST, "the neighbour's call, which was in the server")
        self.counts["P6"] += 1


# ---- short writes ----

def sleeps(pid):
    """And has not been awake between two looks."""
    def look():
        words = dict(line.split(":\t") for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines())
        return words["State"], words["voluntary_ctxt_switches"]
    before = look()
    time.sleep(0.002)
    return before == look() and before[0].startswith("S")


class Stopped:
    """A process, meanwhile: what it has written stays what it is."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        stat = pathlib.Path("/proc/%d/stat" % self.pid)
        while stat.read_text().rsplit(")", 1)[1].split()[0] != "T":
            time.sleep(0.0001)

    def __exit__(self, *why):
        os.kill(self.pid, signal.SIGCONT)


def account_of(link):
    """Of the proxy's end of it."""
    return account(link.socket.getpeername(), link.socket.getsockname())


def final_account(link):
    """While the proxy is stopped: the kernel may still be sending."""
    before = None
    while before != (before := account_of(link)):
        time.sleep(0.002)
    return before


class Crowd(Lane):
    """Its server stops reading after some bytes, until the kernel takes no more of the requests, and then cuts. What of
    each was taken, and what of it has left, the kernel tells us as well: who must be recovered is known to the byte."""

    def __init__(self, stage, plan, number):
        super().__init__(stage, plan, number)
        self.cutter.close()
        self.cutter = Cutter(stage, self.name, ANSWERS[SMALL], buffer=8192)
        self.request = SHAPES[plan.shape, plan.opnum]

    def script(self, address):
        count = 1 if self.plan.shape == GIANT else 10
        self.callers = [Caller(self.stage, self.name, address) for _ in range(count)]
        self.victim = self.neighbour = self.callers[0]
        yield from self.until(lambda: all(caller.bound for caller in self.callers))
        for at in self.plan.places:
            yield from self.answered(self.victim)
            yield from self.play(at)

    def play(self, at):
        link, = self.cutter.links
        begin = link.taken
        self.cutter.arm(Cut(at, SILENCE))
        ids = [self.calls(caller, self.request) for caller in self.callers]
        yield from self.until(lambda: self.cutter.last)
        yield from self.come_to_rest()
        with Stopped(self.pid):
            taken, unsent = final_account(link)
            answered = link.begun & set(ids)
            left = taken - begin - (unsent if self.plan.how == RESET else 0)
            self.end_link(link)
        yield from self.until(lambda: self.is_told(*ids))
        if not link.closed:  # what it has, it runs all the same
            self.stage.poll.modify(link.socket, READ)
            yield from self.until(lambda: link.closed)
        self.judge_crowd(at, ids, answered, left)

    def come_to_rest(self):
        """The proxy has done what it can with what the clients can send."""
        until = time.monotonic() + PATIENCE
        while self.can_send() or not sleeps(self.pid):
            check(time.monotonic() < until, "the proxy does not come to rest")
            yield 0.001

    def can_send(self):
        return any(caller.outbox and select.select([], [caller.socket], [], 0)[1] for caller in self.callers)

    def end_link(self, link):
        if self.plan.how == RESET:
            link.close(reset=True)
        else:
            self.cutter.finish(link)

    def judge_crowd(self, at, ids, answered, left):
        """Only that cannot be proven of which the last fragment was written, or, where the server may begin early, the
        first."""
        parts = self.request.fragments
        whole, first = sum(map(len, parts)), len(parts[0])
        need = whole if "last-fragment" in self.plan.more else first
        unproven = sum(i * whole + need <= left for i in range(len(ids))) - len(answered)
        lost = sum(self.told[own_id] == LOST for own_id in ids)
        what = "%d bytes of calls of %d had left, %d were read, %d calls answered" % (left, whole, at, len(answered))
        is_kept = self.plan.shape != GIANT
        equal(lost, 0 if self.plan.opnum and is_kept else unproven, "calls that were lost; " + what)
        others = {self.told[own_id] for own_id in ids} - {LOST, "answered"}
        check(not others or (not is_kept and others == {NOT_RUN}), "%r was told; %s" % (others, what))
        self.counts["cuts"] += 1
        self.counts["short writes"] += 1
