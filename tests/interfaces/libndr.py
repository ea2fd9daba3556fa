"""What Samba's compiled IDL says of the interfaces of the table, also of those without a Python module: its tables are
read where they lie in the library (ndr_interface_table of librpc/ndr/libndr.h). Every check returns what is wrong."""

import ctypes
import glob
import re
import subprocess
import uuid

import samba_idl

LIBRARIES = ("/usr/lib/*/samba/libndr-samba*.so.*", "/usr/lib/*/libndr-standard.so.*", "/usr/lib/*/libndr*.so.*",
             "/usr/lib/*/samba/libndr*.so.*")

PREFIXES = "lsa|dfs|frstrans|FRSTRANS|fss|mgmt|echo|epm|wkssvc|netr|winspool|bkrp"

# Where its IDL of DCOM has other operations, or another order, than the specification (and impacket).
OTHER_ORDER = {"IRemoteSCMActivator", "IRemUnknown2", "IWbemFetchSmartEnum", "IWbemObjectSink"}


class Call(ctypes.Structure):
    """ndr_interface_call"""
    _fields_ = [("name", ctypes.c_char_p), ("size", ctypes.c_size_t), ("functions", ctypes.c_void_p * 3),
                ("pipes", ctypes.c_size_t * 4)]


class Table(ctypes.Structure):
    """ndr_interface_table, its first fields"""
    _fields_ = [("name", ctypes.c_char_p), ("uuid", ctypes.c_uint8 * 16), ("version", ctypes.c_uint32),
                ("help", ctypes.c_char_p), ("count", ctypes.c_uint32), ("calls", ctypes.POINTER(Call))]


def symbols(path):
    named = subprocess.run(["nm", "-D", "--defined-only", path], capture_output=True, text=True, check=False).stdout
    return re.findall(r" [DRBdrb] (ndr_table_\w+)", named)


def tables():
    """{UUID: table}; empty where there is no such library."""
    found = {}
    for path in dict.fromkeys(path for pattern in LIBRARIES for path in glob.glob(pattern)):
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for name in symbols(path):
            table = Table.in_dll(library, name)
            if table.name and table.name.decode() == name.removeprefix("ndr_table_"):
                found.setdefault(str(uuid.UUID(bytes_le=bytes(table.uuid))), table)
    return found


def version(table):
    return f"{table.version & 0xffff}.{table.version >> 16}"


def inherits(known, table):
    """How many operations of IUnknown its table leaves out."""
    begins = known.operations and known.operations[0].opnum == 3
    return 3 if begins and table.calls[0].name != b"QueryInterface" else 0


def names_differ(known, table):
    """Samba puts the name of the interface before those of its operations, where they have none of their own."""
    prefix = re.compile(f"^({table.name.decode()}|{PREFIXES})_")
    expected, wrong, inherited = samba_idl.OTHER_NAMES.get(known.name, {}), [], inherits(known, table)
    for operation in known.operations:
        if operation.opnum - inherited >= table.count:
            continue
        name = prefix.sub("", table.calls[operation.opnum - inherited].name.decode())
        if not samba_idl.alike(name.replace("_", ""), operation.name) and expected.get(operation.opnum) != name:
            wrong.append(f"{known.name} {operation.opnum}, {operation.name}, is {name} in libndr")
    return wrong


def check(interfaces, there):
    """All of it, over the interfaces that it knows."""
    wrong = [f"{known.name} is not in libndr" for known in interfaces
             if "libndr" in known.source and known.uuid not in there]
    for known in interfaces:
        if known.uuid not in there:
            continue
        table = there[known.uuid]
        if version(table) != known.version:
            wrong.append(f"{known.name} has version {version(table)} in libndr")
        wrong += names_differ(known, table) if known.name not in OTHER_ORDER else []
    return wrong
