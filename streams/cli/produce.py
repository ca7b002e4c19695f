"""`seawall produce`: send events from a file."""

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.mapping_option import MappingOption, loaded_mapping
from streams.cli.options import (
    BootstrapOption,
    ConfigOption,
    JsonOption,
    SetOption,
    fail,
    loaded_settings,
)
from streams.cli.sending import send_file
from streams.contracts.decoding import EventDecoder
from streams.kafka.produce import line_key, mapped_key
from streams.kafka.topics import OUTCOMES, topic_name

_AS_IS = "--as-is sends those that are no events too, without a key"
_NO_MAPPING = (
    "lines are read as Seawall's own events: a platform's own JSON needs its mapping (--mapping "
    f"FILE, or worker.mapping in the settings); {_AS_IS}"
)


def produce(
    topic: Annotated[str, typer.Argument(help="The topic, by its full name.")],
    file: Annotated[
        Path, typer.Argument(help="Events, one JSON object a line; - for standard input.")
    ],
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Send lines that are no events too, without a key.")
    ] = False,
    mapping: MappingOption = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send each line to the topic, keyed by conversation, else author, else content.

    Lines without a key are named and left out. `seawall events check` says more about a file. A
    platform's own JSON is read through --mapping, else worker.mapping, for its key, and sent as it
    is.
    Outcomes of reviews are sent with `seawall feedback send`.

    Example: seawall produce content.events events.jsonl

    Exit codes: 0 all lines were acknowledged, 1 some were left out or refused, 2 Kafka or the file
    cannot be reached, or there is no such topic.
    """
    settings = loaded_settings(config, bootstrap, assignments).settings
    if topic == topic_name(settings.pipeline, OUTCOMES) and not as_is:
        fail(f"{topic} holds outcomes, not events: send them with seawall feedback send {file}")
    if mapping is None and settings.worker.mapping:
        mapping = Path(settings.worker.mapping)
    read_as = loaded_mapping(mapping)
    if read_as is None:
        key_of, hint = line_key, _NO_MAPPING
    else:
        key_of = mapped_key(EventDecoder(read_as, settings.worker.max_event_bytes))
        hint = f"lines are read through {mapping}; {_AS_IS}"
    send_file(
        settings,
        topic,
        file,
        "event",
        key_of,
        as_is=as_is,
        as_json=as_json,
        hint_refused=None if as_is else hint,
    )
