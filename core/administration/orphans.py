"""Orphans: what contracts state and what usage was counted, that no installed meter knows."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.licenses.tables import Contract
from core.plugins.registry import Registry
from core.usage.tables import UsageSeries


@dataclass(frozen=True, slots=True)
class Orphan:
    """A term, a meter of contracts, or an event type, that no installed meter knows, and the number of its licenses."""

    kind: str
    key: str
    licenses: int


def find_orphans(session: Session, registry: Registry) -> list[Orphan]:
    """Return the terms and meters of contracts, and the event types with usage, that no installed meter knows."""
    terms = {term for meter in registry.meters.values() for term in meter.limit_terms}
    meters = {key for meter in registry.meters.values() for key in (meter.key, *meter.replaces)}
    licenses: dict[tuple[str, str], set[int]] = {}

    def note(kind: str, keys: Iterable[str], license_id: int) -> None:
        for key in keys:
            licenses.setdefault((kind, key), set()).add(license_id)

    contracts = select(Contract).where(col(Contract.withdrawn_at).is_(None)).execution_options(yield_per=1000)
    for contract in session.exec(contracts):
        note("term", contract.terms.keys() - terms, contract.license_id)
        named = (
            contract.at_risk.keys() | contract.alert_at.keys() | contract.forecast_at.keys() | contract.quotas.keys()
        )
        note("meter", named - meters, contract.license_id)
    found = [Orphan(kind, key, len(of_key)) for (kind, key), of_key in licenses.items()]
    series = sa.select(col(UsageSeries.event), sa.func.count(col(UsageSeries.license_id).distinct()))
    for event, number in session.execute(series.group_by(col(UsageSeries.event))):
        if event not in registry.event_types:
            found.append(Orphan("event type", event, number))
    return sorted(found, key=lambda orphan: (orphan.kind, orphan.key))
