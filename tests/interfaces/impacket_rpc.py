"""What impacket says of the interfaces of the table: UUIDs, versions, and its requests by opnum. Every check returns
what is wrong."""

import importlib
import pkgutil

import samba_idl

def packages():
    """The modules of impacket that speak an interface; empty without impacket."""
    try:
        roots = [importlib.import_module("impacket.dcerpc.v5"), importlib.import_module("impacket.dcerpc.v5.dcom")]
    except ImportError:
        return []
    names = [f"{root.__name__}.{info.name}" for root in roots for info in pkgutil.iter_modules(root.__path__)
             if not info.ispkg]
    return [importlib.import_module(name) for name in names]


def syntax(value):
    """(uuid, version) of one of its constants, or None. Those of DCOM have no version: there it is 0.0."""
    from impacket.uuid import bin_to_string, bin_to_uuidtup
    if not isinstance(value, bytes) or len(value) not in (16, 20):
        return None
    if len(value) == 16:
        return bin_to_string(value).lower(), "0.0"
    uuid, version = bin_to_uuidtup(value)
    return uuid.lower(), version


def constants(module):
    """Its constants that name an interface."""
    for name in dir(module):
        if name.startswith(("MSRPC_UUID_", "IID_")) and syntax(getattr(module, name)):
            yield syntax(getattr(module, name))


def requests(module):
    """(opnum, name) of each request that it can make; what it has from other modules is not its own."""
    for name in dir(module):
        member = getattr(module, name)
        if not isinstance(member, type) or member.__module__ != module.__name__:
            continue
        opnum = vars(member).get("opnum")
        if isinstance(opnum, int) and not name.endswith("Response"):
            yield opnum, name


def own_requests(known, module):
    """Those of this interface: of a module with several interfaces, what has its name in front."""
    alone = len(set(constants(module))) == 1
    for opnum, name in requests(module):
        if name.startswith(known.name + "_"):
            yield opnum, name[len(known.name) + 1:]
        elif alone:
            yield opnum, name


def version_differs(known, module):
    theirs = dict(constants(module)).get(known.uuid)
    return [] if theirs in (None, known.version) else [f"{known.name} has version {theirs} in {module.__name__}"]


def names_differ(known, module):
    ours = {operation.opnum: operation.name for operation in known.operations}
    return [f"{known.name} {opnum}, {ours[opnum]}, is {name} in {module.__name__}"
            for opnum, name in own_requests(known, module)
            if opnum in ours and not samba_idl.alike(name, ours[opnum])]


def lacking(known, module):
    """Requests of operations that the table does not have."""
    ours = {operation.opnum for operation in known.operations}
    return [f"{known.name} {opnum} is {name} in {module.__name__}" for opnum, name in own_requests(known, module)
            if opnum not in ours]


def claims(interfaces):
    """Those that name it as a source, and which it does not know."""
    known = {uuid for module in packages() for uuid, _ in constants(module)}
    return [f"{interface.name} is not in impacket" for interface in interfaces
            if "impacket" in interface.source and interface.uuid not in known]


def check(interfaces):
    """All of it, over the interfaces that it knows."""
    pairs = [(known, module) for known in interfaces for module in packages()
             if known.uuid in dict(constants(module))]
    count = sum(1 for pair in pairs for _ in own_requests(*pair))
    few = [] if len(pairs) >= 40 and count > 400 else [f"it knows only {len(pairs)} of them, with {count} operations"]
    return few + claims(interfaces) + [wrong for pair in pairs for what in (version_differs, names_differ, lacking)
                                       for wrong in what(*pair)]
