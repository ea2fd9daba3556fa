#!/usr/bin/env python3
"""Connects in many ways and says what a program sees of it. Run with the shim and without: the same must come.

Usage: probe.py PORT CLOSED_PORT; an echo server listens at PORT of the hosts below. Prints one JSON object: an
observation for each case. `probe.py --inherited FD` is what one of the cases executes."""

import array
import ctypes
import errno
import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading

V4, V6, MAPPED = "10.0.0.5", "fd00::5", "::ffff:10.0.0.5"
NOWHERE = {V4: "10.9.9.9", V6: "fd99::9", MAPPED: "::ffff:10.9.9.9"}
MSG_FASTOPEN, TCP_FASTOPEN_CONNECT, IPV6_ADDRFORM = 0x20000000, 30, 1
SOL, TCP, IP, IP6 = socket.SOL_SOCKET, socket.IPPROTO_TCP, socket.IPPROTO_IP, socket.IPPROTO_IPV6
PORT, CLOSED = 0, 0  # set by main()

# What is set before the connect, as (level, name, value), so that a lost option shows.
SET = [(SOL, socket.SO_KEEPALIVE, 1), (SOL, socket.SO_LINGER, struct.pack("ii", 1, 7)), (SOL, socket.SO_REUSEADDR, 1),
       (SOL, socket.SO_SNDBUF, 30000), (SOL, socket.SO_RCVBUF, 40000), (SOL, socket.SO_PRIORITY, 3),
       (SOL, socket.SO_RCVTIMEO, struct.pack("ll", 9, 0)), (TCP, socket.TCP_NODELAY, 1), (TCP, socket.TCP_KEEPIDLE, 77),
       (TCP, socket.TCP_KEEPINTVL, 11), (TCP, socket.TCP_KEEPCNT, 5), (TCP, 18, 12345), (TCP, socket.TCP_SYNCNT, 4)]
# What is read afterwards: those, and what nobody has set.
READ = sorted({(level, name) for level, name, _ in SET} | {
    (SOL, socket.SO_TYPE), (SOL, 39), (SOL, 38), (SOL, socket.SO_REUSEPORT), (SOL, socket.SO_OOBINLINE),
    (SOL, socket.SO_RCVLOWAT), (SOL, socket.SO_MARK), (SOL, socket.SO_BINDTODEVICE), (SOL, socket.SO_SNDTIMEO),
    (TCP, socket.TCP_CORK), (TCP, socket.TCP_DEFER_ACCEPT), (TCP, socket.TCP_QUICKACK), (TCP, 13), (IP, socket.IP_TOS),
    (IP, socket.IP_TTL), (IP6, socket.IPV6_V6ONLY), (IP6, socket.IPV6_TCLASS), (IP6, socket.IPV6_UNICAST_HOPS)})


def outcome(call, *arguments):
    """What it returned, or the name of its error."""
    try:
        return call(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def named(name):
    """Without the port that the kernel picked, which differs from run to run."""
    if isinstance(name, tuple) and name[1] not in (PORT, CLOSED, 0) and name[1] > 32767:
        return [name[0], "any", *name[2:]]
    return name


def options(sock):
    def read(level, name):
        value = outcome(sock.getsockopt, level, name, 16)
        return value.hex() if isinstance(value, bytes) else value
    return {"%d.%d" % (level, name): read(level, name) for level, name in READ}


def echo(sock):
    sock.setblocking(True)
    sock.settimeout(5)
    sent = outcome(sock.sendall, b"hello")
    return sent or outcome(lambda: sock.recv(5).decode())


def look(sock, host):
    """All that a program can see of a connected socket, but what it sends."""
    return {"peer": named(outcome(sock.getpeername)), "own": named(outcome(sock.getsockname)), "options": options(sock),
            "flags": fcntl.fcntl(sock, fcntl.F_GETFL), "close-on-exec": fcntl.fcntl(sock, fcntl.F_GETFD), "host": host}


def make(host, set_options=True):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    for level, name, value in SET if set_options else ():
        sock.setsockopt(level, name, value)
    return sock


def wait_writable(sock):
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    events = poller.poll(5000)
    return [events[0][1] if events else None, errno.errorcode.get(sock.getsockopt(SOL, socket.SO_ERROR))]


def connect(sock, host, port, blocking):
    """Connects, looks, and says hello."""
    sock.setblocking(blocking)
    seen = {"connect": errno.errorcode.get(sock.connect_ex((host, port)), "done")}
    if not blocking:
        seen["then"] = wait_writable(sock)
    seen.update(look(sock, host))
    seen["echo"] = echo(sock)
    sock.close()
    return seen


def plain(host, target, blocking, only_v6=False, bind=None, device=None):
    def case():
        sock = make(host)
        if only_v6:
            sock.setsockopt(IP6, socket.IPV6_V6ONLY, 1)
        if device:
            sock.setsockopt(SOL, socket.SO_BINDTODEVICE, device)
        if bind:
            sock.bind(bind)
        to, port = (NOWHERE[host], PORT) if target == "nowhere" else (host, PORT if target == "open" else CLOSED)
        return connect(sock, to, port, blocking)
    return case


def fast_open(host, how):
    def case():
        sock = make(host)
        if how == "sendto":
            sent = outcome(sock.sendto, b"hello", MSG_FASTOPEN, (host, PORT))
        elif how == "sendmsg":
            sent = outcome(sock.sendmsg, [b"hel", b"lo"], [], MSG_FASTOPEN, (host, PORT))
        else:
            sock.setsockopt(TCP, TCP_FASTOPEN_CONNECT, 1)
            sent = outcome(sock.connect, (host, PORT)) or outcome(sock.send, b"hello")
        sock.settimeout(5)
        got = outcome(lambda: sock.recv(5).decode())
        return {"sent": sent, "got": got, **look(sock, host)}
    return case


def sendmmsg():
    """By ctypes: Python has no sendmmsg(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    sock = make(V4)
    name = ctypes.create_string_buffer(struct.pack("=HH4s8x", socket.AF_INET, socket.htons(PORT), socket.inet_aton(V4)))
    text = ctypes.create_string_buffer(b"hello", 5)
    vector = array.array("Q", [ctypes.addressof(text), 5])
    message = array.array("Q", [ctypes.addressof(name), 16, vector.buffer_info()[0], 1, 0, 0, 0, 0])
    sent = libc.sendmmsg(sock.fileno(), ctypes.c_void_p(message.buffer_info()[0]), 1, MSG_FASTOPEN)
    sock.settimeout(5)
    return {"sent": sent, "length": message[7] & 0xFFFFFFFF, "got": outcome(lambda: sock.recv(5).decode()),
            **look(sock, V4)}


# ---- what comes after the connect ----

def connected(host=V4):
    sock = make(host)
    sock.connect((host, PORT))
    return sock


def duplicate():
    sock = connected()
    other = socket.socket(fileno=os.dup(sock.fileno()))
    sock.close()
    return {**look(other, V4), "echo": echo(other)}


def do_in_child(what):
    """In a child that is gone after it, whatever happens."""
    child = os.fork()
    if child == 0:
        try:
            what()
            os._exit(0)
        except OSError as error:
            print("in the child: %s" % error, file=sys.stderr, flush=True)
        finally:
            os._exit(1)
    return child


def in_child():
    sock = connected()
    reader, writer = os.pipe()
    do_in_child(lambda: os.write(writer, json.dumps({**look(sock, V4), "echo": echo(sock)}).encode()))
    os.close(writer)
    seen = os.read(reader, 65536)
    os.wait()
    return json.loads(seen)


def inherited():
    sock = connected(V6)
    sock.set_inheritable(True)
    done = subprocess.run([sys.executable, __file__, "--inherited", str(sock.fileno())], pass_fds=[sock.fileno()],
                          capture_output=True, check=True)
    return json.loads(done.stdout)


def handed_over():
    sock, (left, right) = connected(), socket.socketpair()
    socket.send_fds(left, [b"x"], [sock.fileno()])
    sock.close()
    other = socket.socket(fileno=socket.recv_fds(right, 1, 1)[1][0])
    return {**look(other, V4), "echo": echo(other)}


def from_child():
    """Connected in a child, and handed to its parent, who has not seen the connect."""
    left, right = socket.socketpair()

    def connect_and_send():
        sock = connected()
        socket.send_fds(left, [b"x"], [sock.fileno()])

    do_in_child(connect_and_send)
    left.close()
    other = socket.socket(fileno=socket.recv_fds(right, 1, 1)[1][0])
    os.wait()
    return {**look(other, V4), "echo": echo(other)}


def reused_number():
    """Another socket under the same descriptor has nothing of the first one."""
    first = connected()
    number = first.fileno()
    first.close()
    second = socket.socket()
    second.bind(("127.0.0.1", 0))
    return {"same": second.fileno() == number, "peer": outcome(second.getpeername), "own": named(second.getsockname())}


def twice(host, blocking):
    def case():
        sock = make(host)
        sock.setblocking(blocking)
        results = [errno.errorcode.get(sock.connect_ex((host, PORT)), "done")]
        if not blocking:
            wait_writable(sock)
        results += [errno.errorcode.get(sock.connect_ex((host, PORT)), "done") for _ in range(3)]
        return {"results": results, **look(sock, host), "echo": echo(sock)}
    return case


def after_refusal(host, blocking):
    def case():
        sock = make(host)
        sock.setblocking(blocking)
        results = [errno.errorcode.get(sock.connect_ex((host, CLOSED)), "done")]
        if not blocking:
            results.append(wait_writable(sock))
        sock.setblocking(True)
        results.append(errno.errorcode.get(sock.connect_ex((host, PORT)), "done"))
        return {"results": results, **look(sock, host), "echo": echo(sock)}
    return case


def again(host, other):
    """Disconnected by AF_UNSPEC, and connected to another host."""
    def case():
        libc = ctypes.CDLL(None, use_errno=True)
        sock = connected(host)
        dissolved = libc.connect(sock.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16)
        result = errno.errorcode.get(sock.connect_ex((other, PORT)), "done")
        return {"dissolved": dissolved, "result": result, **look(sock, other), "echo": echo(sock)}
    return case


def set_afterwards():
    """Options that the kernel takes from sockets that are connected over IPv6, and one that it does not."""
    sock = connected(V6)
    results = {str(name): outcome(sock.setsockopt, IP6, name, value) for name, value in (
        (socket.IPV6_TCLASS, 32), (socket.IPV6_UNICAST_HOPS, 5), (socket.IPV6_V6ONLY, 0), (IPV6_ADDRFORM, 2))}
    return {"results": results, **look(sock, V6), "echo": echo(sock)}


def short_name():
    """A buffer too small for the name: as much as there is room for, and the whole length."""
    libc = ctypes.CDLL(None, use_errno=True)
    seen = {}
    for host, name in ((V4, "getpeername"), (V6, "getpeername"), (V4, "getsockname")):
        sock = connected(host)
        buffer, length = ctypes.create_string_buffer(b"\xee" * 32, 32), ctypes.c_uint(8)
        result = getattr(libc, name)(sock.fileno(), buffer, ctypes.byref(length))
        raw = buffer.raw[:2] + buffer.raw[4:] if "sock" in name else buffer.raw
        seen[name + host] = [result, length.value, raw.hex()]
    return seen


def long_address():
    """The length of sockaddr_storage with an IPv4 address, as many programs have it."""
    libc = ctypes.CDLL(None, use_errno=True)
    sock = make(V4)
    name = struct.pack("=HH4s120s", socket.AF_INET, socket.htons(PORT), socket.inet_aton(V4), b"\xdd" * 120)
    return {"result": libc.connect(sock.fileno(), name, 128), **look(sock, V4), "echo": echo(sock)}


def errno_is_kept():
    """A call that succeeds leaves errno alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    sock = make(V4)
    ctypes.set_errno(77)
    name = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(PORT), socket.inet_aton(V4))
    results = [libc.connect(sock.fileno(), name, 16), ctypes.get_errno()]
    buffer, length = ctypes.create_string_buffer(32), ctypes.c_uint(32)
    for call in (libc.getpeername, libc.getsockname):
        results += [call(sock.fileno(), buffer, ctypes.byref(length)), ctypes.get_errno()]
    return results


def wrong_arguments():
    libc = ctypes.CDLL(None, use_errno=True)
    def fails(*arguments):
        return [libc.connect(*arguments), errno.errorcode.get(ctypes.get_errno())]
    name = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(PORT), socket.inet_aton(V4))
    six, four = make(V6), make(V4)
    return {"closed": fails(999, name, 16), "file": fails(0, name, 16), "short": fails(four.fileno(), name, 8),
            "null": fails(four.fileno(), None, 16), "family": fails(six.fileno(), name, 16),
            "datagram": fails(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach(), name, 16)}


def many_threads():
    """Each thread's socket has its own peer."""
    seen = set()
    def work(number):
        for i in range(20):
            host, port = (("10.0.0.5", PORT), ("10.0.0.6", PORT))[(number + i) % 2]
            sock = socket.create_connection((host, port), 5)
            seen.add((host, sock.getpeername()[0], echo(sock)))
            sock.close()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(seen)


def spare_descriptors():
    """None is left open by a connect."""
    before = os.listdir("/proc/self/fd")
    for host in (V4, V6):
        sock = connected(host)
        sock.getpeername()
        sock.getsockname()
        sock.close()
    return len(os.listdir("/proc/self/fd")) - len(before)


def cases():
    found = {}
    for host, label in ((V4, "IPv4"), (V6, "IPv6"), (MAPPED, "mapped")):
        for target in ("open", "closed", "nowhere"):
            for blocking in (True, False):
                found["%s %s %s" % (label, target, "blocking" if blocking else "non-blocking")] = plain(
                    host, target, blocking)
        for how in ("sendto", "sendmsg", "connect"):
            found["%s fast open by %s" % (label, how)] = fast_open(host, how)
        for blocking in (True, False):
            found["%s connect again, %s" % (label, "blocking" if blocking else "non-blocking")] = twice(host, blocking)
    for blocking in (True, False):
        mode = "blocking" if blocking else "non-blocking"
        for target in ("open", "closed"):
            found["IPv6 only %s %s" % (target, mode)] = plain(V6, target, blocking, only_v6=True)
        found["IPv6 only, to a mapped address, " + mode] = plain(MAPPED, "open", blocking, only_v6=True)
        for host, label in ((V4, "IPv4"), (V6, "IPv6")):
            found["%s after a refusal, %s" % (label, mode)] = after_refusal(host, blocking)
        for bind in ("", "10.0.0.5", "10.0.0.6", "127.0.0.1"):
            found["IPv4 bound to %s, %s" % (bind or "any", mode)] = plain(V4, "open", blocking, bind=(bind, 0))
        found["IPv4 bound to a port, " + mode] = plain(V4, "open", blocking, bind=("", 3333 + blocking))
        for bind in ("::", "fd00::5", "fd00::6", "::1"):
            found["IPv6 bound to %s, %s" % (bind, mode)] = plain(V6, "open", blocking, bind=(bind, 0))
            found["IPv6 only bound to %s, %s" % (bind, mode)] = plain(V6, "open", blocking, True, (bind, 0))
        found["bound to the device lo, " + mode] = plain(V4, "open", blocking, device=b"lo\0")
        found["IPv6 bound to the device lo, " + mode] = plain(V6, "open", blocking, device=b"lo\0")
    found.update({
        "sendmmsg": sendmmsg, "dup": duplicate, "fork": in_child, "exec": inherited, "SCM_RIGHTS": handed_over,
        "SCM_RIGHTS from who connected": from_child, "a descriptor's number is used again": reused_number,
        "dissolved and connected elsewhere": again(V4, "10.0.0.6"),
        "IPv6 dissolved and connected elsewhere": again(V6, "fd00::6"), "IPv6 options afterwards": set_afterwards,
        "a name in a short buffer": short_name,
        "a long address": long_address, "errno is kept": errno_is_kept, "wrong arguments": wrong_arguments,
        "threads": many_threads, "no descriptor is left": spare_descriptors})
    return found


def main():
    global PORT, CLOSED
    if sys.argv[1] == "--inherited":
        sock = socket.socket(fileno=int(sys.argv[2]))
        print(json.dumps({**look(sock, V6), "echo": echo(sock)}))
        return
    PORT, CLOSED = int(sys.argv[1]), int(sys.argv[2])
    print(json.dumps({name: outcome(case) for name, case in cases().items()}))


main()
