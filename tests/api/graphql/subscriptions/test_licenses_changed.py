"""A subscription to all licenses gets each license that changes."""

import pytest

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from tests.api.graphql.subscriptions.sockets import Socket, change, socket_to
from tests.api.server import Served
from tests.fixtures.engine import NOW

ALL = "subscription ($status: [UsageStatus!]) { licensesChanged(status: $status) { key name consumption { status } } }"


def put(served: Served, key: str, name: str) -> None:
    with served.runtime.database.write() as session:
        put_license(session, LicenseInput(key, name), NOW)


def heard(socket: Socket) -> tuple[str, str]:
    message = socket.hear()
    assert message["type"] == "next", message
    license = message["payload"]["data"]["licensesChanged"]
    return license["key"], license["name"]


def test_a_license_is_sent_at_once_and_each_license_after_its_change(live: Served, other: Served) -> None:
    put(live, "beta", "Beta")
    with socket_to(live, live.token("consumption:read")) as socket:
        socket.ask("1", ALL)
        assert heard(socket) == ("beta", "Beta")
        change(live)
        assert heard(socket)[0] == "acme"
        put(other, "beta", "Beta 2")
        assert heard(socket) == ("beta", "Beta 2")
        put(other, "new", "New")
        assert heard(socket) == ("new", "New")


def test_only_licenses_with_the_statuses_are_sent(live: Served) -> None:
    with socket_to(live, live.token()) as socket:
        socket.ask("1", ALL, status=["EXCEEDED"])
        socket.ask("2", ALL, status=["UNKNOWN", "OK"])
        message = socket.hear()
        assert (message["id"], message["payload"]["data"]["licensesChanged"]["key"]) == ("2", "acme")
        change(live)
        assert socket.hear()["id"] == "2"


@pytest.mark.parametrize(("scopes", "license"), [(("usage:write",), None), ((), "acme")])
def test_a_key_that_may_not_list_licenses_is_refused(
    live: Served, scopes: tuple[str, ...], license: str | None
) -> None:
    with socket_to(live, live.token(*scopes, license=license)) as socket:
        socket.ask("1", ALL)
        message = socket.hear()
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN"
