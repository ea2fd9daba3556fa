"""What a plain client was told of its contexts holds for its calls, whichever link they go up on."""

import threading

from case import case, check, compare, equal
from cases_limits import ends_of
from cases_plain import plain, shared
from fake import Fake
from harness import rpc, wait_until
from recorder import RESET, response
from rpc import ALTER, ALTER_RESP, BIND, BIND_ACK, ECHO, FAULT, MGMT, NDR, NDR64, RESPONSE, TEST, bind, context, request

EVERYTHING = [(interface, transfer) for interface in (TEST, ECHO, MGMT) for transfer in (NDR, NDR64)]
NOT_SENT = 0x000006BF  # 1727


def served_as(link, interface, transfer, context_id, call_id=2):
    """A call on this context is served on one with this interface and transfer syntax."""
    link.send(request(0, b"x", context_id=context_id, call_id=call_id))
    pdu = link.read()
    compare(pdu, {"type": RESPONSE, "call_id": call_id, "context_id": context_id & 0xFF})
    equal(pdu.stub, b"%s/%s x" % (interface[0][:8].encode(), transfer[0][:8].encode()), "the context of its call")


def syntaxes(results_raw, count):
    """The transfer syntaxes of an answer to a bind."""
    at = len(results_raw) - 24 * count
    return [results_raw[at + 4 + 24 * i:at + 24 + 24 * i] for i in range(count)]


@case("plain/transfer-syntax-as-promised")
def promised(world):
    """One client has either, one NDR, one NDR64; on links that are never bound for all of them at once."""
    fake = Fake(world, *EVERYTHING)
    proxy = shared(world, fake, server="connections: 3")
    either = plain(world, proxy, context(3, TEST, (NDR,)), context(4, TEST, (NDR64,)))
    only = {}
    for transfer in (NDR, NDR64):
        only[transfer] = world.link(proxy)
        told = only[transfer].bind(context(9, TEST, (transfer,)), context(1, ECHO, (transfer,)))
        equal(syntaxes(told.raw, 2), [rpc.syntax(transfer)] * 2, "transfer syntaxes")
    for turn in range(3):
        served_as(either, TEST, NDR, 3)
        served_as(only[NDR64], TEST, NDR64, 9)
        served_as(either, TEST, NDR64, 4)
        served_as(only[NDR], ECHO, NDR, 1)
        served_as(only[NDR64], ECHO, NDR64, 1)
        served_as(only[NDR], TEST, NDR, 9)
    equal(fake.faults, [], "what the server found wrong")


@case("plain/context-ids-at-the-end-of-their-range")
def context_ids(world):
    """A link that was bound with the ids of its first client has others for what is added."""
    fake = Fake(world, *EVERYTHING)
    proxy = shared(world, fake, server="connections: 1")
    first = plain(world, proxy, context(0, TEST), context(0xFFFF, ECHO))
    second = plain(world, proxy, context(0, MGMT, (NDR,)))
    third = plain(world, proxy, context(0xFFFF, MGMT, (NDR64,)), context(0xFFFE, TEST, (NDR64,)))
    for turn in range(2):
        served_as(first, TEST, NDR, 0)
        served_as(second, MGMT, NDR, 0)
        served_as(third, TEST, NDR64, 0xFFFE)
        served_as(first, ECHO, NDR, 0xFFFF)
        served_as(third, MGMT, NDR64, 0xFFFF)
    equal(fake.faults, [], "what the server found wrong")


@case("plain/promise-that-the-server-does-not-keep")
def broken(world):
    """It came back without NDR64: that call is told 1727, and its client closed; who binds anew is told the truth."""
    fake = Fake(world, (TEST, NDR), (TEST, NDR64))
    proxy = shared(world, fake)
    old, other = (plain(world, proxy, context(0, TEST, (transfer,))) for transfer in (NDR64, NDR))
    served_as(old, TEST, NDR64, 0)
    served_as(other, TEST, NDR, 0)
    fake.accepts.discard((TEST, NDR64))
    for heard in fake.recorder.connections:
        heard.close()
    wait_until(lambda: len(ends_of(proxy, "server")) == fake.connections(), "the links to end")
    old.send(request(0, b"x", call_id=7))
    compare(old.read(), {"type": FAULT, "status": NOT_SENT, "dne": True, "call_id": 7})
    equal(old.end(), "fin", "the end")
    served_as(other, TEST, NDR, 0)
    renewed = world.link(proxy)
    compare(renewed.bind(context(0, TEST, (NDR64,))), {"type": BIND_ACK, "results": [(2, 1)]})
    equal([line["end"] for line in proxy.calls() if line["status"] == "0x%08x" % NOT_SENT], ["not-sent"], "its line")
    check(("client", "server-changed") in proxy.connections(), "reasons %r" % proxy.connections())


@case("plain/alter-context-is-answered-here")
def alter(world):
    """Of the second client that says it; the first one's is learned by a bind, so that even a server that resets on an
    alter_context can be had."""
    fake = Fake(world, *EVERYTHING)
    proxy = shared(world, fake)
    links = [plain(world, proxy) for _ in range(3)]
    for link in links:
        compare(link.ask(bind([context(5, ECHO, (NDR64, NDR))], ptype=ALTER, call_id=9)),
                {"type": ALTER_RESP, "call_id": 9, "results": [(0, 0)]})
    for link in links:
        served_as(link, ECHO, NDR64, 5)
        served_as(link, TEST, NDR, 0, call_id=3)
    equal((len(fake.heard(BIND)), fake.heard(ALTER), fake.faults), (2, [], []), "binds, alter_contexts, what was wrong")


@case("plain/second-answer-is-nobodys")
def second_answer(world):
    """A server answers a call again when the next one is inside: that one has its own answer, and only that."""
    fake = Fake(world, (TEST, NDR))
    first_ids, other = [], threading.Event()

    def twice(pdu):
        own = fake.name(pdu) + pdu.stub
        if not first_ids:
            first_ids.append(pdu.call_id)
            return response(own, pdu.call_id)
        return response(b"of the call before", first_ids[0]), other, response(own, pdu.call_id)

    fake.on[rpc.REQUEST] = twice
    proxy = shared(world, fake, server="connections: 1")
    one, two = plain(world, proxy), plain(world, proxy)
    served_as(one, TEST, NDR, 0)
    two.send(request(0, b"x", call_id=3))
    wait_until(lambda: [note for note in proxy.notices() if "belongs to no call" in note], "the stray to be noticed")
    other.set()
    compare(two.read(), {"type": RESPONSE, "call_id": 3, "stub": b"d089c2e3/8a885d04 x"})


@case("plain/server-that-answers-1-to-everything")
def answers_one(world):
    """Wine's: one call at a time is inside on a link, so it is known whose answer that is."""
    fake = Fake(world, (TEST, NDR), multiplexes=False)
    fake.on[rpc.REQUEST] = lambda pdu: response(fake.name(pdu) + pdu.stub, 1)
    proxy = shared(world, fake, server="connections: 2\ncalls-per-connection: 16")
    links = [plain(world, proxy, flags=rpc.WHOLE | rpc.CONC_MPX) for _ in range(6)]
    for own, link in enumerate(links):
        link.send(*[request(0, b"%d.%d" % (own, i), call_id=i) for i in range(2, 6)])
    for own, link in enumerate(links):
        for i in range(2, 6):
            compare(link.read(), {"type": RESPONSE, "call_id": i, "stub": b"d089c2e3/8a885d04 %d.%d" % (own, i)})
    equal(proxy.notices(), [], "notices")


@case("plain/call-that-is-let-in-as-its-client-leaves")
def leased_and_left(world):
    """It is given to the link all the same: else what is behind it on the link would count as never sent."""
    first, second, fake = threading.Event(), threading.Event(), Fake(world, (TEST, NDR))
    answers = {b"silent": None, b"first": first, b"second": second, b"leaves": None, b"cut": RESET}
    fake.on[rpc.REQUEST] = lambda pdu: answers[pdu.stub] and (answers[pdu.stub], response(pdu.stub, pdu.call_id))
    proxy = shared(world, fake, server="connections: 1\ncalls-per-connection: 3")
    links = {stub: plain(world, proxy) for stub in answers}
    for stub, looked_at in ((b"silent", 1), (b"first", 2), (b"second", 2), (b"leaves", 2)):
        links[stub].send(request(0, stub, call_id=9))
        wait_until(lambda: len(fake.heard(rpc.REQUEST)) == looked_at, "the server to look at it")
        wait_until(proxy.rests, "the proxy to rest")
    with proxy.stopped():
        before = fake.recorder.written
        first.set()
        wait_until(lambda: fake.recorder.written > before, "the answer")
        links[b"leaves"].reset()
    compare(links[b"first"].read(), {"type": RESPONSE, "stub": b"first"})
    links[b"cut"].send(request(0, b"cut", call_id=9))
    second.set()
    compare(links[b"second"].read(), {"type": RESPONSE, "stub": b"second"})
    for stub in (b"cut", b"silent"):
        compare(links[stub].read(), {"type": FAULT, "status": 0x1C000012, "dne": False})
