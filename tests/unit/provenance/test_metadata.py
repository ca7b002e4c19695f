"""What unsigned metadata claims, and what hostile metadata does not do."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from matchers.provenance.container import MAX_BYTES, metadata_blocks
from matchers.provenance.exif import exif_fields
from matchers.provenance.finding import Finding
from matchers.provenance.metadata import MAX_READ, MAX_SEARCHED, MAX_TOTAL, claims
from matchers.provenance.vocabulary import SOURCE_TYPES, generator_named, is_generated, source_type
from tests.unit.provenance.pictures import (
    IPTC,
    drawing,
    png,
    saved,
    source,
    with_exif,
    with_xmp,
    xmp,
)

FORMS = ["PNG", "JPEG", "WEBP"]
PARAMETERS = "a hill at dawn\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 512x512"


def said(content: bytes) -> set[tuple[str, str | None]]:
    found = list(claims(content))
    assert all(finding.standing == "claimed" for finding in found)
    return {(finding.evidence, finding.generator) for finding in found}


@pytest.mark.parametrize("form", FORMS)
def test_the_digital_source_type_is_read_of_every_format(form) -> None:
    code = "trainedAlgorithmicMedia"
    assert said(with_xmp(form, source(code))) == {(f"iptc digital source type: {code}", None)}


@pytest.mark.parametrize(
    "packet",
    [
        xmp(f"Iptc4xmpExt:DigitalSourceType='{IPTC}digitalCapture'"),
        f"<a:DigitalSourceType>{IPTC}digitalCapture</a:DigitalSourceType>".encode(),
        f'<a:DigitalSourceType rdf:resource="{IPTC}digitalCapture"/>'.encode(),
    ],
)
def test_every_way_of_writing_it(packet) -> None:
    assert said(with_xmp("JPEG", packet)) == {("iptc digital source type: digitalCapture", None)}


@pytest.mark.parametrize("form", FORMS)
def test_exif_software_names_a_generator(form) -> None:
    assert said(with_exif(form, "Made with Google AI")) == {
        ("exif Software: Google AI", "Google AI")
    }
    assert said(with_exif(form, "Example Editor 9")) == set()


@pytest.mark.parametrize("compressed", [False, True])
def test_text_chunks_of_generators(compressed) -> None:
    found = said(png(compressed=compressed, parameters=PARAMETERS))
    assert found == {("text chunk parameters: Stable Diffusion", "Stable Diffusion")}
    assert said(png(compressed=compressed, prompt="{}", workflow="{}")) == {
        ("text chunks prompt and workflow: ComfyUI", "ComfyUI")
    }
    assert said(png(compressed=compressed, Software="NovelAI")) == {
        ("text chunk software: NovelAI", "NovelAI")
    }
    assert said(png(compressed=compressed, Dream="a hill -s 20")) == {
        ("text chunk dream: InvokeAI", "InvokeAI")
    }


@pytest.mark.parametrize("code", [b"UNICODE\0", b"ASCII\0\0\0"])
def test_parameters_in_a_user_comment(code) -> None:
    text = PARAMETERS.encode("utf-16-be" if code.startswith(b"UNI") else "ascii")
    found = said(with_exif("JPEG", comment=code + text))
    evidence = "exif UserComment: generation parameters: Stable Diffusion"
    assert found == {(evidence, "Stable Diffusion")}


def test_xmp_creator_tool() -> None:
    assert said(with_xmp("WEBP", xmp('xmp:CreatorTool="Adobe Firefly 3"'))) == {
        ("xmp CreatorTool or Credit: Adobe Firefly", "Adobe Firefly")
    }


@pytest.mark.parametrize("form", [*FORMS, "GIF", "BMP", "TIFF"])
def test_plain_pictures_say_nothing(form) -> None:
    assert said(saved(form)) == set()


def test_plain_words_are_no_generator() -> None:
    for words in ("Imagenomic 5", "Groks", "a prompt", "GIMP 3.0", "openair", ""):
        assert generator_named(words) is None
    assert said(png(prompt="what to draw", comment="my drawing")) == set()


def test_no_text_of_the_file_is_in_the_evidence() -> None:
    for content in (
        png(parameters="secret words " + PARAMETERS, Software="secret words midjourney"),
        with_xmp("JPEG", xmp('xmp:CreatorTool="midjourney secret words"')),
    ):
        assert said(content)
        assert "secret" not in str(said(content))


def test_source_types_are_known_by_their_code_alone() -> None:
    assert source_type(f"{IPTC}TRAINEDalgorithmicMedia/") == "trainedAlgorithmicMedia"
    assert source_type("https://elsewhere.example/madeUp") is None
    assert {code for code in SOURCE_TYPES if is_generated(code)} == {
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "algorithmicMedia",
    }


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_a_chunk_that_inflates_without_end_is_cut() -> None:
    bomb = b"parameters\0\0" + zlib.compress(b" " * (1 << 26))
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"zTXt", bomb)
    [block] = metadata_blocks(content)
    assert len(block.content) == MAX_BYTES


def test_a_directory_that_names_itself_ends() -> None:
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    assert list(exif_fields(b"II*\0\x08\0\0\0" + b"\x01\0" + entry)) == []


def tiff(*fields: tuple[int, bytes], further: int = 0) -> bytes:
    """A TIFF structure with a directory of text fields, all of one value where values are equal."""
    values: dict[bytes, int] = {}
    end = 8 + 2 + 12 * (len(fields) + further)
    for _, value in fields:
        if value not in values:
            values[value] = end
            end += len(value)
    entries = [struct.pack("<HHII", tag, 7, len(value), values[value]) for tag, value in fields]
    pointers = [struct.pack("<HHII", 0x8769, 4, 1, 10 + 12 * n) for n in range(further)]
    count = struct.pack("<H", len(fields) + further)
    return b"II*\0\x08\0\0\0" + count + b"".join(entries + pointers) + b"".join(values)


def test_one_value_of_each_field_and_two_directories_are_read() -> None:
    """A field that is named 512 times, of one value of 60 kB, would be searched 512 times."""
    block = tiff(*[(0x9286, b"Steps: 1" * 7000)] * 512)
    assert [len(field.text) for field in exif_fields(block)] == [56_000]
    named = tiff((0x0131, b"one one one"), (0x0131, b"another one"), (0x010E, b"described"))
    assert [field.text for field in exif_fields(named)] == ["one one one", "described"]
    many = tiff((0x0131, b"one one one"), further=40)
    assert len(list(exif_fields(many))) <= 2


def test_only_the_beginning_of_a_field_is_searched() -> None:
    late = b"ASCII\0\0\0" + b" " * MAX_SEARCHED + PARAMETERS.encode()
    assert said(with_exif("JPEG", comment=late)) == set()


@pytest.mark.parametrize("kind", ["blocks", "bytes"])
def test_a_file_has_a_budget(kind: str) -> None:
    """What comes after too much metadata is not read."""
    filler = chunk(b"tEXt", b"a\0b") * MAX_READ
    if kind == "bytes":
        filler = chunk(b"tEXt", b"a\0" + b" " * MAX_BYTES) * (MAX_TOTAL // MAX_BYTES + 1)
    last = chunk(b"tEXt", b"Software\0NovelAI")
    head = b"\x89PNG\r\n\x1a\n"
    assert said(head + last + filler) == {("text chunk software: NovelAI", "NovelAI")}
    assert said(head + filler + last) == set()


def test_parameters_are_found_whatever_the_number_of_steps() -> None:
    for steps in ("1", "150", "123456"):
        text = f"a hill\nSteps: {steps}, Sampler: Euler"
        assert said(png(parameters=text)) == {
            ("text chunk parameters: Stable Diffusion", "Stable Diffusion")
        }
    assert said(png(parameters="Steps: many, Sampler: Euler")) == set()


START = {form: saved(form)[:200] for form in FORMS}
SAMPLES = [
    png(parameters=PARAMETERS, Software="ComfyUI"),
    *(with_xmp(form, source("algorithmicMedia")) for form in FORMS),
    *(with_exif(form, "Midjourney", b"ASCII\0\0\0" + PARAMETERS.encode()) for form in FORMS),
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_damaged_metadata_is_passed_over(sample, data) -> None:
    content = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, min(len(content) - 1, 900)))] = data.draw(
            st.integers(0, 255)
        )
    cut = data.draw(st.integers(0, len(content)))
    assert all(isinstance(found, Finding) for found in claims(content[:cut]))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"II*\0", b"MM\0*"]))
def test_any_bytes_are_an_exif_block(rest, order) -> None:
    assert list(exif_fields(order + rest)) is not None


@settings(deadline=None)
@given(st.sampled_from(FORMS), st.binary(max_size=300))
def test_any_bytes_behind_a_signature(form, rest) -> None:
    heads = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8", "WEBP": b"RIFF\0\0\0\0WEBP"}
    list(claims(heads[form] + rest))


def test_the_drawings_open() -> None:
    assert drawing().size == (96, 96)
    for sample in SAMPLES:
        Image.open(io.BytesIO(sample)).load()
