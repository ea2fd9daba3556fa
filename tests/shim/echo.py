#!/usr/bin/env python3
"""An echo server at all addresses of this host: echo.py [--quiet | --first TEXT]; TEXT is said before all else.

Prints its port, then, unless it is quiet, "PEER UID" for each connection: the user of the socket at the other end, from
/proc/net/tcp*."""

import socket
import sys
import threading


def owner(sock):
    """The uid of the socket whose own address is this one's peer (proc(5))."""
    try:
        port = "%04X" % sock.getpeername()[1]
    except OSError:
        return None  # it was reset by now
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(path, encoding="ascii") as table:
            for row in list(table)[1:]:
                words = row.split()
                if words[1].endswith(":" + port) and words[2].endswith(":%04X" % sock.getsockname()[1]):
                    return int(words[7]) if words[9] != "0" else None  # no process has it any more
    return None


def serve(sock, first):
    try:
        sock.sendall(first)
        while True:
            data = sock.recv(65536)
            if not data:
                break
            sock.sendall(data)
    except OSError:
        pass
    sock.close()


def main():
    first = sys.argv[2].encode() if len(sys.argv) > 2 else b""
    listener = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=4096)
    print(listener.getsockname()[1], flush=True)
    while True:
        sock, peer = listener.accept()
        if "--quiet" not in sys.argv:
            print(peer[0], owner(sock), flush=True)
        threading.Thread(target=serve, args=(sock, first), daemon=True).start()


main()
