"""Credits: the burn-down of grants against a model that spends one credit at a time, and the reading made of it."""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from allowance import Contract, Credits, Dimension, Grant, InvalidDeclaration, License, Period, Reading, SumCell, Usage
from allowance.kinds.credits import burn_down
from allowance.reading_check import check_reading
from hypothesis import given
from hypothesis import strategies as st

SMS = Credits(
    key="sms_credits", section="sms", title="SMS credits", description="Credits left.", unit="credits", event="sms.sent"
)
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
FIRST = date(2026, 6, 1)
ENTITIES = ("", "be", "fr")
Spent = Mapping[datetime, Mapping[str, Decimal]]
"""What each entity spent, by instant."""

days = st.integers(0, 20).map(lambda number: FIRST + timedelta(days=number))
instants = st.integers(0, 20 * 24).map(lambda hours: datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=hours))


@st.composite
def some_grants(draw: st.DrawFn) -> list[Grant]:
    return [
        Grant(
            id=str(number),
            amount=Decimal(draw(st.integers(0, 12))),
            granted_at=(granted := draw(instants)),
            expires_at=draw(
                st.none() | st.integers(1, 24 * 15).map(lambda hours, at=granted: at + timedelta(hours=hours))
            ),
            entity=draw(st.sampled_from([None, None, "be", "fr"])),
        )
        for number in range(draw(st.integers(0, 5)))
    ]


some_spending = st.dictionaries(
    instants, st.dictionaries(st.sampled_from(ENTITIES), st.integers(0, 9).map(Decimal), min_size=1), max_size=8
)
some_corrected_spending = st.dictionaries(
    instants, st.dictionaries(st.sampled_from(ENTITIES), st.integers(-9, 9).map(Decimal), min_size=1), max_size=8
)
"""Spending of which corrections made some negative."""


def one_by_one(
    grants: Iterable[Grant], spent: Spent, until: date
) -> tuple[Tally[str], Tally[tuple[str, str]], Tally[str]]:
    """Return the credits left, taken and owed, by a model that walks every hour and spends single credits.

    All instants are whole hours. Entities are served when a day begins and when a grant begins or ends, in the order of
    their names, for all that they spend up to the next such hour. Credits that come back are returned before that.
    """
    purse = [grant.id for grant in grants for _ in range(int(grant.amount))]
    by_id = {grant.id: grant for grant in grants}
    taken: Tally[tuple[str, str]] = Tally()
    queue: dict[str, int] = dict.fromkeys(ENTITIES, 0)
    never = datetime(9999, 1, 1, tzinfo=UTC)
    turns = {turn for grant in grants for turn in (grant.granted_at, grant.expires_at) if turn and turn <= noon(until)}
    turns |= {midnight(FIRST + timedelta(days=number)) for number in range((until - FIRST).days + 1)}
    turns = {turn for turn in turns if turn >= midnight(FIRST)}
    for begin, end in pairwise([*sorted(turns), midnight(until) + timedelta(days=1)]):
        for entity in ENTITIES:
            queue[entity] += sum(int(parts.get(entity, 0)) for at, parts in spent.items() if begin <= at < end)
        for entity in ENTITIES:
            while queue[entity] < 0:
                payers = [
                    one
                    for one in grants
                    if one.granted_at <= begin < (one.expires_at or never) and taken[entity, one.id] > 0
                ]
                if not payers:
                    break
                last = max(
                    payers, key=lambda one: (one.expires_at or never, one.granted_at, one.entity is None, one.id)
                )
                purse.append(last.id)
                taken[entity, last.id] -= 1
                queue[entity] += 1
        for entity in ENTITIES:
            while queue[entity] > 0:
                usable = [
                    by_id[id]
                    for id in purse
                    if by_id[id].granted_at <= begin < (by_id[id].expires_at or never)
                    and by_id[id].entity in (None, entity)
                ]
                if not usable:
                    break
                best = min(
                    usable, key=lambda one: (one.expires_at or never, one.granted_at, one.entity is None, one.id)
                )
                purse.remove(best.id)
                taken[entity, best.id] += 1
                queue[entity] -= 1
    return Tally(purse), taken, Tally(queue)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def noon(day: date) -> datetime:
    return midnight(day) + timedelta(hours=12)


def divided(spent: Spent) -> list[SumCell]:
    """Return what was spent in cells of an instant each, as on days that are divided."""
    return [
        SumCell("sms.sent", at.date(), at.date(), amount, entity, starts_at=at)
        for at, parts in spent.items()
        for entity, amount in parts.items()
    ]


def usage_of(spent: Spent, until: date) -> Usage:
    return Usage(noon(until), sums=divided(spent))


@given(grants=some_grants(), spent=some_spending | some_corrected_spending, until=days)
def test_spending_equals_the_model_that_spends_single_credits(grants: list[Grant], spent: Spent, until: date) -> None:
    left, taken, owed = one_by_one(grants, spent, until)

    burnt = burn_down(grants, usage_of(spent, until), "sms.sent")

    assert burnt.left == {grant.id: left[grant.id] for grant in grants}
    assert {key: amount for key, amount in burnt.taken.items() if amount} == +taken
    assert burnt.owed == +owed


@given(grants=some_grants(), spent=some_spending, until=days)
def test_no_credit_appears_or_vanishes(grants: list[Grant], spent: Spent, until: date) -> None:
    burnt = burn_down(grants, usage_of(spent, until), "sms.sent")
    granted = sum(grant.amount for grant in grants)
    used = sum(amount for at, parts in spent.items() if at.date() <= until for amount in parts.values())
    assert granted - sum(burnt.left.values()) == sum(burnt.taken.values()) == used - sum(burnt.owed.values())
    assert all(amount >= 0 for amount in burnt.left.values())
    assert all(amount > 0 for amount in burnt.owed.values())


@given(grants=some_grants(), spent=some_spending, until=days)
def test_the_order_of_the_grants_makes_no_difference(grants: list[Grant], spent: Spent, until: date) -> None:
    usage = usage_of(spent, until)
    assert burn_down(grants, usage, "sms.sent") == burn_down(grants[::-1], usage, "sms.sent")


@given(grants=some_grants(), spent=some_corrected_spending, until=days)
def test_a_reading_of_corrected_spending_is_valid(grants: list[Grant], spent: Spent, until: date) -> None:
    usage = Usage(noon(until), sums=divided(spent), grants=grants)
    contract = Contract(1, Period(date(2026, 1, 1), date(2027, 1, 1)))
    check_reading(SMS, SMS.measure(usage, License("acme", "Acme"), contract))


def test_credits_that_come_back_fill_the_grant_that_paid_last_first() -> None:
    grants = [grant("soon", 10, 1, 20), grant("later", 10, 1)]
    cells = [SumCell("sms.sent", date(2026, 6, 2), date(2026, 6, 2), Decimal(13), "be")]
    cells += [SumCell("sms.sent", date(2026, 6, 3), date(2026, 6, 3), Decimal(-5), "be")]
    assert burn_down(grants, Usage(NOON, sums=cells), "sms.sent").left == {"soon": 2, "later": 10}


def test_credits_that_nothing_paid_for_pay_for_the_next_usage() -> None:
    cells = [
        SumCell("sms.sent", date(2026, 6, day), date(2026, 6, day), Decimal(n), "be") for day, n in ((2, -5), (3, 8))
    ]
    burnt = burn_down([grant("g", 10, 1)], Usage(NOON, sums=cells), "sms.sent")
    assert (burnt.left, burnt.owed) == ({"g": 7}, {})


def grant(id: str, amount: int, granted: int, expires: int | None = None, entity: str | None = None) -> Grant:
    """A grant made and expiring at midnight of days of June 2026."""
    return Grant(
        id,
        Decimal(amount),
        datetime(2026, 6, granted, tzinfo=UTC),
        datetime(2026, 6, expires, tzinfo=UTC) if expires else None,
        entity,
    )


def spent(*cells: tuple[int, str, int]) -> list[SumCell]:
    return [
        SumCell("sms.sent", date(2026, 6, day), date(2026, 6, day), Decimal(amount), entity)
        for day, entity, amount in cells
    ]


def read(grants: Iterable[Grant], sums: Iterable[SumCell], at: datetime = NOON) -> Reading:
    contract = Contract(1, Period(date(2026, 1, 1), date(2027, 1, 1)))
    return SMS.measure(Usage(at, sums=sums, grants=grants), License("acme", "Acme"), contract)


def test_the_grant_that_expires_soonest_is_spent_first_then_the_oldest() -> None:
    grants = [grant("endless", 10, 1), grant("young", 10, 3, 30), grant("old", 10, 2, 30), grant("soon", 10, 4, 20)]
    reading = read(grants, spent((5, "", 25)))
    assert reading.grants == {"endless": 10, "young": 5, "old": 0, "soon": 0}


def test_an_expired_grant_and_its_rest_do_not_count() -> None:
    reading = read([grant("old", 100, 1, 10), grant("new", 50, 5)], spent((2, "", 30), (12, "", 20)))
    assert (reading.used, reading.limit and reading.limit.value) == (20, 50)
    assert reading.grants == {"old": 0, "new": 30}


def test_a_grant_counts_up_to_the_instant_at_which_it_expires() -> None:
    grants = [grant("only", 100, 1, 15)]
    before = read(grants, spent((2, "", 30)), datetime(2026, 6, 14, 23, 59, 59, 999999, tzinfo=UTC))
    after = read(grants, spent((2, "", 30)), datetime(2026, 6, 15, tzinfo=UTC))
    assert (before.used, before.limit and before.limit.value) == (30, 100)
    assert (after.used, after.limit and after.limit.value) == (0, 0)


def test_spending_beyond_the_grants_is_owed_and_taken_from_the_next_grant() -> None:
    sums = spent((2, "", 130))
    owing = read([grant("first", 100, 1)], sums)
    assert (owing.used, owing.limit and owing.limit.value) == (130, 100)
    met = read([grant("first", 100, 1), grant("next", 50, 10)], sums)
    assert met.grants == {"first": 0, "next": 20}
    assert (met.used, met.limit and met.limit.value) == (130, 150)


def test_only_its_entity_can_spend_a_grant_to_an_entity() -> None:
    reading = read([grant("be", 100, 1, entity="be")], spent((2, "fr", 30), (2, "be", 10)))
    assert reading.grants == {"be": 90}
    assert (reading.used, reading.limit and reading.limit.value) == (40, 100)
    assert [(share.key, share.used, share.limit) for share in reading.shares] == [("be", 10, 100), ("fr", 30, None)]


def test_an_entity_uses_its_own_grant_before_a_shared_one_of_the_same_dates() -> None:
    reading = read([grant("shared", 10, 1, 30), grant("own", 10, 1, 30, "be")], spent((2, "be", 12)))
    assert reading.grants == {"shared": 8, "own": 0}


def test_a_grant_of_its_entity_comes_first_only_among_grants_of_the_same_dates() -> None:
    shared, own = grant("shared", 10, 1, 20), grant("own", 10, 1, 30, "be")
    assert read([shared, own], spent((2, "be", 12))).grants == {"shared": 0, "own": 8}


def test_usage_of_a_day_that_is_not_divided_counts_at_the_beginning_of_the_day() -> None:
    until_noon = Grant("old", Decimal(10), datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, 12, tzinfo=UTC))
    from_noon = Grant("new", Decimal(10), datetime(2026, 6, 2, 12, tzinfo=UTC))
    reading = read([until_noon, from_noon], spent((2, "", 7)))
    assert reading.grants == {"old": 0, "new": 10}
    assert read([from_noon], spent((2, "", 7))).grants == {"new": 3}


def test_never_granted_and_never_used_has_no_limit() -> None:
    assert read([], []) == Reading(used=Decimal(0))
    assert read([], spent((2, "", 0))) == Reading(used=Decimal(0))


def test_nothing_remains_of_an_exhaustible_limit_that_is_used_up() -> None:
    reading = read([grant("only", 30, 1)], spent((2, "", 30)))
    assert reading.limit
    assert (reading.used, reading.limit.value, reading.limit.exhaustible) == (30, 30, True)
    assert reading.limit.basis == "30 credits granted and not expired"


def test_usage_without_any_grant_exceeds_a_limit_of_zero() -> None:
    reading = read([], spent((2, "be", 3)))
    assert reading.limit
    assert (reading.used, reading.limit.value, reading.limit.exhaustible) == (3, 0, True)


@given(grants=some_grants(), spent=some_spending)
def test_the_shares_of_the_entities_add_up_to_the_reading(grants: list[Grant], spent: Spent) -> None:
    reading = read(grants, divided(spent))
    assert sum(share.used for share in reading.shares) == reading.used
    if reading.limit is not None:
        assert reading.remaining == sum(reading.grants.values())
        own = sum(share.remaining for share in reading.shares if share.remaining is not None)
        assert own == sum(reading.grants[one.id] for one in grants if one.id in reading.grants and one.entity)
    assert reading.limit is None or reading.limit.value == sum(
        one.amount for one in grants if one.granted_at <= NOON and (one.expires_at is None or one.expires_at > NOON)
    )


@pytest.mark.parametrize("wrong", [{"limit": "sms_credits"}, {"by": ()}, {"by": (Dimension("country"),)}, {"days": 0}])
def test_fields_that_have_no_effect_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidDeclaration, match="Credits sms: leave `"):
        Credits(key="sms", section="sms", title="SMS", description="SMS.", unit="credits", event="sms.sent", **wrong)  # type: ignore[arg-type]
