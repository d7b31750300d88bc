"""Rules for sessions."""

from collections.abc import Sequence

from core.access.keys import Scope
from core.access.sessions import MOST_MINUTES, SESSION_SCOPES
from core.administration.inputs import SessionInput
from core.administration.rules.problems import Problems


def check_session(given: SessionInput) -> None:
    """Raise :class:`InvalidInput` with every problem of a session, if there are any."""
    problems = Problems()
    _check_scopes(given.scopes, problems)
    if not 1 <= given.minutes <= MOST_MINUTES:
        problems.add(f"minutes must be from 1 to {MOST_MINUTES}, not {given.minutes}.", "minutes")
    person = given.person
    if person is not None:
        problems.text(person.id, 200, "person", "id")
        if person.name is not None:
            problems.text(person.name, 200, "person", "name")
        if person.language is not None:
            problems.language(person.language, "person", "language")
    problems.raise_if_any()


def _check_scopes(scopes: Sequence[Scope], problems: Problems) -> None:
    may_have = ", ".join(scope.name for scope in SESSION_SCOPES)
    if not scopes:
        problems.add(f"scopes must not be empty. A session may have {may_have}.", "scopes")
    for index, scope in enumerate(scopes):
        if scope not in SESSION_SCOPES:
            problems.add(
                f"A session cannot have the scope {scope.name}, since it is for a browser. It may have {may_have}.",
                "scopes", index, code="SCOPE_NOT_FOR_SESSIONS",
            )  # fmt: skip
