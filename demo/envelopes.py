"""Events as CloudEvents, in both of Kafka's content modes."""

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from demo.drafts import Drafts
from demo.expectations import Decided, Sent

ATTRIBUTES = {"id": "1", "source": "/demo", "type": "com.example.content", "specversion": "1.0"}


def cloud_events(drafts: Drafts, address: Decided) -> Iterator[Sent]:
    """Events with a listed address, for which `address` is expected, as CloudEvents."""
    for number in range(6):
        record = drafts.record(
            "CloudEvents, both modes",
            f"CloudEvent {number}",
            address,
            surface="post",
            urls=["http://known-bad.example/"],
        )
        yield binary(record) if number % 2 else structured(record)


def binary(record: Sent) -> Sent:
    """With the attributes as headers."""
    headers = [(f"ce_{name}", value.encode()) for name, value in ATTRIBUTES.items()]
    return replace(record, headers=(*headers, ("content-type", b"application/json")))


def structured(record: Sent) -> Sent:
    """With attributes and event in one JSON object."""
    value = msgspec.json.encode({**ATTRIBUTES, "data": msgspec.Raw(record.value)})
    return replace(
        record, value=value, headers=(("content-type", b"application/cloudevents+json"),)
    )
