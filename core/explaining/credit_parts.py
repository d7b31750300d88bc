"""The parts of the usage of credits: all that was spent, less what grants paid that are not in force any more."""

from datetime import date, datetime

from allowance import Credits
from allowance.exact import exact
from allowance.kinds.credits import burn_down
from sqlmodel import Session

from core.explaining.counted_parts import counted_parts
from core.explaining.day_ranges import DayRange
from core.explaining.parts import ZERO, FigurePart, PartReason, SummedParts, part_of_difference
from core.licenses.load import LoadedLicense
from core.measuring.load_usage import load_usage
from core.measuring.usage_range import UsageRange
from core.plugins.registry import Registry
from core.times import EPOCH


def credit_parts(
    session: Session, license: LoadedLicense, meter: Credits, day: date, registry: Registry, now: datetime, most: int
) -> SummedParts:
    """Return the parts of the usage of a meter of credits at the end of a day.

    What an entity spent is paid by grants, or owed. Grants that have expired paid for a part of it, which is no usage
    of the grants in force. Credits that corrections returned to an entity and that no grant took are added again.
    """
    spent = counted_parts(session, license.id, meter.event, DayRange(EPOCH.date(), day), most)
    usage = load_usage(session, [UsageRange(license, day)], registry, now)[license.id].usage.as_of(day)
    grants = usage.grants(meter.key)
    burnt = burn_down(grants, usage, meter.event)
    expired = {grant.id for grant in grants if grant.expires_at is not None and grant.expires_at <= usage.at}
    with exact():
        paid = sum((amount for (_, grant), amount in burnt.taken.items() if grant in expired), ZERO)
        taken = sum(burnt.taken.values(), ZERO)
        used = taken - paid + sum(burnt.owed.values(), ZERO)
        rest = spent.total - paid
    by_expired = [FigurePart(PartReason.EXPIRED_GRANTS, -paid)] if paid else []
    returned = part_of_difference(PartReason.BELOW_ZERO, used, rest)
    return SummedParts(used, [*spent.parts, *by_expired, *returned], spent.late, spent.duplicates)
