#!/usr/bin/python3
"""impacket, and a call that takes longer than it may. Usage: slow_impacket.py HOST PORT SECONDS; a line per step: what it
was told, and after how many seconds."""

import struct
import sys
import time

from impacket.dcerpc.v5 import transport
from impacket.uuid import uuidtup_to_bin

HOST, PORT, SECONDS = sys.argv[1:4]
ECHO = uuidtup_to_bin(("60a15ec5-4de8-11d7-a637-005056a20182", "1.0"))
ADD_ONE, TEST_SLEEP = 0, 6


def call(opnum, value):
    connection.call(opnum, struct.pack("<L", value))
    return struct.unpack("<L", connection.recv())[0]


def step(name, action):
    began = time.monotonic()
    try:
        said = action()
    except Exception as error:  # what it was told is what we want to know
        said = error
    print("%s: %.1f %s" % (name, time.monotonic() - began, said), flush=True)


connection = transport.DCERPCTransportFactory("ncacn_ip_tcp:%s[%s]" % (HOST, PORT)).get_dce_rpc()
connection.connect()
connection.bind(ECHO)
step("slow", lambda: call(TEST_SLEEP, int(SECONDS)))
step("next", lambda: call(ADD_ONE, 41))
