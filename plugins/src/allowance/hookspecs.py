"""The hooks that a plugin may implement. Short enough to read whole."""

from collections.abc import Sequence
from typing import Final

import pluggy

from allowance.meter import Meter, Section
from allowance.notifier import Notifier

API_VERSION: Final = 1
"""The version of this interface. A plugin states the one it is written for, as a literal number."""

PROJECT_NAME: Final = "allowance"
ENTRY_POINT_GROUP: Final = "allowance"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def allowance_sections() -> Sequence[Section]:
    """The sections that this plugin adds. A meter may also stand in a section of another plugin.

    Example::

        @hookimpl
        def allowance_sections() -> list[Section]:
            return [Section(key="chat", title="Chat", order=80)]
    """
    raise NotImplementedError  # a specification: pluggy never calls it


@hookspec
def allowance_meters() -> Sequence[Meter]:
    """The meters that this plugin adds.

    Called once, when the process starts. Keys are stable API: contracts and front ends name them.

    Example::

        @hookimpl
        def allowance_meters() -> list[Meter]:
            return [
                Counter(
                    key="chat_messages", section="chat", title="Chat messages",
                    description="Messages sent in the chat since the start of the billing period.",
                    unit="messages", event="chat.sent", limit="chat_messages",
                )
            ]
    """
    raise NotImplementedError


@hookspec
def allowance_notifiers() -> Sequence[Notifier]:
    """The notifiers that this plugin adds: each gets the messages of its kinds, beside the e-mails.

    Example::

        @hookimpl
        def allowance_notifiers() -> list[Notifier]:
            return [ChatNotifier(key="chat", title="Chat")]
    """
    raise NotImplementedError
