"""Many conversations in one thread. Each is a script, a generator that yields while it waits: nothing for whatever may
happen to one of its own connections, or a number of seconds.

    stage = Stage()
    stage.play({name: script})            # to the ends of all; a script that nothing moves any more is a failure

A Wire is a connection that never blocks: what it is given it writes, what comes is cut into PDUs."""

import fcntl
import heapq
import itertools
import select
import socket
import struct
import time

from harness import PATIENCE, Failure, close_by_reset

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
UNSENT = 0x894B  # SIOCOUTQNSD


class Stage:
    def __init__(self):
        self.poll, self.watched, self.stirred = select.epoll(), {}, set()
        self.timers, self.order = [], itertools.count()

    def watch(self, sock, name, ready):
        self.watched[sock.fileno()] = (name, ready)
        self.poll.register(sock, READ)

    def forget(self, sock):
        self.poll.unregister(sock)
        del self.watched[sock.fileno()]

    def resume(self, name, script, last):
        """Goes on with a script; False at its end."""
        last[name] = time.monotonic()
        try:
            pause = next(script)
        except StopIteration:
            return False
        except Failure as failure:
            raise Failure("%s: %s" % (name, failure)) from None
        if pause is not None:
            heapq.heappush(self.timers, (last[name] + pause, next(self.order), name))
        return True

    def wait(self):
        """What happens next; names that are stirred by it."""
        until = self.timers[0][0] - time.monotonic() if self.timers else 1
        for descriptor, events in self.poll.poll(max(0, min(1, until))):
            name, ready = self.watched.get(descriptor, (None, None))
            if ready:
                self.stirred.add(name)
                ready(events)
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            self.stirred.add(heapq.heappop(self.timers)[2])
        stirred, self.stirred = self.stirred, set()
        return stirred

    def play(self, scripts, patience=4 * PATIENCE):
        last = {}
        scripts = {name: script for name, script in scripts.items() if self.resume(name, script, last)}
        while scripts:
            for name in self.wait():
                if name in scripts and not self.resume(name, scripts[name], last):
                    del scripts[name]
            for name in scripts:
                if time.monotonic() - last[name] > patience:
                    raise Failure("%s: nothing has happened for %d s" % (name, patience))


class Wire:
    """Of the script `name`. Overrides: take(pdu) for each PDU, ended(how) when the other side is over."""

    def __init__(self, stage, name, sock):
        self.stage, self.name, self.socket = stage, name, sock
        self.inbox, self.outbox, self.closed = b"", b"", False
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stage.watch(sock, name, self.ready)

    def room(self):
        """How many bytes may be read."""
        return 1 << 18

    def ready(self, events):
        if events & WRITE and self.outbox:
            self.give(b"")
        if not self.closed and events & ~WRITE:
            self.read()

    def read(self):
        try:
            data = self.socket.recv(self.room())
        except BlockingIOError:
            return
        except OSError:
            self.over("reset")
            return
        if data:
            self.came(data)
        else:
            self.over("fin")

    def came(self, data):
        for pdu in self.frames(data):
            self.take(pdu)

    def frames(self, data):
        """The whole PDUs that there are now; the rest is kept. All say that they are little endian."""
        data, at, pdus = self.inbox + data, 0, []
        while len(data) - at >= 16:
            length = int.from_bytes(data[at + 8:at + 10], "little")
            if len(data) - at < length:
                break
            pdus.append(data[at:at + length])
            at += length
        self.inbox = data[at:]
        return pdus

    def give(self, data):
        self.outbox += data
        try:
            sent = self.socket.send(self.outbox)
            self.outbox = self.outbox[sent:]
        except BlockingIOError:
            pass
        except OSError:
            self.outbox = b""
            return
        self.stage.poll.modify(self.socket, READ | (WRITE if self.outbox else 0))

    def has_left(self):
        """All that was given is on its way."""
        return not self.outbox and not struct.unpack("i", fcntl.ioctl(self.socket, UNSENT, bytes(4)))[0]

    def over(self, how):
        self.close()
        self.ended(how)

    def close(self, reset=False):
        if self.closed:
            return
        self.closed = True
        self.stage.forget(self.socket)
        if reset:
            close_by_reset(self.socket)
        else:
            self.socket.close()

    def take(self, pdu):
        raise NotImplementedError

    def ended(self, how):
        pass
