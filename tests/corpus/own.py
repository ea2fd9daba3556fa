"""Checks the own captures: each shows what its recipe says, and dissect prints of it what is kept beside it."""

import difflib
import itertools
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "captures"
sys.path.insert(0, str(FOLDER))

import recipes  # noqa: E402
import texts  # noqa: E402

MOST_DIFFERENCES = 8  # lines that are shown of them


def difference(path, now):
    """Sentences: why the text that is kept is not what is printed now."""
    if not path.exists():
        return ["%s is not there; make accept NAME=%s" % (path.name, path.stem)]
    lines = difflib.unified_diff(path.read_text().splitlines(), now.splitlines(), path.name + " (kept)",
                                 path.name + " (now)", n=0, lineterm="")
    found = list(itertools.islice(lines, MOST_DIFFERENCES))
    return found and [*found, "after review: make accept NAME=%s" % path.stem]


def check_capture(program, recipe):
    if not texts.kept(recipe.name, ".pcap").exists():
        return ["%s.pcap is not there; make capture NAME=%s" % (recipe.name, recipe.name)]
    try:
        wrong = recipe.lacks(texts.objects(program, texts.kept(recipe.name, ".pcap")))
        wrong += recipe.misses(texts.findings(program, texts.kept(recipe.name, ".pcap")))
        for suffix, now in texts.fresh(program, recipe.name).items():
            wrong += difference(texts.kept(recipe.name, suffix), now)
    except OSError as why:
        return [str(why)]
    return wrong


def check_folder():
    """Nothing lies there that no recipe made, and README.md has the table."""
    kept = {path for suffix in (".pcap", ".txt", ".json", ".findings", ".whatif") for path in FOLDER.glob("*" + suffix)}
    wrong = ["no recipe for " + path.name for path in sorted(kept) if path.stem not in recipes.BY_NAME]
    if recipes.table() not in (FOLDER / "README.md").read_text():
        wrong.append("the table of captures/README.md is not what captures/record --list prints")
    return wrong


def verdicts(program):
    """(name, sentences about what is wrong) of each check."""
    yield "captures/", check_folder()
    for recipe in recipes.RECIPES:
        yield "captures/" + recipe.name, check_capture(program, recipe)
