"""A platform's day in small: a broker, a librarian, a worker, and what is sent and decided."""

import csv
import io
import json
import re
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from prometheus_client.parser import text_string_to_metric_families

from streams.kafka.topics import pipeline_topics
from streams.settings import load_settings
from tests.integration.lists.service import Service, service
from tests.integration.worker.processes import SEAWALL, WorkerProcess, toml

WAIT = 240.0
"""Seconds after which something is taken not to come: the machine may be busy with much else."""
PARTITIONS = 2
NEAR_COPIES = 60
REPORTS = 200
"""Limits a day."""

KNOWN_MD5 = "0123456789abcdef0123456789abcdef"
FLAT_PDQ = "0" * 64

Event = dict[str, Any]
Decision = dict[str, Any]


def policy_text(version: str, valid_until: date, more: str = "") -> str:
    """The default policy's rules, with tight limits and a scan basis of two tenants, of which
    harbour's lapses."""
    scans = 'scans = ["hash", "url", "text"]'
    return f"""
version = "{version}"
[[scan_basis]]
tenant = "acme"
{scans}
[[scan_basis]]
tenant = "harbour"
valid_until = {valid_until}
{scans}
[[limits]]
rule = "known-material"
per_day = {REPORTS}
[[limits]]
rule = "near-copy"
per_day = {NEAR_COPIES}
{more}
"""


@contextmanager
def a_day(folder: Path, bootstrap: str, prefix: str) -> Iterator["Day"]:
    """A day that has begun, and of which nothing is left behind."""
    with service() as source:
        day = Day(folder, bootstrap, prefix, source)
        try:
            day.begin()
            yield day
        finally:
            day.end()


class Day:
    """What runs, what was sent, and what came of it. `decisions` and `letters` are what a
    `read_committed` consumer saw, by event id and in order."""

    def __init__(self, folder: Path, bootstrap: str, prefix: str, source: Service) -> None:
        """`source` is where the lists come from."""
        self.folder = folder
        self.sent: list[str] = []
        self.garbage = 0
        self.decisions: dict[str, list[Decision]] = {}
        self.letters: list[dict[str, Any]] = []
        self._random = Random(6)
        self._number = 0
        self._prefix = prefix
        self.last_day = datetime.now(UTC).date() + timedelta(days=1)
        """Of harbour's scan basis."""
        self.audit_file = folder / "audit.db"
        self.known_pdq = self.pdq()
        self.wrong_pdq = self.pdq()
        self._lists: dict[str, list[list[object]]] = {
            "hotline": [["known", "md5", KNOWN_MD5, ""], ["series", "pdq", self.known_pdq, 100]],
            "industry": [],
        }
        for name, rows in self._lists.items():
            rows += [[f"{name}-{n}", "pdq", self.pdq(), 100] for n in range(60)]
        source.answer = lambda path, _: (200, self._listed(path.strip("/")))
        (folder / "lists.toml").write_text(
            "\n".join(
                f'[[list]]\nname = "{name}"\nformat = "csv"\nsource_kind = "hotline"\n'
                f'verified_by = "Example Trust"\ndefault_role = "block"\n'
                f'[list.source]\nurl = "{source.url}/{name}"'
                for name in self._lists
            )
        )
        self.policy_file = folder / "policy.toml"
        self.policy_file.write_text(policy_text("day", self.last_day))
        self.config = toml(
            folder,
            "seawall.toml",
            {
                "kafka": {"bootstrap": bootstrap},
                "pipeline": {
                    "partitions": PARTITIONS,
                    "topic_prefix": prefix,
                    "name": f"{prefix}p",
                },
                "policy": {"file": str(self.policy_file)},
                "lists": {
                    "files": [str(folder / "lists.snapshot")],
                    "store": str(folder / "lists.db"),
                },
                "media": {"allow_inline": True},
                "audit": {"file": str(self.audit_file)},
            },
        )
        self._processes: list[WorkerProcess] = []
        self._create_topics(bootstrap)
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20)
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            group_id=None,
        )
        self._consumer.assign(
            [
                TopicPartition(f"{prefix}{topic}", partition)
                for topic in ("enforcement.decisions", "seawall.dead-letters")
                for partition in range(PARTITIONS)
            ]
        )

    def begin(self) -> None:
        """Start the librarian and the worker, and wait until the lists are in use."""
        folder = self.folder
        self.librarian = self._started(
            "librarian",
            *(str(folder / "lists.toml"), "--snapshot", str(folder / "lists.snapshot")),
            *("--every", "1", "--http-port", "0", "--config", str(self.config)),
        )
        self.until(lambda: (folder / "lists.snapshot").exists(), "the first snapshot")
        self.worker = self._started("worker", "--config", str(self.config))
        self.worker.address(WAIT)
        self.worker.until_ready(WAIT)
        entries = sum(map(len, self._lists.values()))
        self.until(lambda: self.metric("seawall_list_entries") == entries, "lists in the worker")

    def _started(self, command: str, *arguments: str) -> WorkerProcess:
        folder = self.folder / command
        folder.mkdir()
        process = WorkerProcess(folder, *arguments, command=(command,))
        self._processes.append(process)
        return process

    def _create_topics(self, bootstrap: str) -> None:
        settings = load_settings(self.config, environment={}).settings
        admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        admin.create_topics(
            [
                NewTopic(t.name, t.partitions, t.replication, topic_configs=t.configs)
                for t in pipeline_topics(settings)
            ]
        )
        admin.close()

    def end(self) -> None:
        """Leave nothing behind."""
        for process in self._processes:
            if process.process.poll() is None:
                process.process.kill()
                process.process.wait()
        self._producer.close()
        self._consumer.close()

    def seawall(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the operator."""
        command = [str(SEAWALL), *arguments, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=False)

    # Lists.

    def list_entry(self, name: str, id: str, algorithm: str, value: str) -> None:
        """Put an entry into a list's source."""
        self._lists[name].append([id, algorithm, value, 100])

    def _listed(self, name: str) -> bytes:
        written = io.StringIO()
        rows = csv.writer(written)
        rows.writerow(["id", "algorithm", "value", "quality"])
        rows.writerows(self._lists[name])
        return written.getvalue().encode()

    # Events.

    def pdq(self) -> str:
        """A hash that is near to no other."""
        return f"{self._random.getrandbits(256):064x}"

    def near(self, pdq: str, distance: int) -> str:
        """A hash with so many bits changed."""
        bits = sum(1 << bit for bit in self._random.sample(range(256), distance))
        return f"{int(pdq, 16) ^ bits:064x}"

    def event(self, kind: str, author: str, **more: Any) -> Event:
        """An event whose id begins with what it is of."""
        self._number += 1
        return {
            "event_id": f"{kind}-{self._number}",
            "tenant": "acme",
            "kind": "created",
            "occurred_at": datetime.now(UTC).isoformat(),
            "content_id": f"c{self._number}",
            "surface": "post",
            "author": {"id": author},
            **more,
        }

    def picture(self, kind: str, author: str, *, quality: int = 100, **hashes: str) -> Event:
        """One picture, of which the platform gives the hashes."""
        given: dict[str, Any] = {**hashes, **({"pdq_quality": quality} if "pdq" in hashes else {})}
        item = {
            "media_id": "m",
            "media_type": "image/jpeg",
            "hashes": given,
            "hash_origin": "server",
        }
        return self.event(kind, author, media=[item])

    def ordinary(self) -> Event:
        """What nearly everybody sends."""
        author = f"person-{self._random.randrange(5_000)}"
        match self._number % 3:
            case 0:
                return self.event("ordinary", author, text="see you at the match on saturday")
            case 1:
                return self.event("ordinary", author, urls=[f"https://example.org/{author}"])
            case _:
                return self.picture("ordinary", author, pdq=self.pdq())

    def amid(self, flood: Iterable[Event], each: int = 1) -> list[Event]:
        """A flood with so many ordinary events after each of its own."""
        return [
            event
            for of_flood in flood
            for event in (of_flood, *(self.ordinary() for _ in range(each)))
        ]

    def send(self, events: Iterable[Event]) -> list[str]:
        """Send, and give the ids."""
        ids: list[str] = []
        for event in events:
            self._producer.send(
                f"{self._prefix}content.events",
                json.dumps(event).encode(),
                event["author"]["id"].encode(),
            )
            ids.append(event["event_id"])
        self._producer.flush()
        self.sent += ids
        return ids

    def send_garbage(self, count: int) -> None:
        """Records that are no events."""
        for number in range(count):
            self._producer.send(f"{self._prefix}content.events", b"{not json", b"%d" % number)
        self._producer.flush()
        self.garbage += count

    def on_control(self, key: bytes, value: bytes) -> None:
        """Write on the control topic by hand."""
        self._producer.send(f"{self._prefix}seawall.control", value, key, partition=0).get(30)

    # What came of it.

    def decided(self, events: Iterable[Event]) -> list[Decision]:
        """Send, wait until each has a decision, and give these in order."""
        ids = self.send(events)
        self.until(lambda: all(id in self.decisions for id in ids), "decisions")
        return [self.decisions[id][0] for id in ids]

    def read(self, milliseconds: int = 100) -> None:
        """Take in what there is."""
        for partition, records in self._consumer.poll(milliseconds, max_records=5_000).items():
            for record in records:
                made = json.loads(record.value)
                if partition.topic.endswith("decisions"):
                    self.decisions.setdefault(made["event_id"], []).append(made)
                else:
                    self.letters.append(made)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition, reading decisions meanwhile."""
        ends = time.monotonic() + WAIT
        while not condition():
            if time.monotonic() > ends:
                logs = [process.log[-3000:] for process in self._processes]
                raise AssertionError(f"no {what} in {WAIT} s\n{''.join(logs)}")
            self.read()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the worker's samples of a name that have these labels."""
        return _sum(self.worker.get("/metrics")[1], name, labels)

    def until_counted(self, count: float, name: str, **labels: str) -> None:
        """Wait until the worker has counted so many. It counts a chunk once it is committed, and
        whoever reads decisions may see them before it has."""
        self.until(lambda: self.metric(name, **labels) >= count, f"{count} of {name} {labels}")

    def librarian_metric(self, name: str, **labels: str) -> float:
        """The same, of the librarian."""
        found = re.search(r"metrics at (http://\S+)", self.librarian.log)
        if found is None:
            return 0.0
        with urllib.request.urlopen(found[1], timeout=30) as answer:
            return _sum(answer.read().decode(), name, labels)


def _sum(exposition: str, name: str, labels: dict[str, str]) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def of_kind(decisions: Iterable[Decision], kind: str) -> list[Decision]:
    """Those about events of a kind."""
    return [each for each in decisions if each["event_id"].startswith(f"{kind}-")]


def actions(decisions: Iterable[Decision]) -> Counter[str]:
    """How often each action was decided."""
    return Counter(each["action"] for each in decisions)
