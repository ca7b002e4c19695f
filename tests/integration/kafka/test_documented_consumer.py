"""The consumer in docs/wire-it-in.md is run as it stands there."""

import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from streams.contracts.codec import decision_headers, encode_decision
from streams.feedback.effects import reversal_of
from tests.unit.cases.occurrences import decision, event, match, opening, outcome

DOCS = Path(__file__).parents[3] / "docs" / "wire-it-in.md"


def documented(topic: str) -> str:
    _, _, section = DOCS.read_text(encoding="utf-8").partition("## Act on decisions")
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    assert len(found[1].splitlines()) <= 45
    return found[1].replace('"enforcement.decisions"', f'"{topic}"')


def test_it_acts_once_per_decision_and_on_reversals(broker, prefix, tmp_path: Path) -> None:
    topic = f"{prefix}enforcement.decisions"
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)

    def send(made) -> None:
        headers = decision_headers(made, [("traceparent", b"t")])
        producer.send(topic, encode_decision(made), headers=headers).get(10)

    blocked = decision(event(), [match()])
    send(blocked)
    send(blocked)
    send(decision(event("e2"), [], action="allow", report=False))
    granted = outcome(opening(), "appeal_granted")
    send(reversal_of(blocked, granted, [granted]))
    script, database = tmp_path / "consumer.py", tmp_path / "content.db"
    script.write_text(documented(topic))
    command = [sys.executable, str(script), broker.bootstrap, str(database)]

    def actions() -> list[str]:
        if not database.exists():
            return []
        with sqlite3.connect(database) as db:
            tables = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'content'")
            if not tables.fetchone()[0]:
                return []
            return [row[0] for row in db.execute("SELECT action FROM content ORDER BY rowid")]

    for expected in (["block", "allow"], ["block", "allow", "block"]):
        running = subprocess.Popen(command)
        ends = time.monotonic() + 60
        try:
            while len(actions()) < len(expected):
                assert running.poll() is None
                assert time.monotonic() < ends, actions()
                time.sleep(0.1)
            time.sleep(1.0)
        finally:
            running.terminate()
            assert running.wait(20) == 0
        assert actions() == expected
        with sqlite3.connect(database) as db:
            about = db.execute("SELECT tenant, content_id FROM content ORDER BY rowid").fetchone()
        assert about == (blocked.tenant, blocked.content_id)
        send(blocked)  # once more: a producer's repeat
        send(decision(event("e3"), [match()]))
    producer.close()
