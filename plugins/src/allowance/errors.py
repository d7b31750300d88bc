"""What goes wrong with a plugin: what it declares, what it contributes, what its meters find."""


class InvalidDeclaration(ValueError):
    """A section, meter or event type is declared with a value that cannot work.

    Raised where the declaration stands, so that the author sees the line. The message names the
    declaration, the value and, where there is one, the likely fix.
    """


class InvalidPlugin(ValueError):
    """A plugin cannot be taken as it is: `code` is a stable name for why, the message is for its author.

    The message holds nothing of what the plugin's own code raised; that is the ``__cause__``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InvalidReading(ValueError):
    """A meter returned something that cannot be a reading; the message names the meter, the field and the value."""


def named(value: object) -> str:
    """What a value is, as a message may say it: its type and never its content."""
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
