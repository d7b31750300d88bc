"""Who passes while the database is away: nobody, unless the license says so."""

from datetime import datetime

from core.admission.check_in import CheckIn, Decision
from core.admission.place_cache import PlaceCache
from core.admission.quota_state import QuotaState
from core.admission.window import window_at, window_before
from core.licenses.quota_terms import OnOutage
from core.times import microseconds


def let_through(standing: QuotaState, identifier: str, memory: PlaceCache, now: datetime) -> CheckIn | None:
    """The answer to an installation that had a place in the last window or has one in this, if its license lets it.

    None where it does not, or where this process does not remember the installation: nothing is guessed. The
    standing may be old, since nothing newer can be read.
    """
    known = memory.find(standing.key_of(identifier)[2])
    if known is None or standing.quota.terms.on_outage != OnOutage.LET_THROUGH:
        return None
    terms, zone = standing.quota.terms, standing.license.license.time_zone
    version = standing.license.version_on(standing.quota.day)
    last = window_before(window_at(now, terms, version, zone), terms, version, zone)
    return CheckIn(Decision.KNOWN, outage=True) if known.place >= microseconds(last.start) else None
