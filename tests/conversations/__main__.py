"""`python -m tests.conversations`: the generated conversations as JSONL.

python -m tests.conversations --each 4 > tuning.jsonl
seawall text evaluate --missed tuning.jsonl
"""

import sys
from typing import Annotated

import typer

from matchers.language.corpora import write_jsonl
from tests.conversations.generate import conversations


def main(
    folder: Annotated[str, typer.Option(help="families or held_back.")] = "families",
    seed: int = 20_261_126,
    each: Annotated[int, typer.Option(help="Conversations of every family.")] = 4,
    language: Annotated[str | None, typer.Option(help="Only this language.")] = None,
) -> None:
    """Write the conversations to standard output."""
    talks = conversations(folder, seed, each)
    write_jsonl((t for t in talks if language in (None, t.language)), sys.stdout.buffer)


if __name__ == "__main__":
    typer.run(main)
