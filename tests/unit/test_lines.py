"""Lines of a file, of which none is held beyond a bound."""

import hashlib
import io

from hypothesis import given
from hypothesis import strategies as st

from streams.lines import PIECE, Cut, Line, read_lines


class Bounded(io.BytesIO):
    """A file that is never asked for more than a piece."""

    most = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert 0 < size <= self.most
        return super().readline(size)


def expected(content: bytes, most: int) -> list[Line]:
    """All lines at once: a line break may have two bytes more than the bound."""
    found: list[Line] = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if len(line) > most + 1:
            found.append(Line(number, b"", cut=Cut(len(line), hashlib.sha256(line).hexdigest())))
        elif line.strip():
            found.append(Line(number, line.rstrip(b"\r\n")))
    return found


@given(st.text("ab \r\n", max_size=60).map(str.encode), st.integers(1, 12))
def test_lines_are_those_of_the_file_but_for_what_is_too_long(content: bytes, most: int) -> None:
    source = Bounded(content)
    source.most = max(most + 2, PIECE)
    assert list(read_lines(source, most)) == expected(content, most)


def test_a_line_of_many_pieces_is_read_to_its_end() -> None:
    content = b"x" * (3 * PIECE) + b"\n" + b"next\n" + b"y" * PIECE
    source = Bounded(content)
    source.most = PIECE
    assert list(read_lines(source, 10)) == expected(content, 10)
