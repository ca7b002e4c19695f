"""Formats, on files made from their public descriptions."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.lists.csv_format import UnreadableList
from matchers.lists.formats.feed import Item, newest
from matchers.lists.formats.registry import FORMATS, read_feed

MD5, SHA1, PDQ = "a1" * 16, "b2" * 20, "0f1e2d3c4b5a6978" * 4
VECTOR = base64.b64encode(bytes(range(144))).decode()
NCMEC = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
  <images count="3" maxTimestamp="2026-01-02T00:00:00Z">
    <image>
      <member id="42">Example Member</member>
      <timestamp>2026-01-01T10:00:00Z</timestamp>
      <id>image1</id>
      <classification>A1</classification>
      <fingerprints>
        <md5>{MD5.upper()}</md5><sha1>{SHA1}</sha1><pdna>{VECTOR}</pdna><pdq>{PDQ}</pdq>
        <netclean>opaque-text</netclean><futurehash>1</futurehash>
      </fingerprints>
      <feedback lastUpdateTimestamp="2026-01-01T12:00:00Z">
        <affirmativeFeedback type="Md5"><members><member id="7">Other</member></members>
        </affirmativeFeedback>
        <negativeFeedback type="Sha1"><reasons><reason guid="1" name="Not in scope" type="Sha1"/>
        </reasons></negativeFeedback>
        <puzzledFeedback type="Unheard"/>
      </feedback>
      <newField>kept quiet</newField>
    </image>
    <image>
      <member id="42">Example Member</member><id>image2</id>
      <fingerprints><md5>short</md5><sha1>{SHA1}</sha1></fingerprints>
    </image>
    <deletedImage>
      <member id="43">Second</member><id>image4</id><timestamp>2026-01-02T00:00:00</timestamp>
    </deletedImage>
  </images>
  <videos count="1" maxTimestamp="2026-01-01T10:00:00Z">
    <video>
      <member id="42">Example Member</member><id>video1</id>
      <fingerprints><md5>{MD5}</md5>
      <tmk-pdqf rel="self" href="/v2/entries/1/fingerprints/TMK_PDQF"/></fingerprints>
    </video>
  </videos>
  <paging><next>/v2/entries?from=a&amp;to=b&amp;start=2001</next></paging>
</queryResult>
"""


def test_ncmec_keeps_every_hash_and_says_what_it_could_not_read() -> None:
    feed = read_feed(NCMEC.encode(), "ncmec", "n")
    assert not feed.whole
    assert feed.next_page == "/v2/entries?from=a&to=b&start=2001"
    first, second, gone, video = feed.items
    assert first.id == "42-image1"
    assert {entry.algorithm for entry in first.entries} == {
        "md5",
        "sha1",
        "photodna",
        "pdq",
        "netclean",
    }
    by = {entry.algorithm: entry for entry in first.entries}
    assert by["md5"].value == MD5
    assert by["photodna"].value == bytes(range(144)).hex()
    assert by["md5"].category == "A1"
    assert "Example Member" in by["md5"].provenance
    assert "feedback:affirmative" in by["md5"].labels
    assert "feedback:affirmative" not in by["sha1"].labels
    assert "feedback:negative:Not in scope" in by["sha1"].labels
    assert all("feedback:puzzled" in entry.labels for entry in first.entries)
    assert first.at == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert second.id == "42-image2"
    assert [entry.algorithm for entry in second.entries] == ["sha1"]
    assert not second.complete
    assert gone == Item(id="43-image4", at=datetime(2026, 1, 2, tzinfo=UTC))
    assert [entry.labels for entry in video.entries] == [("type:video",)]
    assert [row.line for row in feed.rejected] == [22]
    assert {"newField", "fingerprints/futurehash", "fingerprints/tmk-pdqf"} <= set(feed.unused)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<!DOCTYPE x [<!ENTITY a "aa">]><queryResult>&a;</queryResult>', "document type"),
        ('<!DOCTYPE x SYSTEM "http://listed.example/x.dtd"><queryResult/>', "document type"),
        (NCMEC[:700], "not well-formed"),
        ("<html></html>", "not NCMEC"),
        ("<a>" * 200, "too deep"),
        ("", "not well-formed"),
    ],
)
def test_ncmec_refuses_as_a_whole(text: str, reason: str) -> None:
    with pytest.raises(UnreadableList, match=reason):
        read_feed(text.encode(), "ncmec", "n")


def stopncii(*records: object, **page: object) -> bytes:
    return json.dumps({"count": len(records), "hashRecords": records, **page}).encode()


def test_stopncii_keeps_what_it_has_never_heard_of() -> None:
    record = {
        "lastModtimestamp": 1767225600,
        "signalType": "ImagePDQ",
        "hashValue": PDQ.upper(),
        "hashStatus": "Active",
        "caseNumbers": {"a": "Active", "b": "Received"},
        "hashRegions": ["UK"],
        "CSPFeedbacks": [
            {"source": "Example", "feedbackValue": "SomethingNew", "tags": ["Tag-One"]}
        ],
        "aField": 1,
    }
    feed = read_feed(
        stopncii(
            record,
            record | {"hashValue": "ab" * 32, "hashStatus": "Puzzled", "caseNumbers": []},
            record | {"hashValue": "cd" * 32, "hashStatus": "Withdrawn"},
            record | {"signalType": "VideoMD5", "hashValue": MD5, "CSPFeedbacks": None},
            record | {"signalType": "Text"},
            "nonsense",
            record | {"hashValue": "12"},
            hasMoreRecords=True,
            nextPageToken="t",
            nextSetTimestamp=1767225601,
        ),
        "stopncii",
        "s",
    )
    first, puzzled, withdrawn, video = feed.items
    (entry,) = first.entries
    assert (entry.algorithm, entry.value, entry.status) == ("pdq", PDQ, "active")
    assert entry.labels == ("region:UK", "feedback:SomethingNew:Example", "tag:Tag-One")
    assert entry.updated_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert entry.provenance.endswith("cases: 2")
    assert puzzled.entries[0].status == "observed"
    assert "status:Puzzled" in puzzled.entries[0].labels
    assert withdrawn.entries == ()
    assert video.entries[0].algorithm == "md5"
    assert [row.line for row in feed.rejected] == [5, 6, 7]
    assert (feed.next_page, feed.checkpoint) == ("t", "1767225601")
    assert feed.unused == ("aField",)


def test_vics_of_both_versions_with_booleans_as_strings() -> None:
    medium = {
        "MediaID": 7,
        "Category": 1,
        "MD5": MD5.upper(),
        "SHA1": SHA1,
        "PhotoDNA": VECTOR,
        "VictimIdentified": "true",
        "OffenderIdentified": "False",
        "IsDistributed": True,
        "Series": "series-7",
        "Tags": "one, two",
        "DateUpdated": "2026-01-01T00:00:00Z",
        "Comments": "",
        "NewField": "x",
        "odata.id": "Media(7)",
    }
    two = {
        "@odata.context": "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media",
        "value": [medium, {"MediaID": 8, "Category": "0", "MD5": "no"}, 3, {"MediaID": 9}],
    }
    feed = read_feed(b"\xef\xbb\xbf" + json.dumps(two).encode(), "vics", "v")
    (item,) = feed.items
    assert item.id == "7"
    assert {entry.algorithm for entry in item.entries} == {"md5", "sha1", "photodna"}
    assert item.entries[0].category == "1"
    assert item.entries[0].labels == (
        "victim_identified",
        "distributed",
        "series:series-7",
        "tag:one",
        "tag:two",
    )
    assert [row.line for row in feed.rejected] == [2, 3, 4]
    assert feed.unused == ("NewField",)
    old = {
        "odata.metadata": "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Cases",
        "value": [
            {
                "CaseID": "x",
                "Media": [
                    {
                        "MD5": MD5,
                        "Category": None,
                        "AlternativeHashes": [{"HashName": "PhotoDNA", "HashValue": VECTOR}],
                    }
                ],
            }
        ],
    }
    (item,) = read_feed(json.dumps(old).encode(), "vics", "v").items
    assert item.id == MD5
    assert [entry.algorithm for entry in item.entries] == ["md5", "photodna"]
    assert item.entries[0].category == ""


def test_signals_one_a_line() -> None:
    text = f"# made for tests\npdq {PDQ}\n\nvideo_md5 {MD5}\nurl http://listed.example/a\n"
    text += f"raw_text hello\npdq 12\npdq {PDQ}\npdq {'0' * 64}\n"
    feed = read_feed(text.encode(), "signals", "s")
    assert [entry.algorithm for entry in feed.entries] == ["pdq", "md5", "url", "pdq"]
    assert [row.line for row in feed.rejected] == [6, 7, 8]
    assert "hello" not in str(feed.rejected)
    assert [row.line for row in feed.held] == [9]
    assert [entry.status for entry in feed.entries][-1] == "pending"


def test_urls_and_bare_suffixes() -> None:
    feed = read_feed(b"listed.example/a # b\nhttp://co.uk/\nHTTP://Listed.Example/c\n", "urls", "u")
    assert len(list(feed.entries)) == 2
    assert [row.line for row in feed.rejected] == [2]


def test_vpdq_rows_of_several_videos() -> None:
    one, two = "01" * 32, "02" * 32
    text = f"0,100,{one},0.0\n1,100,{two},1.0\n2,10,{one},2.0\nbad\n0,90,{two},0.0\n"
    feed = read_feed(text.encode(), "vpdq", "v")
    assert [entry.value for entry in feed.entries] == [one + two, two]
    assert [row.line for row in feed.rejected] == [4]
    with pytest.raises(UnreadableList, match="no vPDQ row"):
        read_feed(b"nothing", "vpdq", "v")


def test_csv_with_a_header_mapping() -> None:
    text = f"hash,kind\n{MD5},md5\n{SHA1},sha1\nzz,md5\n"
    columns = {"value": "hash", "algorithm": "kind"}
    feed = read_feed(text.encode(), "csv", "c", columns=columns)
    assert feed.whole
    assert [entry.value for entry in feed.entries] == [MD5, SHA1]
    assert [row.line for row in feed.rejected] == [4]
    with pytest.raises(UnreadableList, match="for CSV"):
        read_feed(b"", "urls", "u", columns=columns)


@given(st.sampled_from(FORMATS), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    try:
        feed = read_feed(data, name, "l", algorithm="md5" if name == "csv" else None)  # type: ignore[arg-type]
    except UnreadableList:
        return
    assert all(entry.list == "l" for entry in feed.entries)


FIELDS = [
    *("hashValue", "signalType", "hashStatus", "CSPFeedbacks", "tags", "lastModtimestamp"),
    *("MD5", "Media", "MediaID", "Category", "AlternativeHashes", "HashName"),
]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)  # JSON has neither
        | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(FIELDS),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_records_of_any_shape_are_read_or_reported(record: object) -> None:
    read_feed(stopncii(record), "stopncii", "l")
    read_feed(json.dumps({"value": [record]}).encode(), "vics", "l")


def test_the_newest_of_an_item_counts_whatever_the_order() -> None:
    old = Item(id="1", at=datetime(2026, 1, 1, tzinfo=UTC))
    new = Item(id="1", at=datetime(2026, 1, 2, tzinfo=UTC), complete=False)
    assert newest([old, new]) == newest([new, old]) == newest([new, old, new]) == [new]
