"""The hooks that a plugin may implement."""

from collections.abc import Sequence
from typing import Final

import pluggy

from allowance.meter import Meter, Section
from allowance.notifier import Notifier

API_VERSION: Final = 1
"""The version of this interface. A plugin states, as a literal number, the version that it is written for."""

PROJECT_NAME: Final = "allowance"
ENTRY_POINT_GROUP: Final = "allowance"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def allowance_sections() -> Sequence[Section]:
    """Return the sections that this plugin adds.

    The hook is called once, when a process starts. A meter may also belong to a section of another plugin.

    Returns:
        A list of sections, each with a key that no other plugin uses.

    Example::

        @hookimpl
        def allowance_sections() -> list[Section]:
            return [Section(key="chat", title="Chat", order=80)]
    """
    raise NotImplementedError  # a specification: pluggy never calls it


@hookspec
def allowance_meters() -> Sequence[Meter]:
    """Return the meters that this plugin adds.

    The hook is called once, when a process starts. Keys are stable API: contracts and front ends refer to them.

    Returns:
        A list of meters, each with a key that no other plugin uses, in the order of display within a section.

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
    """Return the notifiers that this plugin adds.

    The hook is called once, when a process starts. Each notifier receives the messages of its kinds, in addition to
    the e-mails.

    Returns:
        A list of notifiers, each with a key that no other plugin uses.

    Example::

        @hookimpl
        def allowance_notifiers() -> list[Notifier]:
            return [ChatNotifier(key="chat", title="Chat")]
    """
    raise NotImplementedError
