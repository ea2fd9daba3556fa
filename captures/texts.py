"""What dissect prints of a capture: the PDUs for checks, and the two files that are kept beside it."""

import json
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


def printed(program, style, capture) -> str:
    """program is the one that is built from tests/corpus/pdu-rows.c."""
    run = subprocess.run([str(program), style, str(capture)], capture_output=True, text=True)
    if run.returncode != 0 or run.stderr:
        raise OSError("pdu-rows %s %s: %s" % (style, capture, run.stderr.strip() or run.returncode))
    return run.stdout


def trees(text):
    """Each tree without its first line, which names the type: the line form does that too."""
    return [tree.partition("\n")[2].rstrip("\n") for tree in re.split(r"^(?=\S)", text, flags=re.M)[1:]]


def ways(program, capture):
    """(side, from, to) of each PDU. The client of a connection is who sent its first PDU."""
    clients = set()
    for row in printed(program, "--rows", capture).splitlines():
        words = row.split("\t")
        source, target = ":".join(words[:2]), ":".join(words[2:4])
        if (target, source) not in clients:
            clients.add((source, target))
        yield "client" if (source, target) in clients else "server", source, target


def objects(program, capture) -> list:
    """The JSON of each PDU, and "from": client or server."""
    lines = printed(program, "--json", capture).splitlines()
    return [{**json.loads(line), "from": way[0]} for line, way in zip(lines, ways(program, capture))]


def text(program, capture) -> str:
    """For each PDU who says it to whom, its line and its tree."""
    said = zip(ways(program, capture), printed(program, "--line", capture).splitlines(),
               trees(printed(program, "--tree", capture)))
    return "\n".join("%d  %s %s > %s\n%s\n%s\n" % (number, *way, line, tree)
                     for number, (way, line, tree) in enumerate(said, 1))


def kept(name, suffix) -> pathlib.Path:
    return HERE / (name + suffix)


def fresh(program, name) -> dict:
    """What the files beside a capture would be now, by suffix."""
    capture = kept(name, ".pcap")
    return {".txt": text(program, capture), ".json": printed(program, "--json", capture)}
