"""What Samba's own IDL says of the interfaces of the table, by python3-samba. Every check returns what is wrong."""

import importlib
import pkgutil
import re

# Samba's names where they have other words than the specification's.
OTHER_NAMES = {
    "lsarpc": {39: "QueryTrustedDomainInfoBySid"},
    "samr": {14: "CreateDomAlias", 18: "LookupRids", 23: "DeleteDomainGroup", 24: "DeleteGroupMember",
             25: "QueryGroupMember", 30: "DeleteDomAlias", 32: "DeleteAliasMember"},
    "drsuapi": {4: "DsReplicaUpdateRefs", 13: "DsWriteAccountSpn", 16: "DsGetDomainControllerInfo",
                19: "DsReplicaGetInfo"},
    "ntsvcs": {53: "PNP_DetectResourceLimit"},
    "srvsvc": {15: "NetShareEnumAll", 34: "NETRPRNAMECANONICALIZE"},
    "eventlog": {0: "ClearEventLogW", 1: "BackupEventLogW", 2: "CloseEventLog", 4: "GetNumRecords",
                 5: "GetOldestRecord", 7: "OpenEventLogW", 9: "OpenBackupEventLogW", 10: "ReadEventLogW"},
    "netdfs": {6: "Rename"},
    "winsif": {21: "WinsDoScanvengingNew"},
    "wkssvc": {2: "NetWkstaEnumUsers"},
    "winreg": {0: "OpenHKCR", 1: "OpenHKCU", 2: "OpenHKLM", 3: "OpenHKPD", 4: "OpenHKU", 27: "OpenHKCC", 28: "OpenHKDD",
               32: "OpenHKPT", 33: "OpenHKPN"},
}


def modules():
    """The modules of samba.dcerpc by the UUID of their interface; empty without python3-samba."""
    try:
        package = importlib.import_module("samba.dcerpc")
    except ImportError:
        return {}
    found = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module("samba.dcerpc." + info.name)
        if hasattr(module, "abstract_syntax"):
            found[str(module.abstract_syntax().uuid)] = module
    return found


def operations(module):
    """Its calls by opnum, as (name, class)."""
    members = ((name, getattr(module, name)) for name in dir(module))
    return {member.opnum(): (name, member) for name, member in members if hasattr(member, "opnum")}


def words(name):
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+", name)]


def within(short, long):
    letters = iter(long)
    return all(letter in letters for letter in short)


def alike(theirs, ours):
    """Whether all words of Samba's name are in ours, in any order and perhaps shortened, or all letters, in order."""
    theirs = re.sub("^(netr|epm)_", "", theirs)
    begins = {word[:4] for word in words(ours)}
    return all(any(word[:4].startswith(begin) or begin.startswith(word[:4]) for begin in begins)
               for word in words(theirs)) or within(theirs.lower().replace("_", ""), ours.lower().replace("_", ""))


def version_differs(known, module):
    number = module.abstract_syntax().if_version  # minor above major (C706 12.6.3.1)
    theirs = f"{number & 0xffff}.{number >> 16}"
    return [] if theirs == known.version else [f"{known.name} has version {theirs} there"]


def names_differ(known, module):
    theirs = operations(module)
    expected = OTHER_NAMES.get(known.name, {})
    wrong = []
    for operation in known.operations:
        name = theirs.get(operation.opnum, ("",))[0]
        if name and not alike(name, operation.name) and expected.get(operation.opnum) != name:
            wrong.append(f"{known.name} {operation.opnum}, {operation.name}, is {name} there")
    return wrong


def handle_parameters(call):
    """Names of its parameters that are context handles: the refusal of another type says which they are."""
    found = []
    for name in dir(call):
        if not name.startswith(("in_", "out_")):
            continue
        try:
            setattr(call(), name, object())
        except TypeError as refused:
            if "policy_handle" in str(refused):
                found.append(name)
    return found


def handles_in_stateless(known, module):
    if not known.stateless:
        return []
    return [f"{name} of {known.name} has the context handle {parameter}"
            for name, call in operations(module).values() for parameter in handle_parameters(call)]
