"""The demo's pipeline: a broker, a worker and the desk where cases are kept, as processes."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from msgspec.json import encode

from demo.lists import write_lists
from demo.policies import write_policy
from demo.service import DemoFailed, Service
from streams.kafka.admin import applied, apply_plan, plan_topics
from streams.kafka.client import admin_client
from streams.kafka.topics import pipeline_topics
from streams.localbroker import LocalCluster
from streams.settings import Settings, load_settings

PARTITIONS = 4
REPORTER = """\
# What the platform says of itself in every report.
platform = "Demo"
esp_service = "Demo"

[reporting_person]
first_name = "Trust"
last_name = "Desk"
email = ["desk@demo.example"]
"""


class Pipeline:
    """A broker, a worker and a desk whose files all lie in `folder`, which is the caller's to
    remove. Unless `kept`, they die with this process however it ends; kept, they go on until
    `streams.localbroker` and a SIGTERM end them.
    """

    def __init__(self, folder: Path, *, kept: bool, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._cluster = LocalCluster(
            data_dir=folder / "broker" if kept else None, guarded=not kept, say=say
        )
        config = ("--config", str(self.config))
        self.worker = Service("worker", ("worker", *config), folder, kept=kept)
        self.desk = Service("desk", ("cases", "build", *config), folder, kept=kept)

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return self._cluster.bootstrap

    @property
    def config(self) -> Path:
        """The settings file of every process."""
        return self.folder / "seawall.toml"

    @property
    def settings(self) -> Settings:
        """What the file says; the environment's own settings play no part in a demo."""
        return load_settings(self.config, environment={}).settings

    def start_broker(self) -> None:
        """Start Kafka; returns when it answers. Raises `LocalBrokerError`."""
        self._cluster.start()

    def write_files(self) -> None:
        """Write lists, policy and settings."""
        (self.folder / "reporter.toml").write_text(REPORTER)
        lists, policy = write_lists(self.folder), write_policy(self.folder)
        self.config.write_text(_settings(self.bootstrap, self.folder, lists, policy))

    def create_topics(self) -> int:
        """Create the pipeline's topics, as `seawall topics apply` does; returns how many."""
        specs = pipeline_topics(self.settings)
        with closing(admin_client(self.settings.kafka.kafka_python_config())) as admin:
            apply_plan(admin, plan_topics(admin, specs))
            left = [plan.spec.name for plan in applied(admin, specs) if plan.state != "same"]
        if left:
            raise DemoFailed(f"topics are not as they should be: {', '.join(left)}")
        return len(specs)

    def stop(self) -> None:
        """End desk, worker and broker in order, and wait until they are gone."""
        self.desk.stop()
        self.worker.stop()
        self._cluster.stop()

    def kill(self) -> None:
        """End them at once, whatever they do: for a pipeline that nobody wants any more."""
        self.desk.kill()
        self.worker.kill()
        for node in self._cluster.nodes:
            self._cluster.kill(node)
        self._cluster.stop()

    def still_runs(self) -> None:
        """Raises `DemoFailed` if one of them has ended."""
        if any(node.process is None for node in self._cluster.nodes.values()):
            raise DemoFailed("the broker ended by itself")
        self.worker.still_runs()
        self.desk.still_runs()


def _settings(bootstrap: str, folder: Path, lists: Path, policy: Path) -> str:
    # A JSON string is a TOML basic string.
    def quoted(value: object) -> str:
        return encode(str(value)).decode()

    return f"""\
[kafka]
bootstrap = {quoted(bootstrap)}

[pipeline]
name = "demo"
partitions = {PARTITIONS}

[worker]
http_port = 0                 # a free one

[media]
allow_inline = true           # pictures travel within the demo's events

[lists]
files = [{quoted(lists)}]

[policy]
file = {quoted(policy)}

[cases]
store = {quoted(folder / "cases.db")}
reporter = {quoted(folder / "reporter.toml")}

[audit]
file = {quoted(folder / "audit.db")}
"""
