"""Management of a license's endpoints. All problems of an input are raised together, before anything is written."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select

from core.addresses.public_network import AddressRefused, Networks, check_url
from core.delivery.message_kinds import KINDS
from core.delivery.webhooks.sign import LONGEST_OVERLAP, OVERLAP, new_secret, rotate_secrets
from core.delivery.webhooks.tables import WebhookEndpoint
from core.errors import InputProblem, InvalidInput
from core.left_out import LEFT_OUT, LeftOut, resolve
from core.licenses.find import find_license, lock_license, no_license
from core.licenses.tables import LICENSE_KEY, id_of
from core.nearest import did_you_mean
from core.text import shown

MOST_ENDPOINTS: Final = 20
"""The largest number of endpoints of a license."""


@dataclass(frozen=True, slots=True)
class EndpointInput:
    """An endpoint to make or to change, by its license and key.

    A field that is LEFT_OUT keeps its value, or has its default for a new endpoint. None stands for the default. The
    default of `kinds` is all kinds of messages, `enabled` is true by default, and `url` has no default.
    """

    license: str
    key: str
    url: str | LeftOut | None = LEFT_OUT
    kinds: Sequence[str] | LeftOut | None = LEFT_OUT
    enabled: bool | LeftOut | None = LEFT_OUT


def put_endpoint(
    session: Session, requested: EndpointInput, networks: Networks, now: datetime
) -> tuple[WebhookEndpoint, str | None]:
    """Make an endpoint, or change it. Return the endpoint and, if it is new, its secret, which is shown once.

    Raises:
        InvalidInput: If the license or the input is not valid.
    """
    license_id = locked_license(session, requested.license)
    found = _by_key(session, license_id, requested.key)
    url = _check(session, license_id, requested, networks, found)
    if requested.kinds is LEFT_OUT:
        kinds = found.kinds if found else None
    else:
        kinds = sorted(set(requested.kinds)) if requested.kinds else None
    # An endpoint that was disabled automatically is enabled again by any put that does not disable it.
    was_enabled = found is None or found.enabled or found.disabled_because is not None
    enabled = resolve(requested.enabled, was_enabled, True)
    if found is not None:
        found.url, found.kinds, found.enabled = url, kinds, enabled
        found.disabled_because = None
        session.add(found)
        return found, None
    secret = new_secret()
    endpoint = WebhookEndpoint(
        license_id=license_id,
        id=f"{requested.key}.{secrets.token_hex(4)}",
        key=requested.key,
        url=url,
        kinds=kinds,
        enabled=enabled,
        secrets=rotate_secrets([], secret, OVERLAP, now),
        created_at=now,
    )
    session.add(endpoint)
    return endpoint, secret


def rotate_secret(
    session: Session, license: str, key: str, now: datetime, overlap: timedelta = OVERLAP
) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret. Return the endpoint and the secret, which is shown once.

    Args:
        session: A writing session.
        license: The key of the license.
        key: The key of the endpoint.
        now: The time.
        overlap: How long the earlier secrets sign beside the new one.

    Raises:
        InvalidInput: If the endpoint does not exist, or the overlap is negative or too long.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        hours = LONGEST_OVERLAP // timedelta(hours=1)
        raise invalid_input(
            f"overlapHours must be from 0 to {hours}, not {overlap // timedelta(hours=1)}.", "overlapHours"
        )
    endpoint = find_endpoint(session, locked_license(session, license), key)
    secret = new_secret()
    endpoint.secrets = rotate_secrets(endpoint.secrets, secret, overlap, now)
    session.add(endpoint)
    return endpoint, secret


def remove_endpoint(session: Session, license: str, key: str) -> None:
    """Remove an endpoint. Deliveries on their way to it are dropped.

    Raises:
        InvalidInput: If the endpoint does not exist.
    """
    session.delete(find_endpoint(session, locked_license(session, license), key))


def list_endpoints(session: Session, license_id: int) -> Sequence[WebhookEndpoint]:
    """Return all endpoints of a license, by key."""
    endpoints = select(WebhookEndpoint).where(WebhookEndpoint.license_id == license_id)
    return session.exec(endpoints.order_by(col(WebhookEndpoint.key))).all()


def find_endpoint(session: Session, license_id: int, key: str) -> WebhookEndpoint:
    """Return an endpoint of a license by its key.

    Raises:
        InvalidInput: If the endpoint does not exist. The message names the nearest key.
    """
    found = _by_key(session, license_id, key)
    if found is None:
        near = did_you_mean(key, [one.key for one in list_endpoints(session, license_id)])
        raise invalid_input(f"No webhook endpoint {shown(key)}.{near}", "key", code="UNKNOWN_ENDPOINT")
    return found


def _by_key(session: Session, license_id: int, key: str) -> WebhookEndpoint | None:
    if not LICENSE_KEY.fullmatch(key):  # PostgreSQL refuses to compare with some texts
        return None
    statement = select(WebhookEndpoint).where(WebhookEndpoint.license_id == license_id, WebhookEndpoint.key == key)
    return session.exec(statement).first()


def _check(
    session: Session, license_id: int, requested: EndpointInput, networks: Networks, stored: WebhookEndpoint | None
) -> str:
    """Check the input of an endpoint, whose stored state is None if it is new. Return the URL to store.

    Raises:
        InvalidInput: If anything is wrong.
    """
    problems, url = [], stored.url if stored else ""
    if not LICENSE_KEY.fullmatch(requested.key):
        message = (
            f"key {shown(requested.key)} must begin with a letter or digit and hold only letters, digits, '.', '_' "
            "and '-', 100 at most."
        )
        problems.append(InputProblem("BAD_INPUT", message, ("key",)))
    elif stored is None and len(list_endpoints(session, license_id)) >= MOST_ENDPOINTS:
        message = f"A license has {MOST_ENDPOINTS} webhook endpoints at the most. Remove one first."
        problems.append(InputProblem("BAD_INPUT", message, ("key",)))
    if isinstance(requested.url, str):
        try:
            url = check_url(requested.url, networks)
        except AddressRefused as refused:
            problems.append(InputProblem("BAD_INPUT", f"url {refused}.", ("url",)))
    elif requested.url is None:
        problems.append(InputProblem("BAD_INPUT", "url cannot be null; leave it out to keep it.", ("url",)))
    elif stored is None:
        problems.append(InputProblem("MISSING", "url is missing.", ("url",)))
    kinds = None if requested.kinds is LEFT_OUT else requested.kinds
    if kinds is not None and not kinds:
        message = "kinds must hold one at least; null stands for all."
        problems.append(InputProblem("BAD_INPUT", message, ("kinds",)))
    for index, kind in enumerate(kinds or ()):
        if kind not in KINDS:
            message = f"No kind {shown(kind)}.{did_you_mean(kind, KINDS)} The kinds are {', '.join(KINDS)}."
            problems.append(InputProblem("UNKNOWN_KIND", message, ("kinds", str(index))))
    if problems:
        raise InvalidInput(problems)
    return url


def locked_license(session: Session, key: str) -> int:
    """Return the id of the license with a key, and lock the license, so that its endpoints change one at a time.

    Raises:
        InvalidInput: If the license does not exist.
    """
    license = find_license(session, key)
    if license is None:
        raise invalid_input(no_license(session, key).message, "license", code="UNKNOWN_LICENSE")
    license_id = id_of(license)
    lock_license(session, license_id)
    return license_id


def invalid_input(message: str, field: str, code: str = "BAD_INPUT") -> InvalidInput:
    """Return the error for one problem of an input."""
    return InvalidInput([InputProblem(code, message, (field,))])
