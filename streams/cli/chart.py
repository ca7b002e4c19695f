"""Line charts as SVG, drawn by hand: axes, lines with dots, a legend. No dependency."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 24, 56, 56
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito's palette, told apart by the colour-blind too (jfly.uni-koeln.de/color, 2008)."""

Point = tuple[float, float]


class Axis(NamedTuple):
    """An axis from `low` to `high`, `log` for powers of ten (both above 0 then)."""

    label: str
    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value is, 0 to 1, held within the axis."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return (at - low) / (high - low) if high > low else 0.5

    def ticks(self) -> list[float]:
        """Round values along it."""
        if self.log:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            decades = [10.0**n for n in range(first, last + 1)]
            marks = decades if len(decades) > 3 else [d * m for d in decades for m in (1, 2, 5)]
            return [tick for tick in marks if self.low <= tick <= self.high]
        step = 10.0 ** math.floor(math.log10(max(self.high - self.low, 1e-9)))
        step = next(
            s for s in (step / 5, step / 2, step, step * 2) if (self.high - self.low) / s < 8
        )
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


class Chart(NamedTuple):
    """Lines by name, and `marks`: single points to be pointed out, by name."""

    title: str
    x: Axis
    y: Axis
    lines: Mapping[str, Sequence[Point]]
    marks: Mapping[str, Point] = {}


def svg(charts: Sequence[Chart]) -> str:
    """A picture of charts, one above the other."""
    height = HEIGHT * len(charts)
    body = "".join(_chart(chart, HEIGHT * index) for index, chart in enumerate(charts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>{body}</svg>\n'
    )


def _chart(chart: Chart, top: int) -> str:
    parts = [
        f'<g transform="translate(0 {top})">',
        _text(WIDTH / 2, 22, chart.title, 'text-anchor="middle" font-size="15"'),
        *_axes(chart),
    ]
    for index, (name, points) in enumerate(chart.lines.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        places = [_place(chart, point) for point in points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        legend = _LEFT + index * (WIDTH - _LEFT - _RIGHT) / max(len(chart.lines), 3)
        parts.append(f'<rect x="{legend:.1f}" y="36" width="14" height="4" fill="{colour}"/>')
        parts.append(_text(legend + 20, 42, name))
    for name, point in chart.marks.items():
        x, y = _place(chart, point)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="none" stroke="black" stroke-width="2"/>'
        )
        end = x > WIDTH / 2
        anchor = f'text-anchor="{"end" if end else "start"}" font-weight="bold"'
        parts.append(_text(x + (-12 if end else 12), y + 18, name, anchor))
    return "".join([*parts, "</g>"])


def _place(chart: Chart, point: Point) -> Point:
    across, up = chart.x.place(point[0]), chart.y.place(point[1])
    return (
        _LEFT + across * (WIDTH - _LEFT - _RIGHT),
        HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM),
    )


def _axes(chart: Chart) -> list[str]:
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    middle = (_TOP + bottom) / 2
    parts = [
        _text((_LEFT + right) / 2, HEIGHT - 14, chart.x.label, 'text-anchor="middle"'),
        _text(
            18, middle, chart.y.label, f'text-anchor="middle" transform="rotate(-90 18 {middle})"'
        ),
    ]
    for tick in chart.x.ticks():
        x, _ = _place(chart, (tick, chart.y.low))
        parts.append(f'<path d="M{x:.1f} {_TOP}V{bottom + 4}" stroke="#ddd"/>')
        parts.append(_text(x, bottom + 18, f"{tick:,.6g}", 'text-anchor="middle"'))
    for tick in chart.y.ticks():
        _, y = _place(chart, (chart.x.low, tick))
        parts.append(f'<path d="M{_LEFT - 4} {y:.1f}H{right}" stroke="#ddd"/>')
        parts.append(_text(_LEFT - 8, y + 4, f"{tick:,.6g}", 'text-anchor="end"'))
    parts.append(f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" stroke="#333" fill="none"/>')
    return parts


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(text)}</text>'
