from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from allowance import Counter, Dimension, EventType, InvalidDeclaration, Level, Meter, Reading, Section
from allowance.events import ENTITY

WEB = Dimension("channel", {"web": "Web"})
APP = Dimension("channel", {"app": "App", "web": "Website"})


def level(**changed: Any) -> Level:
    return Level(**({"key": "forms", "section": "web", "title": "T", "description": "D", "unit": "u"} | changed))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"key": "Forms"}, "Level: the key 'Forms' must begin with a lower-case letter"),
        ({"key": "forms\n"}, "must begin with a lower-case letter"),
        ({"key": "f" * 64}, "63 at most"),
        ({"key": 7}, "the key 7 must"),
        ({"section": "the web"}, "Level forms: section: the key 'the web'"),
        ({"title": ""}, "Level forms: `title` must be a text and not empty, not ''"),
        ({"description": None}, "`description` must be a text"),
        ({"unit": "  "}, "`unit` must be a text"),
        ({"title": "a\0b"}, "`title` must be a text"),
        ({"limit": ["forms"]}, "`limit` must be the name of a term or a tuple"),
        ({"limit": ()}, "`limit` must be the name of a term or a tuple"),
        ({"limit": ("forms", "Per Page")}, "Level forms: limit: the key 'Per Page'"),
        ({"at_risk": 0.8}, "`at_risk` must be a Decimal above 0 and up to 1"),
        ({"at_risk": Decimal(0)}, "`at_risk` must be"),
        ({"at_risk": Decimal("1.01")}, "`at_risk` must be"),
        ({"at_risk": Decimal("NaN")}, "`at_risk` must be"),
        ({"by": WEB}, "`by` must be a tuple of Dimension"),
        ({"by": ("channel",)}, "`by` must be a tuple of Dimension"),
        ({"by": (WEB, APP)}, "`by` names a dimension twice: channel, channel"),
        ({"applications": "forms"}, r"`applications` must be a tuple, as \('campaigns',\)"),
        ({"applications": ("",)}, "an application must be a text"),
        ({"every": 60}, "`every` must be a timedelta from a minute to a year"),
        ({"every": timedelta(seconds=59)}, "`every` must be"),
        ({"every": timedelta.max}, "`every` must be"),
        ({"days": -1}, "`days` must be a whole number up to 3660, or None for all"),
        ({"days": True}, "`days` must be"),
        ({"days": 10**9}, "`days` must be"),
    ],
)
def test_an_invalid_meter_is_refused_in_its_declaration(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDeclaration, match=message):
        level(**changed)


def test_the_bounds_of_a_declaration_are_allowed() -> None:
    meter = level(key="f" * 63, at_risk=Decimal(1), every=timedelta(minutes=1), days=None, limit=("a", "b"))
    assert meter.limit_terms == ("a", "b")
    assert level(limit="a").limit_terms == ("a",)
    assert level().limit_terms == ()


def test_a_subclass_with_a_measure_of_its_own_needs_no_decorator() -> None:
    class Busiest(Meter):
        def measure(self, *_: object) -> Reading:
            return Reading(used=1)

    meter = Busiest(key="busiest", section="web", title="T", description="D", unit="u")
    assert (meter.key, meter.events()) == ("busiest", ())


def test_a_meter_with_an_invalid_event_type_is_refused() -> None:
    class Odd(Meter):
        def events(self) -> tuple[EventType, ...]:
            return (EventType("Odd", "counter"),)

        def measure(self, *_: object) -> Reading:
            return Reading(used=1)

    with pytest.raises(InvalidDeclaration, match="'Odd' must be lower-case words"):
        Odd(key="odd", section="web", title="T", description="D", unit="u")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Section(key="Web", title="Web"), "Section: the key 'Web'"),
        (lambda: Section(key="web", title=""), "Section web: `title`"),
        (lambda: Section(key="web", title="Web", description=""), "Section web: `description`"),
        (lambda: Section(key="web", title="Web", order=1.5), "Section web: `order` must be a whole number, not 1.5"),  # type: ignore[arg-type]
        (lambda: Dimension("Channel"), "Dimension: the key 'Channel'"),
        (lambda: Dimension("entity", {"be": "Belgium"}), "'entity' takes any value"),
        (lambda: Dimension("channel", ["web"]), "Dimension channel: `values` must map"),  # type: ignore[arg-type]
        (lambda: Dimension("channel", {"": "None"}), "Dimension channel: a value must be a text and not empty"),
        (lambda: Dimension("channel", {"web": ""}), "Dimension channel: the label of 'web' must be a text"),
        (lambda: EventType("sent", "counter"), "'sent' must be lower-case words joined by dots"),
        (lambda: EventType("a.b", "gauge"), "EventType a.b: kind is 'counter' or 'level', not 'gauge'"),  # type: ignore[arg-type]
        (lambda: EventType("a.b", "counter", [WEB]), "EventType a.b: `dimensions` must be a tuple"),  # type: ignore[arg-type]
        (lambda: EventType("a.b", "counter", (WEB, APP)), "`dimensions` names a dimension twice"),
    ],
)
def test_an_invalid_declaration_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidDeclaration, match=message):
        make()


def test_the_entity_is_a_field_of_an_event_and_no_dimension_of_it() -> None:
    assert EventType("a.b", "counter", (ENTITY, WEB)).dimensions == (WEB,)
    counter = Counter(
        key="sent", section="web", title="T", description="D", unit="u", event="a.b", by=(Dimension("entity"), WEB)
    )
    assert counter.events() == (EventType("a.b", "counter", (WEB,)),)


def test_a_shared_event_type_has_the_dimensions_and_values_of_both_declarations() -> None:
    first = EventType("a.b", "counter", (WEB, Dimension("type", {"x": "X"})))
    second = EventType("a.b", "counter", (Dimension("country"), APP))
    united = first.united(second)
    assert [dimension.key for dimension in united.dimensions] == ["channel", "type", "country"]
    assert dict(united.dimensions[0].values) == {"web": "Web", "app": "App"}
    assert dict(united.dimensions[1].values) == {"x": "X"}


def test_an_open_dimension_stays_open_when_united() -> None:
    assert not WEB.united(Dimension("channel")).values
    assert not Dimension("channel").united(WEB).values


def test_an_event_type_cannot_be_a_counter_and_a_level() -> None:
    with pytest.raises(InvalidDeclaration, match=r"EventType a\.b: it is a counter, and cannot be a level as well"):
        EventType("a.b", "counter").united(EventType("a.b", "level"))
