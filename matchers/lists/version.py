"""`ListsVersion`: what lists are in use, as decisions and metrics name it."""

from typing import NamedTuple, Self


class ListsVersion(NamedTuple):
    """`contents` names a snapshot or a set of files; `offset`, of lists that follow changes, is
    that of the first change on the control topic that they do not hold."""

    contents: str
    offset: int | None = None

    def __str__(self) -> str:
        return self.contents if self.offset is None else f"{self.contents}+{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The version that was written as `text`."""
        contents, plus, offset = text.rpartition("+")
        return cls(contents, int(offset)) if plus and offset.isdecimal() else cls(text)
