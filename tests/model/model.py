#!/usr/bin/python3
"""The life of a call with its retry (call.pml), checked by spin over all its states; and that the check can fail.

The model has no tables of its own: the states, the allowed moves and the rows of evidence are read from policy's text,
so what is checked is what is compiled. Each variant breaks one line, of the model or of policy, and must be found out.
Prints TAP; tests/run shows what begins with "# counts:"."""
import argparse
import pathlib
import re
import subprocess

import tables

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 300  # seconds that a step may take before it counts as hung
SAFETY = (("-DSAFETY", "-DNOCLAIM"), ())
LIVENESS = (("-DNFAIR=3",), ("-a", "-f"))  # acceptance cycles, with weak fairness

# What is broken: file, text, what it becomes; which check must find it, and at what.
BROKEN = (
    ("a call is repeated without proof",
     "call.pml", "(PROOF(false) != UNPROVEN || idempotent)", "true", SAFETY, "idempotent"),
    ("the first fragment's being whole proves nothing any more",
     "evidence.c", "{ ANY, YES, NO, ANY, ANY, NO,", "{ ANY, YES, ANY, ANY, ANY, NO,", SAFETY, "claimed"),
    ("P4 is believed of servers that begin early",
     "evidence.c", "{ ANY, YES, YES, NO, YES, NO,", "{ ANY, YES, YES, NO, ANY, NO,", SAFETY, "claimed"),
    ("what has not left is read in any state of TCP",
     "call.pml", "#define SENT (link == DEAD -> left : written)", "#define SENT left", SAFETY, "claimed"),
    ("a fault without did-not-execute is taken for one with it",
     "evidence.c", "YES, YES, POL_P5_FAULT_DNE", "YES, ANY, POL_P5_FAULT_DNE", SAFETY, "has_run"),
    ("a refusal is passed as it is after an attempt that may have run",
     "call.pml", "client && dne && !may_have_run -> claim()", "client && dne -> claim()", SAFETY, "!(has_run)"),
    ("an earlier attempt that may have run is forgotten",
     "call.pml", "may_have_run || proof == UNPROVEN", "proof == UNPROVEN", SAFETY, "has_run"),
    ("a call that is refused everywhere is said not to have run, whatever became of its attempts",
     "call.pml", ":: may_have_run /* 1726 */\n    :: else -> claim() /* 1727 */", ":: claim()", SAFETY, "!(has_run)"),
    ("a call that is refused everywhere is not told",
     "call.pml", "inline refused_everywhere(from)\n{\n    tell();", "inline refused_everywhere(from)\n{", SAFETY, "told"),
    ("a call that is refused everywhere is left in line for ever",
     "call.pml", "finish(from, false)\n}\n\ninline give_up_waiting", "skip\n}\n\ninline give_up_waiting", SAFETY, "told"),
    ("a busy server is asked for ever",
     "call.pml", "(REPEATABLE && !long_ago)", "REPEATABLE", LIVENESS, "acceptance cycle"),
    ("a call that is to go up again waits for ever",
     "call.pml", ":: atomic { state == AGAIN -> give_up_again() }\n", "", LIVENESS, "acceptance cycle"),
    ("a silent server is waited for for ever",
     "call.pml", "&& !pending -> give_up()", "&& pending -> give_up()", LIVENESS, "acceptance cycle"),
)


def sources():
    """The model, and what of policy it is made of, by base name."""
    paths = (HERE / "call.pml", *tables.FILES)
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def call(folder, *command):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, timeout=LIMIT, text=True, errors="replace", check=False)
    return done.returncode, done.stdout


def build(folder, model, policy, check):
    """Makes pan in the folder; what went wrong, or None."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "call.pml").write_text(model, encoding="utf-8")
    (folder / "policy.pml").write_text(policy, encoding="utf-8")
    for command in (("spin", "-a", "call.pml"), ("cc", "-O0", "-w", *check[0], "-o", "pan", "pan.c")):
        code, said = call(folder, *command)
        if code:
            return f"{' '.join(command)}: {said.strip()}"
    return None


def number(pattern, said):
    found = re.search(pattern, said)
    return int(float(found[1])) if found else -1


def search(folder, model, policy, check):
    """What pan said, errors found (-1: it has not searched all there is), and a line of numbers."""
    wrong = build(folder, model, policy, check)
    if wrong:
        return wrong, -1, "not built"
    _, said = call(folder, "./pan", "-n", "-m100000", *check[1])
    errors = number(r"errors: (\d+)", said)
    if errors == 0 and ("not completed" in said or "depth too small" in said):
        errors = -1
    states, depth = number(r"([\d.e+]+) states, stored", said), number(r"depth reached (\d+)", said)
    return said, errors, f"{states} states, depth {depth}, errors {errors}"


def checks(folder, texts):
    """(name, what is wrong or nothing) of the model as it is."""
    model, policy = texts["call.pml"], tables.promela(texts)
    moves, allowed = tables.moves_of_model(model), tables.moves(texts["call.c"])
    yield "the model makes the moves that policy allows, all and no others", sorted(moves ^ allowed)
    said, errors, numbers = search(folder, model, policy, SAFETY)
    print(f"# counts: spin, at most once and no false claim: {numbers}")
    yield "at most once, and no false claim", [] if errors == 0 else [said]
    said, errors, numbers = search(folder, model, policy, LIVENESS)
    print(f"# counts: spin, every call ends: {numbers}")
    yield "every call ends", [] if errors == 0 else [said]


def caught(folder, model, policy, check, finding):
    """What is wrong, or nothing: the check that must find the broken line has found it, there."""
    said, errors, _ = search(folder, model, policy, check)
    first = re.search(r"^pan:\d+: (.*)", said, re.MULTILINE)
    return [] if errors > 0 and first and finding in first[1] else [said]


def never_made(folder, texts):
    """Moves that the model has in its text, but no run comes to: nobody notices when one is forbidden."""
    policy = tables.promela(texts)
    for state, to in sorted(tables.moves(texts["call.c"])):
        forbidden = policy.replace(f"(from == {state} && to == {to})", "false")
        if caught(folder, texts["call.pml"], forbidden, SAFETY, "state"):
            yield f"{state} to {to}"


def broken(folder, texts, variant):
    _, name, text, instead, check, finding = variant
    if texts[name].count(text) != 1:
        return [f"{name} has not once: {text}"]
    texts = dict(texts, **{name: texts[name].replace(text, instead)})
    return caught(folder, texts["call.pml"], tables.promela(texts), check, finding)


def results(folder):
    texts = sources()
    yield from checks(folder, texts)
    yield "every move is made in some run: to forbid it is found out", list(never_made(folder, texts))
    for variant in BROKEN:
        yield f"found out: {variant[0]}", broken(folder, texts, variant)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    failures = count = 0
    for name, wrong in results(pathlib.Path(parser.parse_args().build).resolve() / "model"):
        count += 1
        failures += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {count} - {name}", flush=True)
        for line in "\n".join(map(str, wrong)).splitlines():
            print(f"# {line}")
    print(f"1..{count}")
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
