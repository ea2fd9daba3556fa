"""DCE/RPC PDUs by hand, for tests that say what no client would say.

    c = Connection("127.0.0.1:5000")
    ack = c.ask(bind([context(0, TEST)]))
    c.send(request(0, test_call(own_id=7), call_id=2, flags=FIRST))
    answer = c.read()                    # a Pdu, None at FIN, "reset" after RST

Every composing function takes the keywords of pdu(): call_id, flags, big, auth, and those that lie."""

import ctypes
import socket
import struct
import uuid

LIBC = ctypes.CDLL(None)

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_RESP, AUTH3 = 0, 2, 3, 11, 12, 13, 14, 15, 16
SHUTDOWN, CO_CANCEL, ORPHANED = 17, 18, 19
FIRST, LAST, WHOLE, PENDING_CANCEL, HEADER_SIGN, CONC_MPX, DNE, MAYBE, OBJECT = 1, 2, 3, 4, 4, 0x10, 0x20, 0x40, 0x80

NDR = ("8a885d04-1ceb-11c9-9fe8-08002b104860", 2, 0)
NDR64 = ("71710533-beba-4937-8319-b5dbef9ccc36", 1, 0)
TEST = ("d089c2e3-cab7-424d-9183-85cd34db61ff", 1, 0)
ECHO = ("60a15ec5-4de8-11d7-a637-005056a20182", 1, 0)
MGMT = ("afa8bd80-7d8a-11c9-bef4-08002b102989", 1, 0)
ECHO_SIZE = 0xFFFFFFFF
BEHAVIOURS = ("echo slow silent busy fault die-before die-after reset-before reset-after close-before close-after "
              "fragments call-back rubbish wrong-call-id twice half").split()  # testif.h


def order(big):
    return ">" if big else "<"


def features(mask):
    """The transfer syntax of a bind-time feature negotiation (MS-RPCE 2.2.2.14)."""
    return (str(uuid.UUID(bytes_le=bytes.fromhex("2c1cb76c12984045") + struct.pack("<Q", mask))), 1, 0)


def syntax(name, big=False):
    """The version is one integer, its major number in the low half (C706 12.6.3.1)."""
    text, major, minor = name
    u = uuid.UUID(text)
    return (u.bytes if big else u.bytes_le) + struct.pack(order(big) + "I", minor << 16 | major)


def context(context_id, abstract, transfers=(NDR,)):
    return context_id, abstract, transfers


def trailer(auth_type=10, level=5, value=bytes(16), context_id=0):
    """An auth trailer, to be given as auth=; pdu() adds the padding it needs."""
    return auth_type, level, value, context_id


def pdu(ptype, body, call_id=1, flags=WHOLE, big=False, auth=None, minor=0, length=None, auth_length=None, drep=None):
    """length, auth_length, drep and minor are computed unless the test wants to lie."""
    o, tail = order(big), b""
    if auth is not None:
        kind, level, value, auth_context = auth
        pad = -len(body) % 4
        tail = bytes(pad) + struct.pack(o + "BBBBI", kind, level, pad, 0, auth_context) + value
        auth_length = len(value) if auth_length is None else auth_length
    head = struct.pack("BBBB", 5, minor, ptype, flags) + (drep or bytes([0 if big else 0x10, 0, 0, 0]))
    whole = 16 + len(body) + len(tail)
    return head + struct.pack(o + "HHI", whole if length is None else length, auth_length or 0, call_id) + body + tail


def bind(contexts, ptype=BIND, xmit=5840, recv=5840, group=0, big=False, **head):
    """Also alter_context, with ptype=ALTER."""
    o = order(big)
    body = struct.pack(o + "HHIBBH", xmit, recv, group, len(contexts), 0, 0)
    for context_id, abstract, transfers in contexts:
        body += struct.pack(o + "HBB", context_id, len(transfers), 0) + syntax(abstract, big)
        body += b"".join(syntax(t, big) for t in transfers)
    return pdu(ptype, body, big=big, **head)


def request(opnum, stub, context_id=0, hint=None, obj=None, big=False, flags=WHOLE, **head):
    body = struct.pack(order(big) + "IHH", len(stub) if hint is None else hint, context_id, opnum)
    if obj is not None:
        flags |= OBJECT
        body += uuid.UUID(obj).bytes if big else uuid.UUID(obj).bytes_le
    return pdu(REQUEST, body + stub, big=big, flags=flags, **head)


def fragments(opnum, stub, size, flags=0, **head):
    """A request cut into fragments of `size` stub bytes, as a list."""
    cuts = list(range(0, max(len(stub), 1), size))
    return [request(opnum, stub[at:at + size], hint=len(stub) - at,
                    flags=flags | (FIRST if at == 0 else 0) | (LAST if at == cuts[-1] else 0), **head) for at in cuts]


def control(ptype, **head):
    """co_cancel, orphaned, shutdown: a header alone."""
    return pdu(ptype, b"", **head)


def pattern(size, own_id):
    """The payload of the test interface (test.idl)."""
    period = bytes((own_id + i) & 0xFF for i in range(256))
    return (period * (size // 256 + 1))[:size]


def test_call(own_id, behaviour="echo", a=0, b=0, size=0, answer=ECHO_SIZE, big=False):
    head = struct.pack(order(big) + "QIIIIII", own_id, BEHAVIOURS.index(behaviour), a, b, answer, size, size)
    return head + pattern(size, own_id)


def test_answer(pdu_read):
    """(own id, executed, payload) of a response that came whole; raises where the payload is not as it must be."""
    own_id, executed, size, _, most = struct.unpack_from(order(pdu_read.big) + "QIIII", pdu_read.stub)
    payload = pdu_read.stub[24:]
    if size != most or payload != pattern(size, own_id):
        raise ValueError("wrong payload")
    return own_id, executed, payload


class Pdu:
    """One PDU that was read. Attributes as its type has them: group, results, reason, status, stub, …"""

    def __init__(self, raw):
        self.raw, self.type, self.flags, self.big = raw, raw[2], raw[3], not raw[4] & 0xF0
        self.length, self.auth_length, self.call_id = self.unpack("HHI", 8)
        body_end = len(raw) - (self.auth_length + 8 if self.auth_length else 0)
        if self.type in (BIND_ACK, ALTER_RESP):
            self.read_ack()
        elif self.type == BIND_NAK:
            self.reason, = self.unpack("H", 16)
        elif self.type in (REQUEST, RESPONSE, FAULT):
            self.hint, self.context_id, self.opnum = self.unpack("IHH", 16)
            if self.type == FAULT:
                self.status, = self.unpack("I", 24)
                self.dne = bool(self.flags & DNE)
            self.stub = raw[40 if self.flags & OBJECT and self.type == REQUEST else 24:body_end]

    def unpack(self, form, at):
        return struct.unpack_from(order(self.big) + form, self.raw, at)

    def read_ack(self):
        self.xmit, self.recv, self.group, size = self.unpack("HHIH", 16)
        self.secondary = self.raw[26:26 + size].rstrip(b"\0").decode()
        at = 26 + size + (-(26 + size) % 4)
        self.results = [self.unpack("HH", at + 4 + 24 * i) for i in range(self.raw[at])]

    def __repr__(self):
        return "Pdu(%s)" % ", ".join("%s=%r" % i for i in vars(self).items() if i[0] not in ("raw", "stub"))


def reset(sock):
    """Closes by RST, at once: by a connect to nowhere, because close() waits for threads that read, and for programs that
    are being started and have a copy still."""
    LIBC.connect(sock.fileno(), struct.pack("H14x", socket.AF_UNSPEC), 16)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Connection:
    def __init__(self, address, timeout=10):
        """A:P, [v6]:P or unix:/path"""
        if address.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address[5:])
        else:
            host, port = address.rsplit(":", 1)
            self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffered = b""

    def send(self, *pdus):
        self.socket.sendall(b"".join(pdus))

    def read(self):
        """The next PDU; None at FIN, "reset" after RST; raises TimeoutError in silence."""
        while len(self.buffered) < 16 or len(self.buffered) < self.next_length():
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return "reset"
            if not more:
                return None
            self.buffered += more
        length = self.next_length()
        raw, self.buffered = self.buffered[:length], self.buffered[length:]
        return Pdu(raw)

    def next_length(self):
        return struct.unpack_from("<H" if self.buffered[4] & 0xF0 else ">H", self.buffered, 8)[0]

    def ask(self, *pdus):
        self.send(*pdus)
        return self.read()

    def reset(self):
        reset(self.socket)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()
