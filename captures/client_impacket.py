#!/usr/bin/python3
"""impacket's client, for captures. Usage: client_impacket.py HOST PORT CALL [LEVEL]"""

import struct
import sys

from impacket.dcerpc.v5 import epm, mgmt, samr, transport
from impacket.dcerpc.v5.rpcrt import (DCERPCException, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                      RPC_C_AUTHN_WINNT)
from impacket.uuid import uuidtup_to_bin

HOST, PORT, CALL = sys.argv[1:4]
LEVELS = {"integrity": RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, "privacy": RPC_C_AUTHN_LEVEL_PKT_PRIVACY}
LEVEL = LEVELS.get("".join(sys.argv[4:5]))
ECHO = uuidtup_to_bin(("60a15ec5-4de8-11d7-a637-005056a20182", "1.0"))
UNKNOWN = uuidtup_to_bin(("11111111-2222-3333-4444-555555555555", "1.0"))
SINK_DATA, SOURCE_DATA = 2, 3


def connect(interface=None):
    way = transport.DCERPCTransportFactory("ncacn_ip_tcp:%s[%s]" % (HOST, PORT))
    connection = way.get_dce_rpc()
    if LEVEL:
        way.set_credentials("Administrator", "Passw0rd!", "PEERS")
        connection.set_auth_type(RPC_C_AUTHN_WINNT)
        connection.set_auth_level(LEVEL)
    connection.connect()
    if interface:
        connection.bind(interface)
    return connection


def told(action):
    """What it was told instead of an answer."""
    try:
        return action()
    except DCERPCException as error:
        return str(error)


def call(connection, opnum, stub):
    connection.call(opnum, stub)
    return told(connection.recv)


def call_epm():
    return epm.hept_map(HOST, samr.MSRPC_UUID_SAMR, protocol="ncacn_ip_tcp", dce=connect())


def call_samr(fragment=None):
    connection = connect(samr.MSRPC_UUID_SAMR)
    if fragment:
        connection.set_max_fragment_size(fragment)
    server = samr.hSamrConnect(connection)["ServerHandle"]
    domains = samr.hSamrEnumerateDomainsInSamServer(connection, server)["Buffer"]["Buffer"]
    samr.hSamrCloseHandle(connection, server)
    return [str(domain["Name"]) for domain in domains]


def call_fragments():
    connection = connect(ECHO)
    answer = call(connection, SOURCE_DATA, struct.pack("<L", 6000))
    connection.set_max_fragment_size(16)
    return len(answer), len(call(connection, SINK_DATA, struct.pack("<LL", 60, 60) + bytes(60)))


def call_fault():
    """LookupDomain without the handle that its stub must begin with."""
    return call(connect(samr.MSRPC_UUID_SAMR), 5, b"\1")


def call_fault_did_not_execute():
    connection = connect(mgmt.MSRPC_UUID_MGMT)
    no_such_operation = call(connection, 99, b"")
    connection._ctx = 7
    return no_such_operation, call(connection, 2, b"")


def call_alter_context():
    """Beside mgmt what the port serves too, and what nobody serves."""
    first = connect(mgmt.MSRPC_UUID_MGMT)
    second = first.alter_ctx(samr.MSRPC_UUID_SAMR)
    listening = mgmt.his_server_listening(first)["status"]
    return listening, samr.hSamrConnect(second)["ErrorCode"], told(lambda: first.alter_ctx(UNKNOWN))


CALLS = {
    "epm": call_epm,
    "samr": call_samr,
    "samr-fragments": lambda: call_samr(fragment=16),
    "fragments": call_fragments,
    "fault": call_fault,
    "fault-did-not-execute": call_fault_did_not_execute,
    "alter-context": call_alter_context,
}
print(CALLS[CALL]())
