"""Errors of the database that an operator can fix."""

from sqlalchemy.exc import DatabaseError, OperationalError


def operator_message(error: Exception) -> str | None:
    """Return the message for an operator, or None for an error that is a fault of this program."""
    # Every other subclass of DatabaseError means that a statement of this program is wrong.
    if type(error) not in (DatabaseError, OperationalError):
        return None
    return f"The database does not answer: {str(error.orig).strip()}"  # type: ignore[attr-defined]
