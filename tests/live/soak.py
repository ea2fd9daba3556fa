#!/usr/bin/env python3
"""Soak: a random mix of clients, behaviours, resets, deaths and limits, and an account of all of it.

Usage: soak.py [--build DIR] [--seconds N] [--seed S]; exits 0 where nothing was found. The seed settles what is done,
not the order in which it happens."""

import argparse
import collections
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback

from audit import audit
from cases_control import control, controlled
from crossing import Crossing
from harness import PATIENCE, Failure, Link, World, check, equal, rpc, wait_until
from restarts import Restarts

MIB = 1 << 20
THREADS = 4
CROSSING = 60  # seconds for a round of plain clients, of those that there are
CLEAN = ["echo"] * 4 + ["slow:1", "slow:15", "busy:0", "busy:5", "fault:5", "fragments:100", "fragments:500,1", "call-back"]
RUDE = CLEAN + ["reset-before:3", "reset-after:3", "close-before:2", "close-after:2", "half", "rubbish:10"]
DEADLY = RUDE + ["die-after:5", "die-before:5"]
TOLD = ("answered", "fault:", "closed", "reset", "refused:closed", "refused:reset")  # how an outcome may begin
TRUE_FAULTS = {"1c010014:1", "00000005:0", "1c000012:0", "000006bf:1", "000006ba:1"}


class Round:
    """One proxy with its server, and clients of all kinds for some seconds."""

    def __init__(self, build, directory, seconds, seed):
        self.random, self.world = random.Random(seed), World(build, directory)
        self.seconds, self.lock, self.errors = seconds, threading.Lock(), []
        self.loads, self.memory, self.raw_calls = [], [], 0
        self.behaviours = self.random.choice([CLEAN, RUDE, RUDE, DEADLY])
        self.limit = self.random.choice([0, 1, 2, 5, 20])
        self.server = self.world.server()
        settings = {"server": "calls: %d" % self.limit} if self.limit else {}
        self.proxy = controlled(self.world, self.server, listener="buffer: 64KiB", **settings)

    def describe(self):
        kind = {id(CLEAN): "clean", id(RUDE): "rude", id(DEADLY): "deadly"}[id(self.behaviours)]
        return "%s, %s calls" % (kind, self.limit or "unlimited")

    # ---- what goes on ----

    def arguments(self, chance):
        behaviour = chance.choice(self.behaviours)
        most = 400 if behaviour == "call-back" else 20000
        most_calls = 25 if not self.limit else min(25, 2 + self.limit)
        arguments = ["--behaviour", behaviour, "--connections", chance.randint(1, 12), "--calls", chance.randint(1, most_calls),
                     "--size", chance.choice([0, 10, 300, chance.randint(0, most)]), "--expect", ""]
        if behaviour == "half":
            arguments += ["--answer", chance.choice([100, 30000])]
        if chance.random() < 0.4:
            arguments += ["--outstanding", chance.randint(2, 6)]
        return arguments + [flag for flag in ("--reconnect", "--big-endian") if chance.random() < 0.3]

    def loads_on(self, chance):
        with self.lock:
            client = self.world.start_load(self.proxy, *self.arguments(chance))
            self.loads.append(client)
        if chance.random() < 0.1:
            threading.Event().wait(chance.random() * 0.05)
            client.kill()
            self.loads.remove(client)
        else:
            client.report()

    def be_rude(self, chance):
        """A client that leaves at any point of a conversation."""
        link = Link(self.proxy.address)
        try:
            bind = rpc.bind([rpc.context(0, rpc.TEST)], flags=rpc.WHOLE | rpc.CONC_MPX)
            calls = [rpc.request(0, rpc.test_call(chance.getrandbits(63), chance.choice(["echo", "slow"]), 5,
                                                  size=chance.randint(0, 3000)), call_id=i) for i in range(2, 8)]
            data = b"".join([bind, *calls])
            link.send(data[:chance.choice([len(data), chance.randint(0, len(data)), len(bind), len(bind) + 30])])
            if chance.random() < 0.5:
                link.read()
            chance.choice([link.reset, link.close, link.finish_writing])()
        except OSError:
            pass
        finally:
            link.close()

    def work(self, seed, until):
        chance = random.Random(seed)
        while time.monotonic() < until and not self.errors:
            try:
                for _ in range(8):
                    self.be_rude(chance)
                self.loads_on(chance)
            except Exception:
                self.errors.append(traceback.format_exc())

    def keep_alive(self, until):
        """The server comes back whenever it has died."""
        while time.monotonic() < until:
            if not self.server.is_alive():
                self.server.restart()
            self.memory.append(self.proxy.memory())
            threading.Event().wait(0.02)

    def run(self):
        until = time.monotonic() + self.seconds
        threads = [threading.Thread(target=self.work, args=(self.random.random(), until)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        self.keep_alive(until)
        while any(thread.is_alive() for thread in threads):
            self.keep_alive(time.monotonic() + 0.05)
        if not self.server.is_alive():
            self.server.restart()
        self.account()

    # ---- the account ----

    def account(self):
        check(not self.errors, "".join(self.errors[:1]))
        self.check_slots()
        self.check_memory()
        self.world.end()
        outcomes = self.check_outcomes()
        audit(self.world)
        self.check_lines(outcomes)
        return outcomes

    def is_well(self):
        """A server that failed too often in a row is tried again after a pause; here no client waits for that."""
        return dict(self.world.load(self.proxy, "--expect", "").outcomes()) == {"answered": 1}

    def in_server(self, asking):
        row, = asking.ask("show servers")
        return row["inside"], row["waiting"]

    def longest_wait(self, count):
        """Of as many slow calls as may be inside at once, in microseconds."""
        client = self.world.load(self.proxy, "--connections", count, "--behaviour", "slow:300", "--expect", "")
        equal(dict(client.outcomes()), {"answered": count}, "outcomes at the end")
        return max(line["waited_us"] for line in self.proxy.calls()[-count:])

    def check_slots(self):
        """All slots are free again, by its own account, and as many slow calls as there are run side by side. Not at once,
        where the server has said that it is busy: then it is given one more with each second."""
        wait_until(self.is_well, "the server to be up again")
        asking = control(self.world)
        wait_until(lambda: self.in_server(asking) == (0, 0), "nobody to be inside, or in line")
        count = self.limit or 10
        wait_until(lambda: self.longest_wait(count) < 250000, "all slots to be free; one was lost", PATIENCE + count)

    def check_memory(self):
        early = max(self.memory[:max(1, len(self.memory) // 3)])
        grown = max(self.memory) - early
        check(self.world.is_sanitized() or grown < 8 * MIB, "memory grew by %d KiB" % (grown // 1024))

    def check_outcomes(self):
        ran = {entry.own_id for entry in self.server.ledger()}
        outcomes = collections.Counter()
        for client in self.loads:
            for line in client.outcome_path.read_text().splitlines():
                own_id, outcome = line.split()
                outcomes[outcome] += 1
                check(outcome.startswith(TOLD), "a client was told %s" % outcome)
                check(not outcome.startswith("fault:") or outcome[6:] in TRUE_FAULTS, "an unknown fault: %s" % outcome)
                check(outcome != "answered" or own_id in ran, "%s was answered and did not run" % own_id)
                check(not outcome.endswith(":1") or own_id not in ran, "%s ran, and was told %s" % (own_id, outcome))
        return outcomes

    def check_lines(self, outcomes):
        """Whatever a client heard of a call, a line tells of it."""
        lines = self.proxy.calls()
        ends = collections.Counter(line["end"] for line in lines)
        check(ends["answered"] >= outcomes["answered"], "%d answers, %d lines" % (outcomes["answered"], ends["answered"]))
        statuses = collections.Counter(line["status"] for line in lines)
        for outcome, count in outcomes.items():
            if outcome.startswith("fault:"):
                status = "0x" + outcome.split(":")[1]
                check(statuses[status] >= count, "%d times %s, %d lines" % (count, outcome, statuses[status]))
        self.summary = "%6d calls, %6d executed, %6d lines; %s" % (
            sum(outcomes.values()), len(self.server.ledger()), len(lines), dict(ends.most_common()))


class CrossingRound:
    """A round of plain clients on links that they share."""

    def __init__(self, build, directory, seconds, seed):
        self.world = World(build, directory)
        self.crossing = Crossing(self.world, seconds, seed)

    def describe(self):
        return "plain clients"

    def run(self):
        self.crossing.run()
        audit(self.world)
        self.summary = "%6d calls; %s" % (sum(self.crossing.tally.values()), dict(self.crossing.tally.most_common()))


class RestartRound:
    """A round of plain clients whose server is killed again and again."""

    def __init__(self, build, directory, seconds, seed):
        self.world = World(build, directory)
        self.restarts = Restarts(self.world, seconds, clients=32, every=2.5, idempotent=seed % 2 == 0)

    def describe(self):
        return "a server that dies%s" % (", idempotent calls" if self.restarts.idempotent else "")

    def run(self):
        self.summary = self.restarts.run()
        audit(self.world)


def play(build, seconds, seed, kind=Round):
    with tempfile.TemporaryDirectory(prefix="rpcward-soak-") as directory:
        round_ = kind(build, pathlib.Path(directory), seconds, seed)
        try:
            round_.run()
            print("# seed %d: %s: %s" % (seed, round_.describe(), round_.summary), flush=True)
            return True
        except Exception as error:
            kept = build / "live-failures" / ("soak-%d" % seed)
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(directory, kept)
            why = str(error) if isinstance(error, Failure) else traceback.format_exc()
            print("# seed %d: %s: %s\n# kept in %s" % (seed, round_.describe(), why, kept), flush=True)
            return False
        finally:
            round_.world.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--seconds", default=10, type=int)
    parser.add_argument("--seed", default=random.SystemRandom().getrandbits(30), type=int, help="of the first round")
    options = parser.parse_args()
    build, crossing = options.build.resolve(), min(CROSSING, max(3, options.seconds // 4))
    left = max(3, options.seconds - 3 * crossing)
    each = max(3, left // 20)
    rounds = 3 + max(1, left // each)
    good = play(build, crossing, options.seed, CrossingRound)
    good += sum(play(build, max(8, crossing), options.seed + i, RestartRound) for i in (1, 2))
    good += sum(play(build, each, options.seed + i) for i in range(3, rounds))
    print("%s 1 - soak: %d of %d rounds of %d s, seed %d" % ("ok" if good == rounds else "not ok", good, rounds, each,
                                                             options.seed))
    print("1..1")
    return 0 if good == rounds else 1


if __name__ == "__main__":
    sys.exit(main())
