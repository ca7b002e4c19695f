import base64
from datetime import UTC, datetime

import pytest

from matchers.hashing.text import minhash, shingles
from matchers.lists.entry import (
    FLAGGED,
    Algorithm,
    EntryStatus,
    ListEntry,
    ListInfo,
    Role,
    normal_value,
)
from matchers.lists.matcher import MAX_MATCHES, HashQuery, ListMatcher, Match, Radii
from tests.unit.hashing.prose import edited, prose

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PDQ = bytes(range(32))


def entry(
    id: str,
    algorithm: Algorithm,
    value: str,
    category: str = "known",
    list: str = "one",
    role: Role | None = None,
    status: EntryStatus = "active",
    labels: tuple[str, ...] = (),
) -> ListEntry:
    return ListEntry(
        list=list,
        id=id,
        algorithm=algorithm,
        value=normal_value(algorithm, value),
        category=category,
        role=role,
        status=status,
        labels=labels,
    )


INFOS = {
    "one": ListInfo(
        name="one", source_kind="hotline", verified_by="Example", roles={"known": "block"}
    ),
    "two": ListInfo(name="two", source_kind="victim", default_role="hold"),
}


def matcher(*entries: ListEntry, radii: Radii | None = None) -> ListMatcher:
    return ListMatcher(INFOS, entries, loaded_at=NOW, radii=radii)


def away(value: bytes, bits: int) -> bytes:
    number = int.from_bytes(value) ^ ((1 << bits) - 1)
    return number.to_bytes(len(value))


def ids(matches: list[Match]) -> list[str]:
    return [match.entry for match in matches]


def test_a_match_says_all_that_a_reviewer_needs() -> None:
    lists = matcher(entry("e1", "pdq", PDQ.hex()))
    ((match,),) = lists.match_hashes([HashQuery("pdq", away(PDQ, 5), 90)])
    assert match == Match(
        list="one",
        entry="e1",
        algorithm="pdq",
        distance=5,
        radius=31,
        role="block",
        category="known",
        source_kind="hotline",
        verified=True,
        verified_by="Example",
    )


def test_pdq_matches_up_to_31_bits() -> None:
    lists = matcher(entry("e1", "pdq", PDQ.hex()))
    near, far = lists.match_hashes(
        [HashQuery("pdq", away(PDQ, 31)), HashQuery("pdq", away(PDQ, 32))]
    )
    assert (ids(near), ids(far)) == (["e1"], [])


def test_a_pdq_below_the_quality_floor_is_not_matched() -> None:
    lists = matcher(entry("e1", "pdq", PDQ.hex()))
    low, enough = lists.match_hashes([HashQuery("pdq", PDQ, 49), HashQuery("pdq", PDQ, 50)])
    assert (ids(low), ids(enough)) == ([], ["e1"])


def test_radii_can_be_set() -> None:
    value = bytes(8)
    lists = matcher(entry("p", "phash", value.hex()), radii=Radii(phash=2))
    near, far = lists.match_hashes(
        [HashQuery("phash", away(value, 2)), HashQuery("phash", away(value, 3))]
    )
    assert (ids(near), ids(far)) == (["p"], [])


def test_a_batch_of_every_algorithm_is_answered_in_its_order() -> None:
    lists = matcher(
        entry("m", "md5", "11" * 16),
        entry("s", "sha1", "22" * 20),
        entry("l", "sha256", "33" * 32),
        entry("p", "pdq", PDQ.hex()),
        entry("h", "phash", "44" * 8),
        entry("d", "dhash", "44" * 8),
    )
    found = lists.match_hashes(
        [
            HashQuery("dhash", b"\x44" * 8),
            HashQuery("md5", b"\x11" * 16),
            HashQuery("md5", b"\x22" * 16),
            HashQuery("sha256", b"\x33" * 32),
            HashQuery("pdq", PDQ),
            HashQuery("sha1", b"\x22" * 20),
            HashQuery("phash", b"\x44" * 8),
        ]
    )
    assert [ids(matches) for matches in found] == [["d"], ["m"], [], ["l"], ["p"], ["s"], ["h"]]


def test_the_role_is_the_entrys_else_the_categorys_else_the_lists() -> None:
    lists = matcher(
        entry("a", "md5", "11" * 16, category="known"),
        entry("b", "md5", "11" * 16, category="unmapped"),
        entry("c", "md5", "11" * 16, category="known", role="review"),
        entry("d", "md5", "11" * 16, category="unmapped", list="two"),
        entry("e", "md5", "11" * 16, category="known", status="observed"),
    )
    (matches,) = lists.match_hashes([HashQuery("md5", b"\x11" * 16)])
    assert {match.entry: match.role for match in matches} == {
        "a": "block",
        "b": "observe",
        "c": "review",
        "d": "hold",
        "e": "observe",
    }
    assert {match.entry: match.verified for match in matches}["d"] is False


@pytest.mark.parametrize("status", ["pending", "withdrawn"])
def test_what_is_not_in_force_does_not_match_but_counts(status: EntryStatus) -> None:
    lists = matcher(entry("a", "md5", "11" * 16, status=status))
    assert lists.match_hashes([HashQuery("md5", b"\x11" * 16)]) == [[]]
    (count,) = lists.counts
    assert (count.entries, count.matched) == (1, 0)


def test_addresses_match_by_any_expression() -> None:
    lists = matcher(entry("u", "url", "http://bad.example/dir/"))
    found = lists.match_urls(
        ["https://www.bad.example/dir/page", "http://other.example/", "not an address"]
    )
    assert [ids(matches) for matches in found] == [["u"], [], []]


def test_an_address_may_be_listed_as_its_digest() -> None:
    digest = normal_value("url", "http://bad.example/")
    assert ids(matcher(entry("u", "url", digest)).match_urls(["bad.example"])[0]) == ["u"]


def test_a_video_matches_by_the_share_of_its_frames() -> None:
    frames = [bytes([n]) * 32 for n in (0x00, 0x0F, 0x33, 0x55, 0xFF)]
    video = "\n".join(f"{n},90,{frame.hex()},{n}.0" for n, frame in enumerate(frames))
    lists = matcher(entry("v", "vpdq", f"{video}\n5,10,{'aa' * 32},5.0"))
    strange = bytes(range(32))
    whole, excerpt, enough, too_few = lists.match_hashes(
        [
            HashQuery("vpdq", b"".join(frames)),
            HashQuery("vpdq", frames[2]),
            HashQuery("vpdq", b"".join(frames[:4]) + strange),
            HashQuery("vpdq", b"".join(frames[:3]) + strange * 2),
        ]
    )
    shares = [(m.query_share, m.compared_share) for (m,) in (whole, excerpt, enough)]
    assert shares == [(1.0, 1.0), (1.0, 0.2), (0.8, 0.8)]
    assert too_few == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("0,90,zz,0", "row 1 is not"),
        (f"0,90,{'ab' * 32},0;x", "row 2 is not"),
        (f"0,49,{'ab' * 32},0", "no frame of quality 50"),
    ],
)
def test_a_video_that_cannot_be_read_is_refused(value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        normal_value("vpdq", value)


def test_photodna_matches_only_within_a_distance_that_was_set() -> None:
    listed = bytes(144)
    query = [HashQuery("photodna", bytes([3, 4]) + bytes(142))]
    held = entry("v", "photodna", base64.b64encode(listed).decode())
    assert matcher(held).match_hashes(query) == [[]]
    ((match,),) = matcher(held, radii=Radii(photodna=25)).match_hashes(query)
    assert (match.distance, match.radius) == (25, 25)
    assert matcher(held, radii=Radii(photodna=24)).match_hashes(query) == [[]]
    manhattan = Radii(photodna=7, photodna_metric="manhattan")
    ((match,),) = matcher(held, radii=manhattan).match_hashes(query)
    assert match.distance == 7


@pytest.mark.parametrize("spelled", ["AAAA", "1,2,3", "not a vector", "1,2,256" + ",0" * 141])
def test_a_vector_that_cannot_be_read_is_refused(spelled: str) -> None:
    with pytest.raises(ValueError, match="photodna takes"):
        normal_value("photodna", spelled)


def test_vectors_are_read_in_three_spellings() -> None:
    vector = bytes(range(144))
    decimal = ",".join(map(str, vector))
    spellings = (vector.hex(), base64.b64encode(vector).decode(), decimal)
    assert {normal_value("photodna", spelled) for spelled in spellings} == {vector.hex()}


def test_a_crowd_of_near_copies_is_cut_but_no_kind_is_lost() -> None:
    crowd = [entry(f"c{n}", "pdq", away(PDQ, n % 20).hex()) for n in range(200)]
    lists = matcher(*crowd, entry("far", "pdq", away(PDQ, 31).hex(), list="two"))
    (matches,) = lists.match_hashes([HashQuery("pdq", PDQ)])
    assert len(matches) == MAX_MATCHES + 1
    assert matches[-1].entry == "far"
    assert [match.distance for match in matches] == sorted(match.distance for match in matches)


def test_a_flagged_crowd_pushes_no_block_out() -> None:
    crowd = [
        entry(f"c{n}", "pdq", away(PDQ, n % 20).hex(), role="block", labels=(FLAGGED,))
        for n in range(200)
    ]
    far = entry("far", "pdq", away(PDQ, 31).hex(), role="block")
    (matches,) = matcher(*crowd, far).match_hashes([HashQuery("pdq", PDQ)])
    assert (matches[-1].entry, matches[-1].role) == ("far", "block")
    assert {match.role for match in matches[:-1]} == {"hold"}


def test_a_value_of_the_wrong_width_is_refused() -> None:
    with pytest.raises(ValueError, match="md5 takes 16 bytes"):
        matcher(entry("a", "md5", "11" * 16)).match_hashes([HashQuery("md5", b"\x11")])


def test_an_entry_of_an_unknown_list_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown list 'three'"):
        matcher(entry("a", "md5", "11" * 16, list="three"))


def test_the_version_says_what_is_held() -> None:
    one = entry("a", "md5", "11" * 16)
    assert matcher(one).version == matcher(one).version
    assert matcher(one).version != matcher(entry("a", "md5", "12" * 16)).version
    later = ListMatcher(INFOS, [one], loaded_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert later.version == matcher(one).version


def test_no_lists_match_nothing() -> None:
    empty = ListMatcher.empty(NOW)
    assert empty.match_hashes([HashQuery("pdq", PDQ)]) == [[]]
    assert empty.match_urls(["http://bad.example/"]) == [[]]
    assert empty.entries == 0


def test_a_listed_text_is_found_in_a_longer_one_by_its_share() -> None:
    text = prose(1, 120)
    lists = matcher(entry("t", "minhash", text), radii=Radii(text_similarity=0.6))

    def found(query: str) -> list[Match]:
        value = shingles(query)
        assert value is not None
        (matches,) = lists.match_hashes([HashQuery("minhash", value)])
        return matches

    (match,) = found(text.upper())
    assert (match.distance, match.radius, match.similarity, match.role) == (0, 400, 1.0, "block")
    (match,) = found(f"{prose(2, 600)} {text} {prose(3, 600)}")
    assert match.similarity == 1
    (match,) = found(edited(text, 4, 0.1))
    assert 0.6 <= match.similarity < 1
    assert found(prose(5, 120)) == []
    assert found(" ".join(text.split()[:40])) == []


def test_a_text_is_kept_as_its_signature_alone() -> None:
    text = prose(1, 40)
    value = normal_value("minhash", text)
    assert value == (minhash(text) or b"").hex()
    assert normal_value("minhash", value.upper()) == value
    assert normal_value("minhash", "80000000" + RISING) == "80000000" + RISING
    shorter = "20000000" + RISING[: 8 * 32] + "ff" * 4 * 96
    assert normal_value("minhash", shorter) == shorter


RISING = b"".join(word.to_bytes(4, "little") for word in range(128)).hex()


@pytest.mark.parametrize(
    ("algorithm", "value", "reason"),
    [
        ("minhash", "see you at eight", "too short"),
        ("minhash", "00" * 516, "too short"),
        ("minhash", "80000000" + "00000000" * 128, "do not rise"),
        ("minhash", "20000000" + "00000000" * 128, "do not rise"),
        ("minhash", "20000000" + RISING[: 8 * 33] + "ff" * 4 * 95, "after its 32 words"),
        ("minhash", "80000000" + RISING[8:] + RISING[:8], "do not rise"),
        ("minhash", "ab" * 512, "takes a text or 1032 hexadecimal digits"),
        ("tlsh", "T1" + "ab" * 34, "takes 70 hexadecimal digits"),
        ("tlsh", "not a hash", "takes 70 hexadecimal digits"),
    ],
)
def test_a_signature_that_cannot_be_read_is_refused(
    algorithm: Algorithm, value: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        normal_value(algorithm, value)
    assert value not in str(error.value)


def test_tlsh_matches_within_its_own_distance() -> None:
    value = bytes(range(35))
    held = entry("t", "tlsh", "T1" + value.hex().upper())
    query = bytearray(value)
    query[34] ^= 0b11_00_00_01  # pairs 3 and 1 apart: 6 and 1; the checksum 1
    query[0] ^= 1
    ((match,),) = matcher(held).match_hashes([HashQuery("tlsh", bytes(query))])
    assert (match.distance, match.radius) == (8, 30)
    assert match.similarity == pytest.approx(1 - 8 / 300)
    assert matcher(held, radii=Radii(tlsh=7)).match_hashes([HashQuery("tlsh", bytes(query))]) == [
        []
    ]


def test_only_the_very_entry_is_removed_though_others_are_no_further() -> None:
    """At MinHash's and TLSH's distance 0 lie values that are not equal."""
    short = normal_value("minhash", prose(1, 40))
    longer = (10_000).to_bytes(4, "little").hex() + short[8:]
    both = [entry("t", "minhash", short), entry("t", "minhash", longer)]
    query = [HashQuery("minhash", bytes.fromhex(longer))]
    assert [match.distance for match in matcher(*both).match_hashes(query)[0]] == [0, 0]
    left = matcher(*both).changed([], both[:1], version="v", loaded_at=NOW)
    assert left.entries == 1
    assert [match.distance for match in left.match_hashes(query)[0]] == [0]
    hashes = [entry("t", "tlsh", f"00{length}{'00' * 33}") for length in ("11", "22")]
    left = matcher(*hashes).changed([], hashes[:1], version="v", loaded_at=NOW)
    assert len(left.match_hashes([HashQuery("tlsh", bytes(35))])[0]) == 1
