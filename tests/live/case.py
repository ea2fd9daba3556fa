"""What a live case is. Most are data: a conversation, settings, and what the log must say.

    talk("relay/single", [send(bind(TEST_CONTEXT)), reads(BIND_ACK), …], calls=[{"end": "answered"}])

A talk is held twice, directly with a server and through rpcward, and its client must see the same both times. A case
that is not a talk is a function that takes a World:

    @case("limits/clients")
    def clients(world): …"""

import dataclasses
from typing import Callable

from audit import audit
from harness import Failure, Link, World, check, equal, rpc, stays_false  # noqa: F401  (cases take these from here)

CASES = []


@dataclasses.dataclass
class Case:
    name: str
    run: Callable
    alone: bool = False  # nothing may run beside it: it measures memory or time
    todo: str = None     # why it is known to fail


def case(name, **how):
    def keep(function):
        CASES.append(Case(name, function, **how))
        return function
    return keep


def run_case(case_, build, directory):
    """Raises where something is wrong; whatever was started is gone afterwards. Returns what the case has counted."""
    world = World(build, directory)
    try:
        counted = case_.run(world)
        world.end()
        audit(world)
        return counted
    finally:
        world.kill()


# ---- conversations ----

class Conversation:
    """A connection, and all that it was told, with what differs between two runs taken out."""

    def __init__(self, address):
        self.link, self.told = Link(address), []

    def hear(self, pdu):
        self.told.append(plain(pdu))
        return pdu


def plain(pdu):
    """Group ids and secondary addresses are a server's own choice."""
    if not isinstance(pdu, rpc.Pdu):
        return pdu
    if pdu.type in (rpc.BIND_ACK, rpc.ALTER_RESP):
        return pdu.type, pdu.flags, pdu.call_id, pdu.xmit, pdu.recv, bool(pdu.group), tuple(pdu.results)
    return pdu.raw


def send(*pdus):
    return lambda talk: talk.link.send(*pdus)


def send_bytewise(pdu):
    def step(talk):
        for at in range(len(pdu)):
            talk.link.send(pdu[at:at + 1])
    return step


def compare(pdu, wanted):
    check(isinstance(pdu, rpc.Pdu), "told %r, wanted a PDU with %r" % (pdu, wanted))
    for key, value in wanted.items():
        equal(getattr(pdu, key, None), value, "%s of %r" % (key, pdu))


def reads(ptype, **wanted):
    """One PDU, with these attributes."""
    return lambda talk: compare(talk.hear(talk.link.read()), {"type": ptype, **wanted})


def reads_answer(own_id, size=0, **wanted):
    """A response of the test interface that came whole, executed once."""
    def step(talk):
        pdu = talk.hear(talk.link.read())
        compare(pdu, {"type": rpc.RESPONSE, **wanted})
        got, executed, payload = rpc.test_answer(pdu)
        equal((got, executed, len(payload)), (own_id, 1, size), "own id, executions, payload")
    return step


def reads_scrambled(call_ids):
    """A response to each, not in this order."""
    def step(talk):
        pdus = [talk.link.read() for _ in call_ids]
        order = [getattr(pdu, "call_id", pdu) for pdu in pdus]
        equal(sorted(order), sorted(call_ids), "answered calls")
        check(order != list(call_ids), "the answers came in the order of the calls")
        talk.told += sorted(plain(pdu) for pdu in pdus)
    return step


def finish(talk):
    """FIN, and goes on reading."""
    talk.link.finish_writing()


def ends(how):
    """"fin" or "reset", and no byte before it."""
    def step(talk):
        equal(talk.hear(talk.link.end()), how, "the end of the connection")
    return step


def hears_nothing(talk):
    """For a moment."""
    talk.link.socket.settimeout(0.1)
    try:
        raise Failure("told %r, wanted silence" % talk.link.read())
    except TimeoutError:
        pass
    talk.link.socket.settimeout(15)


# ---- what the log must say ----

def matches(line, wanted):
    return all(line.get(key) == value for key, value in wanted.items())


def check_calls(lines, wanted):
    """Each wanted line is there, and there is no other."""
    left = list(lines)
    for want in wanted:
        found = next((line for line in left if matches(line, want)), None)
        if not found:
            raise Failure("no call line with %r among %r" % (want, left))
        left.remove(found)
    check(not left, "call lines that nobody wanted: %r" % left)


CLIENT_CLOSED = (("client", "client-closed"), ("server", "client-closed"))


@dataclasses.dataclass
class Talk:
    """server(world) makes what is talked to. ledger: how many executions; None: not a test-server."""
    steps: list
    calls: list = dataclasses.field(default_factory=list)
    connections: tuple = CLIENT_CLOSED
    ledger: int = None
    direct: bool = True
    server: Callable = lambda world: world.server()
    settings: dict = dataclasses.field(default_factory=dict)
    then: Callable = None  # further checks of (world, server, proxy)

    def hold(self, address):
        conversation = Conversation(address)
        try:
            for step in self.steps:
                step(conversation)
        finally:
            conversation.link.close()
        return conversation.told

    def __call__(self, world):
        seen = self.hold(self.server(world).address) if self.direct else None
        world.servers.clear()  # that one did not stand behind the proxy
        server = self.server(world)
        proxy = world.proxy(server, **self.settings)
        told = self.hold(proxy.address)
        if self.direct:
            equal(told, seen, "what the client was told through rpcward, and directly")
        equal(sorted(proxy.wait_connections(len(self.connections))), sorted(self.connections), "connection lines")
        if self.then:
            self.then(world, server, proxy)
        world.end()
        check_calls(proxy.calls(), self.calls)
        if self.ledger is not None:
            equal(len(server.ledger()), self.ledger, "executions")


def talk(name, steps, todo=None, **what):
    CASES.append(Case(name, Talk(steps, **what), todo=todo))


__all__ = """CASES CLIENT_CLOSED Case Conversation Talk case check check_calls compare ends equal finish hears_nothing
    reads reads_answer reads_scrambled run_case send send_bytewise stays_false talk""".split()
