#!/usr/bin/env python3
"""Samba's and impacket's programs against Samba's servers, directly and through rpcward. Prints TAP.

Two domain controllers are provisioned alike, one is reached directly and one through rpcward, so that both have had the
same history when a suite begins. rpcward stands on an address of its own with the same port numbers: the endpoint
mapper's answers lead clients back to it.

Usage: samba_suites.py [--build DIR] [--quick]"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from servers import SHARED, Domain, Gateway, Standalone, address_of, why_not

from harness import World  # noqa: E402  (servers.py knows where it is)

import callcount  # noqa: E402
import killed  # noqa: E402
import smbtorture  # noqa: E402
from verdicts import PYTHON, Report, lacks  # noqa: E402

TARGET = "target_hostname=dc1.peers.test"
LEVELS = {  # binding options
    "anonymous": "", "default": "", "connect": "connect", "packet": "packet", "sign": "sign", "seal": "seal",
    "NTLM sign": "ntlm,sign", "NTLM seal": "ntlm,seal", "SPNEGO sign": "spnego,sign", "SPNEGO seal": "spnego,seal",
    "Kerberos connect": "krb5,connect," + TARGET, "Kerberos sign": "krb5,sign," + TARGET,
    "Kerberos seal": "krb5,seal," + TARGET, "big endian": "bigendian", "big endian seal": "bigendian,seal",
}
PASSED = {  # subtests of the gate that pass directly (Samba 4.17): fewer, and equality would prove little
    "anonymous": 42, "default": 103, "connect": 46, "packet": 46, "sign": 103, "seal": 99, "NTLM sign": 103,
    "NTLM seal": 98, "SPNEGO sign": 103, "SPNEGO seal": 98, "Kerberos connect": 41, "Kerberos sign": 44,
    "Kerberos seal": 31, "big endian": 103, "big endian seal": 98,
}
SLACK = 5
GATE = """rpc.mgmt rpc.asyncbind rpc.dssetup rpc.unixinfo rpc.browser rpc.handles rpc.samr rpc.samr.handletype
    rpc.samr.machine.auth rpc.samr.passwords.validate rpc.lsalookup rpc.netlogon rpc.netlogon.admin
    rpc.netlogon.zerologon rpc.pac rpc.schannel rpc.schannel2 rpc.drsuapi rpc.drsuapi_w2k8 rpc.join rpc.backupkey
    drs.rpc.dssync""".split()
MORE = {"rpc.asyncbind": ["--async", "--num-async=50"]}  # without these it connects nowhere
QUICK = [("seal", "rpc.mgmt rpc.unixinfo rpc.handles rpc.samr rpc.netlogon.admin rpc.drsuapi_w2k8 rpc.join"),
         ("Kerberos sign", "rpc.dssetup rpc.unixinfo"), ("big endian", "rpc.samr.handletype rpc.lsalookup"),
         ("connect", "rpc.unixinfo"), ("packet", "rpc.unixinfo"), ("anonymous", "rpc.asyncbind rpc.handles")]
STANDALONE = "rpc.mgmt rpc.winreg rpc.srvsvc rpc.dfs rpc.samr rpc.lsalookup rpc.handles rpc.bind".split()


# ---- what both sides run ----

class Side:
    """Where a peer is found: directly or through rpcward."""

    def __init__(self, server, address):
        self.server, self.address = server, address
        self.credentials = "%s%%%s" % (server.user, server.password)

    def torture(self, suite, level):
        server, options = self.server, LEVELS[level]
        binding = "ncacn_ip_tcp:%s%s" % (self.address, "[%s]" % options if options else "")
        user = "%" if level == "anonymous" else self.credentials
        environment = server.environment(self.address)
        environment["KRB5CCNAME"] = "FILE:%s/cc.%s" % (server.client, self.address)
        return smbtorture.run(suite, binding, user, MORE.get(suite, []), environment, server.client)

    def script(self, command, limit=240, **more):
        """What one of the shared scripts says, and the seconds."""
        environment = {"PATH": os.environ["PATH"], **self.server.environment(self.address), **more}
        with tempfile.TemporaryDirectory(prefix="rpcward-peers-") as home:
            began = time.monotonic()
            done = subprocess.run(command, cwd=home, env={**environment, "HOME": home}, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                  timeout=limit)
            return done.stdout, time.monotonic() - began

    def raw_protocol(self, chosen):
        said, seconds = self.script([str(SHARED / "raw-protocol"), self.address, "-v", *chosen])
        return read_unittest(said), seconds

    def impacket(self, chosen):
        said, seconds = self.script([PYTHON, "-B", str(SHARED / "imp.py"), self.address, *chosen])
        return read_impacket(said), seconds


def read_unittest(said):
    """The tests of a verbose run, and why one has failed: the last line of its traceback."""
    verdicts = {name: "ok" for name in re.findall(r"^(test_\w+) \(", said, re.M)}
    for word, name, body in re.findall(r"^(FAIL|ERROR): (test_\w+) .*\n-+\n((?:.*\n)*?)\n(?=[=-]{20})", said, re.M):
        verdicts[name] = "%s %s" % (word.lower().replace("fail", "failure"), body.strip().split("\n")[-1][:200])
    ran = re.search(r"^Ran (\d+) tests", said, re.M)
    verdicts["tests run"] = ran.group(1) if ran else "missing: " + said[-300:]
    return verdicts


def read_impacket(said):
    """Status and name; of a failure also the reason."""
    rows = re.findall(r"^(ok|FAIL)\s+(.+?)\s+\d+\.\d+s ?(.*)$", said, re.M)
    return {name: "ok" if status == "ok" else "FAIL " + reason for status, name, reason in rows} or \
        {"start": "missing: " + said[-300:]}


def differences(direct, through):
    return {check: (direct.get(check), through.get(check)) for check in {**direct, **through}
            if direct.get(check) != through.get(check)}


def twice(pool, direct, through, action):
    """((verdicts, seconds) directly, the same through rpcward), both at once."""
    return [future.result() for future in [pool.submit(action, side) for side in (direct, through)]]


class Comparison:
    """Everything that is run on two sides, and reported."""

    def __init__(self, report, pool, direct, through):
        self.report, self.pool, self.direct, self.through = report, pool, direct, through

    def hold(self, suite, level, action, least=1, **how):
        """What differs is tried once more: some subtests draw what they send, such as rpc.backupkey a wrong key, which
        Samba finds out in one of two ways. What differs because of us differs again."""
        (direct, first), (through, second) = twice(self.pool, self.direct, self.through, action)
        if direct != through:
            print("# %s [%s] differed, and is tried again: %r"
                  % (suite, level, differences(direct, through)), flush=True)
            (direct, first), (through, second) = twice(self.pool, self.direct, self.through, action)
        self.report.compare(suite, level, direct, through, (round(first, 2), round(second, 2)), least, **how)

    def torture(self, suite, level, least=0):
        self.hold(suite, level, lambda side: side.torture(suite, level), least)


# ---- the runs ----

def gate(both, level):
    begin = len(both.report.rows)
    for suite in GATE:
        both.torture(suite, level)
    passed = sum(row["direct"] for row in both.report.rows[begin:])
    both.report.check("the gate [%s] directly: %d subtests pass" % (level, passed), passed >= PASSED[level] - SLACK,
                      "%d did with Samba 4.17" % PASSED[level])


def domain_suites(both, quick):
    if quick:
        for level, suites in QUICK:
            for suite in suites.split():
                both.torture(suite, level, least=0 if suite == "rpc.samr" else 1)
    else:
        for level in LEVELS:
            gate(both, level)
    chosen = ["--only", "NTLM"] if quick else []
    both.hold("impacket", "none to privacy", lambda side: side.impacket(chosen), least=4 if quick else 11,
              not_run=lambda verdict: not verdict.startswith("ok"))


def raw_suites(both, quick):
    chosen = ["-k", "spnego", "-k", "assoc", "-k", "orphaned", "-k", "no_auth"] if quick else []
    both.hold("raw_protocol", "various", lambda side: side.raw_protocol(chosen), least=50 if quick else 190)


def run_domain(report, pool, build, quick):
    home = build / "peers"
    direct, behind = (Domain(home / name, address_of(home, number)) for name, number in (("direct", 10), ("behind", 20)))
    gateway_address = address_of(home, 21)
    with Started(pool, direct, behind), tempfile.TemporaryDirectory(prefix="rpcward-peers-") as scratch:
        direct.publish(direct.address)
        behind.publish(gateway_address)
        world = World(build, pathlib.Path(scratch))
        try:
            gateway = Gateway(world, behind, gateway_address)
            both = Comparison(report, pool, Side(direct, direct.address), Side(behind, gateway_address))
            with callcount.Capture(world, gateway) as capture:
                domain_suites(both, quick)
                named = len(gateway.proxy.calls())
                raw_suites(both, quick)
            gateway.proxy.stop()
            callcount.report(report, gateway.proxy, capture, named)
            gateway.open()
            killed.report(report, gateway, both.through)
            both.torture("rpc.samr.handletype", "seal", least=1)
            gateway.proxy.stop()
            gateway.open(", call-timeout: 2s")
            killed.stopped(report, gateway, both.through)
        finally:
            world.kill()


def run_standalone(report, pool, build):
    home = build / "peers"
    server, gateway_address = Standalone(home / "standalone", address_of(home, 30)), address_of(home, 31)
    with Started(pool, server), tempfile.TemporaryDirectory(prefix="rpcward-peers-") as scratch:
        world = World(build, pathlib.Path(scratch))
        try:
            gateway = Gateway(world, server, gateway_address)
            sides = Side(server, server.address), Side(server, gateway_address)
            for level in ("anonymous", "default", "seal"):
                for suite in STANDALONE:
                    found = [side.torture(suite, level) for side in sides]  # one server: one after the other
                    report.compare("standalone " + suite, level, found[0][0], found[1][0],
                                   (round(found[0][1], 2), round(found[1][1], 2)), 0)
            gateway.proxy.stop()
        finally:
            world.kill()


class Started:
    """Servers for a while."""

    def __init__(self, pool, *servers):
        self.pool, self.servers = pool, servers

    def __enter__(self):
        for server in self.servers:  # one after the other: the first one makes what all are copied from
            server.make()
        list(self.pool.map(lambda server: server.start(), self.servers))

    def __exit__(self, *_):
        list(self.pool.map(lambda server: server.stop(), self.servers))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="a subset that `make test` has time for")
    options = parser.parse_args()
    build = options.build.resolve()
    report = Report("samba-quick" if options.quick else "samba", build)
    why = why_not() or lacks(program="smbtorture", module="impacket") or lacks(program="socat")
    if why:
        report.skip("samba", why)
        return report.end()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        run_domain(report, pool, build, options.quick)
        if not options.quick:
            run_standalone(report, pool, build)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
