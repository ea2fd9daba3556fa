#!/usr/bin/python3
"""Samba's Python client, and a call that takes longer than it may. Usage: slow_samba.py HOST PORT SECONDS; a line per step:
what it was told, and after how many seconds."""

import sys
import time

from samba.credentials import Credentials
from samba.dcerpc import echo
from samba.param import LoadParm

HOST, PORT, SECONDS = sys.argv[1:4]


def connect():
    parameters, credentials = LoadParm(), Credentials()
    parameters.load_default()
    credentials.set_anonymous()
    return echo.rpcecho("ncacn_ip_tcp:%s[%s]" % (HOST, PORT), parameters, credentials)


def step(name, action):
    began = time.monotonic()
    try:
        said = action()
    except Exception as error:  # what it was told is what we want to know
        said = error
    print("%s: %.1f %s" % (name, time.monotonic() - began, said), flush=True)


connection = connect()
step("slow", lambda: connection.TestSleep(int(SECONDS)))
step("next", lambda: connection.AddOne(41))
