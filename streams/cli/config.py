"""`seawall config`: the settings in force."""

import re
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from streams.cli.options import (
    BootstrapOption,
    ConfigOption,
    JsonOption,
    SetOption,
    loaded_settings,
    print_json,
)
from streams.secret import Secret
from streams.settings import SECTIONS

HIDDEN = "(hidden)"
_PASSWORD = re.compile(r"(://[^/@:]*:)[^/@]*@")
"""In an address: what stands between the user's name and the host."""


def config(
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print every setting, its value and where that came from. Secrets are hidden.

    Example: seawall config --config seawall.toml

    Exit codes: 0, 2 a setting cannot be used (the message says which).
    """
    loaded = loaded_settings(config, bootstrap, assignments)
    rows: list[tuple[str, str, Any, str]] = []
    for section, kind in SECTIONS.items():
        values = getattr(loaded.settings, section)
        for field in msgspec.structs.fields(kind):
            value = getattr(values, field.name)
            source = loaded.sources.get(f"{section}.{field.name}", "default")
            shown = HIDDEN if isinstance(value, Secret) else _without_passwords(value)
            rows.append((section, field.name, shown, source))
    if as_json:
        tree: dict[str, dict[str, object]] = {}
        for section, field, value, source in rows:
            tree.setdefault(section, {})[field] = {"value": value, "source": source}
        print_json(tree)
        return
    table = Table("setting", "value", "from")
    for section, field, value, source in rows:
        table.add_row(f"{section}.{field}", _text(value), source)
    Console().print(table)


def _without_passwords(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_without_passwords(part) for part in value)  # pyright: ignore[reportUnknownVariableType]
    return _PASSWORD.sub(rf"\g<1>{HIDDEN}@", value) if isinstance(value, str) else value


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
