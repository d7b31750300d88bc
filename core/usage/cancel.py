"""Cancelling an event of the ledger: it stays under its key, so that a retry is a duplicate, and counts 0."""

from collections.abc import Mapping
from datetime import date

from allowance import EventType
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from core.database.dialect import insert_into
from core.errors import InputProblem, InvalidInput
from core.text import shown
from core.usage.amount import TotalTooLarge
from core.usage.last_events import forget_last_event
from core.usage.late_usage import mark_late
from core.usage.recount import complete_from
from core.usage.renew_levels import renew_levels
from core.usage.retention import complete_since
from core.usage.tables import LedgerEvent, UsageLevel, UsageSeries, UsageSum


def cancel_event(
    session: Session, key: tuple[int, str, str], correction: str, event_types: Mapping[str, EventType], today: date
) -> LedgerEvent:
    """Cancel an event, take it out of the rollup, and mark usage of a past day as late.

    Args:
        session: A writing session, which has locked the license.
        key: License id, source and id of the event.
        correction: The id of the correction.
        event_types: The known event types by name.
        today: The present day of the license.

    Returns:
        The cancelled event.

    Raises:
        InvalidInput: The ledger does not hold the event; it is cancelled already; or it is a level of a day of which
            the ledger has dropped reports, so that nobody knows the level without it.
        TotalTooLarge: The sum could not stay exact.
    """
    event = session.get(LedgerEvent, key, with_for_update=True)
    if event is None:
        raise _refuse("UNKNOWN_EVENT", f"The ledger holds no event {_named(key)}. {_held_events(session)}")
    if event.cancelled_by is not None:
        message = f"The event {_named(key)} was cancelled before, by the correction {shown(event.cancelled_by)}."
        raise _refuse("ALREADY_CANCELLED", message)
    is_level = _is_level(session, event, event_types)
    if is_level and (complete := complete_from(session)) and event.day < complete:
        message = (
            f"The ledger has dropped reports of {event.day}, so the level without {_named(key)} is not known. "
            "Report the right value instead."
        )
        raise _refuse("DAY_DROPPED", message)
    event.cancelled_by = correction
    session.add(event)
    session.flush()
    # In the order in which ingestion locks these tables, so that the two never deadlock.
    if event.day < today:
        mark_late(session, {event.license_id: event.day})
    if is_level:
        renew_levels(session, event.license_id, event.series_id, event.day, event.day)
    else:
        _take_out_amount(session, event)
    return event


def _is_level(session: Session, event: LedgerEvent, event_types: Mapping[str, EventType]) -> bool:
    """Return whether an event is a level: by its type, or if no plugin knows the type any more, by its rollup."""
    series = session.exec(select(UsageSeries).where(UsageSeries.id == event.series_id)).one()
    if event_type := event_types.get(series.event):
        return event_type.kind == "level"
    of_series = (UsageLevel.license_id == event.license_id, UsageLevel.series_id == event.series_id)
    return session.exec(select(UsageLevel).where(*of_series).limit(1)).first() is not None


def _take_out_amount(session: Session, event: LedgerEvent) -> None:
    # In a shard of its own row: only the sum over all shards has a meaning. The event still counts as an event.
    rollup = insert_into(session, UsageSum).values(
        license_id=event.license_id,
        series_id=event.series_id,
        day=event.day,
        shard=0,
        whole=-event.whole,
        nanos=-event.nanos,
        events=0,
    )
    added = {name: UsageSum.__table__.c[name] + rollup.excluded[name] for name in ("whole", "nanos")}  # type: ignore[attr-defined]
    try:
        session.execute(
            rollup.on_conflict_do_update(index_elements=["license_id", "series_id", "day", "shard"], set_=added)
        )
    except IntegrityError as error:
        if "usage_sum_in_range" not in str(error.orig):
            raise
        raise TotalTooLarge from None
    forget_last_event(session, event)


def _named(key: tuple[int, str, str]) -> str:
    return f"{shown(key[2])} of {shown(key[1])}"


def _held_events(session: Session) -> str:
    """Return the sentences that state which events the ledger holds, and what to do about others."""
    since = complete_since(session)
    held = f"It holds events that arrived since {since:%Y-%m-%d}. " if since else ""
    return f"{held}To correct other usage, give an event type and a signed quantity."


def _refuse(code: str, message: str) -> InvalidInput:
    return InvalidInput([InputProblem(code, message, ("cancels",))])
