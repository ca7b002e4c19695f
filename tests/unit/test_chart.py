"""Charts are well-formed SVG in which every point is drawn within the axes."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from streams.cli.chart import HEIGHT, WIDTH, Axis, Chart, svg

VALUES = st.floats(0.001, 1e6, allow_nan=False)
POINTS = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8)


@given(st.dictionaries(st.text(max_size=12), POINTS, max_size=4), st.booleans())
def test_every_point_is_drawn_within_the_picture(
    lines: dict[str, list[tuple[float, float]]], log: bool
) -> None:
    lines = {"".join(c for c in name if c.isprintable()): some for name, some in lines.items()}
    axis = Axis("a < b & c", 0.01, 1000.0, log)
    chart = Chart("title", axis, axis, lines, {"here": (5.0, 5.0)})
    drawn = ElementTree.fromstring(svg([chart, chart]))
    circles = [e for e in drawn.iter() if e.tag.endswith("circle")]
    assert len(circles) == 2 * (sum(map(len, lines.values())) + 1)
    for circle in circles:
        assert 0 <= float(circle.get("cx", "-1")) <= WIDTH
        assert 0 <= float(circle.get("cy", "-1")) <= HEIGHT


@given(VALUES, VALUES, st.booleans())
def test_ticks_lie_on_the_axis(one: float, other: float, log: bool) -> None:
    low, high = sorted((one, other))
    if high < low * 1.5:
        return
    ticks = Axis("", low, high, log).ticks()
    assert all(low * (1 - 1e-9) <= tick <= high * (1 + 1e-9) for tick in ticks)
    assert len(ticks) < 30
