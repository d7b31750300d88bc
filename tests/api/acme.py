"""A license whose numbers the tests know by heart."""

from tests.api.server import Served, cloudevent

SET_UP = """
mutation {
  putLicense(input: {key: "acme", name: "Acme Retail", timeZone: "Europe/Brussels"}) { errors { message } }
  putContract(input: {
    license: "acme", effectiveFrom: "2026-01-15", startsOn: "2026-01-15", billingPeriod: "P1Y",
    terms: [
      {key: "profiles", value: 1000000}
      {key: "interactions_per_profile", value: 12}
      {key: "custom_tables", value: 50}
      {key: "goal_interactions_per_profile", value: 2}
      {key: "retention_months", value: 25}
      {key: "users", value: 0}
    ]
  }) { errors { message } }
  first: grantCredits(input: {id: "g-1", license: "acme", amount: 500, grantedAt: "2026-02-01T00:00:00Z",
    expiresAt: "2026-04-01T00:00:00Z"}) { errors { message } }
  second: grantCredits(input: {id: "g-2", license: "acme", amount: 1000.5, grantedAt: "2026-02-02T00:00:00Z"}) {
    errors { message }
  }
}
"""

EVENTS = (
    cloudevent(
        "interaction.sent",
        "acme",
        "i-1",
        time="2026-02-20T12:00:00Z",
        quantity=10_000_000,
        dimensions={"channel": "marketing_email"},
    ),
    # 9 March in Brussels already.
    cloudevent(
        "interaction.sent",
        "acme",
        "i-2",
        time="2026-03-08T23:30:00Z",
        quantity=1_000_000,
        dimensions={"channel": "print"},
    ),
    cloudevent("profiles.level", "acme", "p-1", time="2026-03-09T08:00:00Z", value=600_000, entity="be"),
    cloudevent("profiles.level", "acme", "p-2", time="2026-03-09T08:00:00Z", value=450_000, entity="nl"),
    cloudevent(
        "custom_tables.level", "acme", "t-1", time="2026-03-01T08:00:00Z", value=30, dimensions={"type": "linked_data"}
    ),
    cloudevent(
        "custom_tables.level", "acme", "t-2", time="2026-03-01T08:00:00Z", value=10, dimensions={"type": "repository"}
    ),
    cloudevent("sms.sent", "acme", "s-1", time="2026-03-02T08:00:00Z", quantity=600),
    cloudevent("goal.triggered", "acme", "g-1", time="2026-03-03T08:00:00Z", quantity=2_100_000),
    cloudevent("users.level", "acme", "u-1", time="2026-03-03T08:00:00Z", value=0),
)


def bring_in(served: Served) -> None:
    """Put the license, its contract and grants, send its usage, and refresh it."""
    with served.client() as client:
        client.data(SET_UP)
        answer = client.post_events(*EVENTS)
        assert answer.json() == {"accepted": len(EVENTS), "duplicates": 0, "rejected": []}
    served.refresh()
