"""Conversations in which somebody waits in vain: a server that hangs, a host that has gone, a connection that something
on the way has forgotten, and clients that do not let go. No rpcward is between client and server.

What a network does is done by netfilter at the device's ingress, behind where tcpdump looks: the capture is that of the
client's side."""

import subprocess

from by_hand import bound, expect
from harness import PATIENCE, check, wait_until
from rpc import RESPONSE

PATIENT, IMPATIENT = 6, 0.1  # seconds that a client waits
ATTEMPTS = 6
FORGETS = 6  # seconds after which the middlebox does

# Packets that were captured are lost, in both directions.
SILENT = """table netdev silent {
 chain passing {
  type filter hook ingress device lo priority 0;
  tcp dport %(port)s drop
  tcp sport %(port)s drop
 }
}
"""

# A packet that is no SYN passes only as long as its connection is remembered: by its client's port, for some seconds.
FORGETFUL = """table netdev middlebox {
 set known { type inet_service; flags dynamic, timeout; timeout %(time)ds; }
 chain passing {
  type filter hook ingress device lo priority 0;
  tcp dport %(port)s tcp flags & (syn | ack) == syn update @known { tcp sport } accept
  tcp dport %(port)s tcp sport @known update @known { tcp sport } accept
  tcp sport %(port)s tcp dport @known update @known { tcp dport } accept
  tcp dport %(port)s drop
  tcp sport %(port)s drop
 }
}
"""


def nft(*words, rules=None):
    done = subprocess.run(["nft", *(words or ("-f", "-"))], input=rules, text=True, capture_output=True)
    check(done.returncode == 0, "nft: " + done.stderr)
    return done.stdout


def network(rules, server, **values):
    """From now on it is like that."""
    nft(rules=rules % {"port": server.address.rsplit(":", 1)[1], **values})


def wait_in_vain(link):
    """As long as its client does."""
    try:
        check(False, "told %r" % link.read())
    except TimeoutError:
        pass


def server_hung(world, server):
    """Its process is stopped: its kernel takes the request, and all that follows."""
    link = bound(world, server, timeout=PATIENT)
    link.call(1)
    expect(link, RESPONSE)
    with server.stopped():
        link.call(2, call_id=3)
        wait_in_vain(link)
        link.close()
        server.kill()  # it must not answer after all


def host_gone(world, server):
    link = bound(world, server, timeout=PATIENT)
    link.call(1)
    expect(link, RESPONSE)
    network(SILENT, server)
    link.call(2, call_id=3)
    wait_in_vain(link)
    link.reset()  # a FIN would stand behind the bytes that nobody acknowledges


def idle_cut(world, server):
    """A connection idles for longer than a middlebox remembers it. The next one is well."""
    network(FORGETFUL, server, time=FORGETS)
    link = bound(world, server, timeout=2)
    link.call(1)
    expect(link, RESPONSE)
    port = link.name().rsplit(":", 1)[1]
    wait_until(lambda: " " + port not in nft("list", "set", "netdev", "middlebox", "known"), "the middlebox to forget",
               FORGETS + PATIENCE)
    link.call(2, call_id=3)
    wait_in_vain(link)
    link.reset()
    link = bound(world, server)
    link.call(3)
    expect(link, RESPONSE)


def retry_storm(world, server):
    """Two clients ask for more than they wait for, and ask again at once."""
    for attempt in range(ATTEMPTS):
        for client in ("127.0.0.1", "127.0.0.2"):
            link = bound(world, server, timeout=IMPATIENT, source=client)
            link.call(attempt, "slow", 1000)
            wait_in_vain(link)
            link.close()
