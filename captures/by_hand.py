"""Conversations for captures that no client at hand would hold. Each is told the World and the proxy to talk to."""

import socket

from harness import check, equal, rpc, wait_until
from hosts import own_host
from recorder import FIN, Recorder, ack, response
from rpc import (BIND_ACK, BIND_NAK, CO_CANCEL, CONC_MPX, ECHO, FAULT, MAYBE, MGMT, NDR, NDR64, ORPHANED, RESPONSE,
                 SHUTDOWN, TEST, WHOLE, bind, context, control, features, request)

UNKNOWN = ("11111111-2222-3333-4444-555555555555", 1, 0)
SAMR = ("12345778-1234-abcd-ef00-0123456789ac", 1, 0)
OBJECT = "0a0b0c0d-0102-0304-0506-0708090a0b0c"
SAMR_CONNECT, SAMR_CLOSE, SAMR_ENUM_DOMAINS = 0, 1, 6
ANYTHING = (0x02000000).to_bytes(4, "little")  # MAXIMUM_ALLOWED


def expect(link, ptype, **wanted):
    """The next PDU, which must be that."""
    pdu = link.read()
    check(isinstance(pdu, rpc.Pdu), "told %r" % pdu)
    equal({"type": pdu.type, **{key: getattr(pdu, key, None) for key in wanted}}, {"type": ptype, **wanted}, repr(pdu))
    return pdu


def bound(world, proxy, flags=WHOLE, **how):
    link = world.link(proxy, **how)
    link.send(bind([context(0, TEST)], flags=flags))
    expect(link, BIND_ACK)
    return link


def is_over(link):
    """The server, or rpcward, ends the connection."""
    equal(link.end(), "fin", "the end of the connection")
    link.close()


# ---- binding ----

def bind_nak(world, proxy):
    link = world.link(proxy)
    link.send(bind([context(0, SAMR)], group=0x7777))
    expect(link, BIND_NAK, reason=0)
    is_over(link)
    link = world.link(proxy)
    link.send(request(SAMR_CONNECT, bytes(4) + ANYTHING))
    expect(link, BIND_NAK, reason=4)
    expect(link, FAULT, dne=False)  # by rpcward: the server went without an answer to the request
    is_over(link)


def bind_nak_authentication(world, proxy, server):
    link = world.link(proxy)
    link.send(bind([context(0, TEST)], auth=rpc.trailer(), call_id=1))
    expect(link, BIND_NAK, reason=8)
    is_over(link)
    bound(world, proxy).call(1)


def contexts(world, proxy, server):
    link = world.link(proxy)
    link.send(bind([context(0, TEST, (NDR64, NDR)), context(1, UNKNOWN), context(2, ECHO, (NDR64,)),
                    context(3, TEST, (features(3),)), context(4, MGMT)]))
    expect(link, BIND_ACK, results=[(0, 0), (2, 1), (2, 2), (3, 3), (0, 0)])
    link.call(1)
    expect(link, RESPONSE, context_id=0)
    link.send(request(2, b"", context_id=4, call_id=3))
    expect(link, RESPONSE, context_id=4)


def association_group(world, proxy):
    """A handle that one connection was given is used, and closed, by another one of its group."""
    first, second = world.link(proxy), world.link(proxy)
    first.send(bind([context(0, SAMR)]))
    group = expect(first, BIND_ACK).group
    first.send(request(SAMR_CONNECT, bytes(4) + ANYTHING, call_id=2))
    handle = expect(first, RESPONSE).stub[:20]
    second.send(bind([context(0, SAMR)], group=group))
    expect(second, BIND_ACK, group=group)
    first.close()
    second.send(request(SAMR_ENUM_DOMAINS, handle + bytes(4) + (1000).to_bytes(4, "little"), call_id=2))
    expect(second, RESPONSE)
    second.send(request(SAMR_CLOSE, handle, call_id=3))
    expect(second, RESPONSE)


def association_group_guard(world, proxy, server):
    first = world.link(proxy)
    group = first.bind().group
    thief = world.link(proxy, source="127.0.0.2")
    thief.send(bind([context(0, TEST)], group=group))
    expect(thief, BIND_NAK, reason=0)
    is_over(thief)
    first.call(1)
    expect(first, RESPONSE)


# ---- calls ----

def busy(world, proxy, server):
    link = bound(world, proxy)
    link.call(1, "busy")
    expect(link, FAULT, dne=True, call_id=2)
    link.call(1, call_id=3)
    expect(link, RESPONSE, call_id=3)


def out_of_order(world, proxy, server):
    """The later a call the sooner its answer."""
    link = bound(world, proxy, WHOLE | CONC_MPX)
    for call_id, milliseconds in ((2, 300), (3, 150), (4, 0)):
        link.call(call_id, "slow", milliseconds, call_id=call_id)
    for call_id in (4, 3, 2):
        expect(link, RESPONSE, call_id=call_id)


def co_cancel(world, proxy, server):
    link = bound(world, proxy)
    link.call(1, "slow", 100)
    link.send(control(CO_CANCEL, call_id=2))
    expect(link, RESPONSE, call_id=2)
    equal(len(server.events("co_cancel")), 1, "co_cancel that the server had")


def orphaned(world, proxy, server):
    link = bound(world, proxy)
    link.call(1, "slow", 100)
    link.send(control(ORPHANED, call_id=2))
    expect(link, RESPONSE, call_id=2)
    equal(len(server.events("orphaned")), 1, "orphaned that the server had")
    link.call(2, call_id=3)
    expect(link, RESPONSE, call_id=3)


def maybe_object(world, proxy, server):
    link = bound(world, proxy)
    link.call(1, flags=WHOLE | MAYBE)
    link.send(request(0, rpc.test_call(2), call_id=3, obj=OBJECT))
    expect(link, RESPONSE, call_id=3)


# ---- ends ----

def shutdown(world, start_proxy):
    """The server answers a call, asks for the end (C706 12.6.4.11), and closes when its client has."""
    server = world.adopt(Recorder([ack(), (response(bytes(8)), rpc.pdu(SHUTDOWN, b"", call_id=0))]))
    link = bound(world, start_proxy(server))
    link.send(request(0, b"", call_id=2))
    expect(link, RESPONSE, call_id=2)
    expect(link, SHUTDOWN)


def server_away(world, start_proxy):
    with socket.socket() as probe:
        probe.bind((own_host(), 0))
        nowhere = "%s:%d" % probe.getsockname()
    link = bound(world, start_proxy(nowhere))
    link.call(1)
    expect(link, FAULT, dne=True)
    is_over(link)


def server_lost(world, proxy, server):
    link = bound(world, proxy)
    link.call(1, "close-after")
    expect(link, FAULT, dne=False)
    is_over(link)
