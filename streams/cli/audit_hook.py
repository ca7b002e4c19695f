"""Where commands write what they did into the audit log."""

import getpass
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.audit.log import AuditKind, AuditLog, UnusableAudit
from streams.cli.options import fail
from streams.settings import Settings

if TYPE_CHECKING:  # it takes a second to import, which commands without lists should not
    from matchers.lists.librarian.records import Revision
    from matchers.lists.librarian.store import ListStore

APPROVALS = frozenset({"approve", "accept"})
"""Kinds of revisions of a list by which a person lets something act."""


@contextmanager
def open_audit(settings: Settings) -> Generator[AuditLog]:
    """The audit log of the settings; ends the command when there is none, or none usable."""
    if settings.audit.file is None:
        fail("this is done only with an audit log: set audit.file")
    try:
        with AuditLog(Path(settings.audit.file)) as log:
            yield log
    except UnusableAudit as error:
        fail(str(error))


@contextmanager
def rejection(settings: Settings) -> Generator[dict[str, Any]]:
    """Note that the block rejected what waited for a person's word, where the settings name an
    audit log: the block fills in what. A log that cannot be used is told before anything is done.
    """
    what: dict[str, Any] = {"done": "rejected"}
    if settings.audit.file is None:
        yield what
        return
    with open_audit(settings) as log:
        yield what
        log.append("approval", actor(), what)


def audited(settings: Settings, kind: AuditKind, what: dict[str, Any]) -> None:
    """Note what a command did, where the settings name an audit log."""
    if settings.audit.file is not None:
        with open_audit(settings) as log:
            log.append(kind, actor(), what)


def audit_lists(settings: Settings, store: "ListStore") -> None:
    """Note the revisions of the lists that the log does not have yet, whoever made them: also those
    whose command ended before it could say so. Raises `UnusableAudit`."""
    newest = store.revision()
    if settings.audit.file is None or not newest:
        return
    with AuditLog(Path(settings.audit.file)) as log:
        known = _known(log, store, newest)
        made = store.revisions(limit=newest - known) if newest > known else []
        for revision in reversed(made):
            kind = "approval" if revision.kind in APPROVALS else "list"
            log.append(kind, revision.origin, _noted(revision))


def _known(log: AuditLog, store: "ListStore", newest: int) -> int:
    """The newest revision of this store that the log has. A store that was made anew, or taken
    back from a copy, has others under numbers that the log knows already."""
    for what in log.having("revision"):
        number = what["revision"]
        if number <= newest:
            revision = store.revisions(limit=newest - number + 1)[-1]
            if what == _noted(revision):
                return number
    return 0


def _noted(revision: "Revision") -> dict[str, Any]:
    """A revision as a row of the log has it beside who made it."""
    what = revision._asdict()
    del what["origin"]
    return what


def actor() -> str:
    """Who runs the command, as the machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"
