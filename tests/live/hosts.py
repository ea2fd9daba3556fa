"""A loopback address for each server: cases run side by side, and a port that a dead server gave back must not become
another case's while clients still call it."""

import itertools
import random

_numbers = itertools.count(random.randrange(200 * 250))


def own_host():
    number = next(_numbers) % (200 * 250)
    return "127.%d.%d.1" % (16 + number // 250, number % 250)
