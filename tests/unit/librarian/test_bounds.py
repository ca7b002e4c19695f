"""What holds of every format: bounds, times, encodings; and of exports, that they can be read."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.lists.bounds import within_bounds
from matchers.lists.csv_format import UnreadableList, read_csv
from matchers.lists.entry import FLAGGED, ListEntry, ListInfo, id_as_spelled
from matchers.lists.fields import described, time_of, time_of_seconds
from matchers.lists.formats.feed import Feed, Item
from matchers.lists.formats.registry import FormatName, read_feed
from matchers.lists.librarian.catalogue import read_catalogue
from matchers.lists.librarian.export import export_list
from matchers.lists.librarian.rows import entry_of, row_of
from matchers.lists.librarian.store import ListStore, Refused

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MD5, OTHER, PDQ = "a1" * 16, "b2" * 16, "0f1e2d3c4b5a6978" * 4
OUTSIDE = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.builds(
    "{}{}".format,
    st.text("aé中", max_size=3),
    st.sampled_from(["x" * 600, "é" * 300, "\n", "\x7f"]),
)


def csv_of(*rows: str) -> bytes:
    header = "id,algorithm,value,category,labels,updated_at,provenance"
    return "\n".join([header, *rows, f"good,md5,{OTHER}"]).encode()


def vics(*media: Mapping[str, object]) -> bytes:
    return json.dumps({"value": [*media, {"MediaID": "good", "MD5": OTHER}]}).encode()


def stopncii(*records: Mapping[str, object]) -> bytes:
    good = {"signalType": "VideoMD5", "hashValue": OTHER}
    return json.dumps({"hashRecords": [*records, good]}).encode()


def ncmec(*images: str) -> bytes:
    good = f"<image><id>good</id><fingerprints><md5>{OTHER}</md5></fingerprints></image>"
    return f"<queryResult><images>{''.join(images)}{good}</images></queryResult>".encode()


def image(item_id: str = "i", time: str = "", category: str = "", md5: str = MD5) -> str:
    return (
        f"<image><id>{item_id}</id><timestamp>{time}</timestamp>"
        f"<classification>{category}</classification>"
        f"<fingerprints><md5>{md5}</md5></fingerprints></image>"
    )


@pytest.mark.parametrize("time", OUTSIDE)
def test_a_time_outside_of_the_calendar_takes_its_row_alone(time: str) -> None:
    feeds = [
        read_feed(csv_of(f"x,md5,{MD5},,,{time}"), "csv", "l"),
        read_feed(vics({"MediaID": "x", "MD5": MD5, "DateUpdated": time}), "vics", "l"),
        read_feed(ncmec(image(time=time)), "ncmec", "l"),
        read_feed(
            stopncii({"signalType": "VideoMD5", "hashValue": MD5, "lastModtimestamp": 10**15}),
            "stopncii",
            "l",
        ),
    ]
    for feed in feeds:
        assert [entry.value for entry in feed.entries] == [OTHER]
        assert ["years 1 to 9999" in row.reason for row in feed.rejected] == [True]


def test_what_is_taken_back_is_taken_out_whatever_its_time() -> None:
    deleted = f"<deletedImage><id>i</id><timestamp>{OUTSIDE[0]}</timestamp></deletedImage>"
    assert read_feed(ncmec(deleted), "ncmec", "l").items[0] == Item(id="i")
    record = {"signalType": "VideoMD5", "hashValue": MD5, "hashStatus": "Withdrawn"}
    page = stopncii(record | {"lastModtimestamp": 10**15})
    assert read_feed(page, "stopncii", "l").items[0] == Item(id=MD5)


def test_a_long_withdrawn_value_goes_by_the_id_of_now_and_of_before() -> None:
    address = f"https://listed.example/{'a' * 600}"
    record = {"signalType": "URL", "hashValue": address}
    feed = read_feed(stopncii(record, record | {"hashStatus": "Deleted"}), "stopncii", "l")
    listed, *gone, _ = feed.items
    assert listed.id == id_as_spelled(address) != address
    assert gone == [Item(id=listed.id), Item(id=address)]


@given(
    st.datetimes(
        timezones=st.none()
        | st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
    )
)
def test_any_time_that_is_read_can_be_kept(when: datetime) -> None:
    try:
        read = time_of(when.isoformat())
    except ValueError:
        assert when.year in (1, 9999)
        return
    assert read is not None
    assert read == (when if when.tzinfo else when.replace(tzinfo=UTC))
    entry = ListEntry(list="l", id="i", algorithm="md5", value=MD5, updated_at=read)
    assert entry_of(("l", *row_of(entry))) == entry


@given(st.integers() | st.floats() | st.text(max_size=20) | st.none())
def test_seconds_are_a_time_or_none_or_an_error(seconds: object) -> None:
    try:
        read = time_of_seconds(seconds)
    except ValueError:
        number = float(seconds)  # type: ignore[arg-type]
        assert not datetime.min.replace(tzinfo=UTC).timestamp() <= number < 253402300800
        return
    assert read is None or read.timestamp() == int(seconds)  # type: ignore[call-overload]


@given(TEXT, TEXT, st.lists(TEXT, max_size=80), TEXT, st.sampled_from(["tmk", "md5"]))
def test_entries_of_every_format_are_within_bounds(
    item_id: str, category: str, labels: list[str], note: str, algorithm: str
) -> None:
    value = note if algorithm == "tmk" else MD5
    row = io.StringIO()
    fields = (item_id, algorithm, value, category, ";".join(labels), "", note)
    row.write(",".join('"' + field.replace('"', '""') + '"' for field in fields))
    signal = {"signalType": "VideoTMK" if algorithm == "tmk" else "VideoMD5", "hashValue": value}
    feeds = [
        read_feed(csv_of(row.getvalue()), "csv", "l"),
        read_feed(
            vics({"MediaID": item_id, "Category": category, "MD5": MD5, "Tags": ",".join(labels)}),
            "vics",
            "l",
        ),
        read_feed(stopncii(signal | {"hashRegions": labels}), "stopncii", "l"),
        read_feed(f"{algorithm} {value}\nmd5 {OTHER}\n".encode(), "signals", "l"),
    ]
    for feed in feeds:
        assert OTHER in [entry.value for entry in feed.entries]
        for entry in feed.entries:
            assert len(entry.id.encode()) <= 512
            assert len(entry.category.encode()) <= 256
            assert len(entry.provenance.encode()) <= 1024
            assert len(entry.labels) <= 64
            assert all(len(label.encode()) <= 256 for label in entry.labels)
            written = (entry.id, entry.value, entry.category, entry.provenance, *entry.labels)
            assert not any(
                ord(character) < 32 or character == "\x7f" for character in "".join(written)
            )


@pytest.mark.parametrize(
    ("feed", "reason"),
    [
        (lambda: read_feed(csv_of(f"{'x' * 513},md5,{MD5}"), "csv", "l"), "the id is longer"),
        (lambda: read_feed(csv_of(f"{'é' * 257},md5,{MD5}"), "csv", "l"), "the id is longer"),
        (lambda: read_feed(csv_of(f"x,md5,{MD5},{'c' * 257}"), "csv", "l"), "the category is"),
        (lambda: read_feed(csv_of(f"\x1b[31mx,md5,{MD5}"), "csv", "l"), "the id has a control"),
        (lambda: read_feed(csv_of("x,tmk,a\x01b"), "csv", "l"), "the value has a control"),
        (lambda: read_feed(ncmec(image("x" * 600)), "ncmec", "l"), "the id is longer"),
        (lambda: read_feed(ncmec(image(category="c" * 600)), "ncmec", "l"), "the category is"),
        (lambda: read_feed(vics({"MediaID": "a\nb", "MD5": MD5}), "vics", "l"), "control"),
        (
            lambda: read_feed(
                stopncii({"signalType": "VideoTMK", "hashValue": f"a\nmd5 {MD5}"}), "stopncii", "l"
            ),
            "control",
        ),
    ],
)
def test_what_is_out_of_bounds_is_rejected_with_its_reason(feed: object, reason: str) -> None:
    read: Feed = feed()  # type: ignore[operator]
    assert [entry.value for entry in read.entries] == [OTHER]
    assert [reason in row.reason for row in read.rejected] == [True]


def test_too_many_labels_are_left_out_and_that_is_said() -> None:
    labels = [f"l{number}" for number in range(150)]
    feed = read_feed(csv_of(f"x,md5,{MD5},,{';'.join(['y' * 257, *labels])},,"), "csv", "l")
    first = next(iter(feed.entries))
    assert first.labels == tuple(labels[:64])
    assert [name for name in feed.unused if "64" in name]
    assert [name for name in feed.unused if "256 bytes" in name]
    many = read_feed(vics({"MD5": MD5, "Tags": ",".join(labels)}), "vics", "l")
    assert [name for name in many.unused if "64" in name]


def test_a_long_provenance_is_cut_at_a_character() -> None:
    assert described((), "é" * 2000).provenance == "é" * 512
    assert described((), "a\nb").provenance == "a b"
    assert described((), "a\nb").cut == ()


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("stopncii", f'{{"hashRecords": {DEEP}}}'.encode(), "too deep"),
        ("vics", f'{{"value": {DEEP}}}'.encode(), "too deep"),
        ("ncmec", b'<?xml version="1.0" encoding="bogus"?><queryResult/>', "encoding 'bogus'"),
        ("ncmec", b'<?xml version="1.0" encoding="utf-7"?><queryResult/>', "encoding 'utf-7'"),
        ("ncmec", b'<?xml version="1.0" encoding="hex"?><queryResult/>', "encoding 'hex'"),
        *(
            (name, f"value,algorithm\n{MD5},md5\n".encode(encoding), "convert it to UTF-8")
            for name in ("csv", "signals", "urls", "vpdq", "vics", "stopncii")
            for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
        ),
        ("csv", "valeur é,value\n".encode("latin-1"), "header is not UTF-8"),
    ],
)
def test_what_cannot_be_read_as_a_whole_says_why(
    name: FormatName, data: bytes, reason: str
) -> None:
    with pytest.raises(UnreadableList, match=reason):
        read_feed(data, name, "l", algorithm="md5" if name == "csv" else None)


def test_xml_may_be_in_another_encoding() -> None:
    text = '<?xml version="1.0" encoding="{}"?>' + ncmec(image("é")).decode()
    for name in ("UTF-8", "UTF-16", "ISO-8859-1", "windows-1252"):
        feed = read_feed(text.format(name).encode(name), "ncmec", "l")
        assert [item.id for item in feed.items] == ["é", "good"]


def test_records_that_no_reader_can_take_are_rejected_alone() -> None:
    data = vics().replace(
        b"[", f'[{{"MediaID": {"9" * 5000}}}, {DEEP[:500]}{DEEP[-500:]},'.encode()
    )
    feed = read_feed(data, "vics", "l")
    assert [item.id for item in feed.items] == ["good"]
    assert [row.line for row in feed.rejected] == [1, 2]
    rows = f"{'9' * 5000},100,{PDQ},0\n1,{'9' * 5000},{PDQ},1\n2,100,{PDQ},2\n"
    video = read_feed(rows.encode(), "vpdq", "l")
    assert [entry.value for entry in video.entries] == [PDQ]
    assert [row.line for row in video.rejected] == [1, 2]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("csv", f"good,md5,{MD5}".encode(), f"bäd,md5,{OTHER}".encode("latin-1")),
        ("signals", f"md5 {MD5}".encode(), b"tmk \xff\xfe"),
        ("urls", b"listed.example/a", "listed.example/ä".encode("latin-1")),
        ("vpdq", f"1,100,{PDQ},0".encode(), f"2,100,{PDQ},\xe9".encode("latin-1")),
    ],
)
def test_a_row_that_is_not_utf8_is_rejected_alone(
    name: FormatName, good: bytes, bad: bytes
) -> None:
    head = [b"id,algorithm,value"] if name == "csv" else [b"# a list"]
    feed = read_feed(b"\n".join([*head, good, bad, b""]), name, "l")
    assert len(list(feed.entries)) == 1
    assert [tuple(row) for row in feed.rejected] == [(3, "not UTF-8")]


@pytest.mark.parametrize("hours", ["-1e9", "1e308", "inf", "nan", "87601"])
def test_how_long_is_observed_has_bounds(tmp_path: Path, hours: str) -> None:
    catalogue = tmp_path / "lists.toml"
    catalogue.write_text(f'[[list]]\nname = "a"\nobserve_hours = {hours}\n')
    with pytest.raises(UnreadableList, match="observe_hours"):
        read_catalogue(catalogue)


PLAIN = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters=";|"),
    min_size=1,
    max_size=20,
)


@settings(max_examples=25, deadline=None)  # each opens a store of its own
@given(PLAIN, PLAIN, st.lists(PLAIN, max_size=3), PLAIN)
def test_what_was_read_survives_an_export_as_lines(
    item_id: str, category: str, labels: list[str], value: str
) -> None:
    entry = ListEntry(
        list="a", id=item_id, algorithm="tmk", value=value, category=category, labels=tuple(labels)
    )
    with TemporaryDirectory() as room, ListStore.open(Path(room) / "l.db") as store:
        store.define(ListInfo(name="a", redistribute=True), origin="t", at=NOW)
        item = Item(id=item_id, entries=(entry,))
        store.import_feed("a", Feed(items=[item], rejected=[], held=[]), origin="t", at=NOW)
        (kept,) = store.entries("a")
        out = io.StringIO()
        assert export_list(store, "a", out, "csv") == 1
        again = read_csv(io.StringIO(out.getvalue(), newline=""), "a")
        assert again.entries == [kept]
        out = io.StringIO()
        export_list(store, "a", out, "signals")
        signals = read_feed(out.getvalue().encode(), "signals", "a")
        assert [signal.value for signal in signals.entries] == [value]


def test_an_entry_of_before_that_no_line_can_hold_is_named(tmp_path: Path) -> None:
    entry = ListEntry(list="a", id="x", algorithm="tmk", value=f"a\nmd5 {MD5}", provenance="b\nc")
    with ListStore.open(tmp_path / "l.db") as store:
        store.define(ListInfo(name="a", redistribute=True), origin="t", at=NOW)
        feed = Feed(items=[Item(id="x", entries=(entry,))], rejected=[], held=[])
        store.import_feed("a", feed, origin="t", at=NOW)
        with pytest.raises(Refused, match="'x'"):
            export_list(store, "a", io.StringIO(), "signals")


HUGE = "9" * 5000


def test_a_number_of_thousands_of_digits_takes_its_record_alone() -> None:
    page = stopncii({"signalType": "VideoMD5", "hashValue": MD5, "lastModtimestamp": 7}).decode()
    feed = read_feed(page.replace(": 7", f": {HUGE}").encode(), "stopncii", "l")
    assert [entry.value for entry in feed.entries] == [OTHER]
    assert [(row.line, "out of range" in row.reason) for row in feed.rejected] == [(1, True)]
    text = page.replace(": 7", f': "{HUGE}"').encode()
    assert len(list(read_feed(text, "stopncii", "l").entries)) == 2


@pytest.mark.parametrize("stated", [HUGE, f'"{HUGE}"', '"soon"', "1.5", "-1"])
def test_a_page_that_says_no_time_to_go_on_from_is_taken_and_reported(stated: str) -> None:
    page = stopncii().decode()[:-1] + f', "nextSetTimestamp": {stated}, "other": {HUGE}}}'
    feed = read_feed(page.encode(), "stopncii", "l")
    assert [entry.value for entry in feed.entries] == [OTHER]
    assert feed.checkpoint is None
    ((line, reason),) = feed.rejected
    assert line == 0
    assert "nextSetTimestamp" in reason
    assert HUGE not in reason


def test_a_next_page_that_cannot_be_asked_for_is_not_the_end() -> None:
    page = stopncii().decode()[:-1] + f', "hasMoreRecords": true, "nextPageToken": {HUGE}}}'
    with pytest.raises(UnreadableList, match="nextPageToken"):
        read_feed(page.encode(), "stopncii", "l")


@given(TEXT, TEXT, st.lists(TEXT, max_size=80), TEXT)
def test_an_entry_by_itself_has_the_bounds_of_an_import(
    item_id: str, category: str, labels: list[str], note: str
) -> None:
    given_entry = ListEntry(
        list="l",
        id=item_id,
        algorithm="tmk",
        value=note,
        category=category,
        labels=(*labels, FLAGGED),
        provenance=note,
    )
    try:
        entry = within_bounds(given_entry)
    except ValueError:
        return
    assert len(entry.id.encode()) <= 512
    assert len(entry.category.encode()) <= 256
    assert len(entry.provenance.encode()) <= 1024
    assert len(entry.labels) <= 65
    assert FLAGGED in entry.labels
    assert within_bounds(entry) == entry
    written = "".join((entry.id, entry.value, entry.category, entry.provenance, *entry.labels))
    assert not any(ord(character) < 32 or character == "\x7f" for character in written)
