#!/usr/bin/python3
"""Samba's Python client of rpcecho. Usage: client_samba.py HOST PORT [BINDING-OPTION]...; a line per check."""

import sys

from samba.credentials import Credentials
from samba.dcerpc import echo, mgmt
from samba.param import LoadParm

HOST, PORT = sys.argv[1:3]


def connect(interface=echo.rpcecho):
    parameters, credentials = LoadParm(), Credentials()
    parameters.load_default()
    credentials.set_anonymous()
    binding = "ncacn_ip_tcp:%s[%s]" % (HOST, ",".join([PORT, *sys.argv[3:]]))
    return interface(binding, parameters, credentials)


def pattern(size):
    return [i & 0xFF for i in range(size)]


def add_one():
    return [connect().AddOne(value) for value in (0, 41, 0xFFFFFFFF)]


def echo_data(size):
    return connect().EchoData(pattern(size)) == pattern(size)


def sink_data(size):
    return connect().SinkData(pattern(size))


def source_data(size):
    return connect().SourceData(size) == pattern(size)


def test_call():
    return connect().TestCall("input")


def many_calls():
    connection = connect()
    return sum(connection.AddOne(i) == i + 1 for i in range(500))


def many_connections():
    connections = [connect() for _ in range(20)]
    return [connection.AddOne(i) for i, connection in enumerate(connections)]


def second_interface():
    first = connect()
    second = mgmt.mgmt("ncacn_ip_tcp:%s[%s]" % (HOST, PORT), basis_connection=first)
    return second.is_server_listening() is not None, first.AddOne(1)


CHECKS = {
    "AddOne": add_one,
    "EchoData 10": lambda: echo_data(10),
    "EchoData 100,000": lambda: echo_data(100000),
    "SinkData 200,000": lambda: sink_data(200000),
    "SourceData 200,000": lambda: source_data(200000),
    "TestCall": test_call,
    "TestSleep 1": lambda: connect().TestSleep(1),
    "500 calls": many_calls,
    "20 connections": many_connections,
    "mgmt beside it": second_interface,
}

for name, check in CHECKS.items():
    try:
        verdict = check()
    except Exception as error:  # what it was told is the verdict
        verdict = "%s %s" % (type(error).__name__, error)
    print("%s: %s" % (name, verdict), flush=True)
