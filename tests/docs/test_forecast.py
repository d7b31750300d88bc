"""The page about forecasts: its queries run on the demonstration, and its tables name what there is."""

import re
from pathlib import Path

from graphql import build_schema, parse, validate

from core.forecast.forecast import ForecastReason
from tests.docs.conftest import Demo

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "forecast.md").read_text()
SCHEMA = build_schema((ROOT / "api" / "schema.graphql").read_text())
FORECAST, ALERTS = re.findall(r"^```graphql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_reading_of_the_demonstration_has_a_forecast_or_a_reason(demo: Demo) -> None:
    assert validate(SCHEMA, parse(FORECAST)) == []
    with demo.client("acme") as client:
        sections = client.data(FORECAST)["consumption"]["sections"]
    found = [reading["forecast"] for section in sections for reading in section["readings"]]
    assert all((one["reason"] is None) == (one["expected"] is not None) for one in found)
    assert any(one["points"] for one in found)
    assert all(one["low"] <= one["expected"] <= one["high"] for one in found if one["reason"] is None)


def test_alerts_on_forecasts_are_listed(demo: Demo) -> None:
    assert validate(SCHEMA, parse(ALERTS)) == []
    with demo.client("globex") as client:
        edges = client.data(ALERTS.replace('"acme"', '"globex"'))["license"]["alerts"]["edges"]
    assert edges
    assert all(edge["node"]["forecast"]["high"] > edge["node"]["limit"] for edge in edges)


def test_the_table_names_every_reason() -> None:
    assert re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE) == [reason.value for reason in ForecastReason]
