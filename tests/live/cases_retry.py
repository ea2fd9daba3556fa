"""Servers that go away and come back, refuse or close: plain clients do not lose their connections by it."""

from case import case
from restarts import Restarts


@case("retry/server-killed-again-and-again")
def killed(world):
    """`make soak` does it for a minute."""
    return Restarts(world, 8, clients=16, every=1.3).run()


@case("retry/server-killed-under-idempotent-calls")
def killed_idempotent(world):
    return Restarts(world, 8, clients=16, every=1.3, idempotent=True).run()
