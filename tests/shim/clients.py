#!/usr/bin/env python3
"""Samba's and impacket's clients reach a domain controller by its real address, led by the shim: port 135, the dynamic
ports that its endpoint mapper names, and SMB. Each runs directly as well, and must say the same. Prints TAP.

A rule of the kernel's lets nobody but the proxy connect to those ports meanwhile. Usage: clients.py [--build DIR]"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "peers"), str(HERE.parent / "live")]

import shim  # noqa: E402
from harness import Failure, World, check, equal, wait_until  # noqa: E402
from servers import SHARED, Domain, accepts  # noqa: E402
from servers import why_not as no_samba  # noqa: E402

HOST, HOST6 = "10.0.0.5", "fd00::5"
PORTS = (135, 445, 20100, 20101, 20102)
PYTHON = "/usr/bin/python3"
# Over IPv4 the endpoint mapper is a server with members and said to be stateless, so that its clients share
# connections; over IPv6 it is a server of its own.
SERVERS = """servers:
  mapper: { match: [ "%s:135" ], members: [ "%s:135" ] }
interfaces:
  - { uuid: e1af8308-5d1f-11c9-91a4-08002b14a0fa, version: "3.0", stateless: yes }
""" % (HOST, HOST)
CREDENTIALS = "%s%%%s" % (Domain.user, Domain.password)
GUARD = """table inet only {
 chain out { type filter hook output priority 0;
  ip daddr %s tcp dport @ports tcp flags & (syn | ack) == syn meta skuid != %d counter reject with tcp reset
  ip6 daddr %s tcp dport @ports tcp flags & (syn | ack) == syn meta skuid != %d counter reject with tcp reset
 }
 set ports { type inet_service; elements = { %s }; }
}
""" % (HOST, shim.PROXY_USER, HOST6, shim.PROXY_USER, ", ".join(map(str, PORTS)))
SAMR = """
import sys
from samba.credentials import Credentials
from samba.dcerpc import samr
from samba.param import LoadParm
lp, creds = LoadParm(), Credentials()
lp.load(sys.argv[2]); creds.guess(lp); creds.parse_string(sys.argv[3])
c = samr.samr("ncacn_ip_tcp:%s[seal]" % sys.argv[1], lp, creds)
handle = c.Connect2(None, 0x02000000)
print(sorted(str(entry.name) for entry in c.EnumDomains(handle, 0, 1000)[1].entries))
"""


def commands(dc, host=HOST):
    """Name: (rules, command, the calls that must be logged at least)."""
    conf = ["-s", str(dc.client / "smb.conf")]
    torture = ["smbtorture", *conf, "--basedir=%s" % dc.client, "-U", CREDENTIALS]
    written = "[%s]" % host if ":" in host else host
    return {
        "rpcclient": ([], ["rpcclient", *conf, "-U", CREDENTIALS, "ncacn_ip_tcp:" + host, "-c",
                           "enumdomusers;enumdomgroups"], 4),
        "smbtorture, sealed": ([], [*torture, "ncacn_ip_tcp:%s[seal]" % host, "rpc.samr.handletype"], 5),
        "smbtorture, signed": ([], [*torture, "ncacn_ip_tcp:%s[sign]" % host, "rpc.unixinfo"], 3),
        "python3-samba": ([], [PYTHON, "-B", "-c", SAMR, host, str(dc.client / "smb.conf"), CREDENTIALS], 3),
        "impacket": ([], [PYTHON, "-B", str(SHARED / "imp.py"), host], 20),
        "net rpc over SMB": (["--to", written + ":445"],
                             ["net", "rpc", "info", *conf, "-S", host, "-U", CREDENTIALS], 0),
    }


def verdict(done):
    """What was said, without what differs from run to run: times, handles, random names."""
    text = re.sub(r"\d+\.\d+s|0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}", "*", done.stdout)
    kinds = re.findall(r"^(ok|FAIL|success|failure|error|skip)\b:?\s*(\S+)", text, re.M)
    return done.returncode, kinds or text


def run(dc, command):
    with tempfile.TemporaryDirectory(prefix="rpcward-client-") as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, **dc.environment(HOST)}
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, cwd=home,
                              env=environment, stdin=subprocess.DEVNULL, check=False)


def forward(world):
    """The domain controller has no IPv6 here, so its ports are at an address of that too: for the kernel's rule the
    forwarders are the proxy's user."""
    caps = "+dac_read_search,+net_bind_service"
    user = [caps if word == "+dac_read_search" else word for word in shim.AS_USER]
    for port in PORTS:
        listen = "TCP6-LISTEN:%d,bind=[%s],reuseaddr,fork,nodelay" % (port, HOST6)
        world.keep(shim.Program(world.directory, "forward-%d" % port,
                                [*user, "socat", listen, "TCP:%s:%d,nodelay" % (HOST, port)]))
        wait_until(lambda at=port: accepts(HOST6, at), "the forwarder of port %d" % port)


def compare(place, proxy, dc, host, name, directly):
    rules, command, least = commands(dc, host)[name]
    equal(directly[0], 0, "exit status directly")
    before = len(proxy.calls()), len(proxy.lines("passage"))
    led = run(dc, [*place.launcher(*rules), *command])
    equal(verdict(led), directly, "what it said, as directly; stderr %r" % led.stderr[-500:])
    calls = proxy.calls()[before[0]:]
    check(len(calls) >= least, "only %d calls were logged" % len(calls))
    ports = {line["server"] for line in calls}
    written = "[%s]" % host if ":" in host else host
    check(least == 0 or {written + ":135"} < ports, "servers in the log: %s" % ports)
    if least == 0:
        passages = wait_until(lambda: proxy.lines("passage")[before[1]:], "a passage")
        equal(passages[0]["server"], written + ":445", "where it led")


def guarded():
    listed = subprocess.run(["nft", "list", "table", "inet", "only"], capture_output=True, text=True, check=True).stdout
    return sum(map(int, re.findall(r"counter packets (\d+)", listed)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", type=pathlib.Path)
    build = parser.parse_args().build.resolve()
    why = shim.why_not() or no_samba()
    if why:
        print("ok 1 - led clients # SKIP %s\n1..1" % why)
        return 0
    if shim.INSIDE not in os.environ:
        return shim.run_inside([__file__, "--build", build])
    dc = Domain(build / "peers" / "led", HOST)
    (build / "peers").mkdir(parents=True, exist_ok=True)
    failed = False
    with tempfile.TemporaryDirectory(prefix="rpcward-shim-") as scratch:
        world = World(build, pathlib.Path(scratch))
        place = shim.Place(world)
        place.guard = GUARD
        try:
            dc.make()
            dc.start()
            dc.publish(HOST)
            forward(world)
            direct = {(host, name): verdict(run(dc, command)) for host in (HOST, HOST6)
                      for name, (_, command, _) in commands(dc, host).items()}
            proxy = place.proxy(servers=SERVERS)
            for number, (host, name) in enumerate(direct, 1):
                try:
                    compare(place, proxy, dc, host, name, direct[host, name])
                    equal(guarded(), 0, "SYNs that were not the proxy's")
                    print("ok %d - %s at %s" % (number, name, host), flush=True)
                except (Failure, subprocess.TimeoutExpired) as error:
                    failed = True
                    print("not ok %d - %s at %s\n# %s" % (number, name, host, str(error)[:2000]), flush=True)
            print("1..%d" % len(direct))
            world.end()
        finally:
            world.kill()
            dc.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
