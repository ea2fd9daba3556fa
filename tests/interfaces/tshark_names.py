"""What tshark calls the operations of the table: it is asked by a capture with a bind of each interface and a request
of each operation. Every check returns what is wrong."""

import pathlib
import re
import shutil
import subprocess
import sys

import samba_idl

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import rpc  # noqa: E402
from packets import CLIENT, Connection, capture  # noqa: E402

PREFIXES = r"^(rpc__mgmt_|lsa_|winspool_|FRSTRANS_|dfs_)"

# Where it has other words than the specification, and than Samba, where they are not those in samba_idl.OTHER_NAMES.
OTHER_NAMES = {
    "netlogon": {21: "NetrLogonDummyRoutine1"},
    "lsarpc": {39: "QueryTrustedDomainInfoBySid", 73: "lsaRQueryForestTrustInformation"},
    "srvsvc": {15: "NetShareEnumAll", 34: "NETRPRNAMECANONICALIZE"},
    "svcctl": {34: "ScGetCurrentGroupStateW"},
    "spoolss": {62: "RemoteFindFirstPrinterChangeNotification", 66: "RRPCN", 67: "RFNPCNEX"},
    "eventlog": {22: "GetLogIntormation"},
    "nspi": {7: "NspiDNToEph", 10: "NspiCompareDNTs", 12: "NspiGetHierarchyInfo"},
    "rfr": {1: "RfrGetFQDNFromLegacyDN"},
}


def there():
    return shutil.which("tshark") is not None


def asked(number, known):
    """A connection that binds this interface and calls each of its operations; its port tells which it is."""
    major, minor = map(int, known.version.split("."))
    c = Connection(client_port=20000 + number, begins=number)
    c.open().bind((known.uuid, major, minor))
    for operation in known.operations:
        c.send(CLIENT, rpc.request(operation.opnum, b"", call_id=operation.opnum + 2))
    return c


def answers(interfaces):
    """{name of interface by position: {opnum: its name there}}; an interface that it does not know is not there."""
    data = capture(*(asked(number, known) for number, known in enumerate(interfaces)))
    fields = ["-T", "fields", "-e", "tcp.srcport", "-e", "dcerpc.opnum", "-e", "_ws.col.Info"]
    done = subprocess.run(["tshark", "-n", "-r", "-", "-o", "tcp.try_heuristic_first:TRUE", "-Y",
                           "dcerpc.pkt_type == 0", *fields],
                          input=data, capture_output=True, timeout=120)
    found = {}
    for line in done.stdout.decode().splitlines():
        port, opnum, info = line.split("\t")
        named = re.match(r"(\w+) request", info)
        if named:
            found.setdefault(int(port) - 20000, {})[int(opnum)] = re.sub(PREFIXES, "", named[1])
    return found


def alike(theirs, ours):
    return samba_idl.alike(theirs, ours) or theirs.replace("_", "").lower() == ours.lower()


def names_differ(interfaces):
    found, wrong, count = answers(interfaces), [], 0
    for number, known in enumerate(interfaces):
        if "tshark" in known.source and number not in found:
            wrong.append(f"{known.name} is not there, which is named as its source")
        for operation in known.operations:
            name = found.get(number, {}).get(operation.opnum)
            expected = {names.get(known.name, {}).get(operation.opnum)
                        for names in (OTHER_NAMES, samba_idl.OTHER_NAMES)}
            count += name is not None
            if name and not alike(name, operation.name) and name not in expected:
                wrong.append(f"{known.name} {operation.opnum}, {operation.name}, is {name} there")
    return wrong + ([] if count > 1000 else [f"it knows only {count} of the operations"])
