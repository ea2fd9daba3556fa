"""Clients, servers and administrators that would harm others, where clients share links."""

import signal
import struct

from case import case, compare, equal
from cases_plain import MPX, TOO_BUSY, plain, shared
from cases_pool import fake_call
from fake import Fake
from harness import rpc, wait_until
from rpc import DNE, FAULT, NDR, TEST, WHOLE, request


# ---- clients with many calls that came to nothing ----

def refused(world, count, **how):
    """A client with many calls inside; a busy server has refused each, and they wait to be sent again."""
    fake = Fake(world, (TEST, NDR))
    fake.on[rpc.REQUEST] = lambda pdu: rpc.pdu(FAULT, bytes(8) + struct.pack("<II", TOO_BUSY, 0), call_id=pdu.call_id,
                                               flags=WHOLE | DNE)
    proxy = shared(world, fake, server="calls-per-connection: 100\n"
                   "retry: { floor: 1000, backoff: 10s, longest-backoff: 10s }", **how)
    link = plain(world, proxy, flags=MPX)
    link.send(*[request(0, b"x", call_id=i) for i in range(count)])
    wait_until(lambda: len(fake.heard(rpc.REQUEST)) >= count // 2, "many of them to be refused")
    wait_until(proxy.rests, "the proxy to rest")
    return fake, proxy, link


@case("hostile/leaves-with-many-calls-that-were-refused")
def leaves_refused(world):
    fake, proxy, link = refused(world, 200)
    link.reset()
    equal({line["end"] for line in proxy.wait_calls(100)}, {"withdrawn"}, "ends")
    del fake.on[rpc.REQUEST]
    fake_call(plain(world, proxy))


@case("hostile/drain-with-many-calls-that-were-refused")
def drain_refused(world):
    """When its time is over each is told so, at once."""
    fake, proxy, link = refused(world, 200, drain="300ms")
    proxy.signal(signal.SIGTERM)
    for _ in range(200):
        compare(link.read(), {"type": FAULT, "dne": True})
    equal(link.end(), "fin", "the end")
    link.close()
    equal(proxy.wait(), 0, "exit status")
