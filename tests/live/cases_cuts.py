"""The connection to the server is cut after every byte: no call runs twice, nobody is told falsely that his did not
run, and what provably did not run is answered all the same."""

from case import CASES, Case
from cuts import Cuts, KINDS
from recorder import FIN, RESET

for kind in KINDS:
    for how in (FIN, RESET):
        for down in (False, True):
            CASES.append(Case("cuts/%s-link-by-%s-%s" % (kind, how, "of-answers" if down else "of-requests"),
                              lambda world, what=(kind, how, down): Cuts(world, *what).run()))
