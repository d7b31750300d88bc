from datetime import UTC, date, datetime

from allowance.testing import Event, check_plugin, measure
from allowance.text import in_languages, languages_of

import allowance_chat
from allowance_chat import BUSIEST_DAY, MESSAGES


def test_the_plugin_loads() -> None:
    found = check_plugin(allowance_chat)
    assert [section.key for section in found.sections] == ["chat"]
    assert [meter.key for meter in found.meters] == ["chat_messages", "chat_busiest_day"]


def test_messages_of_the_billing_period_are_counted_by_channel() -> None:
    reading = measure(
        MESSAGES,
        [
            Event("chat.sent", 3, date(2026, 3, 31), dimensions={"channel": "web"}),
            Event("chat.sent", 4, date(2026, 4, 1), dimensions={"channel": "web"}),
            Event("chat.sent", 5, date(2026, 6, 1), dimensions={"channel": "app"}),
        ],
        terms={"chat_messages": 1000},
        starts_on=date(2024, 4, 1),
    )
    assert reading.used == 9
    assert reading.limit is not None
    assert reading.limit.basis == "1,000 chat messages"
    assert {share.key: share.used for share in reading.shares} == {"web": 4, "app": 5}


def test_the_busiest_of_the_last_30_days_adds_up_all_channels_and_entities() -> None:
    reading = measure(
        BUSIEST_DAY,
        [
            Event("chat.sent", 900, date(2026, 5, 16)),
            Event("chat.sent", 10, date(2026, 5, 17), "be"),
            Event("chat.sent", 20, date(2026, 5, 17), "fr"),
            Event("chat.sent", 29, date(2026, 6, 15)),
        ],
        terms={"chat_messages_per_day": 25},
        at=datetime(2026, 6, 15, 12, tzinfo=UTC),
    )
    assert reading.used == 30
    assert reading.limit is not None
    assert reading.limit.value == 25


def test_the_last_30_days_reach_back_over_the_start_of_the_billing_period() -> None:
    new_year = datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert measure(BUSIEST_DAY, [Event("chat.sent", 7, date(2025, 12, 20))], at=new_year).used == 7


def test_the_busiest_day_of_an_unused_chat_is_zero() -> None:
    assert measure(BUSIEST_DAY).used == 0


def test_its_texts_are_in_english_and_french() -> None:
    found = check_plugin(allowance_chat)
    texts = [text for one in (*found.sections, *found.meters) for text in (one.title, one.description)]
    assert [text for text in texts if languages_of(text) != {"en", "fr"}] == []
    assert MESSAGES.title == "Chat messages"
    assert in_languages(MESSAGES.title, ["fr"]) == "Messages de chat"
    assert MESSAGES.unit_forms.form("one", "fr") == "message"
