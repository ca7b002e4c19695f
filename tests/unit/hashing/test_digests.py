import hashlib
import io

from hypothesis import given
from hypothesis import strategies as st

from matchers.hashing import digests as module
from matchers.hashing.digests import Digests, DigestStream, digests


def expected(content: bytes) -> Digests:
    return Digests(
        md5=hashlib.md5(content).hexdigest(),
        sha1=hashlib.sha1(content).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
    )


@given(st.binary(max_size=300))
def test_bytes_views_and_files_give_the_digests_of_hashlib(content: bytes) -> None:
    assert digests(content) == expected(content)
    assert digests(memoryview(content)) == expected(content)
    assert digests(io.BytesIO(content)) == expected(content)


def test_content_longer_than_a_chunk() -> None:
    content = bytes(range(256)) * (2 * module.CHUNK_BYTES // 256 + 3)
    assert digests(content) == expected(content)
    assert digests(io.BytesIO(content)) == expected(content)


@given(st.lists(st.binary(max_size=20)))
def test_pieces_give_the_digests_of_the_whole(pieces: list[bytes]) -> None:
    stream = DigestStream()
    for piece in pieces:
        stream.update(piece)
    assert stream.digests() == expected(b"".join(pieces))
