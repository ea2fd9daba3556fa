"""Answers never cross, for some seconds; `make soak` does it for a minute."""

import random

from case import case
from crossing import Crossing


@case("plain/answers-never-cross", alone=True)
def answers_never_cross(world):
    Crossing(world, 6, random.SystemRandom().getrandbits(30)).run()
