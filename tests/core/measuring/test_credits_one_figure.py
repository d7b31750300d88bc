"""Whatever is granted and spent, reading, shares and grants agree on what is left, to the unit."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from api.graphql.schema.consumption.consumption import Reading
from core.consumption.readings.status import UsageStatus
from tests.fixtures.engine import NOW, Engine, new_key, usage_event
from tests.forms import examples

ENTITIES = ("", "be", "fr", "nl")
AMOUNTS = st.integers(1, 20) | st.decimals("0.000000001", 20, places=9)


@examples(20)
@given(
    grants=st.lists(st.tuples(AMOUNTS, st.sampled_from(ENTITIES)), max_size=5),
    spent=st.dictionaries(st.sampled_from(ENTITIES), AMOUNTS),
)
def test_reading_shares_and_grants_agree(
    engine: Engine, grants: list[tuple[Decimal, str]], spent: dict[str, Decimal]
) -> None:
    key = new_key()
    engine.license(key, terms={})
    for number, (amount, entity) in enumerate(grants):
        engine.grant(key, f"g{number}", str(amount), entity=entity or None, now=NOW)
    engine.send(*(usage_event("sms.sent", key, quantity=amount, entity=name or None) for name, amount in spent.items()))
    engine.refresh(key)
    views = [one for section in engine.view(key).sections for one in section.readings]
    view = next(one for one in views if one.meter.key == "sms_credits")
    left = sum(view.reading.grants.values(), Decimal(0))
    granted, used = sum((Decimal(one) for one, _ in grants), Decimal(0)), sum(map(Decimal, spent.values()), Decimal(0))
    overage = used - (granted - left)
    assert overage >= 0
    shown = Reading(view=view)
    assert (shown.remaining() or 0, shown.overage() or 0) == (float(left), float(overage))
    own = {share.key: share for share in view.reading.shares if share.limit is not None}
    for name in ENTITIES[1:]:
        grants_of_entity = [number for number, (_, entity) in enumerate(grants) if entity == name]
        if grants_of_entity and name in own:
            left_of_entity = sum((view.reading.grants[f"g{number}"] for number in grants_of_entity), Decimal(0))
            share = own[name]
            assert share.remaining == left_of_entity
    expected = UsageStatus.EXCEEDED if overage or (granted and not left) else UsageStatus.OK
    assert view.reading.status is expected
