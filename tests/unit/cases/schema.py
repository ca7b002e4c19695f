"""The public CyberTipline schema, for tests that hold what is written against it."""

import os
from functools import cache
from pathlib import Path

import pytest

etree = pytest.importorskip("lxml.etree", reason="lxml, of the group dev, is not installed")

XS = "{http://www.w3.org/2001/XMLSchema}"


def schema_file() -> Path:
    folder = os.environ.get("SEAWALL_VECTORS")
    if not folder:
        pytest.skip("SEAWALL_VECTORS is not set: the public CyberTipline schema is there")
    return Path(folder) / "cybertipline" / "cyber_tipline.xsd"


@cache
def validator() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(schema_file()))


def children(name: str) -> tuple[list[str], bool, set[str]]:
    """Of an element or type: the names of its children in order, whether that order is fixed, and
    which of them are mandatory."""
    root = etree.parse(schema_file()).getroot()
    node = next(
        n for n in root.iter(f"{XS}element", f"{XS}complexType")
        if n.get("name") == name and n.find(f".//{XS}element") is not None
    )  # fmt: skip
    kind = node if node.tag == f"{XS}complexType" else node.find(f"{XS}complexType")
    group = kind.find(f"{XS}sequence")
    ordered = group is not None
    if group is None:
        group = kind.find(f"{XS}all") if kind.find(f"{XS}all") is not None else kind[-1]
    names: list[str] = []
    mandatory: set[str] = set()
    for child in group:
        inner = child.findall(f"{XS}element") if child.tag == f"{XS}choice" else [child]
        for one in inner:
            called = one.get("name") or one.get("ref")
            if called is None:
                continue
            names.append(called)
            chosen = f"{XS}choice" in (child.tag, group.tag)
            if one.get("minOccurs") is None and not chosen:
                mandatory.add(called)
    return names, ordered, mandatory
