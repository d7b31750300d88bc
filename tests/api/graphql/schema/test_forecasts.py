"""Forecasts of readings, as front ends see them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.server import Client, Served, cloudevent

PUT = """mutation {
  putLicense(input: {key: "acme", name: "Acme"}) { errors { message } }
  putContract(input: {
    license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", billingPeriod: "P10Y"
    terms: [{key: "profiles", value: 1000}, {key: "interactions_per_profile", value: 1}, {key: "forms", value: 9}]
  }) { errors { message } }
}"""
FORECAST = """query($at: DateTime) {
  consumption(license: "acme", at: $at) {
    sections { readings {
      meter { key } used
      forecast {
        expected low high exceedsAt exceedsEarliest exceedsLatest points { at expected low high }
        basis reason computedAt
      }
    } }
  }
}"""
DAY = timedelta(days=1)


def forecasts(client: Client, at: datetime | None = None) -> dict[str, Any]:
    found = client.data(FORECAST, at=None if at is None else at.isoformat())
    return {
        reading["meter"]["key"]: reading["forecast"]
        for section in found["consumption"]["sections"]
        for reading in section["readings"]
    }


def test_a_forecast_has_an_end_a_range_dates_and_a_curve(served: Served, operator: Client) -> None:
    operator.data(PUT)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    operator.post_events(
        *(
            cloudevent("interaction.sent", "acme", f"e{ago}", time=(today - ago * DAY).isoformat(), quantity=10)
            for ago in range(30, 0, -1)
        )
    )
    served.refresh()
    found = forecasts(operator)
    forecast = found["interactions"]
    assert forecast["reason"] is None
    first, last = forecast["points"][0], forecast["points"][-1]
    assert first["expected"] == first["low"] == first["high"] == 300
    assert last == {
        "at": "2036-01-01T00:00:00Z",
        "expected": forecast["expected"],
        "low": forecast["low"],
        "high": forecast["high"],
    }
    assert len(forecast["points"]) <= 33
    exceeds = datetime.fromisoformat(forecast["exceedsAt"])
    assert abs(exceeds - (today + 70 * DAY)) <= 2 * DAY
    assert forecast["exceedsEarliest"] <= forecast["exceedsAt"] <= forecast["exceedsLatest"]
    assert forecast["basis"].startswith("Made from the usage of ")
    assert forecast["basis"].endswith("Such forecasts could not be tested on the past yet.")

    assert found["forms"] == {
        "expected": None, "low": None, "high": None, "exceedsAt": None, "exceedsEarliest": None, "exceedsLatest": None,
        "points": [], "basis": "There is no usage to forecast.", "reason": "NOTHING_TO_FORECAST",
        "computedAt": found["forms"]["computedAt"],
    }  # fmt: skip
    assert forecasts(operator, today - 5 * DAY)["interactions"] is None
