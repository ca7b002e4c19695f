"""What an entry does to content, in SQL: its role, or nothing while it is not in force.

What is only observed for a time counts as what it will be: it acts by itself, with time.
"""

# What is put into statements are constants of this package; values are bound.
# ruff: noqa: S608

import json

from matchers.lists.entry import ListInfo


def bound(info: ListInfo) -> dict[str, str]:
    """The values that the statements below need."""
    return {
        "list": info.name,
        "roles": json.dumps(info.roles),
        "default_role": info.default_role,
    }


def role_of(alias: str) -> str:
    """The role of an entry that is in force, whatever its status."""
    return (
        f"coalesce({alias}.role, "
        f"(SELECT value FROM json_each(:roles) WHERE key = {alias}.category), :default_role)"
    )


def effect(alias: str) -> str:
    """Its role; `observe` for one that is observed; nothing for one that is not in force."""
    return f"""CASE WHEN {alias}.status = 'active' OR ({alias}.status = 'observed' AND EXISTS (
      SELECT 1 FROM observing o WHERE o.list = :list AND o.id = {alias}.id
      AND o.algorithm = {alias}.algorithm AND o.value = {alias}.value)) THEN {role_of(alias)}
      WHEN {alias}.status = 'observed' THEN 'observe' END"""


def acts(alias: str) -> str:
    """Whether it does more to content than to be noted."""
    return f"coalesce({effect(alias)} IN ('review', 'hold', 'block'), 0)"
