"""Where commands write what they did into the audit log."""

import getpass
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.audit.log import AuditKind, AuditLog, UnusableAudit
from streams.cli.options import fail
from streams.settings import Settings

if TYPE_CHECKING:  # it takes a second to import, which commands without lists should not
    from matchers.lists.librarian.store import ListStore

APPROVALS = frozenset({"approve", "accept"})
"""Kinds of revisions of a list by which a person lets something act."""


@contextmanager
def open_audit(settings: Settings) -> Generator[AuditLog]:
    """The audit log of the settings; ends the command when there is none, or none usable."""
    if settings.audit.file is None:
        fail("this is done only with an audit log: set audit.file")
    try:
        log = AuditLog(Path(settings.audit.file))
    except UnusableAudit as error:
        fail(str(error))
    with log:
        yield log


def audited(settings: Settings, kind: AuditKind, what: dict[str, Any]) -> None:
    """Note what a command did, where the settings name an audit log."""
    if settings.audit.file is not None:
        with open_audit(settings) as log:
            log.append(kind, actor(), what)


def audit_lists(settings: Settings, store: "ListStore") -> None:
    """Note the revisions of the lists that the log does not have yet, whoever made them: also those
    whose command ended before it could say so."""
    if settings.audit.file is None:
        return
    with open_audit(settings) as log:
        known = log.newest("revision") or 0
        newest = store.revision()
        made = store.revisions(limit=newest - known) if newest > known else []
        for revision in reversed(made):
            if revision.revision > known:
                kind = "approval" if revision.kind in APPROVALS else "list"
                what = revision._asdict()
                log.append(kind, what.pop("origin"), what)


def actor() -> str:
    """Who runs the command, as the machine knows them."""
    return getpass.getuser()
