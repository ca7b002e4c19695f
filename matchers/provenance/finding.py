"""`Finding`: what a file says of its making."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_FINDINGS = 8
"""Of one file."""


class Finding(Struct, frozen=True, kw_only=True, gc=False, tag="provenance"):
    """`signed`: a C2PA manifest that holds, by a signer whom the local trust list vouches for.
    `claimed`: anything else, which whoever had the file could have written. No finding says
    nothing: metadata is easily removed.

    `evidence` is where it stands and a word of a fixed vocabulary, never text of the file.
    `generator` is a known name, and only of what makes pictures.
    """

    standing: Literal["signed", "claimed"]
    evidence: Annotated[str, Meta(max_length=128)]
    generator: Annotated[str, Meta(max_length=64)] | None = None
