"""What the code itself must not hold: ways to run data, and dependencies without their hash."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.sbom import read_lock

ROOT = Path(__file__).parents[3]
ROOMS = ("streams", "matchers", "deploy", "dashboards", "demo")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
# What reads pickles, or runs a shell, by another name: call, and the keyword that makes it safe.
FORBIDDEN_ATTRIBUTES = {"read_pickle", "to_pickle", "unsafe_load", "full_load", "system", "popen"}


def faults(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
            if names & FORBIDDEN_MODULES:
                yield f"line {node.lineno}: imports {names & FORBIDDEN_MODULES}"
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in FORBIDDEN_MODULES:
                yield f"line {node.lineno}: imports from {node.module}"
        elif isinstance(node, ast.Call):
            yield from _call_faults(node)


def _call_faults(node: ast.Call) -> Iterator[str]:
    called = node.func
    given = {word.arg: word.value for word in node.keywords}
    if isinstance(called, ast.Name) and called.id in FORBIDDEN_CALLS:
        yield f"line {node.lineno}: calls {called.id}"
    if isinstance(called, ast.Attribute) and called.attr in FORBIDDEN_ATTRIBUTES:
        yield f"line {node.lineno}: calls {called.attr}"
    for name in ("shell", "allow_pickle"):
        value = given.get(name)
        if value is not None and not (isinstance(value, ast.Constant) and value.value is False):
            yield f"line {node.lineno}: {name} is not False"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_way_to_run_data(source: Path) -> None:
    assert not list(faults(ast.parse(source.read_text("utf-8"))))


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from marshal import loads",
        "import os.path, dill",
        "eval('1')",
        "numpy.load(f, allow_pickle=True)",
        "subprocess.run(c, shell=flag)",
        "os.system('x')",
    ],
)
def test_the_test_finds_them(text: str) -> None:
    assert list(faults(ast.parse(text)))


@pytest.mark.parametrize(
    "lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda p: p.name
)
def test_every_dependency_is_pinned_with_its_hash(lock: Path) -> None:
    text = lock.read_text()
    assert read_lock(text)  # raises for one that is not
    assert not re.search(r"https?://|--index|--find-links|--trusted-host", text)


def test_what_is_installed_is_installed_by_hash() -> None:
    for line in (ROOT / "Makefile").read_text().splitlines():
        if re.search(r"pip install", line) and "--editable ." not in line:
            assert "--require-hashes" in line, line
