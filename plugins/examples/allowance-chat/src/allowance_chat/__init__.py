"""Meters of a chat: messages of the billing period, and messages of the busiest day."""

from datetime import timedelta

from allowance import (
    Contract,
    Counter,
    Dimension,
    EventType,
    License,
    Meter,
    Reading,
    Section,
    Usage,
    hookimpl,
)

API_VERSION = 1

SENT = "chat.sent"
DAYS = 30


class BusiestDay(Meter):
    """A meter of the messages on the busiest of the last 30 days, including today."""

    def events(self) -> tuple[EventType, ...]:
        """Return the event type that the meter reads."""
        return (EventType(SENT, "counter"),)

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        """Return the largest sum of a day. Older days may be loaded for other meters, so they are left out."""
        since = usage.day - timedelta(days=DAYS)
        days = usage.daily(SENT, by="entity").items()
        return Reading(
            used=max([0, *(sum(parts.values()) for day, parts in days if day > since)]),  # corrections may be negative
            limit=self.limit_of(contract),
        )


MESSAGES = Counter(
    key="chat_messages",
    section="chat",
    title="Chat messages",
    description="Messages sent in the chat since the start of the billing period.",
    unit="messages",
    event=SENT,
    limit="chat_messages",
    by=(Dimension("channel", {"web": "Website", "app": "Mobile app"}),),
    applications=("chat",),
)

BUSIEST_DAY = BusiestDay(
    key="chat_busiest_day",
    section="chat",
    title="Busiest day",
    description="Messages sent on the busiest of the last 30 days.",
    unit="messages",
    limit="chat_messages_per_day",
    applications=("chat",),
    days=DAYS,
)


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Chat"."""
    return [Section(key="chat", title="Chat", description="Messages in the chat.", order=80)]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the two meters of the chat."""
    return [MESSAGES, BUSIEST_DAY]
