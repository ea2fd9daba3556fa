"""A server that understands nothing: it keeps the bytes that come and answers with bytes it was given.

    recorder = Recorder([ack, None, (half, RESET)])     # to the first, second and third PDU of each connection

An answer is bytes, None, FIN, RESET, DEAF (read no more), a number (of seconds to wait), a threading.Event (to wait
for), a function of the Pdu (its `connection` is where it came) that gives one of these, or a tuple of them, in turn."""

import itertools
import os
import socket
import struct
import threading

from harness import PATIENCE, rpc, close_by_reset
from hosts import own_host

FIN, RESET, DEAF = "fin", "reset", "deaf"


class Heard:
    """One connection: its bytes, and its PDUs as they came."""

    def __init__(self, sock, serial):
        self.socket, self.serial, self.data, self.pdus, self.ended = sock, serial, b"", [], None
        self.deaf = threading.Event()
        self.closed = False

    def close(self):
        self.closed = True
        self.deaf.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def reset(self):
        """May be called while another thread reads."""
        self.closed = True
        close_by_reset(self.socket)
        self.deaf.set()


def decode(raw):
    """A Pdu, or None where it is too odd for us."""
    try:
        return rpc.Pdu(raw)
    except struct.error:
        return None


def split(data):
    """The whole PDUs at the begin of data, and the rest."""
    pdus = []
    while len(data) >= 16:
        length = int.from_bytes(data[8:10], "little" if data[4] & 0xF0 else "big")
        if len(data) < length:
            break
        pdus.append(data[:length])
        data = data[length:]
    return pdus, data


class Recorder:
    def __init__(self, answers=(), listen=None, receive_buffer=None, hangs_on=False, greeting=None,
                 idle=4 * PATIENCE):
        """The last answer is given to all later PDUs where it is a function. hangs_on: answers a FIN by nothing.
        idle: after so many seconds without a byte it closes."""
        listen = listen or (own_host(), 0)
        self.answers, self.hangs_on, self.greeting, self.idle = list(answers), hangs_on, greeting, idle
        self.connections, self.lock, self.closing = [], threading.Lock(), False
        self.inside = self.most_inside = self.written = 0
        self.arrivals = []  # (connection, call_id) of the requests, in order
        self.socket = socket.socket(socket.AF_UNIX if isinstance(listen, str) else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.bind(listen)
        self.socket.listen(128)
        self.address = "unix:" + listen if isinstance(listen, str) else "%s:%d" % self.socket.getsockname()
        self.addresses = [self.address]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        for serial in itertools.count():
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            sock.settimeout(self.idle)
            heard = Heard(sock, serial)
            self.connections.append(heard)
            threading.Thread(target=self.serve, args=(heard,), daemon=True).start()

    def serve(self, heard):
        try:
            if self.greeting:
                self.give(heard, self.greeting, None)
            self.listen_to(heard)
        except OSError as error:
            heard.ended = heard.ended or type(error).__name__
        if not self.hangs_on and not heard.closed:
            heard.close()

    def listen_to(self, heard):
        rest = b""
        while not heard.closed:
            data = heard.socket.recv(65536)
            if not data:
                heard.ended = FIN
                return
            heard.data += data
            pdus, rest = split(rest + data)
            for raw in pdus:
                self.hear(heard, raw)

    def hear(self, heard, raw):
        heard.pdus.append(raw)
        index = min(len(heard.pdus), len(self.answers)) - 1
        is_for_all = index >= 0 and callable(self.answers[index])
        if index < 0 or (index < len(heard.pdus) - 1 and not is_for_all):
            return
        pdu = decode(raw)
        if pdu:
            pdu.connection = heard
        if pdu and pdu.type == rpc.REQUEST:
            self.enter(heard, pdu)
        self.give(heard, self.answers[index], pdu)

    def enter(self, heard, pdu):
        with self.lock:
            self.arrivals.append((heard.serial, pdu.call_id))
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)

    def leave(self, pdu):
        """Before the answer is written: whoever comes in because of it comes later."""
        with self.lock:
            self.inside -= pdu is not None and pdu.type == rpc.REQUEST

    def give(self, heard, answer, pdu):
        if callable(answer):
            answer = answer(pdu)
        if isinstance(answer, tuple):
            for part in answer:
                self.give(heard, part, pdu)
        elif isinstance(answer, bytes):
            self.leave(pdu)
            heard.socket.sendall(answer)
            self.written += 1
        elif isinstance(answer, (int, float)):
            threading.Event().wait(answer)
        elif isinstance(answer, threading.Event):
            answer.wait(PATIENCE)
        elif answer == FIN:
            heard.socket.shutdown(socket.SHUT_WR)
        elif answer == RESET:
            heard.reset()
        elif answer == DEAF:
            heard.deaf.wait(4 * PATIENCE)

    def close(self):
        self.closing = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        for heard in self.connections:
            heard.close()
        if self.address.startswith("unix:") and os.path.exists(self.address[5:]):
            os.unlink(self.address[5:])


# ---- what a server says, by hand ----

def ack(group=0x1234, contexts=1, ptype=rpc.BIND_ACK, call_id=1, flags=rpc.WHOLE, auth=None):
    """A bind_ack that accepts so many contexts with NDR."""
    body = struct.pack("<HHIH", 5840, 5840, group, 0) + bytes(2)
    body += struct.pack("<BBH", contexts, 0, 0) + (struct.pack("<HH", 0, 0) + rpc.syntax(rpc.NDR)) * contexts
    return rpc.pdu(ptype, body, call_id=call_id, flags=flags, auth=auth)


def response(stub=b"", call_id=2, flags=rpc.WHOLE, auth=None):
    return rpc.pdu(rpc.RESPONSE, len(stub).to_bytes(4, "little") + bytes(4) + stub, call_id=call_id, flags=flags,
                   auth=auth)


def echo(pdu):
    """Answers each PDU in kind."""
    if pdu.type == rpc.BIND:
        return ack(call_id=pdu.call_id, flags=pdu.flags & (rpc.WHOLE | rpc.CONC_MPX))
    if pdu.type == rpc.ALTER:
        return ack(ptype=rpc.ALTER_RESP, call_id=pdu.call_id)
    return response(pdu.stub, pdu.call_id) if pdu.type == rpc.REQUEST else None
