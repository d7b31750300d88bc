"""Managing a license's endpoints. What is wrong with an input is raised whole, before anything is written."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select

from core.addresses.public_network import AddressRefused, Networks, check_url
from core.delivery.message_kinds import KINDS
from core.delivery.webhooks.sign import LONGEST_OVERLAP, OVERLAP, new_secret, rotated
from core.delivery.webhooks.tables import WebhookEndpoint
from core.errors import InputProblem, InvalidInput
from core.licenses.find import find_license, lock_license, no_license
from core.licenses.tables import LICENSE_KEY, id_of
from core.nearest import did_you_mean
from core.text import shown

MOST_ENDPOINTS: Final = 20
"""Of one license."""


@dataclass(frozen=True, slots=True)
class EndpointInput:
    """An endpoint to make or to change, by its license and key; `kinds` None for all."""

    license: str
    key: str
    url: str
    kinds: tuple[str, ...] | None = None
    enabled: bool = True


def put_endpoint(
    session: Session, given: EndpointInput, networks: Networks, now: datetime
) -> tuple[WebhookEndpoint, str | None]:
    """Make an endpoint or change it; with a new one its secret, which is shown once. Raises :class:`InvalidInput`."""
    license_id = locked_license(session, given.license)
    found = _by_key(session, license_id, given.key)
    url = _checked(session, license_id, given, networks, is_new=found is None)
    kinds = None if given.kinds is None else sorted(set(given.kinds))
    if found is not None:
        found.url, found.kinds, found.enabled = url, kinds, given.enabled
        found.disabled_because = None if given.enabled else found.disabled_because
        session.add(found)
        return found, None
    secret = new_secret()
    endpoint = WebhookEndpoint(
        license_id=license_id,
        id=f"{given.key}.{secrets.token_hex(4)}",
        key=given.key,
        url=url,
        kinds=kinds,
        enabled=given.enabled,
        secrets=rotated([], secret, OVERLAP, now),
        created_at=now,
    )
    session.add(endpoint)
    return endpoint, secret


def rotate_secret(
    session: Session, license: str, key: str, now: datetime, overlap: timedelta = OVERLAP
) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret, beside which the old one signs for `overlap`; the secret, which is shown once.

    Raises :class:`InvalidInput`.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        hours = LONGEST_OVERLAP // timedelta(hours=1)
        raise wrong(f"overlapHours must be from 0 to {hours}, not {overlap // timedelta(hours=1)}.", "overlapHours")
    endpoint = find_endpoint(session, locked_license(session, license), key)
    secret = new_secret()
    endpoint.secrets = rotated(endpoint.secrets, secret, overlap, now)
    session.add(endpoint)
    return endpoint, secret


def remove_endpoint(session: Session, license: str, key: str) -> None:
    """What is on its way to it is dropped. Raises :class:`InvalidInput`."""
    session.delete(find_endpoint(session, locked_license(session, license), key))


def list_endpoints(session: Session, license_id: int) -> Sequence[WebhookEndpoint]:
    """All of a license, by key."""
    found = select(WebhookEndpoint).where(WebhookEndpoint.license_id == license_id)
    return session.exec(found.order_by(col(WebhookEndpoint.key))).all()


def find_endpoint(session: Session, license_id: int, key: str) -> WebhookEndpoint:
    """Raises :class:`InvalidInput` with the nearest that there is."""
    found = _by_key(session, license_id, key)
    if found is None:
        near = did_you_mean(key, [one.key for one in list_endpoints(session, license_id)])
        raise wrong(f"No webhook endpoint {shown(key)}.{near}", "key", code="UNKNOWN_ENDPOINT")
    return found


def _by_key(session: Session, license_id: int, key: str) -> WebhookEndpoint | None:
    if not LICENSE_KEY.fullmatch(key):  # PostgreSQL refuses to compare with some texts
        return None
    statement = select(WebhookEndpoint).where(WebhookEndpoint.license_id == license_id, WebhookEndpoint.key == key)
    return session.exec(statement).first()


def _checked(session: Session, license_id: int, given: EndpointInput, networks: Networks, *, is_new: bool) -> str:
    """The URL as it is kept."""
    problems, url = [], given.url
    if not LICENSE_KEY.fullmatch(given.key):
        message = (
            f"key {shown(given.key)} must begin with a letter or digit and hold only letters, digits, '.', '_' "
            "and '-', 100 at most."
        )
        problems.append(InputProblem("BAD_INPUT", message, ("key",)))
    elif is_new and len(list_endpoints(session, license_id)) >= MOST_ENDPOINTS:
        message = f"A license has {MOST_ENDPOINTS} webhook endpoints at the most. Remove one first."
        problems.append(InputProblem("BAD_INPUT", message, ("key",)))
    try:
        url = check_url(given.url, networks)
    except AddressRefused as refused:
        problems.append(InputProblem("BAD_INPUT", f"url {refused}.", ("url",)))
    if given.kinds == ():
        message = "kinds must hold one at least; leave it out for all."
        problems.append(InputProblem("BAD_INPUT", message, ("kinds",)))
    for index, kind in enumerate(given.kinds or ()):
        if kind not in KINDS:
            message = f"No kind {shown(kind)}.{did_you_mean(kind, KINDS)} The kinds are {', '.join(KINDS)}."
            problems.append(InputProblem("UNKNOWN_KIND", message, ("kinds", str(index))))
    if problems:
        raise InvalidInput(problems)
    return url


def locked_license(session: Session, key: str) -> int:
    """The license of that key, which gives those who change its endpoints their order."""
    license = find_license(session, key)
    if license is None:
        raise wrong(no_license(session, key).message, "license", code="UNKNOWN_LICENSE")
    license_id = id_of(license)
    lock_license(session, license_id)
    return license_id


def wrong(message: str, field: str, code: str = "BAD_INPUT") -> InvalidInput:
    """One thing wrong in an input."""
    return InvalidInput([InputProblem(code, message, (field,))])
