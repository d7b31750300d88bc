"""Rules for grants of credits and for requests."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from core.administration.inputs import CreditRequestInput, GrantInput
from core.administration.rules.problems import EARLIEST, LATEST, Problems
from core.text import shown
from core.usage.amount import LARGEST

LEAST_REQUESTED: Final = 1
"""The smallest amount of a request: operators are not written to for a part of a credit."""


def check_grant(grant: GrantInput, credit_meters: Iterable[str], now: datetime) -> str:
    """Return the key of the meter that a grant is for; raise :class:`InvalidInput` with every problem of the grant."""
    problems = Problems()
    meter = _check_credits(problems, grant, credit_meters)
    problems.text(grant.id, 200, "id")
    if grant.request is not None:
        problems.text(grant.request, 200, "request")
    for name, time in (("grantedAt", grant.granted_at), ("expiresAt", grant.expires_at)):
        if time is not None and not EARLIEST <= time.date() < LATEST:
            problems.add(f"{name} must be from {EARLIEST} to before {LATEST}.", name)
    if grant.expires_at is not None and grant.expires_at <= (grant.granted_at or now):
        problems.add("expiresAt must be after grantedAt.", "expiresAt")
    problems.raise_if_any()
    return meter


def check_credit_request(request: CreditRequestInput, credit_meters: Iterable[str]) -> str:
    """Return the key of the meter that a request is for; raise :class:`InvalidInput` with every problem of it."""
    problems = Problems()
    meter = _check_credits(problems, request, credit_meters)
    if request.amount.is_finite() and 0 < request.amount < LEAST_REQUESTED:
        problems.add(f"amount must be {LEAST_REQUESTED} at least, not {request.amount}.", "amount")
    problems.raise_if_any()
    return meter


def _check_credits(problems: Problems, wanted: GrantInput | CreditRequestInput, credit_meters: Iterable[str]) -> str:
    known = list(credit_meters)
    meter = wanted.meter or (known[0] if len(known) == 1 else "")
    if meter not in known:
        named = ", ".join(known) or "none is installed"
        wrong = f"No meter of credits {shown(wanted.meter)}" if wanted.meter else "Say which meter the credits are for"
        problems.add(f"{wrong}: {named}.", "meter", code="UNKNOWN_METER")
    problems.number("amount", wanted.amount, "be above 0 and up to 2^53", LARGEST, "amount")
    if wanted.entity is not None:
        problems.name(wanted.entity, "entity")
    if wanted.note is not None:
        problems.text(wanted.note, 1000, "note")
    return meter
