"""Meters for a chat."""

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
    """The messages of the busiest of the last 30 days, today among them."""

    def events(self) -> tuple[EventType, ...]:
        return (EventType(SENT, "counter"),)

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        since = usage.day - timedelta(days=DAYS)
        days = usage.daily(SENT, by="entity").items()
        return Reading(
            used=max((sum(parts.values()) for day, parts in days if day > since), default=0),
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
    return [Section(key="chat", title="Chat", description="What is said in the chat.", order=80)]


@hookimpl
def allowance_meters() -> list[Meter]:
    return [MESSAGES, BUSIEST_DAY]
