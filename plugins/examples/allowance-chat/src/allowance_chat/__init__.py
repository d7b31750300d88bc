"""Meters of a chat: messages of the billing period, and messages of the busiest day."""

from datetime import timedelta

from allowance import (
    Application,
    Contract,
    Counter,
    Dimension,
    EventType,
    License,
    Meter,
    Reading,
    Section,
    Text,
    Unit,
    Usage,
    hookimpl,
)

API_VERSION = 1

SENT = "chat.sent"
DAYS = 30
UNIT = Unit(one=Text("message", fr="message"), other=Text("messages", fr="messages"))
CHANNEL = Dimension(
    "channel",
    {"web": Text("Website", fr="Site web"), "app": Text("Mobile app", fr="Application mobile")},
    Text("Channel", fr="Canal"),
)
CHAT = Application("chat", Text("Chat", fr="Chat"))


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
    title=Text("Chat messages", fr="Messages de chat"),
    description=Text(
        "Messages sent in the chat since the start of the billing period.",
        fr="Messages envoyés dans le chat depuis le début de la période de facturation.",
    ),
    unit=UNIT,
    event=SENT,
    limit="chat_messages",
    by=(CHANNEL,),
    applications=(CHAT,),
)

BUSIEST_DAY = BusiestDay(
    key="chat_busiest_day",
    section="chat",
    title=Text("Busiest day", fr="Jour le plus actif"),
    description=Text(
        "Messages sent on the busiest of the last 30 days.",
        fr="Messages envoyés le jour le plus actif des 30 derniers.",
    ),
    unit=UNIT,
    limit="chat_messages_per_day",
    limit_words={"chat_messages_per_day": Text("messages per day", fr="messages par jour")},
    applications=(CHAT,),
    days=DAYS,
)


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Chat"."""
    description = Text("Messages in the chat.", fr="Messages dans le chat.")
    return [Section(key="chat", title=Text("Chat", fr="Chat"), description=description, order=80)]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the two meters of the chat."""
    return [MESSAGES, BUSIEST_DAY]
