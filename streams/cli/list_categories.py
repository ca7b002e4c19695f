"""How the commands of `seawall lists` say that nobody gave a category its role."""

from collections.abc import Mapping

from streams.cli.tables import visible

SHOWN = 10
"""Categories named in the line; `--json` gives all."""


def unnamed_line(unnamed: Mapping[str, int]) -> str:
    """Rows by category (at least one) of which `roles` names none, in words."""
    names = [visible(category) or "no category" for category in unnamed]
    if len(names) > SHOWN:
        names[SHOWN:] = [f"… and {len(names) - SHOWN} more; --json shows all"]
    count = sum(unnamed.values())
    rows = "1 row has a category" if count == 1 else f"{count} rows have a category"
    return (
        f"{rows} that `roles` does not name ({', '.join(names)}): only observed; "
        "name it in `roles` of the list's TOML, or set `default_role` there, as `observe` if "
        "that is meant"
    )
