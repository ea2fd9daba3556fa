"""Reads dissect/interfaces.def for the tests of it, and for the page that is made of it."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "dissect" / "interfaces.def"


@dataclasses.dataclass
class Operation:
    opnum: int
    name: str
    fact: str = ""  # "idempotent" or "pending"
    source: str = ""


@dataclasses.dataclass
class Interface:
    uuid: str
    version: str
    name: str
    remark: str = ""  # the comment before it
    source: str = ""
    stateless: str = ""
    pipe_free: str = ""
    operations: list = dataclasses.field(default_factory=list)

    def having(self, fact):
        """Its operations of which that is known."""
        return [operation for operation in self.operations if operation.fact == fact]


def paragraphs(text):
    """What stands between blank lines; the first is about the file."""
    return [part.splitlines() for part in re.split(r"\n{2,}", text.strip())][1:]


def interface(lines):
    remark = " ".join(line[2:] for line in lines[:[line.startswith("#") for line in lines].index(False)])
    rows = [line.split(maxsplit=1) for line in lines if not line.startswith("#")]
    known = Interface(*rows[0][1].split(), remark=remark)
    for word, rest in rows[1:]:
        if word.isdigit():
            known.operations.append(Operation(int(word), *rest.split(maxsplit=2)))
        else:
            setattr(known, word.replace("-", "_"), rest)
    return known


def read():
    return [interface(lines) for lines in paragraphs(FILE.read_text(encoding="utf-8"))]
