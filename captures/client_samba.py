#!/usr/bin/python3
"""Samba's Python client, for captures. Usage: client_samba.py HOST PORT SMB.CONF CALL BINDING-OPTION[,…]

What it says of itself comes from SMB.CONF: its netbios name goes into NTLM messages."""

import sys

from samba.credentials import MUST_USE_KERBEROS, Credentials
from samba.dcerpc import echo, mgmt, samr, security
from samba.param import LoadParm

HOST, PORT, CONF, CALL, OPTIONS = sys.argv[1:6]
ANYTHING = security.SEC_FLAG_MAXIMUM_ALLOWED


def credentials(parameters, options):
    """Of the throw-away domain; nobody's where there are no authentication options."""
    found = Credentials()
    found.guess(parameters)
    if not {"ntlm", "spnego", "krb5"} & set(options):
        found.set_anonymous()
        return found
    found.set_username("Administrator")
    found.set_password("Passw0rd!")
    found.set_domain("PEERS")
    found.set_realm("PEERS.TEST")
    found.set_workstation("CLIENT1")
    if "krb5" in options:
        found.set_kerberos_state(MUST_USE_KERBEROS)
    return found


def connect(interface):
    options = [] if OPTIONS == "-" else OPTIONS.split(",")
    parameters = LoadParm()
    parameters.load(CONF)
    binding = "ncacn_ip_tcp:%s[%s]" % (HOST, ",".join([PORT, *options]))
    return interface(binding, parameters, credentials(parameters, options))


def call_echo():
    connection = connect(echo.rpcecho)
    return connection.AddOne(41), connection.EchoData([1, 2, 3])


def call_mgmt():
    return connect(mgmt.mgmt).inq_if_ids().count


def call_samr():
    connection = connect(samr.samr)
    handle = connection.Connect2(None, ANYTHING)
    _, domains, _ = connection.EnumDomains(handle, 0, 1000)
    connection.Close(handle)
    return [domain.name.string for domain in domains.entries]


print({"echo": call_echo, "mgmt": call_mgmt, "samr": call_samr}[CALL]())
