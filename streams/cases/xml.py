"""Elements as XML. Field order and names are the structs' own."""

import re
import xml.etree.ElementTree as ElementTree
from datetime import datetime
from typing import cast

import msgspec

from streams.cases.cybertip import BatchedReport, Element, FileDetails, FileHash, Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 (section 2.2) has no way to write."""


def report_xml(report: Report) -> bytes:
    """A document with the root element `report`."""
    return _document("report", report)


def file_details_xml(details: FileDetails) -> bytes:
    """A document with the root element `fileDetails`."""
    return _document("fileDetails", details)


def _document(name: str, element: Element) -> bytes:
    root = _written(name, element)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _written(name: str, element: Element) -> ElementTree.Element:
    if isinstance(element, FileHash):
        node = ElementTree.Element(name, hashType=element.hash_type)
        node.text = element.value
        return node
    if isinstance(element, BatchedReport):
        return ElementTree.Element(name, reason=element.reason)
    node = ElementTree.Element(name)
    for field in msgspec.structs.fields(type(element)):
        value: object = getattr(element, field.name)
        for one in cast("list[object]", value) if isinstance(value, list) else [value]:
            if isinstance(one, Element):
                node.append(_written(field.encode_name, one))
            elif one is not None:
                ElementTree.SubElement(node, field.encode_name).text = _text(one)
    return node


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))
