"""Warnings while a limit is exceeded, and the alerts that were told."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlmodel import select

from api.graphql.schema.consumption.warnings import Warnings
from core.alerts.tables import ForecastAlert
from core.consumption.readings.judged_reading import NEVER_MEASURED
from core.consumption.readings.status import UsageStatus
from core.consumption.warnings import Notice
from core.consumption.warnings import Warnings as FoundWarnings
from core.licenses.tables import License, id_of
from tests.api.server import Client, Served, cloudevent, nodes

SET_UP = """mutation($warnings: Boolean!) {
  putLicense(input: {key: "acme", name: "Acme", admins: [{email: "ann@example.com"}]}) { errors { message } }
  putContract(input: {
    license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", billingPeriod: "P1Y", warnings: $warnings,
    terms: [{key: "profiles", value: 10}, {key: "interactions_per_profile", value: 10}, {key: "forms", value: 5},
            {key: "users", value: 3}]
  }) { errors { message } }
}"""
WARNINGS = """query($application: String) { consumption(license: "acme") { warnings {
  enabled halo notices(application: $application) { meter { key } application status used limit message since }
} } }"""
ALERTS = """query($first: Int, $after: String, $meter: String) { license(key: "acme") {
  alerts(first: $first, after: $after, meter: $meter) {
    edges { cursor node {
      id meter { key } ratio limit basis contractVersion used status period { start end }
      crossedAt recoveredAt notifiedAt
    } }
    pageInfo { hasNextPage endCursor }
  }
} }"""


def use(served: Served, client: Client, *, warnings: bool = True) -> None:
    client.data(SET_UP, warnings=warnings)
    client.post_events(
        cloudevent("interaction.sent", "acme", "i", quantity=85),
        cloudevent("forms.level", "acme", "f", value=6),
        cloudevent("users.level", "acme", "u", value=4),
    )
    served.refresh()


def test_an_exceeded_limit_is_shown_in_its_application_with_a_red_halo(served: Served, operator: Client) -> None:
    use(served, operator)
    found = operator.data(WARNINGS)["consumption"]["warnings"]
    assert (found["enabled"], found["halo"]) == (True, True)
    assert [(one["meter"]["key"], one["application"]) for one in found["notices"]] == [
        ("forms", "forms"),
        ("users", "administration"),
    ]
    [forms] = operator.data(WARNINGS, application="forms")["consumption"]["warnings"]["notices"]
    assert (forms["status"], forms["used"], forms["limit"]) == ("EXCEEDED", 6, 5)
    assert forms["message"] == "Forms: 6 of 5 forms used. New actions take it further over the limit."
    assert forms["since"] == operator.data(ALERTS)["license"]["alerts"]["edges"][0]["node"]["crossedAt"]
    assert operator.data(WARNINGS, application="nowhere")["consumption"]["warnings"]["notices"] == []


def test_a_notice_for_every_application_is_in_the_notices_of_each_application(served: Served) -> None:
    meters = served.runtime.registry.meters
    notices = tuple(
        Notice(
            meters[meter], application, UsageStatus.EXCEEDED, Decimal(6), Decimal(5), datetime.now(UTC), NEVER_MEASURED
        )
        for meter, application in [("forms", "forms"), ("users", "")]
    )
    warnings = Warnings(record=FoundWarnings(enabled=True, notices=notices))
    for application, shown in [("forms", ["forms", ""]), ("data", [""]), (None, ["forms", ""])]:
        assert [notice.record.application for notice in warnings.notices(application)] == shown


def test_a_license_without_warnings_has_no_notices_and_still_alerts(served: Served, operator: Client) -> None:
    use(served, operator, warnings=False)
    found = operator.data(WARNINGS)["consumption"]["warnings"]
    assert found == {"enabled": False, "halo": False, "notices": []}
    assert len(operator.data(ALERTS)["license"]["alerts"]["edges"]) == 3


def test_a_warning_ends_when_the_limit_is_no_longer_exceeded(served: Served, operator: Client) -> None:
    use(served, operator)
    operator.post_events(
        cloudevent("forms.level", "acme", "f2", value=5), cloudevent("users.level", "acme", "u2", value=3)
    )
    operator.data('mutation { refreshConsumption(license: "acme") { id } }')
    served.refresh()
    found = operator.data(WARNINGS)["consumption"]["warnings"]
    assert found == {"enabled": True, "halo": False, "notices": []}


def test_an_alert_states_the_limit_that_its_ratio_refers_to(served: Served, operator: Client) -> None:
    use(served, operator)
    [edge] = operator.data(ALERTS, meter="interactions")["license"]["alerts"]["edges"]
    alert = edge["node"]
    assert (alert["ratio"], alert["limit"], alert["used"], alert["status"]) == (0.8, 100, 85, "AT_RISK")
    assert (alert["basis"], alert["contractVersion"]) == ("10 profiles × 10 interactions per profile", 1)
    assert alert["period"] == {"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}
    assert (alert["recoveredAt"], alert["notifiedAt"]) == (None, None)


def test_alerts_are_paged_without_gaps_or_repeats(served: Served, operator: Client) -> None:
    use(served, operator)
    seen, after = [], None
    while True:
        page = operator.data(ALERTS, first=1, after=after)["license"]["alerts"]
        seen += [one["id"] for one in nodes(page)]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == 3
    assert operator.error(ALERTS, after="nonsense")[0] == "BAD_CURSOR"
    for unknown in ("nothing", "\0", "x" * 1_000):
        assert operator.data(ALERTS, meter=unknown)["license"]["alerts"]["edges"] == []


def test_open_and_recovered_alerts_can_be_listed_apart(served: Served, operator: Client) -> None:
    use(served, operator)
    operator.post_events(cloudevent("forms.level", "acme", "f2", value=5))
    operator.data('mutation { refreshConsumption(license: "acme") { id } }')
    served.refresh()
    query = (
        'query ($open: Boolean) { license(key: "acme") { alerts(open: $open) { edges { node { meter { key } } } } } }'
    )

    def asked(**variables: bool) -> list[str]:
        return sorted(one["meter"]["key"] for one in nodes(operator.data(query, **variables)["license"]["alerts"]))

    assert asked(open=True) == ["interactions", "users"]
    assert asked(open=False) == ["forms"]
    assert asked() == ["forms", "interactions", "users"]


BOTH = """query($kinds: [AlertKind!]!, $open: Boolean, $first: Int, $after: String) {
  license(key: "acme") { alerts(kinds: $kinds, open: $open, first: $first, after: $after) { ...found } }
  alerts(kinds: $kinds, open: $open, first: $first, after: $after) { ...found }
}
fragment found on AlertConnection {
  edges { node {
    id meter { key } ratio limit used status crossedAt foundAt recoveredAt notifiedAt
    forecast { expected low high exceedsAt exceedsEarliest exceedsLatest }
  } }
  pageInfo { hasNextPage endCursor }
}"""


PAGE = """alerts(kinds: [FORECAST, THRESHOLD], first: 1, after: $after) {
  edges { node { id } } pageInfo { hasNextPage endCursor }
}"""
PAGES_OF_ONE = f'query($after: String) {{ page: license(key: "acme") {{ {PAGE} }} }}'
PAGES_OF_ALL = f"query($after: String) {{ page: {PAGE} }}"


def add_forecast(served: Served, meter: str, found_at: datetime, recovered_at: datetime | None = None) -> None:
    """Record an alert on a forecast of a license as a refresh does."""
    with served.runtime.database.write() as session:
        session.add(
            ForecastAlert(
                license_id=id_of(session.exec(select(License).where(License.key == "acme")).one()),
                id=f"forecast of {meter}",
                meter=meter,
                period_first=date(2026, 1, 1),
                period_end=date(2027, 1, 1),
                ratio=Decimal(1),
                limit=Decimal(100),
                basis="100 forms",
                contract_version=1,
                used=Decimal(50),
                expected=Decimal(110),
                low=Decimal(90),
                high=Decimal(130),
                exceeds_earliest=datetime(2026, 12, 5, tzinfo=UTC),
                found_at=found_at,
                clear_from=found_at.date(),
                recovered_at=recovered_at,
                status="AT_RISK",
            )
        )


def test_alerts_on_forecasts_are_listed_if_they_are_asked_for_newest_first(served: Served, operator: Client) -> None:
    use(served, operator)
    thresholds = nodes(operator.data(ALERTS)["license"]["alerts"])
    now = datetime.now(UTC)
    add_forecast(served, "scenarios", now + timedelta(hours=1))
    add_forecast(served, "users", now - timedelta(days=400), now)

    found = operator.data(BOTH, kinds=["FORECAST"])
    assert found["license"]["alerts"]["edges"] == found["alerts"]["edges"]
    newest, oldest = nodes(found["alerts"])
    assert (newest["meter"], newest["status"], newest["notifiedAt"]) == ({"key": "scenarios"}, "AT_RISK", None)
    assert newest["crossedAt"] == newest["foundAt"]
    assert newest["forecast"] == {
        "expected": 110, "low": 90, "high": 130, "exceedsAt": None, "exceedsEarliest": "2026-12-05T00:00:00Z",
        "exceedsLatest": None,
    }  # fmt: skip
    assert oldest["meter"] == {"key": "users"}

    both = operator.data(BOTH, kinds=["THRESHOLD", "FORECAST"])
    ids = [newest["id"], *(one["id"] for one in thresholds), oldest["id"]]
    for alerts in (both["alerts"], both["license"]["alerts"]):
        assert [one["id"] for one in nodes(alerts)] == ids
        assert [one["forecast"] is None for one in nodes(alerts)] == [False, *[True] * len(thresholds), False]
    assert [one["id"] for one in nodes(operator.data(BOTH, kinds=["FORECAST"], open=True)["alerts"])] == ids[:1]
    assert nodes(operator.data(BOTH, kinds=[])["alerts"]) == []

    for query in (PAGES_OF_ONE, PAGES_OF_ALL):
        after, paged = None, []
        for _ in ids:
            page = operator.data(query, after=after)["page"]
            page = page.get("alerts", page)
            paged += [one["id"] for one in nodes(page)]
            after = page["pageInfo"]["endCursor"]
        assert (paged, page["pageInfo"]["hasNextPage"]) == (ids, False)
