"""The reading of a plugin's declarations in a child process, so that its code never runs in this one."""

from datetime import timedelta
from typing import Final

from allowance import contribution as checks
from allowance.contribution import HOOK_FAILED, INVALID_CONTRIBUTION, Contribution
from allowance.errors import InvalidPlugin

from core.plugins.sandbox.declaration_codec import decode_declarations
from core.plugins.sandbox.failure import TIMED_OUT
from core.plugins.sandbox.process import ChildProcess, ProcessLost
from core.plugins.sandbox.protocol import DECLARE, IMPORT_FAILED, ChildFailure
from core.plugins.source import PluginSource

_REMEDY: Final = "The operator finds the error in the log: correct the plugin, or uninstall its distribution."
MESSAGES: Final = {
    IMPORT_FAILED: f"The module cannot be imported. {_REMEDY}",
    HOOK_FAILED: f"The module cannot be read. {_REMEDY}",
    INVALID_CONTRIBUTION: f"The declarations cannot be read. {_REMEDY}",
}
"""The messages of the problems of a plugin whose code raises an error, by code."""
_OF_THE_SDK: Final = frozenset(
    value for name, value in vars(checks).items() if name.isupper() and isinstance(value, str)
)
_LONGEST: Final = 500
"""The most characters of the message of a problem."""


def read_declarations(source: PluginSource, timeout: timedelta) -> Contribution:
    """Import a plugin in a child process, and return what it declares.

    Args:
        source: The plugin.
        timeout: The longest time for the import and the hooks.

    Raises:
        InvalidPlugin: If the plugin cannot be loaded. The cause has the details for the log.
    """
    try:
        process = ChildProcess(source, DECLARE, import_timeout=timeout)
    except OSError as error:
        raise InvalidPlugin(IMPORT_FAILED, "No process can be started to import the module.") from error
    try:
        answer = process.declarations()
    except ProcessLost as lost:
        raise _lost(lost, timeout) from lost
    finally:
        process.end()
    if answer.failure:
        raise _refused(answer.failure, answer.refusal)
    try:
        return decode_declarations(answer.declared, source)
    except InvalidPlugin:
        raise
    except Exception as error:
        raise InvalidPlugin(INVALID_CONTRIBUTION, MESSAGES[INVALID_CONTRIBUTION]) from error


def _lost(lost: ProcessLost, timeout: timedelta) -> InvalidPlugin:
    what = f"takes longer than {timeout.total_seconds():g} seconds" if lost.code == TIMED_OUT else "ends its process"
    return InvalidPlugin(IMPORT_FAILED, f"The import of the module {what}. Correct the plugin, or uninstall it.")


def _refused(failure: ChildFailure, message: object) -> InvalidPlugin:
    """Return the error that the child states. Partners' code may have forged it."""
    known = failure.code if failure.code in _OF_THE_SDK or failure.code in MESSAGES else INVALID_CONTRIBUTION
    error = InvalidPlugin(known, str(message or MESSAGES.get(known, MESSAGES[INVALID_CONTRIBUTION]))[:_LONGEST])
    error.__cause__ = ProcessLost(known, failure.detail)
    return error
