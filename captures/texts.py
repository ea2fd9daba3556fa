"""What dissect prints of a capture: the PDUs for checks, and the files that are kept beside it."""

import json
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


HEADING = re.compile(r"^frame \d+  \S+  (\S+) > (\S+)  (.*)\n", re.M)


def printed(program, capture, *options, good=(0,)) -> str:
    """program is rpcward-inspect; `good` are the statuses with which it may end. Files are named from here."""
    command = [str(pathlib.Path(program).resolve()), *options, str(capture)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    if run.returncode not in good or run.stderr:
        raise OSError("%s %s %s: %s" % (program, options, capture, run.stderr.strip() or run.returncode))
    return run.stdout


def said(program, capture):
    """(side, from, to, line, tree) of each PDU. The client of a connection is who sent its first PDU."""
    clients = set()
    parts = HEADING.split(printed(program, capture, "--tree", "all"))[1:]
    for source, target, line, tree in zip(*(parts[i::4] for i in range(4))):
        if (target, source) not in clients:
            clients.add((source, target))
        yield "client" if (source, target) in clients else "server", source, target, line, tree.rstrip("\n")


def objects(program, capture) -> list:
    """The JSON of each PDU, and "from": client or server."""
    lines = printed(program, capture, "--tree", "all", "--json").splitlines()
    return [{**json.loads(line), "from": way[0]} for line, way in zip(lines, said(program, capture))]


def text(program, capture) -> str:
    """For each PDU who says it to whom, its line and its tree."""
    return "\n".join("%d  %s %s > %s\n%s\n%s\n" % (number, *each)
                     for number, each in enumerate(said(program, capture), 1))


def findings(program, capture) -> str:
    """What it says is wrong; then its status is 1."""
    return printed(program, capture, "--findings", good=(0, 1))


def whatif(program, capture) -> str:
    """What rpcward would have made of its calls."""
    return printed(program, capture, "--what-if", "-c", "whatif.yaml")


def kept(name, suffix) -> pathlib.Path:
    return HERE / (name + suffix)


def fresh(program, name) -> dict:
    """What the files beside a capture would be now, by suffix."""
    capture = kept(name, ".pcap")
    return {".txt": text(program, capture), ".json": printed(program, capture, "--tree", "all", "--json"),
            ".findings": findings(program, capture), ".whatif": whatif(program, capture)}
