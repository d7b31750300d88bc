"""Places of hard quotas are freed by the mutation, and this server notices at once."""

from typing import Any

import pytest
from sqlmodel import select

from core.admission.tables import FreedPlaces
from tests.api.server import Client, Served

FREE = """mutation ($input: FreePlacesInput!) { freePlaces(input: $input) { freed errors { code path } } }"""
CHECK_IN = """mutation ($input: CheckInInput!) { checkIn(input: $input) { decision } }"""


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
    operator.data(
        'mutation { putContract(input: {license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", '
        'terms: [{key: "active_installations", value: 2}]}) { errors { code } } }'
    )


def decisions(client: Client, *installations: str) -> list[str]:
    given = [{"license": "acme", "installation": one} for one in installations]
    return [client.data(CHECK_IN, input=one)["checkIn"]["decision"] for one in given]


def free(client: Client, **given: str) -> Any:
    return client.data(FREE, input={"license": "acme", **given})["freePlaces"]


def test_a_place_is_freed_and_given_again_at_once(served: Served, operator: Client) -> None:
    assert decisions(operator, "a", "b", "c") == ["ADMITTED", "ADMITTED", "BACK_OFF"]
    assert free(operator, installation="a", note="made up") == {"freed": 1, "errors": []}
    assert decisions(operator, "c", "a", "b") == ["ADMITTED", "BACK_OFF", "KNOWN"]
    assert free(operator, installation="a") == {"freed": 0, "errors": []}
    span = {"firstSeenFrom": "2026-03-10T00:00:00Z", "firstSeenBefore": "2026-03-11T00:00:00Z"}
    assert free(operator, **span) == {"freed": 2, "errors": []}
    with served.runtime.database.read() as session:
        records = session.exec(select(FreedPlaces).order_by(FreedPlaces.generation)).all()  # type: ignore[arg-type]
    assert [(one.generation, one.freed, one.identifier, one.note) for one in records] == [
        (1, 1, "a", "made up"),
        (2, 2, None, None),
    ]


def test_wrong_input_is_reported(operator: Client) -> None:
    assert free(operator)["errors"] == [{"code": "BAD_INPUT", "path": ["installation"]}]
    unknown = free(operator, license="acne", installation="a")["errors"]
    assert unknown == [{"code": "UNKNOWN_LICENSE", "path": ["license"]}]
