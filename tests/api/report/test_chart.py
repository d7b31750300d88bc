"""The chart of a meter over the days of a report."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.report.chart import HEIGHT, WIDTH, draw


def days(*values: tuple[float | None, float | None]) -> list[dict[str, Any]]:
    return [
        {"day": f"2026-03-{number:02}", "demand": demand, "limit": limit}
        for number, (demand, limit) in enumerate(values, 1)
    ]


def test_a_chart_spans_its_days_from_left_to_right_and_ends_at_the_limit() -> None:
    chart = draw(days((0, 115), (57.5, 115), (115, 115)))

    assert chart.lines == ("0.0,120.0 320.0,67.8 640.0,15.7",)
    assert chart.areas == ("0.0,120.0 0.0,120.0 320.0,67.8 640.0,15.7 640.0,120.0",)
    assert chart.limits == ("0.0,15.7 320.0,15.7 640.0,15.7",)
    assert chart.peak is not None
    assert (round(chart.peak[0]), round(chart.peak[1], 1)) == (640, 15.7)


def test_days_that_were_not_measured_are_a_gap() -> None:
    chart = draw(days((1, None), (None, None), (2, None)))

    assert len(chart.lines) == 2
    assert (chart.limits, chart.limit_top) == ((), None)


amounts = st.none() | st.floats(0, 1e15)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=28))
def test_every_shape_lies_inside_of_the_picture(values: list[tuple[float | None, float | None]]) -> None:
    chart = draw(days(*values))

    for points in (*chart.lines, *chart.limits):
        for point in points.split():
            left, top = map(float, point.split(","))
            assert 0 <= left <= WIDTH
            assert 0 <= top <= HEIGHT
