"""The consumption of a license as JSON, in the words of the GraphQL API."""

from typing import Any

from core.consumption.readings.judged_reading import Problem, Threshold
from core.consumption.view import ConsumptionView, ReadingView, SectionView


def plain_consumption(view: ConsumptionView) -> dict[str, Any]:
    """Return the consumption as objects, lists and plain values."""
    license = view.license
    return {
        "license": {
            "key": license.license.key,
            "name": license.license.name,
            "timeZone": license.license.time_zone,
            "state": license.state,
        },
        "status": view.status,
        "problem": _problem(view.problem),
        "freshness": view.freshness,
        "updatedAt": view.updated_at,
        "utilization": view.utilization,
        "version": view.version,
        "sections": [_section(section) for section in view.sections],
    }


def _section(section: SectionView) -> dict[str, Any]:
    return {
        "key": section.section.key,
        "title": section.section.title,
        "status": section.status,
        "freshness": section.freshness,
        "consumptionSince": section.consumption_since,
        "updatedAt": section.updated_at,
        "readings": [_reading(reading) for reading in section.readings],
    }


def _reading(view: ReadingView) -> dict[str, Any]:
    meter, reading = view.meter, view.reading
    period = reading.period
    return {
        "meter": meter.key,
        "title": meter.title,
        "unit": str(meter.unit),
        "status": reading.status,
        "state": reading.state,
        "used": reading.used,
        "limit": reading.limit,
        "limitBasis": reading.basis,
        "remaining": reading.remaining,
        "overage": reading.overage,
        "refused": reading.refused,
        "utilization": reading.used / reading.limit if reading.used is not None and reading.limit else None,
        "period": period and {"start": period.starts_at, "end": period.ends_at},
        "thresholds": [_threshold(threshold) for threshold in reading.thresholds],
        "measuredAt": reading.measured_at,
        "freshness": view.freshness,
        "problem": _problem(reading.problem),
    }


def _threshold(threshold: Threshold) -> dict[str, Any]:
    return {
        "ratio": threshold.ratio,
        "value": threshold.value,
        "status": threshold.status,
        "crossedAt": threshold.crossed_at,
    }


def _problem(problem: Problem | None) -> dict[str, Any] | None:
    return problem and {"code": problem.code, "message": problem.message, "since": problem.since}
