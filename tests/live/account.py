"""What the kernel knows of a TCP connection of another process, by sock_diag(7)."""

import collections
import socket
import struct

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY, REQUEST, WANTS_INFO = 20, 1, 2  # linux/sock_diag.h, netlink.h; 1 << (INET_DIAG_INFO - 1)
HEAD, MESSAGE = 16, 72                               # struct nlmsghdr, struct inet_diag_msg
BYTES_ACKED, NOTSENT = 120, 144                      # in struct tcp_info

Account = collections.namedtuple("Account", "taken unsent")


def endpoint(address):
    return socket.inet_aton(address[0]) + bytes(12)


def question(local, remote):
    """Of IPv4; ports and addresses in network order, no interface, no cookie."""
    body = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, WANTS_INFO, 0, 0xFFFFFFFF)
    body += struct.pack("!HH", local[1], remote[1]) + endpoint(local) + endpoint(remote)
    body += struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    return struct.pack("=IHHII", HEAD + len(body), SOCK_DIAG_BY_FAMILY, REQUEST, 1, 0) + body


def attributes(data):
    at = HEAD + MESSAGE
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        yield kind, data[at + 4:at + size]
        at += (size + 3) & ~3


def account(local, remote):
    """taken: bytes that write() has taken of whoever owns this end, who has dialled it; unsent: those of them that have
    not left. None where there is no such connection."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG) as asked:
        asked.sendto(question(local, remote), (0, 0))
        data = asked.recv(65536)
    if struct.unpack_from("=H", data, 4)[0] != SOCK_DIAG_BY_FAMILY:
        return None
    waiting, = struct.unpack_from("=I", data, HEAD + 60)  # idiag_wqueue: taken and not acknowledged
    info = dict(attributes(data))[WANTS_INFO]
    acked, = struct.unpack_from("=Q", info, BYTES_ACKED)  # the SYN is one of them
    return Account(acked - 1 + waiting, struct.unpack_from("=I", info, NOTSENT)[0])
