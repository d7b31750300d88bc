from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from allowance import (
    Counter,
    Dimension,
    Enforcement,
    EventType,
    InvalidDeclaration,
    Latest,
    Level,
    Limit,
    Meter,
    Period,
    Ratio,
    Reading,
    Share,
    Term,
    Total,
)
from allowance.reading import MAX_SHARES
from allowance.testing import Event, measure
from hypothesis import given
from hypothesis import strategies as st

TEXTS: dict[str, Any] = {"section": "chat", "title": "T", "description": "D", "unit": "u"}
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
CHANNEL = Dimension("channel", {"web": "Web", "app": "App"})
SENT = Counter(
    key="sent", event="chat.sent", limit=("profiles", "sent_per_profile"), by=(CHANNEL, Dimension("entity")), **TEXTS
)
TABLES = Level(key="tables", limit="tables", by=(Dimension("type"),), **TEXTS)
PER_PROFILE = Ratio(
    key="goals", numerator=Total("goal.triggered"), denominator=Latest("profiles.level"), limit="goals", **TEXTS
)


def test_a_counter_adds_up_the_billing_period_by_each_dimension() -> None:
    reading = measure(
        SENT,
        [
            Event("chat.sent", 5, date(2025, 12, 31)),
            Event("chat.sent", 3, date(2026, 1, 1), "be", {"channel": "app"}),
            Event("chat.sent", 4, date(2026, 6, 15), "fr", {"channel": "app"}),
            Event("chat.sent", 2, entity="be"),
            Event("chat.sent", 9, date(2026, 6, 16)),
        ],
        terms={"profiles": 1_000_000, "sent_per_profile": Decimal("1.50")},
    )
    assert reading == Reading(
        used=Decimal(9),
        limit=Limit(Decimal(1_500_000), "1,000,000 profiles × 1.5 sent per profile"),
        period=YEAR,
        shares=(
            Share("channel", "web", "Web", Decimal(0)),
            Share("channel", "app", "App", Decimal(7)),
            Share("channel", "", "Not specified", Decimal(2)),
            Share("entity", "be", "be", Decimal(5)),
            Share("entity", "fr", "fr", Decimal(4)),
        ),
    )


def test_a_counter_begins_again_at_zero_with_the_period() -> None:
    events = [Event("chat.sent", 5, date(2026, 3, 31)), Event("chat.sent", 1, date(2026, 4, 1))]
    last_day = datetime(2026, 3, 31, 12, tzinfo=UTC)
    first_day = datetime(2026, 4, 1, 12, tzinfo=UTC)
    assert measure(SENT, events, starts_on=date(2020, 4, 1), at=last_day).used == 5
    assert measure(SENT, events, starts_on=date(2020, 4, 1), at=first_day).used == 1


def test_a_counter_without_events_is_zero_and_a_level_without_events_is_none() -> None:
    assert measure(SENT).used == 0
    assert measure(TABLES).used is None


def test_a_level_adds_up_the_newest_values_and_outlasts_the_period() -> None:
    reading = measure(
        TABLES,
        [
            Event("tables.level", 10, date(2025, 3, 1), dimensions={"type": "linked"}),
            Event("tables.level", 7, date(2026, 3, 1), dimensions={"type": "plain"}),
            Event("tables.level", 9, date(2026, 2, 1), dimensions={"type": "plain"}),
            Event("tables.level", 1, date(2026, 5, 1), "be", {"type": "plain"}),
        ],
        terms={"tables": 50},
    )
    assert reading == Reading(
        used=Decimal(18),
        limit=Limit(Decimal(50), "50 tables"),
        shares=(Share("type", "linked", "linked", Decimal(10)), Share("type", "plain", "plain", Decimal(8))),
        by_entity=(Share("entity", "", "Not specified", Decimal(17)), Share("entity", "be", "be", Decimal(1))),
    )


def test_there_is_a_limit_only_if_the_contract_has_all_its_terms() -> None:
    assert measure(SENT, terms={"profiles": 10}).limit is None
    assert measure(SENT, terms={"profiles": 10, "sent_per_profile": 0}).limit == Limit(
        Decimal(0), "10 profiles × 0 sent per profile"
    )


def test_a_limit_is_exact_also_beyond_the_usual_precision() -> None:
    most = 2**53
    reading = measure(SENT, terms={"profiles": most, "sent_per_profile": Decimal(f"{most - 1}.000000001")})
    assert reading.limit
    assert Fraction(reading.limit.value) == most * (most - 1 + Fraction(1, 10**9))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0", "0 tables"),
        ("1000", "1,000 tables"),
        ("1E+3", "1,000 tables"),
        ("1E+40", "10,000,000,000,000,000,000,000,000,000,000,000,000,000 tables"),
        ("1234.50", "1,234.5 tables"),
        ("100.00", "100 tables"),
        ("0.1", "0.1 tables"),
    ],
)
def test_the_basis_of_a_limit_reads_as_people_write_numbers(value: str, words: str) -> None:
    reading = measure(TABLES, terms={"tables": Decimal(value)})
    assert reading.limit
    assert reading.limit.basis == words


@given(goals=st.integers(0, 10**9), profiles=st.integers(1, 10**9))
def test_a_ratio_is_the_exact_quotient(goals: int, profiles: int) -> None:
    reading = measure(PER_PROFILE, [Event("goal.triggered", goals), Event("profiles.level", profiles)])
    assert reading.used == Fraction(goals, profiles)
    assert reading.period == YEAR


@pytest.mark.parametrize("profiles", [[], [Event("profiles.level", 0)]], ids=["never reported", "zero"])
def test_a_ratio_without_a_denominator_has_no_usage(profiles: list[Event]) -> None:
    assert measure(PER_PROFILE, [Event("goal.triggered", 5), *profiles]).used is None


def test_a_ratio_of_levels_has_no_period_and_needs_both_levels() -> None:
    density = Ratio(key="density", numerator=Latest("forms.level"), denominator=Latest("users.level"), **TEXTS)
    assert (density.counts_over_period, PER_PROFILE.counts_over_period, SENT.counts_over_period) == (False, True, True)
    assert measure(density, [Event("users.level", 3)]).used is None
    reading = measure(density, [Event("users.level", 3), Event("forms.level", 1)])
    assert (reading.used, reading.period) == (Fraction(1, 3), None)


def test_a_term_is_a_limit_without_usage() -> None:
    term = Term(key="retention", limit="retention_months", **TEXTS)
    assert measure(term, terms={"retention_months": 24}) == Reading(None, Limit(Decimal(24), "24 retention months"))
    assert measure(term) == Reading(None, None)
    assert (term.enforcement, term.events()) == (Enforcement.NONE, ())


def test_the_kinds_read_the_events_that_they_measure() -> None:
    assert SENT.events() == (EventType("chat.sent", "counter", (CHANNEL,)),)
    assert TABLES.events() == (EventType("tables.level", "level", (Dimension("type"),)),)
    assert PER_PROFILE.events() == (EventType("goal.triggered", "counter"), EventType("profiles.level", "level"))


@pytest.mark.parametrize(("make", "named"), [(SENT, "entity"), (TABLES, "type")], ids=["counter", "level"])
def test_shares_of_an_open_dimension_stay_within_max_shares(make: Meter, named: str) -> None:
    event = make.events()[0].name
    amounts = {f"v{number:05}": 1 for number in range(MAX_SHARES + 200)} | {"v00777": 1000, "…": 500}
    events = [
        Event(event, amount, entity=value) if named == "entity" else Event(event, amount, dimensions={named: value})
        for value, amount in amounts.items()
    ]
    reading = measure(make, events)
    shares = [share for share in reading.shares if share.dimension == named]
    assert len(reading.shares) <= MAX_SHARES
    assert sum(share.used for share in shares) == reading.used == sum(amounts.values())
    assert next(share.used for share in shares if share.key == "v00777") == 1000
    assert [share.key for share in shares].count("…") == 1
    assert shares[-1].label == "All others"


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (Ratio, {"numerator": "goal.triggered", "denominator": Latest("a.level")}, "`numerator` must be Total"),
        (Ratio, {"numerator": Total("a.b"), "denominator": None}, "`denominator` must be Total"),
        (Ratio, {"numerator": type("Own", (Total,), {})("a.b"), "denominator": None}, "`numerator` must be Total"),
        (Ratio, {"numerator": Total("a.b"), "denominator": Latest("a.level"), "by": (CHANNEL,)}, "leave `by` out"),
        (Term, {}, "must name the contract's term"),
        (Term, {"limit": "x", "by": (CHANNEL,)}, "leave `by` and `at_risk` out"),
        (Counter, {"event": "Sent"}, "'Sent' must be lower-case words joined by dots"),
        (Counter, {"event": None}, "must be lower-case words joined by dots"),
    ],
)
def test_a_kind_refuses_fields_that_have_no_effect(kind: type[Meter], wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidDeclaration, match=message):
        kind(key="wrong", **TEXTS, **wrong)  # type: ignore[arg-type]
