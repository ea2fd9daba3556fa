"""Servers that go away and come back, refuse or close: plain clients do not lose their connections by it."""

import threading

from case import CASES, Case, case, check, compare, equal
from cases_plain import plain, shared
from fake import Ledgered
from harness import rpc, wait_until
from recorder import DEAF, FIN, RESET, Recorder, ack
from restarts import SERVER_LOST, SETTINGS, Callers, Restarts, interfaces
from rpc import FAULT, RESPONSE, WHOLE, fragments, test_call

PAUSES = [("pause", ms) for ms in (45, 49, 50, 51, 55, 80)]  # around the 50 ms after which a server closes
TOO_BUSY = rpc.pdu(FAULT, bytes(8) + (0x1C010014).to_bytes(4, "little") + bytes(4), flags=WHOLE | rpc.DNE)
LOST = str(SERVER_LOST)


for idempotent in (False, True):  # `make soak` does it for a minute, every 2.5 s
    CASES.append(Case("retry/server-killed-again-and-again" + ("-idempotent" if idempotent else ""),
                      lambda world, idempotent=idempotent: Restarts(world, 8, 32, 1.3, idempotent).run()))


def clients_stayed(proxy):
    equal([line for line in proxy.connections() if line[0] == "client"], [], "clients that lost their connection")


# ---- servers that close, refuse, go ----

def closes_idle(world, idempotent):
    """A call may meet the FIN on its way, and be in a buffer that nobody reads."""
    server = Ledgered(world, idle=0.05)
    proxy = world.proxy(server, server=SETTINGS, top=interfaces(idempotent))
    callers = Callers(world, proxy, 1, mix=PAUSES)  # more would keep the links of each other busy
    told = callers.during(2, lambda: threading.Event().wait(0.05))
    check(set(told) <= ({"answered"} if idempotent else {"answered", LOST}), "told %r" % dict(told))
    check(server.connections() > 5, "%d connections only" % server.connections())
    clients_stayed(proxy)
    callers.hold_against(server, once=not idempotent)
    return "%d connections, told: %r" % (server.connections(), dict(told))


def busy(world, idempotent):
    """None of it reaches the clients, which wait in line instead."""
    def refuses(pdu):
        return TOO_BUSY[:12] + pdu.call_id.to_bytes(4, "little") + TOO_BUSY[16:] if server.recorder.inside > 4 else None
    server = Ledgered(world, refuses, seconds=0.01)
    proxy = world.proxy(server, server="connections: 8\nwaiting: { longest: 20s }\nretry: { floor: 1000 }",
                        top=interfaces(idempotent))
    callers = Callers(world, proxy, 12, mix=[("echo", 0)])
    told = callers.during(2, lambda: threading.Event().wait(0.05))
    equal(set(told), {"answered"}, "what clients were told")
    check(server.refused, "the server was never too busy")
    clients_stayed(proxy)
    callers.hold_against(server)
    return "%d answered, %d refusals" % (told["answered"], len(server.refused))


@case("retry/operation-that-is-always-refused")
def always_refused(world):
    """As too busy, whatever the load is: it does not hold back the calls of eight other clients."""
    def refuses(pdu):
        if pdu.opnum == 0:
            inside.append(server.recorder.inside)
            return None
        return TOO_BUSY[:12] + pdu.call_id.to_bytes(4, "little") + TOO_BUSY[16:]
    inside = []
    server = Ledgered(world, refuses, seconds=0.01)
    proxy = world.proxy(server, server="connections: 12\nretry: { attempts: 1 }", top=interfaces())
    callers, refused = Callers(world, proxy, 8, mix=[("echo", 0)]), plain(world, proxy)

    def ask():
        refused.send(rpc.request(1, test_call(1 << 60), call_id=2))
        compare(refused.read(), {"type": FAULT, "status": 0x1C010014, "dne": True})
    told = callers.during(2.5, ask)
    equal(set(told), {"answered"}, "what the others were told")
    last = sorted(inside[len(inside) // 2:])
    check(last[len(last) // 2] >= 3, "inside at once, of 8: %d in the middle" % last[len(last) // 2])
    return "%d answered beside %d refusals" % (told["answered"], len(server.refused))


def one_goes(world, idempotent):
    """What was in it is lost, at most what its links hold; all else goes to the other."""
    servers = [world.server(behind=not idempotent) for _ in range(2)]
    proxy = world.proxy(*servers, server=SETTINGS, top=interfaces(idempotent))
    callers, ticks = Callers(world, proxy, 12), []

    def tick():
        threading.Event().wait(0.1)
        ticks.append(None)
        if len(ticks) == 8:
            servers[0].kill()
    told = callers.during(2.5, tick)
    check(set(told) <= {"answered", LOST} and told[LOST] <= (0 if idempotent else 12), "told %r" % dict(told))
    check(all(server.ledger() for server in servers), "one of them had no calls")
    clients_stayed(proxy)
    world.end()
    callers.hold_against(*servers, once=not idempotent)
    return "told: %r" % dict(told)


for name, play in (("server-closes-idle-connections", closes_idle), ("busy-above-four-calls", busy),
                   ("one-of-two-members-goes", one_goes)):
    for idempotent in (False, True):
        CASES.append(Case("retry/" + name + ("-idempotent" if idempotent else ""),
                          lambda world, play=play, idempotent=idempotent: play(world, idempotent)))


# ---- members of different versions ----

def versions(world, across):
    """The one that hears the first call resets its connections from then on."""
    bad = []

    def refuses(pdu):
        bad[:] = bad or [pdu.connection.socket.getsockname()]
        return RESET if pdu.connection.socket.getsockname() == bad[0] else None
    members = [Ledgered(world, refuses) for _ in range(2)]
    listed = ['{ address: "%s", version: "%d" }' % (member.address, i) for i, member in enumerate(members)]
    proxy = world.proxy(*listed, top=interfaces(idempotent=True),
                        server="retry: { attempts: 4, across-versions: %s }" % ("yes" if across else "no"))
    link = plain(world, proxy)
    link.call(1)
    pdu = link.read()
    ran, refused = (sum(len(part) for part in parts) for parts in zip(*((m.ran, m.refused) for m in members)))
    if across:
        compare(pdu, {"type": RESPONSE})
        check(ran == 1 and refused, "ran %d times, reset %d times" % (ran, refused))
    else:
        compare(pdu, {"type": FAULT, "status": 0x1C000012, "dne": False})
        equal((ran, refused), (0, 4), "executions by the other version, attempts at this one")


for across in (False, True):
    CASES.append(Case("retry/versions-" + ("across" if across else "are-not-mixed"),
                      lambda world, across=across: versions(world, across)))


# ---- bytes that are still in the kernel ----

@case("retry/closes-while-our-bytes-are-in-the-kernel")
def in_the_kernel(world):
    """After a FIN nothing says what of them has arrived: the call is not sent again."""
    gate = threading.Event()

    def answer(pdu):
        told = ack(call_id=pdu.call_id, flags=pdu.flags & (WHOLE | rpc.CONC_MPX))
        return (told, gate, FIN, DEAF) if pdu.type == rpc.BIND else None

    server = world.adopt(Recorder([answer], receive_buffer=2304))
    proxy = shared(world, server, server="retry: { attempts: 4, backoff: 1ms }")
    link = plain(world, proxy)
    link.send(*fragments(0, test_call(1, size=36000), 4000, call_id=2))
    wait_until(proxy.rests, "the proxy to have written")
    gate.set()
    compare(link.read(), {"type": FAULT, "status": 0x1C000012, "dne": False})
    line, = proxy.wait_calls(1)
    equal((line["attempts"], line["evidence"], line["proof"]), (1, "all", None), "attempts, evidence, proof")
    equal(len(server.connections), 1, "connections")
