"""The look-up of a license by the key that a caller named."""

from sqlmodel import Session, select

from core.database.suggestions import suggest_stored
from core.errors import InputProblem, InvalidInput, NotFound
from core.licenses.tables import LICENSE_KEY, License
from core.text import shown


def find_license(session: Session, key: str) -> License | None:
    """Return the license of a key, or None if there is none, whatever the text holds."""
    if not LICENSE_KEY.fullmatch(key):  # PostgreSQL refuses to compare with some texts
        return None
    return session.exec(select(License).where(License.key == key)).first()


def no_license(session: Session, key: str) -> NotFound:
    """Return the error for an unknown key, with the nearest known key: for callers with access to all licenses."""
    near = suggest_stored(session, key, lambda: session.exec(select(License.key)).all())
    return NotFound(f"No license {shown(key)}.{near}")


def lock_license(session: Session, license_id: int) -> None:
    """Lock a license until the transaction ends, so that transactions that change it run one after the other.

    Lock it before inserting rows of the license. An insert takes a weaker lock that several transactions share, so two
    transactions that insert first would wait here for each other. SQLite has one writer anyway.
    """
    session.exec(select(License.id).where(License.id == license_id).with_for_update(key_share=True)).one()


def named_license(session: Session, key: str) -> License:
    """Return the license that an input names.

    Raises:
        InvalidInput: No license has the key.
    """
    license = find_license(session, key)
    if license is None:
        raise unknown_license(key)
    return license


def unknown_license(key: str) -> InvalidInput:
    """Return the error of an input that names a license that does not exist."""
    return InvalidInput([InputProblem("UNKNOWN_LICENSE", f"No license {shown(key)}. Put it first.", ("license",))])
