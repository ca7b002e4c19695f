"""NCMEC hash-sharing v2 XML: `queryResult` with images, videos, deletions, feedback and paging.

As published in NCMEC's Hash Sharing Web Service documentation (report.cybertip.org/hashsharing)
and read by python-threatexchange. Times are UTC. An entry's id is unique within its member, so
`member-id` names it here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from xml.parsers import expat

from matchers.lists.csv_format import UnreadableList
from matchers.lists.entry import Algorithm
from matchers.lists.fields import time_of
from matchers.lists.formats.feed import Feed, FeedDraft

FINGERPRINTS: Mapping[str, Algorithm] = {
    "md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
    "pdna": "photodna",
    "photodna": "photodna",
    "pdq": "pdq",
    "netclean": "netclean",
    "tmk-pdqf": "tmk",
}
_KNOWN = {"member", "timestamp", "id", "classification", "fingerprints", "feedback"}
_DEEPEST = 64


@dataclass
class _Node:
    """An XML element, names without their namespace."""

    name: str
    attributes: Mapping[str, str]
    line: int
    parts: list[str] = field(default_factory=list[str])
    children: list["_Node"] = field(default_factory=list["_Node"])

    @property
    def text(self) -> str:
        return "".join(self.parts).strip()

    def child(self, name: str) -> "_Node | None":
        return next((child for child in self.children if child.name == name), None)

    def text_of(self, name: str) -> str:
        child = self.child(name)
        return child.text if child is not None else ""


def read_ncmec(data: bytes, list_name: str) -> Feed:
    """Read one answer of the service: changes, in no order of time.

    Raises `UnreadableList` for what is not well-formed, is in an unknown encoding, or declares a
    document type: those can define entities, which nothing here needs.
    """
    draft = FeedDraft(list_name, whole=False)
    root = _parse(data, lambda node: _item(draft, node))
    if root.name != "queryResult":
        raise UnreadableList(f"not NCMEC XML: the root is {root.name[:40]!r}, not queryResult")
    paging = root.child("paging")
    draft.unused(
        child.name for child in root.children if child.name not in ("images", "videos", "paging")
    )
    return draft.done(next_page=(paging.text_of("next") or None) if paging else None)


def _parse(data: bytes, on_item: Callable[[_Node], None]) -> _Node:
    """The root. Children of `images` and `videos` are given to `on_item` and not kept."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    stack: list[_Node] = []
    roots: list[_Node] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) >= _DEEPEST:
            raise UnreadableList(f"line {parser.CurrentLineNumber}: elements nest too deep")
        node = _Node(name.rpartition(" ")[2], attributes, parser.CurrentLineNumber)
        (stack[-1].children if stack else roots).append(node)
        stack.append(node)

    def end(_: str) -> None:
        node = stack.pop()
        if len(stack) == 2 and stack[-1].name in ("images", "videos"):
            on_item(node)
            stack[-1].children.clear()

    def text(characters: str) -> None:
        if stack:
            stack[-1].parts.append(characters)

    def declaration(_: str, encoding: str | None, __: int) -> None:
        if encoding is not None and not _readable(encoding):
            raise UnreadableList(f"the encoding {encoding[:40]!r} is not known: use UTF-8")

    def doctype(*_: object) -> None:
        raise UnreadableList("the XML declares a document type, which is not read")

    parser.XmlDeclHandler = declaration
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data.lstrip(), True)
    except expat.ExpatError as error:
        raise UnreadableList(f"line {error.lineno}: not well-formed XML: {error}") from error
    return roots[0]


def _readable(encoding: str) -> bool:
    """Whether expat can read the encoding: its own, or one of a byte a character."""
    if encoding.lower() in ("utf-8", "utf-16"):
        return True
    try:
        return len(bytes(range(256)).decode(encoding, "replace")) == 256
    except (LookupError, ValueError):
        return False


def _item(draft: FeedDraft, node: _Node) -> None:
    try:
        _read_item(draft, node)
    except ValueError as error:
        draft.reject(node.line, f"{node.name}: {error}")


def _read_item(draft: FeedDraft, node: _Node) -> None:
    item_id, member = node.text_of("id"), node.child("member")
    if not item_id:
        draft.reject(node.line, f"{node.name}: no id")
        return
    number = member.attributes.get("id", "") if member is not None else ""
    full_id = f"{number}-{item_id}" if number else item_id
    kind, timestamp = node.name.lower(), node.text_of("timestamp")
    if kind.startswith("deleted"):
        draft.withdraw(full_id, _withdrawn_at(timestamp))
        return
    at = time_of(timestamp)
    draft.unused(child.name for child in node.children if child.name not in _KNOWN)
    hashes: list[tuple[Algorithm, str]] = []
    fingerprints = node.child("fingerprints")
    complete = True
    for print_ in fingerprints.children if fingerprints is not None else ():
        algorithm = FINGERPRINTS.get(print_.name.lower())
        if algorithm is None or not print_.text:
            # A large fingerprint is a link to a page of its own, which is not followed.
            draft.unused([f"fingerprints/{print_.name}"])
        else:
            hashes.append((algorithm, print_.text))
    if not hashes:
        draft.reject(node.line, f"{node.name}: no fingerprint that is known here")
        complete = False
    labels, labels_of = _feedback(node.child("feedback"))
    draft.item(
        node.line,
        full_id,
        hashes,
        category=node.text_of("classification"),
        labels=(f"type:{kind}", *labels),
        labels_of=labels_of,
        at=at,
        provenance=f"NCMEC member {number} {member.text if member is not None else ''}".strip(),
        complete=complete,
    )


def _withdrawn_at(timestamp: str) -> datetime | None:
    """What is deleted is taken out whatever its time."""
    try:
        return time_of(timestamp)
    except ValueError:
        return None


def _feedback(node: _Node | None) -> tuple[list[str], dict[Algorithm, list[str]]]:
    """Labels for the whole item, and for its hashes of one algorithm; each kind of feedback and
    reason is named as the service names it, known or not."""
    everywhere: list[str] = []
    of: dict[Algorithm, list[str]] = {}
    for given in node.children if node is not None else ():
        verdict = given.name.removesuffix("Feedback")
        about = given.attributes.get("type", "")
        reasons = [
            reason.attributes["name"]
            for group in given.children
            for reason in (group, *group.children)
            if reason.name == "reason" and "name" in reason.attributes
        ]
        labels = [f"feedback:{verdict}:{reason}" for reason in reasons] or [f"feedback:{verdict}"]
        algorithm = FINGERPRINTS.get(about.lower())
        target = everywhere if algorithm is None else of.setdefault(algorithm, [])
        target += [label for label in labels if label not in target]
    return everywhere, of
