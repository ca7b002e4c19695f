"""Numbers of things in words."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Such as `1 row`, `2 rows` and `0 entries`; `many` where it is not `one` with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
