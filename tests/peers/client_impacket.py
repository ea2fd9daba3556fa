#!/usr/bin/python3
"""impacket's client of rpcecho, by raw calls. Usage: client_impacket.py HOST PORT; a line per check."""

import struct
import sys

from impacket.dcerpc.v5 import mgmt, transport
from impacket.uuid import uuidtup_to_bin

HOST, PORT = sys.argv[1:3]
ECHO = uuidtup_to_bin(("60a15ec5-4de8-11d7-a637-005056a20182", "1.0"))
UNKNOWN = uuidtup_to_bin(("11111111-2222-3333-4444-555555555555", "1.0"))
ADD_ONE, ECHO_DATA, SINK_DATA, SOURCE_DATA, TEST_SLEEP = 0, 1, 2, 3, 6


def connect(interface=ECHO, fragment=None, **how):
    connection = transport.DCERPCTransportFactory("ncacn_ip_tcp:%s[%s]" % (HOST, PORT)).get_dce_rpc()
    connection.connect()
    connection.bind(interface, **how)
    if fragment:
        connection.set_max_fragment_size(fragment)
    return connection


def call(connection, opnum, stub):
    connection.call(opnum, stub)
    return connection.recv()


def number(value):
    return struct.pack("<L", value)


def add_one(connection, value=41):
    return struct.unpack("<L", call(connection, ADD_ONE, number(value)))[0]


def sink(size, fragment=None):
    stub = number(size) * 2 + bytes(i & 0xFF for i in range(size))
    return len(call(connect(fragment=fragment), SINK_DATA, stub))


def source(size):
    answer = call(connect(), SOURCE_DATA, number(size))
    return len(answer), answer[4:4 + size] == bytes(i & 0xFF for i in range(size))


def two_contexts():
    first = connect()
    second = first.alter_ctx(mgmt.MSRPC_UUID_MGMT)
    return mgmt.hinq_if_ids(second)["if_id_vector"]["count"], add_one(first)


CHECKS = {
    "AddOne": lambda: add_one(connect()),
    "300 AddOne": lambda: sum(map(add_one, [connect()] * 300, range(300))),
    "SourceData 200,000": lambda: source(200000),
    "SinkData 200,000": lambda: sink(200000),
    "SinkData 100 in fragments of 16": lambda: sink(100, 16),
    "SinkData 5,000 in fragments of 16": lambda: sink(5000, 16),
    "TestSleep 1": lambda: call(connect(), TEST_SLEEP, number(1)),
    "unknown operation": lambda: call(connect(), 99, b""),
    "bad stub": lambda: call(connect(), SINK_DATA, b"\1"),
    "unknown interface": lambda: connect(UNKNOWN),
    "NDR64 only": lambda: connect(transfer_syntax=("71710533-beba-4937-8319-b5dbef9ccc36", "1.0")),
    "three bogus contexts": lambda: add_one(connect(bogus_binds=3)),
    "alter_context to mgmt": two_contexts,
}

for name, check in CHECKS.items():
    try:
        verdict = check()
    except Exception as error:  # what it was told is the verdict
        verdict = "%s %s" % (type(error).__name__, error)
    print("%s: %s" % (name, verdict), flush=True)
