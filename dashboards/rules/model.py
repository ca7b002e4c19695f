"""What a rule is, and the scale of time that rules are made for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Severity = Literal["page", "ticket"]
"""`page` wakes somebody now; `ticket` is for the next working day."""

Step = Literal["1m", "5m", "15m"]
STEPS: tuple[Step, ...] = get_args(Step)

WHERE = "cluster, namespace"
"""Labels that a platform's scraping adds, by which nothing is ever summed away."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True)
class Scale:
    """Rules for production have `factor` 1; a drill runs the same rules with time shrunk."""

    factor: float = 1.0

    def span(self, text: str) -> str:
        """A window such as `5m`, as PromQL writes it: never under 4 s, so that it holds a rate at
        a scrape a second."""
        seconds = max(_seconds(text) * self.factor, 4.0) if self.factor != 1 else _seconds(text)
        return _written(seconds)

    def seconds(self, count: float) -> str:
        """A threshold in seconds."""
        return f"{max(count * self.factor, 2.0) if self.factor != 1 else count:g}"


@dataclass(frozen=True)
class Recording:
    """A recording rule, named `level:metric:operations`."""

    record: str
    expr: str


@dataclass(frozen=True)
class Case:
    """Input for `promtool test rules`: series by name in its notation, a sample every `step`,
    looked at after `at`. Cases of days have long steps: every rule is evaluated at each of them."""

    series: Mapping[str, str]
    at: str = "1h"
    step: Step = "1m"


@dataclass(frozen=True)
class Alert:
    """An alert. `expr` may be many lines. `fires`, and each of `also`, must make it fire, and
    `silent`, and each of `nor`, must not; its page is `runbooks/<name>.md`."""

    name: str
    expr: str
    hold: str
    severity: Severity
    summary: str
    description: str
    fires: Case
    silent: Case
    also: tuple[Case, ...] = ()
    nor: tuple[Case, ...] = ()


def rose(scale: "Scale", series: str, by: str, window: str) -> str:
    """Whether a counter rose. Its first sample counts as well: a process that found something as
    it started, or a label's first time, shows no increase. That it is new its own `_created` says:
    to Prometheus an old one looks new after each scrape that failed."""
    span, recent = scale.span(window), scale.seconds(_seconds(window))
    return (
        f"sum by ({by}) (increase({series}[{span}])) > 0\n"
        f"or sum by ({by}) ({series} and (time() - {_created(series)} < {recent})) > 0"
    )


def _created(series: str) -> str:
    return series.replace("_total", "_created", 1)


def first(series: str, value: int = 9) -> Case:
    """A counter that is there with its first sample, in the last minutes: made after 55."""
    return Case({series: f"_x55 {value}x5", _created(series): "_x55 3300x5"})


def settled(series: str) -> tuple[Case, ...]:
    """Long ago a counter rose, and a scrape failed since, a moment or a while: no alert. Nor does
    one that is new and zero."""
    gaps = (("stale", 15), ("stale", 10), ("_x10", 9), ("_x10", 14))
    return (
        Case({series: "_x55 0x5", _created(series): "_x55 3300x5"}),
        *(
            Case({series: f"9x40 {gap} 9x{n}", _created(series): f"0x40 {gap} 0x{n}"})
            for gap, n in gaps
        ),
    )


def restarted(series: str) -> Case:
    """A process that counted as much before it was started again."""
    return Case({series: "3x50 stale _x3 3x5", _created(series): "0x50 stale _x3 3240x5"})


def _seconds(text: str) -> float:
    parts = re.findall(r"(\d+)([smhd])", text)
    if "".join(f"{count}{unit}" for count, unit in parts) != text:
        raise ValueError(f"{text!r} is no span of time")
    return sum(int(count) * _UNITS[unit] for count, unit in parts)


def _written(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size:.0f}{unit}"
    return f"{round(seconds * 1000)}ms"
