"""`python -m tests.faults.matrix`: the whole matrix of faults, as a table."""

import argparse
import asyncio
import logging
import random
import sys
import time

from rich.console import Console
from rich.table import Table

from streams.localbroker import LocalCluster
from tests.faults import topics
from tests.faults.run import Outcome, PromiseBroken, Run
from tests.faults.scenarios import SCENARIOS
from tests.faults.state_server import StateServer, state_server
from tests.faults.worker import WorkerFailed

DEFAULT_EVENTS = 200_000


async def play(
    cluster: LocalCluster, state: StateServer, name: str, events: int, seed: int, console: Console
) -> Outcome | None:
    """One scenario; None when it could not be carried through."""
    try:
        async with Run(cluster, state, name, events, seed, console.log) as run:
            await SCENARIOS[name](run)
            outcome = await run.finish()
    except (PromiseBroken, WorkerFailed, TimeoutError) as broken:
        console.log(f"[red]{name}: {type(broken).__name__}: {broken}")
        return None
    except Exception:  # the others are worth an hour: they go on, and this one is a row in red
        console.print_exception(width=120)
        return None
    for line in outcome.broken:
        console.log(f"[red]{name}: {line}")
    return outcome


def table(outcomes: dict[str, Outcome | None]) -> Table:
    """What was seen, a row for each scenario."""
    shown = Table(title="Delivery under faults, read with read_committed")
    shown.add_column("scenario")
    for column in (
        "events", "decided", "dead letters", "lost", "duplicated", "scores identical",
        "time to resume", "seconds",
    ):  # fmt: skip
        shown.add_column(column, justify="right")
    shown.add_column("seen besides")
    for name, outcome in outcomes.items():
        if outcome is None:
            shown.add_row(name, *["-"] * 8, "[red]not carried through")
            continue
        v = outcome.verdict
        same = f"{v.scored - v.differing_scores} of {v.scored}"
        besides = "; ".join([f"[red]{line}[/]" for line in outcome.broken] + outcome.notes)
        shown.add_row(
            name, f"{v.records:,}", f"{v.decided:,}", f"{v.dead_letters:,}", f"{v.lost:,}",
            f"{v.duplicates:,}", same, f"{outcome.resume:.1f} s", f"{outcome.seconds:.0f}",
            besides,
        )  # fmt: skip
    return shown


def main() -> int:
    """0 when every promise held, else 1."""
    parser = argparse.ArgumentParser(prog="tests.faults.matrix", description=__doc__)
    parser.add_argument("--events", type=int, default=DEFAULT_EVENTS, help="events a scenario")
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="repeatable")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    console = Console(log_path=False, width=None if sys.stdout.isatty() else 160)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the test's own clients
    console.print(f"seed {seed} (again with --seed {seed}), {options.events:,} events a scenario")
    names = options.only or list(SCENARIOS)
    outcomes: dict[str, Outcome | None] = {}
    started = time.monotonic()
    with LocalCluster(3, say=console.log) as cluster, state_server() as state:
        console.log(f"three brokers at {cluster.bootstrap}")
        for number, name in enumerate(names, 1):
            console.rule(f"{number} of {len(names)}: {name}")
            outcomes[name] = asyncio.run(play(cluster, state, name, options.events, seed, console))
            for node in cluster.nodes.values():
                if node.process is None:
                    cluster.start(node.record.id)
                cluster.thaw(node.record.id)
            state.thaw()
            topics.wait_in_sync(cluster.bootstrap)
            console.print(table({name: outcomes[name]}))  # so that a run cut short has said it
    console.print(table(outcomes))
    bad = [name for name, outcome in outcomes.items() if outcome is None or outcome.broken]
    console.print(f"{time.monotonic() - started:.0f} s; seed {seed}")
    if bad:
        console.print(f"[red]broken: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
