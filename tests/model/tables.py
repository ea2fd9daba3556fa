"""Policy's tables, read from its text: the states of a call, the moves of life[], the rows of evidence, the proofs.

The tables are static in C and are to stay so. Whatever of a table is not understood is an error, never left out."""
import pathlib
import re

POLICY = pathlib.Path(__file__).resolve().parent.parent.parent / "policy"
FILES = tuple(POLICY / name for name in ("brain.h", "policy.h", "call.c", "evidence.c"))


def bare(text):
    """Without comments and white space at all."""
    return re.sub(r"\s+", "", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))


def body(text, head, tail):
    """What stands between two pieces of a text, each of which must be there."""
    before, begun, rest = text.partition(head)
    inside, ended, _ = rest.partition(tail)
    if not begun or not ended:
        raise SystemExit(f"policy has no '{head}' … '{tail}': has the table moved? Teach tests/model/tables.py.")
    return bare(inside)


def entries(text, pattern):
    """All of a table, entry by entry; every character of it must belong to one."""
    found = list(re.finditer(pattern, text))
    rest = re.sub(pattern, "", text)
    if rest or not found:
        raise SystemExit(f"not understood in a table of policy's: '{rest}'. Teach tests/model/tables.py.")
    return [entry.groups() for entry in found]


def states(brain):
    return [name for name, in entries(body(brain, "enum call_state {", "};"), r"CALL_(\w+),")]


def proofs(policy):
    return [name for name, in entries(body(policy, "enum pol_proof {", "POL_PROOFS"), r"(POL_\w+),")]


def moves(call):
    """Pairs of states, as life[] has them."""
    rows = entries(body(call, "static const struct pol_life life[] = {", "};"),
                   r'\[CALL_(\w+)\]=\{"\w+",((?:\|?POL_MAY\(CALL_\w+\))+)\},')
    return {(state, to) for state, following in rows for to in re.findall(r"CALL_(\w+)", following)}


def evidence(text):
    """(names of what is known, rows of what is wanted and the proof)."""
    names, = entries(body(text, "enum want dial_failed", "enum pol_proof proof;"), r"^((?:,\w+)+);$")
    columns = ["dial_failed", *names[0].strip(",").split(",")]
    rows = entries(body(text, "} rows[] = {", "};"), r"\{((?:(?:YES|NO|ANY),)+)(POL_\w+)\},")
    rows = [(wants.strip(",").split(","), proof) for wants, proof in rows]
    if any(len(wants) != len(columns) for wants, _ in rows):
        raise SystemExit("a row of policy/evidence.c is too short or too long")
    return columns, rows


def condition(columns, wants):
    terms = [f"({name})" if want == "YES" else f"!({name})" for name, want in zip(columns, wants) if want != "ANY"]
    return " && ".join(terms) or "true"


def verdict(text):
    """The rows as one expression, in which the first that fits wins."""
    columns, rows = evidence(text)
    said = "UNPROVEN"
    for wants, proof in reversed(rows):
        said = f"(({condition(columns, wants)}) -> {proof} : {said})"
    wanted = ["dial_failed", "leased", "first_done", "last_done", "whole_only", "answered", "fault_dne"]
    if columns != wanted:
        raise SystemExit(f"policy/evidence.c knows {columns}; tests/model/call.pml asks with {wanted}")
    return f"#define VERDICT({', '.join(columns)}) {said}"


def promela(texts):
    """What call.pml includes."""
    lines = [f"#define {name} {value}" for value, name in enumerate(states(texts["brain.h"]))]
    lines += [f"#define {name} {value}" for value, name in enumerate(proofs(texts["policy.h"]))]
    lines.append("#define UNPROVEN POL_UNPROVEN")
    allowed = " || ".join(f"(from == {a} && to == {b})" for a, b in sorted(moves(texts["call.c"])))
    lines += [f"#define MAY(from, to) ({allowed})", verdict(texts["evidence.c"])]
    return "\n".join(lines) + "\n"


def moves_of_model(text):
    """Pairs of states between which the model moves: by move() itself, and by those that hand it their `from`."""
    given = {"lease": "INSIDE", "finish": "FREE"}
    found = re.findall(r"\b(move|lease|finish)\(([A-Z]+)(?:, (\w+))?\)", text)
    return {(state, second if name == "move" else given[name]) for name, state, second in found}
