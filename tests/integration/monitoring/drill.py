"""`python -m tests.integration.monitoring.drill`: the alert drill, as a table."""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from dashboards.tool import ToolMissing, find_tool
from streams.localbroker import LocalCluster
from tests.integration.monitoring.faults import FAULTS, Fault
from tests.integration.monitoring.rig import SPEED, Rig, rig

FIRE_SECONDS = 120.0
RESOLVE_SECONDS = 240.0
QUIET_SECONDS = 20.0
LINGER_SECONDS = 8.0
"""After the expected alerts fire, a fault goes on for so long: does another page come with it?"""

Say = Callable[[str], None]


@dataclass
class Seen:
    """What a fault made fire: seconds from the fault to each alert, and from the mending to its
    end (none: it did not end). `wrong` says what was not as it must be."""

    fault: Fault
    fired: dict[str, float] = field(default_factory=dict)
    resolved: dict[str, float] = field(default_factory=dict)
    pages: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


async def play(rig: Rig, fault: Fault, say: Say) -> Seen:
    """Do it, wait for its alerts, mend it, and wait until they are over."""
    seen = Seen(fault)
    say(f"{fault.name} …")
    began = time.monotonic()
    mend = await fault.harm(rig)
    until: float | None = None
    while until is None or time.monotonic() < until:
        await _note(rig, seen, began)
        if until is None and fault.must <= set(seen.fired):
            until = time.monotonic() + LINGER_SECONDS
        if until is None and time.monotonic() - began > FIRE_SECONDS:
            missing = ", ".join(sorted(fault.must - set(seen.fired)))
            seen.wrong.append(f"did not fire within {FIRE_SECONDS:.0f} s: {missing}")
            break
        await asyncio.sleep(0.5)
    say(f"{fault.name}: {_times(seen.fired)}; mending")
    mended = time.monotonic()
    await mend()
    quiet_since: float | None = None
    while quiet_since is None or time.monotonic() - quiet_since < LINGER_SECONDS:
        firing = await _note(rig, seen, began)
        for name in set(seen.fired) - set(firing):
            seen.resolved.setdefault(name, time.monotonic() - mended)
        for name in set(seen.resolved) & set(firing):
            del seen.resolved[name]
        coming = _pages(await asyncio.to_thread(rig.prometheus.alerts, "pending"))
        over = not fault.must & set(firing) and not _pages(firing) and not coming
        quiet_since = (quiet_since or time.monotonic()) if over else None
        if time.monotonic() - mended > RESOLVE_SECONDS:
            still = ", ".join(sorted((fault.must & set(firing)) | _pages(firing) | coming))
            seen.wrong.append(f"not over {RESOLVE_SECONDS:.0f} s after mending: {still}")
            break
        await asyncio.sleep(0.5)
    if extra := seen.pages - fault.must - fault.may:
        seen.wrong.append(f"unexpected pages: {', '.join(sorted(extra))}")
    seen.wrong += rig.failed()
    return seen


async def undisturbed(rig: Rig, say: Say, seconds: float = QUIET_SECONDS) -> list[str]:
    """Wait until no page fires any more, and then for so long; the pages that fired then."""
    began = time.monotonic()
    quiet_since: float | None = None
    while quiet_since is None or time.monotonic() - quiet_since < seconds:
        firing = await asyncio.to_thread(rig.prometheus.alerts, "firing")
        if not _pages(firing):
            quiet_since = quiet_since or time.monotonic()
        elif quiet_since is not None or time.monotonic() - began > RESOLVE_SECONDS:
            return sorted(_pages(firing))
        await asyncio.sleep(0.5)
    say(f"undisturbed for {seconds:.0f} s: no page; tickets: {', '.join(sorted(firing)) or 'none'}")
    return []


async def drill(rig: Rig, faults: Sequence[Fault], say: Say) -> tuple[list[Seen], list[str]]:
    """All faults, one after another; and what was wrong beside them."""
    await rig.start()
    try:
        wrong = [f"undisturbed: {name}" for name in await undisturbed(rig, say)]
        seen = [await play(rig, fault, say) for fault in faults]
        wrong += await asyncio.to_thread(rig.prometheus.unhealthy_rules)
        return seen, wrong
    finally:
        await rig.end()


async def _note(rig: Rig, seen: Seen, began: float) -> dict[str, set[str]]:
    firing = await asyncio.to_thread(rig.prometheus.alerts, "firing")
    for name in firing:
        if name in seen.fault.must or _pages({name: firing[name]}):
            seen.fired.setdefault(name, time.monotonic() - began)
    seen.pages |= _pages(firing)
    return firing


def _pages(firing: dict[str, set[str]]) -> set[str]:
    return {name for name, severities in firing.items() if "page" in severities}


def _times(times: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in times.items()) or "nothing"


def table(seen: Sequence[Seen]) -> Table:
    """Fault, alert, seconds until it fired, seconds from the mending until it was over."""
    shown = Table(
        "fault", "alert", title=f"Alert drill: time runs {SPEED} times as fast in the rules"
    )
    for column in ("expected", "fired after", "resolved after"):
        shown.add_column(column, justify="right")
    for one in seen:
        for place, name in enumerate(
            [*sorted(one.fault.must), *sorted(set(one.fired) - one.fault.must)]
        ):
            word = (
                "must" if name in one.fault.must else "may" if name in one.fault.may else "[red]no"
            )
            fired, over = one.fired.get(name), one.resolved.get(name)
            shown.add_row(
                one.fault.name if place == 0 else "",
                name,
                word,
                "[red]never" if fired is None else f"{fired:.0f} s",
                "–" if fired is None else "[red]never" if over is None else f"{over:.0f} s",
            )
        shown.add_section()
    return shown


def main() -> int:
    """0 when the expected alerts fired and were over, and no other page did; else 1; 2 when there
    is no Prometheus."""
    parser = argparse.ArgumentParser(prog="tests.integration.monitoring.drill", description=__doc__)
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", action="append", choices=names, help="repeatable")
    only = parser.parse_args().only
    sys.stdout.reconfigure(line_buffering=True)
    console = Console(log_path=False, width=None if sys.stdout.isatty() else 140)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the drill's own clients
    try:
        find_tool("prometheus")
    except ToolMissing as missing:
        console.print(f"NOT RUN the alert drill: {missing}")
        return 2
    faults = [fault for fault in FAULTS if not only or fault.name in only]
    with LocalCluster(say=console.log) as cluster, rig(cluster) as made:
        seen, wrong = asyncio.run(drill(made, faults, console.log))
    console.print(table(seen))
    for line in [*wrong, *(f"{one.fault.name}: {line}" for one in seen for line in one.wrong)]:
        console.print(f"[red]{line}")
    return 1 if wrong or any(one.wrong for one in seen) else 0


if __name__ == "__main__":
    sys.exit(main())
