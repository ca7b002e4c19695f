"""What a file's own, unsigned metadata claims of its making."""

import re
from collections.abc import Iterator
from itertools import islice

from matchers.provenance.container import Block, metadata_blocks
from matchers.provenance.exif import exif_fields
from matchers.provenance.finding import Finding
from matchers.provenance.vocabulary import generator_named, source_type

# An attribute, an element's text, or its rdf:resource. Found by pattern rather than by an XML
# parser: a hostile packet then has no entities to expand.
_SOURCE_TYPE = re.compile(
    rb"DigitalSourceType(?:\s*=\s*[\"']|\s+rdf:resource\s*=\s*[\"']|\s*>\s*)([^\"'<>\s]{1,200})"
)
_CREATOR = re.compile(rb"(?:CreatorTool|photoshop:Credit)(?:\s*=\s*[\"']|\s*>\s*)([^\"'<>]{1,200})")
_PARAMETERS = re.compile(r"\bSteps: \d{1,4}+.{0,200}?\b(?:Sampler|CFG scale|Seed): ", re.DOTALL)
"""How Stable Diffusion's web interfaces write their settings after the prompt."""

TEXT_KEYS: dict[str, str] = {
    "invokeai_metadata": "InvokeAI",
    "sd-metadata": "InvokeAI",
    "dream": "InvokeAI",
    "fooocus_scheme": "Fooocus",
}
"""Keywords of PNG text chunks that one generator writes."""
MAX_READ = 64
"""Blocks of metadata read of one file, and values of one block. Pictures have a handful."""
MAX_TOTAL = 1 << 20
"""Bytes of metadata read of one file."""
MAX_SEARCHED = 8192
"""Bytes, or characters, of a field or text chunk that are searched."""
_SOFTWARE_KEYS = frozenset({"software", "source", "creator", "comment", "generator"})


def claims(content: bytes | bytearray) -> Iterator[Finding]:
    """The claims of a PNG, JPEG or WebP file, in the order of its blocks, some maybe twice. What
    is beyond `MAX_READ` blocks and `MAX_TOTAL` bytes is not read: a small file must not take long.
    """
    keys: set[str] = set()
    left = MAX_TOTAL
    for block in islice(metadata_blocks(content), MAX_READ):
        if not left:
            break
        block = block._replace(content=block.content[:left])
        left -= len(block.content)
        if block.kind == "xmp":
            yield from _xmp(block)
        elif block.kind == "exif":
            yield from _exif(block)
        else:
            yield from _text(block)
            keys.add(block.key.lower())
    if {"prompt", "workflow"} <= keys:
        yield _made("text chunks prompt and workflow", "ComfyUI")


def _xmp(block: Block) -> Iterator[Finding]:
    for found in islice(_SOURCE_TYPE.finditer(block.content), MAX_READ):
        code = source_type(found[1].decode("latin-1"))
        if code is not None:
            yield Finding(standing="claimed", evidence=f"iptc digital source type: {code}")
    for found in islice(_CREATOR.finditer(block.content), MAX_READ):
        name = generator_named(found[1].decode("utf-8", "replace"))
        if name is not None:
            yield _made("xmp CreatorTool or Credit", name)


def _exif(block: Block) -> Iterator[Finding]:
    for field in exif_fields(block.content):
        if field.name == "Software":
            name = generator_named(field.text)
            if name is not None:
                yield _made("exif Software", name)
        elif _PARAMETERS.search(field.text[:MAX_SEARCHED]):
            yield _made(f"exif {field.name}: generation parameters", "Stable Diffusion")


def _text(block: Block) -> Iterator[Finding]:
    key = block.key.lower()
    if key in TEXT_KEYS:
        yield _made(f"text chunk {key}", TEXT_KEYS[key])
    text = block.content[:MAX_SEARCHED].decode("utf-8", "replace")
    if key == "parameters" and _PARAMETERS.search(text):
        yield _made("text chunk parameters", "Stable Diffusion")
    elif key in _SOFTWARE_KEYS:
        name = generator_named(text)
        if name is not None:
            yield _made(f"text chunk {key}", name)


def _made(where: str, generator: str) -> Finding:
    return Finding(standing="claimed", evidence=f"{where}: {generator}", generator=generator)
