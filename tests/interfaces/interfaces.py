#!/usr/bin/python3
"""The table of known interfaces as data: what cannot be in it, what Samba's IDL, impacket and tshark say, and the page
that is made of it.

Prints TAP. What the C code makes of the table is tests/unit/test_interfaces.c's.
"""

import subprocess
import sys

import impacket_rpc
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
    """Two more who know many of them."""
    names = ("UUIDs, versions and operations are those of impacket", "names of operations are those of tshark")
    yield (names[0], impacket_rpc.check(interfaces)) if impacket_rpc.packages() else \
        (names[0] + " # SKIP python3-impacket is missing", [])
    yield (names[1], tshark_names.names_differ(interfaces)) if tshark_names.there() else \
        (names[1] + " # SKIP tshark is missing", [])


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
