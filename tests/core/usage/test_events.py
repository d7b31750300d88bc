"""What is said about each event: taken as what, or refused by which code and why."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
import pytest
from allowance import Dimension, EventType
from hypothesis import given
from hypothesis import strategies as st

from core.times import microseconds
from core.usage.events import EventRules, RejectedEvent, UsageEvent, check_cloudevents, check_events
from core.usage.ingest import EventCheck
from tests.fixtures.engine import NOW
from tests.forms import examples

TYPES = {
    one.name: one
    for one in (
        EventType(
            "interaction.sent", "counter", (Dimension("channel", {"print": "Print", "marketing_email": "Mail"}),)
        ),
        EventType("call.made", "counter", (Dimension("country"), Dimension("entity"))),
        EventType("sms.sent", "counter"),
        EventType("profiles.level", "level", (Dimension("entity"),)),
    )
}
RULES = EventRules(
    event_types=TYPES,
    now=NOW,
    window=timedelta(days=35),
    tolerance=timedelta(minutes=5),
    may_write=lambda license: license != "other",
)
BACKFILL = EventRules(TYPES, NOW, None, timedelta(minutes=5), lambda _: True)
SURROGATE = "\ud800"

GOOD: Mapping[str, Any] = {"id": "1", "source": "/mailer", "type": "sms.sent", "license": "acme"}
CLOUD: Mapping[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/mailer",
    "type": "interaction.sent",
    "subject": "acme",
    "time": "2026-03-15T10:00:00Z",
    "datacontenttype": "application/json",
    "data": {"quantity": 25000, "entity": "be", "dimensions": {"channel": "print"}},
}


def taken(raw: object, rules: EventRules = RULES, check: EventCheck = check_events) -> UsageEvent:
    events, rejected = check([raw], rules)
    assert rejected == []
    return events[0]


def refused(raw: object, rules: EventRules = RULES, check: EventCheck = check_events) -> tuple[str, str]:
    events, rejected = check([raw], rules)
    assert events == []
    return rejected[0].code, rejected[0].message


def good(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def test_an_event_is_taken_with_all_that_it_says() -> None:
    event = taken(CLOUD, check=check_cloudevents)

    assert event == UsageEvent(
        position=0,
        license="acme",
        source="/mailer",
        id="1",
        type="interaction.sent",
        kind="counter",
        entity="be",
        dimensions='{"channel":"print"}',
        time=microseconds(datetime(2026, 3, 15, 10, tzinfo=UTC)),
        timed=True,
        whole=25000,
        nanos=0,
    )


def test_a_counter_without_a_quantity_counts_one_now() -> None:
    event = taken(GOOD)
    assert (event.whole, event.nanos, event.time, event.entity, event.dimensions) == (1, 0, microseconds(NOW), "", "")


def test_a_level_stands_at_its_value() -> None:
    event = taken(good(type="profiles.level", value=0.25))
    assert (event.kind, event.whole, event.nanos) == ("level", 0, 250_000_000)


def test_each_event_is_judged_on_its_own_and_named_by_its_place() -> None:
    raws: list[object] = [good(id="a"), None, good(id="b", type="nonsense"), good(id="c"), {"id": 7}, []]

    events, rejected = check_events(raws, RULES)

    assert [(event.position, event.id) for event in events] == [(0, "a"), (3, "c")]
    assert [(one.index, one.id, one.code) for one in rejected] == [
        (1, None, "NOT_AN_EVENT"),
        (2, "b", "UNKNOWN_TYPE"),
        (4, None, "BAD_FIELD"),
        (5, None, "NOT_AN_EVENT"),
    ]


@pytest.mark.parametrize("raw", [None, 1, "text", [], [GOOD], True])
def test_what_is_no_object_is_no_event(raw: object) -> None:
    assert refused(raw) == ("NOT_AN_EVENT", "An event must be a JSON object.")
    assert refused(raw, check=check_cloudevents) == ("NOT_AN_EVENT", "An event must be a JSON object.")


@pytest.mark.parametrize(
    ("field", "called"),
    [("id", "id"), ("source", "source"), ("type", "type"), ("license", "license")],
)
@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (None, "MISSING_FIELD", "is missing."),
        ("", "BAD_FIELD", "must not be empty."),
        (7, "BAD_FIELD", "must be a text."),
        (["x"], "BAD_FIELD", "must be a text."),
        ({"x": 1}, "BAD_FIELD", "must be a text."),
        ("x" * 201, "BAD_FIELD", "must have 200 characters at most, not 201."),
        ("x\0", "BAD_FIELD", "must not hold control characters."),
        ("x\ny", "BAD_FIELD", "must not hold control characters."),
        ("x\x7f", "BAD_FIELD", "must not hold control characters."),
        (f"x{SURROGATE}", "BAD_FIELD", "must not hold control characters."),
    ],
)
def test_the_names_of_an_event_are_texts(field: str, called: str, value: object, code: str, message: str) -> None:
    assert refused(good(**{field: value})) == (code, f"{called} {message}")


def test_the_license_of_a_cloudevent_is_called_its_subject() -> None:
    message = {**CLOUD, "subject": None}
    assert refused(message, check=check_cloudevents) == ("MISSING_FIELD", "subject (the license) is missing.")


def test_200_characters_of_any_script_are_taken() -> None:
    assert taken(good(id="😀" * 200)).id == "😀" * 200
    assert taken(good(source="é" * 200, entity="日" * 200)).entity == "日" * 200


@pytest.mark.parametrize("identifier", [f"x{SURROGATE}", "x\0", "x" * 201, 5, None])
def test_a_rejection_repeats_no_id_that_could_not_be_one(identifier: object) -> None:
    _, [rejected] = check_events([good(id=identifier)], RULES)
    assert rejected.id is None
    orjson.dumps(rejected)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("interaction.snet", "No meter reads events of type 'interaction.snet'. Did you mean 'interaction.sent'?"),
        ("interactions.sent", "No meter reads events of type 'interactions.sent'. Did you mean 'interaction.sent'?"),
        ("profile.level", "No meter reads events of type 'profile.level'. Did you mean 'profiles.level'?"),
        ("zzz", "No meter reads events of type 'zzz'."),
    ],
)
def test_an_unknown_type_is_refused_with_the_nearest(name: str, message: str) -> None:
    assert refused(good(type=name)) == ("UNKNOWN_TYPE", message)


def test_a_license_that_the_caller_may_not_write_is_refused_before_anything_is_said_of_it() -> None:
    assert refused(good(license="other", type="nonsense", time="nonsense")) == (
        "FORBIDDEN",
        "This key may not write usage of license 'other'.",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-15T10:00:00Z", datetime(2026, 3, 15, 10, tzinfo=UTC)),
        ("2026-03-15T10:00:00z", datetime(2026, 3, 15, 10, tzinfo=UTC)),
        ("2026-03-15t10:00:00Z", datetime(2026, 3, 15, 10, tzinfo=UTC)),
        ("2026-03-15 10:00:00Z", datetime(2026, 3, 15, 10, tzinfo=UTC)),
        ("2026-03-15T10:00:00+00:00", datetime(2026, 3, 15, 10, tzinfo=UTC)),
        ("2026-03-15T10:00:00-00:00", datetime(2026, 3, 15, 10, tzinfo=UTC)),
        ("2026-03-15T10:00:00+05:30", datetime(2026, 3, 15, 4, 30, tzinfo=UTC)),
        ("2026-03-14T23:00:00-12:00", datetime(2026, 3, 15, 11, tzinfo=UTC)),
        ("2026-03-15T10:00:00.5Z", datetime(2026, 3, 15, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-15T10:00:00.123456Z", datetime(2026, 3, 15, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-03-15T10:00:00.1234569999Z", datetime(2026, 3, 15, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-03-01T00:00:00.000001+23:59", datetime(2026, 2, 28, 0, 1, 0, 1, tzinfo=UTC)),
    ],
)
def test_every_form_of_rfc_3339_is_read(text: str, expected: datetime) -> None:
    assert taken(good(time=text)).time == microseconds(expected)


def test_a_time_that_is_nested_a_thousand_deep_is_no_text() -> None:
    deep: Any = []
    for _ in range(1000):
        deep = [deep]
    message = "time a list or an object is not RFC 3339 with an offset, as 2026-11-22T10:00:00Z."
    assert refused(good(time=deep)) == ("BAD_FIELD", message)


def test_a_time_that_is_an_object_already_is_taken_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    event = taken(good(time=datetime(2026, 3, 15, 12, tzinfo=zone)))
    assert event.time == microseconds(datetime(2026, 3, 15, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-15T10:00:00",
        "2026-03-15",
        "2026-03-15T10:00Z",
        "20260315T100000Z",
        "2026-03-15T10:00:00+0100",
        "2026-03-15T10:00:00 Z",
        " 2026-03-15T10:00:00Z",
        "2026-03-15T10:00:00Z\n",
        "2026-03-15T10:00:00,5Z",
        "2026-03-15T10:00:00.Z",
        "٢٠٢٦-03-15T10:00:00Z",
        "yesterday",
        "",
        1773568800,
        True,
        {},
    ],
)
def test_a_time_in_another_form_is_refused(value: object) -> None:
    code, message = refused(good(time=value))
    assert code == "BAD_FIELD"
    assert message.endswith("is not RFC 3339 with an offset, as 2026-11-22T10:00:00Z.")


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T10:00:00Z",
        "2026-03-15T24:00:00Z",
        "2026-03-15T23:59:60Z",
        "2026-13-01T10:00:00Z",
        "2026-03-15T10:00:00+24:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+12:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_a_time_that_does_not_exist_is_refused(text: str) -> None:
    assert refused(good(time=text)) == ("BAD_FIELD", f"time {text!r} does not exist.")


def test_the_window_reaches_from_35_days_ago_to_5_minutes_ahead_both_included() -> None:
    instant = timedelta(microseconds=1)
    oldest, newest = NOW - timedelta(days=35), NOW + timedelta(minutes=5)

    assert taken(good(time=oldest)).time == microseconds(oldest)
    assert taken(good(time=newest)).time == microseconds(newest)
    assert refused(good(time=oldest - instant)) == (
        "TOO_OLD",
        "time 2026-02-08T11:59:59.999999+00:00 is older than the deduplication window of 35 days, so a retry could "
        "count twice. An operator can bring it in with 'allowance events import --backfill'.",
    )
    assert refused(good(time=newest + instant)) == (
        "FROM_THE_FUTURE",
        "time 2026-03-15T12:05:00.000001+00:00 is more than 300 seconds ahead of the server's clock. "
        "Check the sender's clock.",
    )


def test_a_backfill_takes_any_age_since_1970_but_nothing_from_the_future() -> None:
    assert taken(good(time="1970-01-02T00:00:00Z"), BACKFILL).time == microseconds(datetime(1970, 1, 2, tzinfo=UTC))
    assert refused(good(time="1970-01-01T23:59:59Z"), BACKFILL) == (
        "TOO_OLD",
        "time 1970-01-01T23:59:59+00:00 is before 1970-01-02.",
    )
    assert refused(good(time="2026-03-15T12:05:01Z"), BACKFILL)[0] == "FROM_THE_FUTURE"


@pytest.mark.parametrize(
    ("quantity", "code", "message"),
    [
        (-1, "OUT_OF_RANGE", "quantity must not be negative."),
        (-1e-12, "OUT_OF_RANGE", "quantity must not be negative."),
        (2**53 + 1, "OUT_OF_RANGE", "quantity must be 9007199254740992 at most."),
        (10**400, "OUT_OF_RANGE", "quantity must be 9007199254740992 at most."),
        (1e308, "OUT_OF_RANGE", "quantity must be 9007199254740992 at most."),
        (float("nan"), "OUT_OF_RANGE", "quantity must be a finite number."),
        (float("inf"), "OUT_OF_RANGE", "quantity must be a finite number."),
        (Decimal(-5), "OUT_OF_RANGE", "quantity must not be negative."),
        (True, "BAD_FIELD", "quantity must be a number."),
        (False, "BAD_FIELD", "quantity must be a number."),
        ("5", "BAD_FIELD", "quantity must be a number."),
        ([5], "BAD_FIELD", "quantity must be a number."),
        ({}, "BAD_FIELD", "quantity must be a number."),
    ],
)
def test_a_quantity_that_cannot_be_counted_is_refused(quantity: object, code: str, message: str) -> None:
    assert refused(good(quantity=quantity)) == (code, message)
    assert refused(good(type="profiles.level", value=quantity)) == (code, message.replace("quantity", "value"))


@pytest.mark.parametrize(
    ("quantity", "stored"),
    [
        (0, (0, 0)),
        (2**53, (2**53, 0)),
        (0.1, (0, 100_000_000)),
        (1e15, (10**15, 0)),
        (Decimal("2.5"), (2, 500_000_000)),
    ],
)
def test_quantities_up_to_2_to_the_53_are_taken(quantity: object, stored: tuple[int, int]) -> None:
    event = taken(good(quantity=quantity))
    assert (event.whole, event.nanos) == stored


def test_a_counter_has_a_quantity_and_a_level_a_value() -> None:
    assert refused(good(value=5)) == (
        "BAD_FIELD",
        "sms.sent is a counter: give its quantity, and leave value out.",
    )
    assert refused(good(type="profiles.level", quantity=5, value=5)) == (
        "BAD_FIELD",
        "profiles.level is a level: give its value, and leave quantity out.",
    )
    assert refused(good(type="profiles.level")) == ("MISSING_FIELD", "value is missing: profiles.level is a level.")


@pytest.mark.parametrize(
    ("dimensions", "code", "message"),
    [
        (["print"], "BAD_FIELD", "dimensions must be a JSON object of texts."),
        ("print", "BAD_FIELD", "dimensions must be a JSON object of texts."),
        (5, "BAD_FIELD", "dimensions must be a JSON object of texts."),
        (
            {"chanel": "print"},
            "UNKNOWN_DIMENSION",
            "interaction.sent has no dimension 'chanel'. Did you mean 'channel'?",
        ),
        ({"entity": "be"}, "UNKNOWN_DIMENSION", "interaction.sent has no dimension 'entity'."),
        ({"": "print"}, "UNKNOWN_DIMENSION", "interaction.sent has no dimension ''."),
        (
            {"channel": "market_email"},
            "UNKNOWN_DIMENSION_VALUE",
            "'market_email' is not a channel of interaction.sent. Did you mean 'marketing_email'?",
        ),
        ({"channel": "Print"}, "UNKNOWN_DIMENSION_VALUE", "'Print' is not a channel of interaction.sent."),
        ({"channel": "fax"}, "UNKNOWN_DIMENSION_VALUE", "'fax' is not a channel of interaction.sent."),
        ({"channel": None}, "BAD_FIELD", "dimensions.channel must be a text."),
        ({"channel": 5}, "BAD_FIELD", "dimensions.channel must be a text."),
        ({"channel": ["print"]}, "BAD_FIELD", "dimensions.channel must be a text."),
        ({"channel": ""}, "BAD_FIELD", "dimensions.channel must not be empty."),
        ({"channel": f"print{SURROGATE}"}, "BAD_FIELD", "dimensions.channel must not hold control characters."),
    ],
)
def test_dimensions_that_no_meter_knows_are_refused(dimensions: object, code: str, message: str) -> None:
    found = refused(good(type="interaction.sent", dimensions=dimensions))
    assert found[0] == code
    assert found[1].startswith(message)


def test_an_open_dimension_takes_any_text() -> None:
    assert taken(good(type="call.made", dimensions={"country": "日本"})).dimensions == '{"country":"日本"}'
    assert refused(good(type="call.made", dimensions={"country": "x" * 201}))[0] == "BAD_FIELD"


@pytest.mark.parametrize("dimensions", [None, {}])
def test_no_dimensions_and_empty_ones_are_the_same(dimensions: object) -> None:
    assert taken(good(type="interaction.sent", dimensions=dimensions)).dimensions == ""


@pytest.mark.parametrize(
    ("entity", "message"),
    [
        ("", "entity must not be empty."),
        (5, "entity must be a text."),
        ("a\tb", "entity must not hold control characters."),
        ("x" * 201, "entity must have 200 characters at most, not 201."),
    ],
)
def test_an_entity_is_a_text(entity: object, message: str) -> None:
    assert refused(good(entity=entity)) == ("BAD_FIELD", message)


@pytest.mark.parametrize("version", ["0.3", "1.1", 1.0, None, ""])
def test_events_are_cloudevents_1_0(version: object) -> None:
    assert refused({**CLOUD, "specversion": version}, check=check_cloudevents) == (
        "BAD_SPECVERSION",
        'specversion must be "1.0": events are CloudEvents 1.0.',
    )


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "change",
    [
        {"data_base64": _base64(json.dumps(CLOUD["data"]))},
        {"data": json.dumps(CLOUD["data"])},
        {"data": json.dumps(CLOUD["data"]).encode()},
        {"data": _base64(json.dumps(CLOUD["data"]))},
        {"data": CLOUD["data"], "extension": "kept by others"},
    ],
)
def test_data_is_the_same_event_however_it_is_encoded(change: Mapping[str, Any]) -> None:
    message = {key: value for key, value in CLOUD.items() if key != "data"} | dict(change)
    assert taken(message, check=check_cloudevents) == taken(CLOUD, check=check_cloudevents)


@pytest.mark.parametrize(
    "data",
    [
        [1],
        5,
        True,
        "text",
        "%%%",
        f"{SURROGATE}",
        "[" * 5000,
        _base64("[1]"),
        _base64("{") + "\n",
        _base64("\xff"),
    ],
)
def test_data_that_is_no_object_is_refused(data: object) -> None:
    expected = ("BAD_FIELD", "data must be a JSON object with quantity or value, entity and dimensions.")
    assert refused({**CLOUD, "data": data}, check=check_cloudevents) == expected
    if isinstance(data, str):
        assert refused({**CLOUD, "data": None, "data_base64": data}, check=check_cloudevents) == expected


def test_a_cloudevent_without_data_counts_one() -> None:
    message = {key: value for key, value in CLOUD.items() if key != "data"}
    event = taken(message, check=check_cloudevents)
    assert (event.whole, event.entity, event.dimensions) == (1, "", "")


@pytest.mark.parametrize(
    ("field", "near"),
    [
        ("quantities", " Did you mean 'quantity'?"),
        ("dimension", " Did you mean 'dimensions'?"),
        ("id", ""),
        ("license", ""),
        ("Quantity", " Did you mean 'quantity'?"),
    ],
)
def test_an_unknown_field_of_data_is_refused_so_that_no_typing_error_is_silent(field: str, near: str) -> None:
    message = {**CLOUD, "data": {**CLOUD["data"], field: 5}}
    assert refused(message, check=check_cloudevents) == (
        "UNKNOWN_FIELD",
        f"data holds '{field}', which is not known.{near}",
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)
ODD_EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "source": JSON,
        "specversion": st.just("1.0") | JSON,
        "type": st.sampled_from([*TYPES, "nonsense"]) | JSON,
        "subject": st.just("acme") | JSON,
        "time": st.just("2026-03-15T10:00:00Z") | st.text(max_size=25) | JSON,
        "data": JSON
        | st.fixed_dictionaries({}, optional=dict.fromkeys(("quantity", "value", "entity", "dimensions"), JSON)),
        "data_base64": JSON,
    },
)


@given(st.lists(ODD_EVENTS | JSON, max_size=4))
@examples(40)
def test_whatever_is_sent_is_taken_or_refused_and_its_answer_can_be_written(raws: list[object]) -> None:
    events, rejected = check_cloudevents(raws, RULES)

    assert sorted([event.position for event in events] + [one.index for one in rejected]) == list(range(len(raws)))
    assert all(isinstance(one, RejectedEvent) and one.code and one.message.endswith((".", "?")) for one in rejected)
    orjson.dumps(rejected)
    assert all(0 <= event.whole <= 2**53 and 0 <= event.nanos < 10**9 for event in events)
