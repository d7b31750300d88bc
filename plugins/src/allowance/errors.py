"""The errors of plugins: in their declarations, in what they contribute, and in the readings of their meters."""


class InvalidDeclaration(ValueError):
    """An error in the declaration of a section, meter, notifier, dimension or event type.

    It is raised on the line of the declaration, so that the author sees the line in the traceback. The message
    names the declaration, the value and, where there is one, the likely fix.
    """


class InvalidPlugin(ValueError):
    """An error for which a plugin cannot be loaded.

    Attributes:
        code: A stable name of the reason, see :mod:`allowance.contribution`.
        message: The reason and the remedy, for the plugin's author. It holds no text of an error that the plugin's
            own code raised; that error is the ``__cause__``.
    """

    def __init__(self, code: str, message: str) -> None:
        """Create the error from its code and its message."""
        super().__init__(message)
        self.code = code
        self.message = message


class InvalidReading(ValueError):
    """An error in what a meter returned; the message names the meter, the field and the value."""


def type_of(value: object) -> str:
    """Return the type of a value in words, as ``a float``. A message may show the type, but never the content."""
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
