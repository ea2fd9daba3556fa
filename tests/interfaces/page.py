#!/usr/bin/python3
"""Prints docs/interfaces.md, made from dissect/interfaces.def."""

import table

HEAD = """# Interfaces that rpcward knows

Made from `dissect/interfaces.def` by `make docs/interfaces.md`; `make test` says when it is not.

What is known of an interface holds for the operations that are listed with it, and each fact has its source. What is
not known is presumed to be the worse: that an interface keeps state and has pipes, that an operation may not be run
twice. Settings win over what is known, each key by itself:

    interfaces:
      - uuid: 60a15ec5-4de8-11d7-a637-005056a20182
        version: "1.0"
        stateless: yes     # no call needs what an earlier one left behind
        pipes: no          # no operation has a pipe parameter
        operations:
          0: { idempotent: yes }    # it does no harm to run it twice
          6: { pending: yes }       # it returns only when something happens

`rpcward --check --explain UUID OPNUM -c FILE` says for one operation what holds, and who says so.
"""


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def table_of(head, rows):
    return "\n".join([row(*head), row(*("---" for _ in head)), *(row(*cells) for cells in rows)])


def operation_rows(interfaces, fact):
    return [(known.name, str(operation.opnum), operation.name, operation.source)
            for known in interfaces for operation in known.having(fact)]


def listed(known):
    facts = [word for word, source in (("stateless", known.stateless), ("no pipes", known.pipe_free)) if source]
    return known.name, known.version, f"`{known.uuid}`", str(len(known.operations)), ", ".join(facts), known.remark


def page(interfaces):
    stateless = [(known.name, known.version, known.stateless, known.pipe_free)
                 for known in interfaces if known.stateless]
    operation_head = ("interface", "opnum", "operation", "source")
    return "\n".join([
        HEAD,
        "## Stateless\n",
        table_of(("interface", "version", "stateless by", "without pipes by"), stateless),
        "\n## Operations that may be run twice\n",
        table_of(operation_head, operation_rows(interfaces, "idempotent")),
        "\n## Operations that return only when something happens\n",
        table_of(operation_head, operation_rows(interfaces, "pending")),
        "\n## All\n",
        table_of(("interface", "version", "UUID", "operations", "known", "remark"), map(listed, interfaces)),
    ])


if __name__ == "__main__":
    print(page(table.read()))
