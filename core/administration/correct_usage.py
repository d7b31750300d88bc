"""Correcting counted usage: a signed adjustment, or the cancelling of an event. The same id again changes nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import orjson
from sqlmodel import Session, col, func, select

from core.administration.inputs import CorrectionInput
from core.administration.rules.corrections import check_correction
from core.errors import InputProblem, InvalidInput
from core.licenses.find import lock_license, named_license
from core.licenses.tables import id_of
from core.measuring.credit_slices import correct_slice
from core.plugins.registry import Registry
from core.queue.queue import schedule_now
from core.settings import Settings
from core.text import shown
from core.usage.amount import LARGEST_TOTAL, NANOS, TotalTooLarge
from core.usage.bounds import usage_bounds
from core.usage.cancel import cancel_event
from core.usage.events import ADJUSTMENT, EventRules, RejectedEvent, UsageEvent, check_events
from core.usage.record import record
from core.usage.tables import LedgerEvent, UsageCorrection, UsageSum

_FOR_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_FIELDS: Final[Mapping[str, str]] = {
    "UNKNOWN_TYPE": "event",
    "FROM_THE_FUTURE": "time",
    "TOO_OLD": "time",
    "UNKNOWN_DIMENSION": "dimensions",
    "UNKNOWN_DIMENSION_VALUE": "dimensions",
    "BAD_FIELD": "dimensions",
    "TOO_MANY_ENTITIES": "entity",
    "TOO_MANY_SERIES": "dimensions",
    "ENTITY_CLOSED": "entity",
}
"""The fields of an adjustment by the codes with which its event can be rejected; everything else was checked before."""


def correct_usage(
    session: Session, given: CorrectionInput, registry: Registry, settings: Settings, author: str, now: datetime
) -> UsageCorrection:
    """Correct usage, and make the license's refresh due.

    A signed adjustment is an event of the ledger that is kept for ever, with a quantity that may be negative. A
    cancelled event counts 0. Sums, slices of credits and the marks of late usage follow as for every event.

    Args:
        session: The caller commits it.
        given: The correction.
        registry: The installed plugins, for the known event types.
        settings: The settings, for the limits of an event's time and of entities.
        author: The name of the API key that corrects.
        now: The time of the correction, and of the usage unless the correction states one.

    Returns:
        The new correction, or the known correction with this id and content.

    Raises:
        InvalidInput: With the problems of the input; if the license does not exist; if another correction has the id;
            or if the event cannot be cancelled.
        TotalTooLarge: The sum could not stay exact.
    """
    check_correction(given)
    license = named_license(session, given.license)
    license_id = id_of(license)
    lock_license(session, license_id)
    correction = _new_correction(license_id, given, author, now)
    known = session.get(UsageCorrection, (license_id, given.id))
    if known is not None:
        if _content(known) != _content(correction) or given.time not in (None, known.time):
            message = f"A correction {shown(given.id)} was made before with other content. Give each its own id."
            raise InvalidInput([InputProblem("ID_CONFLICT", message, ("id",))])
        return known
    if given.cancels is None:
        adjustment = _signed_event(given, registry, settings.future_tolerance, now)
        result = record(session, [adjustment], now, permanent_before=_FOR_EVER, bounds=usage_bounds(settings))
        if result.rejected:
            raise _rejection(result.rejected[0])
        event = session.get_one(LedgerEvent, (license_id, ADJUSTMENT, given.id))
        change = event.whole * NANOS + event.nanos
    else:
        today = now.astimezone(ZoneInfo(license.time_zone)).date()
        event = cancel_event(session, (license_id, *given.cancels), given.id, registry.event_types, today)
        change = -(event.whole * NANOS + event.nanos)
    session.add(correction)
    _require_exact_sum(session, event)
    if event.spends:
        correct_slice(session, event, change)
    schedule_now(session, license_id, now)
    return correction


def _new_correction(license_id: int, given: CorrectionInput, author: str, now: datetime) -> UsageCorrection:
    source, identifier = given.cancels or (None, None)
    correction = UsageCorrection(
        license_id=license_id,
        id=given.id,
        reason=given.reason,
        author=author,
        corrected_at=now,
        cancelled_source=source,
        cancelled_id=identifier,
    )
    if given.cancels is None:
        correction.event, correction.quantity, correction.entity = given.event, given.quantity, given.entity
        correction.time = given.time or now
        correction.dimensions = _canonical(given.dimensions)
    return correction


def _content(correction: UsageCorrection) -> tuple[object, ...]:
    return (
        *(correction.reason, correction.event, correction.quantity, correction.entity, correction.dimensions),
        *(correction.cancelled_source, correction.cancelled_id),
    )


def _canonical(dimensions: object) -> str | None:
    """Return dimensions as JSON with sorted keys; None for none, and for what is no JSON, which is refused later."""
    try:
        return orjson.dumps(dimensions, option=orjson.OPT_SORT_KEYS).decode() if dimensions else None
    except orjson.JSONEncodeError:
        return None


def _signed_event(given: CorrectionInput, registry: Registry, tolerance: timedelta, now: datetime) -> UsageEvent:
    """Return the event of an adjustment, which is checked as every other event."""
    event_type = registry.event_types.get(given.event or "")
    if event_type is not None and event_type.kind == "level":
        message = f"{given.event} is a level: report the right value, or cancel the wrong report."
        raise InvalidInput([InputProblem("IS_A_LEVEL", message, ("event",))])
    quantity = given.quantity or 0
    raw = {
        "id": given.id,
        "source": "adjustment",
        "type": given.event,
        "license": given.license,
        "time": given.time,
        "quantity": abs(quantity),
        "entity": given.entity,
        "dimensions": given.dimensions,
    }
    rules = EventRules(registry.event_types, now, None, tolerance, lambda _: True)
    events, rejected = check_events([raw], rules)
    if rejected:
        raise _rejection(rejected[0])
    [event] = events
    if quantity > 0:
        return event._replace(source=ADJUSTMENT)
    whole, nanos = divmod(-(event.whole * NANOS + event.nanos), NANOS)
    return event._replace(source=ADJUSTMENT, whole=whole, nanos=nanos)


def _rejection(event: RejectedEvent) -> InvalidInput:
    field = _FIELDS.get(event.code)
    return InvalidInput([InputProblem(event.code, event.message, () if field is None else (field,))])


def _require_exact_sum(session: Session, event: LedgerEvent) -> None:
    """Raise :class:`TotalTooLarge` if corrections made the sum of a day smaller than what stays exact."""
    of_day = (
        UsageSum.license_id == event.license_id,
        UsageSum.series_id == event.series_id,
        UsageSum.day == event.day,
    )
    least = session.exec(select(func.min(col(UsageSum.whole))).where(*of_day)).one()
    if least is not None and least < -LARGEST_TOTAL:
        raise TotalTooLarge("A day's total would fall below -4.6e18. Nothing was corrected; check the quantity.")
