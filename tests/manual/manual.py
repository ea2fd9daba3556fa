#!/usr/bin/env python3
"""Holds the help, the manual pages and the commented example of all programs together.

The help is made from the tables that the program works by, so it is what the two texts are measured against.
Usage: manual.py path/to/rpcward path/to/rpcwardctl path/to/rpcward-inspect, with rpcward-run beside them; prints TAP.
"""

import os
import pathlib
import re
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs"


def run(*command, **where):
    unwrapped = {**os.environ, "ARGP_HELP_FMT": "rmargin=200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=unwrapped, **where)


def help_options(text):
    """Options as '-c, --config=FILE'."""
    return {line.group(1) for line in re.finditer(r"^ {2,6}((?:-\S, )?--[\w-]+(?:=\S+)?)(?: |$)", text, re.M)}


def manual_section(source, name):
    return re.search(rf"^# {name}\n(.*?)(?=^# |\Z)", source, re.M | re.S).group(1)


def plain(text):
    """Without the marks of bold and underlined text."""
    return re.sub(r"\\(.)|[*_]", lambda match: match.group(1) or "", text)


def manual_options(source):
    """Unindented lines of the section, each followed by its indented text."""
    return {plain(line) for line in re.findall(r"^(\*-.*)\n\t", manual_section(source, "OPTIONS"), re.M)}


def help_settings(text):
    """Lines such as 'log.format: json or logfmt, default json'."""
    return set(re.findall(r"^  ([a-z].*: .*)$", text.split("Settings, with", 1)[1], re.M))


def manual_settings(source):
    return {plain(line) for line in re.findall(r"^(\*[^*\s]+.*?\*: .*)\n\t", manual_section(source, "SETTINGS"), re.M)}


def example_paths(text):
    """Paths of the keys of the example, which is in block style but for single items in braces; and their values.

    Enough of YAML for that: a stack of (column, path) by indentation."""
    found, stack = {}, []
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).rstrip()
        column = len(line) - len(line.lstrip(" "))
        while stack and stack[-1][0] >= column and line.strip():
            stack.pop()
        if line.lstrip().startswith("- "):
            stack.append((column, (stack[-1][1] if stack else "") + "*."))
            line = line.replace("- ", "  ", 1)
            column += 2
        prefix = stack[-1][1] if stack else ""
        for key, value in re.findall(r"(?:^|[{,]) *([a-z][\w-]*|\d+):(?: +([^,{}]+?))? *(?=$|[,}])", line.strip()):
            name = "*" if prefix == "servers." or prefix.endswith("operations.") else key
            found.setdefault(prefix + name, value)
            if not value:
                stack.append((column, prefix + name + "."))
    return found


def differences(left, left_name, right, right_name):
    return [f"only in the {left_name}: {item}" for item in sorted(left - right)] + [
        f"only in the {right_name}: {item}" for item in sorted(right - left)
    ]


def example_gaps(settings, example):
    """Keys that the example lacks, and defaults that it shows differently."""
    gaps = []
    for setting in sorted(settings):
        path, kind = setting.split(": ", 1)
        default = kind.partition(", default ")[2]
        if path not in example:
            gaps.append(f"not in the example: {path}")
        elif default and example[path] != default:
            gaps.append(f"in the example {path} is {example[path]}, its default is {default}")
    return gaps


def brain_words(table):
    """The words of one table of policy/explain.c, which logs are made of."""
    source = (DOCS.parent / "policy" / "explain.c").read_text(encoding="utf-8")
    body = re.search(rf"{table}\[\] = {{(.*?)}};", source, re.DOTALL)[1]
    return set(re.findall(r'"([^"]+)"', body))


def log_keys():
    source = (DOCS.parent / "proxy" / "calllog.c").read_text(encoding="utf-8")
    return set(re.findall(r'PX_LOG_KEY\("(\w+)"\)', source))


def help_commands(text):
    """The commands of rpcwardctl's help: lines such as '  show calls'."""
    return set(re.findall(r"^  (\w+(?: \w+)?)$", text.split("Commands:", 1)[1], re.M))


def manual_commands(source):
    """Lines such as '*wait* _CALL_' that are followed by indented text, without their arguments."""
    found = re.findall(r"^\*([a-z ]+)\*(?: .*)?\n\t", manual_section(source, "COMMANDS"), re.M)
    return set(found)


def control_keys():
    """The keys of the answers on the control socket."""
    files = [DOCS.parent / "proxy" / name for name in ("answer.c", "admin.c", "control.c")]
    keys = (re.findall(r'PX_LOG_KEY\("(\w+)"\)', path.read_text(encoding="utf-8")) for path in files)
    return {key for some in keys for key in some}


def ctl_results(program):
    """The same for rpcwardctl and its page."""
    text = run(program, "--help").stdout
    source = (DOCS / "rpcwardctl.1.scd").read_text(encoding="utf-8")
    return [
        ("options of rpcwardctl are the same in help and manual",
         differences(help_options(text), "help", manual_options(source), "manual")),
        ("commands of rpcwardctl are the same in help and manual",
         differences(help_commands(text), "help", manual_commands(source), "manual")),
        ("the manual of rpcwardctl has every key of the answers", not_in(control_keys(), source)),
    ]


def not_in(words, text):
    return [f"not in the manual: {word}" for word in sorted(words) if f"_{word}_" not in text]


TESTS = DOCS.parent / "tests"
TEST_NAME = re.compile(r"`([\w-]+(?:/[\w-]+)+\*?|[\w*-]+\.(?:trace|patch)|TESTS=[\w-]+)`")


def test_is_there(name, cases):
    """Cases of the network and of the cuts are entries of a table each; TESTS= is part of the name of a suite."""
    room, _, rest = name.partition("/")
    tables = {"network": TESTS / "network" / "silence.py", "cuts": TESTS / "live" / "cuts.py"}
    if name.endswith((".trace", ".patch")):
        return any(TESTS.glob("*/" + name)) or any(TESTS.glob("sim/broken/" + name))
    if name.startswith("TESTS="):
        suites = re.findall(r'yield f?"([^"]+)"', (TESTS / "run").read_text(encoding="utf-8"))
        units = [path.stem for path in (TESTS / "unit").glob("test_*.c")]
        return any(name[6:] in suite for suite in suites + units)
    if room in tables:
        return f'"{rest}":' in tables[room].read_text(encoding="utf-8")
    return name.rstrip("*") in cases


def missing_tests(text):
    """Tests that a text names and that there are not."""
    cases = run(sys.executable, str(TESTS / "live" / "live.py"), "--list").stdout
    named = TEST_NAME.findall(text)
    return [f"no such test: {name}" for name in named if not test_is_there(name, cases)] or \
        ([] if named else ["it names no test"])


def promises():
    """The rows of the README's table of promises, each of which names a test; before it stands what cannot be had."""
    before, _, rest = (DOCS.parent / "README.md").read_text(encoding="utf-8").partition("## What it promises")
    rows = [row for row in rest.partition("\n## ")[0].splitlines() if row.startswith("| **")]
    wrong = [f"names no test: {row[:60]}" for row in rows if not TEST_NAME.search(row)]
    if not rows or "## What it cannot do" not in before:
        wrong.append("it does not say first what cannot be had")
    return wrong + missing_tests("\n".join(rows))


def summary_gap():
    """What the README says that rpcward was run against is the table of the last `make peers` that was accepted."""
    table = (DOCS / "peers.md").read_text(encoding="utf-8").split("| program ", 1)[1].split("\n\n", 1)[0]
    there = table in (DOCS.parent / "README.md").read_text(encoding="utf-8")
    return [] if there else ["docs/peers.md has another summary"]


def inspect_words():
    """Endings of calls and keys of JSON, from the sources of rpcward-inspect."""
    dissect = DOCS.parent / "dissect"
    endings = re.findall(r'\[DIS_END_\w+\] = "([\w-]+)"', (dissect / "rpc_call.c").read_text(encoding="utf-8"))
    keys = [key for name in ("inspect_json.c", "inspect_findings.c", "inspect_whatif.c")
            for key in re.findall(r'&?sink, "(\w+)"', (dissect / name).read_text(encoding="utf-8"))]
    findings = re.findall(r'\[FINDING_\w+\] = \{ "([\w-]+)"', (dissect / "inspect_advice.c").read_text(encoding="utf-8"))
    return set(endings) - {"open"} | set(keys) - {"context"} | set(findings)


def inspect_results(program):
    text = run(program, "--help").stdout
    source = (DOCS / "rpcward-inspect.1.scd").read_text(encoding="utf-8")
    return [
        ("the help of rpcward-inspect lists options", [] if help_options(text) else [text]),
        (
            "options of rpcward-inspect are the same in help and manual",
            differences(help_options(text), "help", manual_options(source), "manual"),
        ),
        ("the manual of rpcward-inspect has every ending, finding and key", not_in(inspect_words(), source)),
        *((f"{path.name} has what rpcward-inspect prints", shown_gap(program, path))
          for path in (DOCS.parent / "README.md", DOCS / "runbook.md")),
    ]


def shown_gap(program, path):
    """Its examples are those of a capture that lies here."""
    readme = path.read_text(encoding="utf-8")
    gaps = []
    for command, shown in re.findall(r"^    \$ rpcward-inspect (.*)\n((?:    .*\n)+)", readme, re.M):
        now = run(program, *command.split(), cwd=DOCS.parent).stdout
        wanted = "".join(f"    {line}".rstrip() + "\n" for line in now.splitlines() if line)
        gaps += [] if shown == wanted else [f"of {command}, now is: {wanted}"]
    return gaps if "$ rpcward-inspect" in readme else ["no example"]


def run_differences(program):
    text = run(str(pathlib.Path(program).parent / "rpcward-run"), "--help").stdout
    source = (DOCS / "rpcward-run.1.scd").read_text(encoding="utf-8")
    return differences(help_options(text), "help", manual_options(source), "manual")


def main():
    program = sys.argv[1]
    text = run(program, "--help").stdout
    source = (DOCS / "rpcward.8.scd").read_text(encoding="utf-8")
    example_file = DOCS / "rpcward.yaml.example"
    settings = help_settings(text)
    checked = run(program, "--check", "-c", str(example_file))
    results = [
        ("the help lists options and settings", [] if help_options(text) and settings else [text]),
        (
            "options are the same in help and manual",
            differences(help_options(text), "help", manual_options(source), "manual"),
        ),
        ("options of rpcward-run are the same in help and manual", run_differences(program)),
        ("settings are the same in help and manual", differences(settings, "help", manual_settings(source), "manual")),
        ("the manual has every ending of a call", not_in(brain_words("ending_names"), source)),
        ("the manual has every reason of a connection's end", not_in(brain_words("reason_names"), source)),
        ("the manual has every key of the log", not_in(log_keys(), source)),
        (
            "the example has every setting, at its default",
            example_gaps(settings, example_paths(example_file.read_text(encoding="utf-8"))),
        ),
        (
            "the example passes --check without a word",
            checked.stderr.splitlines() + ([f"status {checked.returncode}"] if checked.returncode != 0 else []),
        ),
        ("the README has the summary of docs/peers.md", summary_gap()),
        ("the tests that the differences name are there",
         missing_tests((DOCS / "differences.md").read_text(encoding="utf-8"))),
        ("what cannot be had is said first, and each promise names tests that are there", promises()),
        *inspect_results(sys.argv[3]),
    ]
    results += ctl_results(sys.argv[2])
    print(f"1..{len(results)}")
    for number, (name, problems) in enumerate(results, 1):
        print("not ok" if problems else "ok", number, "-", name)
        for problem in problems:
            print("#", problem)
    return any(problems for _, problems in results)


if __name__ == "__main__":
    sys.exit(main())
