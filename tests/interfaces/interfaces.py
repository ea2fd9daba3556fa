#!/usr/bin/python3
"""The table of known interfaces as data: what cannot be in it, what Samba, impacket and tshark say, and the page
that is made of it.

Prints TAP. What the C code makes of the table is tests/unit/test_interfaces.c's.
"""

import subprocess
import sys

import impacket_rpc
import libndr
import page
import samba_idl
import table
import tshark_names

GOOD = "interface 00000000-0000-0000-0000-000000000001 1.0 a\nsource MS-A 1\n"
BAD = [  # a table, and what is said of it
    ("interface 00000000-0000-0000-0000-00000000001 1.0 a\n", "1: '00000000-0000-0000-0000-00000000001' is not a UUID"),
    ("interface 0000000A-0000-0000-0000-000000000001 1.0 a\n", "is not a UUID in lower case"),
    ("interface 00000000-0000-0000-0000-000000000001 1 a\n", "1: expected: interface UUID MAJOR.MINOR NAME"),
    ("source MS-A 1\n", "1: expected: interface UUID MAJOR.MINOR NAME"),
    (GOOD + "stateless\n", "3: a source is expected behind 'stateless'"),
    (GOOD + "0 x\nstateless MS-A 1\n", "4: 'stateless' is expected before the operations"),
    (GOOD + "harmless MS-A 1\n", "3: 'harmless' is neither interface, source"),
    (GOOD + "0 x idempotent\n", "3: a source is expected behind 'idempotent'"),
    (GOOD + "0 x maybe MS-A 1\n", "3: 'maybe' is neither idempotent nor pending"),
    (GOOD + "0 x-y\n", "3: expected: OPNUM NAME"),
    (GOOD + "1 x\n1 y\n", "4: opnum 1 is not above the one before"),
    (GOOD + "stateless MS-A \"1\"\n", "3: a source has neither quotes nor backslashes"),
    ("interface 00000000-0000-0000-0000-000000000001 1.0 a\n0 x\n" + GOOD, "3: the interface before this line has no"),
]

# UUIDs that neither Samba's Python nor impacket nor tshark has; compared by hand with the specification or the IDL that
# is named as the source. A UUID that is written wrong is known to nobody, and not here.
BY_HAND = {
    "6f1d2a90-53c4-4e0b-9d1c-7a1f0c5be001",  # probe
    "0b6edbfa-4a24-4fc6-8a23-942b1eca65d1",  # IRPCAsyncNotify
    "11899a43-2b68-4a76-92e3-a3d6ad8c26ce",  # TermSrvNotification
    "df1941c5-fe89-4e79-bf10-463657acf44d",  # efsrpc
    "5261574a-4572-206e-b268-6b199213b4e4",  # asyncemsmdb
    "f31dfde2-07b6-11d2-b2d8-0060083ba1fb",  # IOPCCommon
    "39c13a4d-011e-11d0-9675-0020afd8adb3",  # IOPCServer
    "39c13a4f-011e-11d0-9675-0020afd8adb3",  # IOPCBrowseServerAddressSpace
    "39c13a50-011e-11d0-9675-0020afd8adb3",  # IOPCGroupStateMgt
    "39c13a52-011e-11d0-9675-0020afd8adb3",  # IOPCSyncIO
    "39c13a53-011e-11d0-9675-0020afd8adb3",  # IOPCAsyncIO
    "39c13a54-011e-11d0-9675-0020afd8adb3",  # IOPCItemMgt
    "39c13a55-011e-11d0-9675-0020afd8adb3",  # IEnumOPCItemAttributes
    "39c13a70-011e-11d0-9675-0020afd8adb3",  # IOPCDataCallback
    "39c13a71-011e-11d0-9675-0020afd8adb3",  # IOPCAsyncIO2
    "39c13a72-011e-11d0-9675-0020afd8adb3",  # IOPCItemProperties
    "b196b284-bab4-101a-b69c-00aa00341d07",  # IConnectionPointContainer
    "b196b286-bab4-101a-b69c-00aa00341d07",  # IConnectionPoint
}


def made(text):
    """What the build makes of a table, and what it says."""
    return subprocess.run(["awk", "-f", str(table.ROOT / "dissect" / "interfaces.awk"), "-"], input=text, text=True,
                          capture_output=True, timeout=60)


def taken():
    """Tables that are wrong and were taken, or for another reason than the right one."""
    wrong = [] if made(GOOD).returncode == 0 else ["a good table is refused: " + made(GOOD).stderr]
    for text, said in BAD:
        result = made(text)
        if result.returncode == 0 or said not in result.stderr:
            wrong.append(f"{text!r}: {result.stderr.strip() or 'taken'}")
    return wrong


def page_differs(interfaces):
    kept = (table.ROOT / "docs" / "interfaces.md").read_text(encoding="utf-8")
    return [] if kept == page.page(interfaces) + "\n" else ["run: make docs/interfaces.md"]


def samba_results(interfaces):
    """Each check over all interfaces that Samba knows; skipped by name without it."""
    checks = [("versions are those of Samba's IDL", samba_idl.version_differs),
              ("names are those of Samba's IDL", samba_idl.names_differ),
              ("what is stateless has no context handle in Samba's IDL", samba_idl.handles_in_stateless)]
    modules = samba_idl.modules()
    if not modules:
        return [(name + " # SKIP python3-samba is missing", []) for name, _ in checks]
    pairs = [(known, modules[known.uuid]) for known in interfaces if known.uuid in modules]
    few = [] if len(pairs) >= 15 else [f"Samba knows only {len(pairs)} of them"]
    return [(name, few + [wrong for pair in pairs for wrong in check(*pair)]) for name, check in checks]


def other_results(interfaces):
    """Three more who know many of them."""
    names = ("UUIDs, versions and operations are those of impacket", "names of operations are those of tshark",
             "UUIDs, versions and operations are those of libndr")
    there = libndr.tables()
    yield (names[2], libndr.check(interfaces, there)) if there else (names[2] + " # SKIP libndr is missing", [])
    yield (names[0], impacket_rpc.check(interfaces)) if impacket_rpc.packages() else \
        (names[0] + " # SKIP python3-impacket is missing", [])
    yield (names[1], tshark_names.names_differ(interfaces)) if tshark_names.there() else \
        (names[1] + " # SKIP tshark is missing", [])


def known_to_nobody(interfaces):
    """Only where all are there to be asked."""
    name = "every UUID is known to one of them, or was compared by hand"
    if not (samba_idl.modules() and impacket_rpc.packages() and tshark_names.there()):
        return name + " # SKIP one of them is missing", []
    known = set(samba_idl.modules()) | set(libndr.tables()) | {uuid for module in impacket_rpc.packages()
                                        for uuid, _ in impacket_rpc.constants(module)} | BY_HAND
    answers = tshark_names.answers(interfaces)
    return name, [f"{interface.name}: {interface.uuid}" for number, interface in enumerate(interfaces)
                  if interface.uuid not in known and number not in answers]


def handles_seen():
    """That context handles are seen where they are: in Samba's srvsvc there are two operations with one."""
    module = samba_idl.modules().get("4b324fc8-1670-01d3-1278-5a47bf6ee188")
    if module is None:
        return "# SKIP python3-samba is missing", []
    found = {name for name, call in samba_idl.operations(module).values() if samba_idl.handle_parameters(call)}
    return "", [] if found == {"NetShareDelStart", "NetShareDelCommit"} else [f"found in {sorted(found)}"]


def main():
    interfaces = table.read()
    skipped, wrong = handles_seen()
    results = [
        ("a table that is wrong is refused, and the line is named", taken()),
        ("docs/interfaces.md is made from the table as it is", page_differs(interfaces)),
        *samba_results(interfaces),
        *other_results(interfaces),
        known_to_nobody(interfaces),
        ("context handles are seen in Samba's IDL " + skipped, wrong),
    ]
    print(f"1..{len(results)}")
    for number, (name, problems) in enumerate(results, 1):
        print("not ok" if problems else "ok", number, "-", name)
        for problem in problems:
            print("#", problem)
    return any(problems for _, problems in results)


if __name__ == "__main__":
    sys.exit(main())
