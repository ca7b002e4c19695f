"""The independent reader of the lists benchmark: when each decision came, and what probes found.

`python -m benchmarks.lists_reader BOOTSTRAP TOPIC FILE` prints `ready`, then a JSON line each time
that a probe's decisions begin or cease to name a list entry, until a line on its standard input
says how many events were sent, and all (or none for 10 s) have come. It saves microseconds when
due and when received to FILE.
"""

import json
import sys

import msgspec
import uvloop

from benchmarks.pipeline_reader import follow


class _Decided(msgspec.Struct):
    event_id: str
    signals: list[msgspec.Raw] = []
    lists_version: str = ""


_decode = msgspec.json.Decoder(_Decided).decode


class _Probes:
    """What the latest decision about each probe said; a line of JSON when that changes."""

    def __init__(self) -> None:
        self._matched: dict[str, bool] = {}

    def decide(self, value: bytes, now: int) -> str:
        decided = _decode(value)
        if decided.event_id[16] == "P":
            number, does = decided.event_id[17], bool(decided.signals)
            if self._matched.setdefault(number, False) != does:
                self._matched[number] = does
                told = {"probe": int(number), "matched": does, "at": now / 1e6}
                print(json.dumps(told | {"lists": decided.lists_version}), flush=True)
        return decided.event_id


async def _main(bootstrap: str, topic: str, file: str) -> None:
    (await follow(bootstrap, topic, _Probes().decide)).save(file)


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
