#!/usr/bin/env python3
"""Connections that are cut after every byte: no call runs twice, nobody is told falsely that his did not run, and what
provably did not run is answered all the same. Prints TAP.

Usage: cuts.py [--build DIR] [--many N] [WORD]...      N: that many times as many random places

A lane is a server that cuts, a listener before it, a client and its neighbour on the same link; they call again and
again, and each time the link is cut at another place. The link is new (the calls wait for its bind), pooled (it has
served a call, and holds one of the neighbour's), or idle (it has to prove itself alive by an alter_context first, see
rpcward(8), validate-after). Many lanes go side by side before one rpcward, and two such worlds."""

import argparse
import collections
import concurrent.futures
import itertools
import multiprocessing
import pathlib
import random
import sys
import tempfile
import traceback

from audit import MAY_HAVE_RUN, check_line
from cutting import FIN, RESET, SILENCE
from harness import Failure, World, check, rpc
from lanes import ANSWERS, GIANT, KINDS, LARGE, MULTI, POOLED, SHAPES, SHORT, SMALL, Crowd, Doors, Lane, Plan, Silent
from stage import Stage

WORLDS = 2
KIB = 1024
PROOFS = ["P%d" % number for number in range(1, 7)]
TOP = """drain: 0s
interfaces:
  - { uuid: %s, stateless: yes, pipes: no, operations: { 1: { idempotent: yes } } }
servers:
""" % rpc.TEST[0]

# ---- what is played ----

def within_a_kib():
    """After each byte of the first 1,024."""
    for kind, how, down, shape, opnum in itertools.product(KINDS, (FIN, RESET), (False, True), (SMALL, MULTI), (0, 1)):
        yield Plan(kind, how, down, shape, opnum, list(range(1 if down else 0, KIB + 1)))


def boundaries(shape, down):
    """Of the PDUs of a request or answer, and a byte to either side."""
    at, found = 0, set()
    for part in (ANSWERS[shape] if down else SHAPES[shape, 0]).fragments:
        at += len(part)
        found |= {at - 1, at, at + 1}
    return found - {at, at + 1}, at


def of_large_calls(many):
    """At each PDU boundary, a byte to either side, and at random places: 1,000 in all and more."""
    chance = random.Random(many)
    for kind, how, down, opnum in itertools.product(KINDS, (FIN, RESET), (False, True), (0, 1)):
        places, whole = boundaries(LARGE, down)
        chosen = sorted(places | {chance.randrange(1, whole) for _ in range(45 * many)})
        yield Plan(kind, how, down, LARGE, opnum, chosen)


def silences():
    """64, each with a call-timeout of its own."""
    chance = random.Random(64)
    ways = list(itertools.product(KINDS, (False, True), (SMALL, MULTI), (0, 1)))
    for number in range(64):
        kind, down, shape, opnum = ways[number % len(ways)]
        more = "    call-timeout: %dms\n    bind-timeout: 300ms" % (500 + 20 * number)
        yield Plan(kind, SILENCE, down, shape, opnum, [chance.randrange(1, KIB)], more)


def short_writes(many):
    """A crowd's calls on one link, or one call that is larger than what the kernel takes."""
    chance = random.Random(many)
    starts = ("    starts-calls-after: last-fragment", "    starts-calls-after: first-fragment")
    for how, shape, opnum, more in itertools.product((FIN, RESET), (SHORT, GIANT), (0, 1), starts):
        _, whole = boundaries(shape, False)
        most = whole * (5 if shape == SHORT else 1) // 2
        yield Plan(POOLED, how, False, shape, opnum, [chance.randrange(1, most) for _ in range(20 * many)], more)


def doors(many):
    for how in (FIN, RESET):
        yield Plan(POOLED, how, False, SMALL, 0, list(range(60 * many)), per=1)


FAMILIES = {"doors": (Doors, doors), "kib": (Lane, lambda many: within_a_kib()), "large": (Lane, of_large_calls),
            "silence": (Silent, lambda many: silences()), "short-writes": (Crowd, short_writes)}


class Played:
    """The lanes of a world, before one rpcward."""

    def __init__(self, world, lanes):
        self.world, self.lanes = world, lanes

    def run(self, stage):
        text = TOP + "".join(lane.settings("s%d" % i) for i, lane in enumerate(self.lanes)) + "listeners:\n"
        text += "".join('  - { address: "127.0.0.1:0", server: s%d }\n' % i for i in range(len(self.lanes)))
        proxy = self.world.proxy(config=text, listeners=len(self.lanes))
        scripts = {lane.name: lane.script(address) for lane, address in zip(self.lanes, proxy.addresses)}
        for lane in self.lanes:
            lane.pid = proxy.process.pid
        stage.play(scripts)
        for lane in self.lanes:
            lane.hold_against_ledger()
        self.world.end()
        return self.count(proxy)

    def count(self, proxy):
        """What the lanes have counted, and by which proofs calls were repeated that were then answered."""
        counts = sum((lane.counts for lane in self.lanes), collections.Counter())
        for line in proxy.calls():
            check_line(line)
            lost_in_part = line["end"] == "server-lost" and line["evidence"] not in MAY_HAVE_RUN
            check(not lost_in_part, "lost, and its first fragment was not written: %r" % line)
            if line["end"] == "answered" and line["tries"]:
                counts += collections.Counter(word.rsplit(" ", 1)[-1] for word in line["tries"].split(", "))
        return counts


def play(build, words, many, number):
    """Every WORLDS-th lane of each family. [(family, why it failed or None, counts)]"""
    verdicts = []
    for family, (kind, plans) in FAMILIES.items():
        if words and not any(word in family for word in words):
            continue
        with tempfile.TemporaryDirectory(prefix="rpcward-cuts-") as scratch:
            world, stage = World(build, scratch), Stage()
            lanes = [kind(stage, plan, i) for i, plan in enumerate(list(plans(many))[number::WORLDS])]
            try:
                verdicts.append((family, None, Played(world, lanes).run(stage)))
            except Failure as failure:
                verdicts.append((family, str(failure), collections.Counter()))
            except Exception:
                verdicts.append((family, traceback.format_exc(), collections.Counter()))
            finally:
                world.kill()
                for lane in lanes:
                    lane.cutter.close()
    return verdicts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--many", default=1, type=int, help="times as many random places")
    parser.add_argument("words", nargs="*", help="only these of " + ", ".join(FAMILIES))
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")  # each has loopback addresses of its own
    with concurrent.futures.ProcessPoolExecutor(WORLDS, mp_context=context) as pool:
        parts = [pool.submit(play, options.build.resolve(), options.words, options.many, number)
                 for number in range(WORLDS)]
        verdicts = [verdict for part in parts for verdict in part.result()]
    total, bad = collections.Counter(), 0
    for number, (family, why, counts) in enumerate(verdicts, 1):
        total, bad = total + counts, bad + bool(why)
        print("%s %d - cuts/%s" % ("not ok" if why else "ok", number, family))
        print("".join("# %s\n" % line for line in (why or "").splitlines()), end="")
    proofs = ", ".join("%s %d" % (proof, total[proof]) for proof in PROOFS)
    told = ", ".join("%s %d" % (word, total[word]) for word in sorted(total) if word.startswith("told "))
    print("# counts: cuts: %d cuts, %d of them after a short write, and %d silences; recovered by proof: %s; repeated "
          "without, as idempotent: %d; %s; violations: %d" %
          (total["cuts"], total["short writes"], total["silences"], proofs, total["none"], told, bad))
    print("1..%d" % len(verdicts))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
