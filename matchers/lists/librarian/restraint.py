"""What of a change must not act yet, whoever made it: what is near to something benign is held,
what is new and perceptual is observed."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from matchers.lists.entry import ListInfo
from matchers.lists.librarian import changes
from matchers.lists.librarian.guard import hold_guarded
from matchers.lists.librarian.observation import observe_new


def restrain(
    database: sqlite3.Connection, infos: Mapping[str, ListInfo], name: str, at: datetime
) -> int:
    """Alter the worked-out change of a list so; how many entries are near to something benign."""
    guarded = hold_guarded(database, infos, name)
    observe_new(database, infos[name], at)
    changes.drop_same(database, name)
    return guarded
