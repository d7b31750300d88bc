"""Finding a license by the key that somebody named."""

from sqlmodel import Session, select

from core.errors import InputProblem, InvalidInput, NotFound
from core.licenses.tables import LICENSE_KEY, License
from core.nearest import did_you_mean
from core.text import shown


def find_license(session: Session, key: str) -> License | None:
    """The license of that key; None where there is none, whatever the text holds."""
    if not LICENSE_KEY.fullmatch(key):  # PostgreSQL refuses to compare with some texts
        return None
    return session.exec(select(License).where(License.key == key)).first()


def no_license(session: Session, key: str) -> NotFound:
    """The error for a key that no license has, with the nearest that one has: for callers with access to all."""
    return NotFound(f"No license {shown(key)}.{did_you_mean(key, session.exec(select(License.key)).all())}")


def lock_license(session: Session, license_id: int) -> None:
    """Have transactions that do so come one after the other, for this license; SQLite has one writer anyway.

    Take it before inserting rows of the license, which lock it as well, in a weaker way that others share: two who did
    that first would wait here for each other.
    """
    session.exec(select(License.id).where(License.id == license_id).with_for_update(key_share=True)).one()


def named_license(session: Session, key: str) -> License:
    """The license that an input names. Raises :class:`InvalidInput`."""
    license = find_license(session, key)
    if license is None:
        message = f"No license {shown(key)}. Put it first."
        raise InvalidInput([InputProblem("UNKNOWN_LICENSE", message, ("license",))])
    return license
