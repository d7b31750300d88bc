"""Licenses in every state that the page shows, on a server with a plugin whose meter fails at times."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from core.settings import Settings
from tests.api.conftest import NOW
from tests.api.server import Served, cloudevent, serving

FRAGILE = Path(__file__).parents[1] / "graphql" / "schema" / "fragile.py"
LONG = "Compagnie Internationale de Distribution et de Logistique Méditerranéenne (Établissement de Villeneuve-d’Ascq)"
_CONTRACT = """putContract(input: {license: "%s", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", warnings: true,
  %s terms: [%s]}) { errors { message } }"""
_TERMS = {
    "mixed": {"profiles": 1000, "interactions_per_profile": 10, "custom_tables": 12, "profile_tables": 4, "users": 0}
    | {"api_users": 0, "newsletters": 5, "retention_months": 25, "active_installations": 3, "storage": 1_000_000_000},
    "refused": {"active_installations": 2},
    "never": {"users": 5},
    "ended": {"users": 5},
    "suspended": {"users": 5},
    "long": {"profiles": 5, "custom_tables": 3},
}
_LEVELS = {
    "mixed": {"profiles": 1100, "custom_tables": 11, "profile_tables": 4, "users": 0, "api_users": 2, "scenarios": 7}
    | {"storage": 1_200_000_000},
    "ended": {"users": 4},
    "suspended": {"users": 4},
    "long": {"profiles": 9, "custom_tables": 4},
}


@contextmanager
def fragile(site: Path) -> Iterator[None]:
    """A plugin is installed whose meter fails while thirteen calls are counted."""
    about = site / "fragile-1.5.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fragile\nVersion: 1.5\n")
    (about / "entry_points.txt").write_text("[allowance]\nfragile = fragile\n")
    shutil.copy(FRAGILE, site)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        yield
    sys.modules.pop("fragile", None)


@contextmanager
def every_state(url: str, site: Path) -> Iterator[Served]:
    """A server with a license for each state, named after it. The time of this process stands still at NOW."""
    with (
        fragile(site),
        time_machine.travel(NOW - timedelta(minutes=2), tick=False) as clock,
        serving(Settings(database_url=url)) as served,
    ):
        _put_licenses(served)
        served.refresh()
        clock.move_to(NOW)
        _make_stale(served)
        yield served


def _put_licenses(served: Served) -> None:
    names = {"mixed": "Mixed & Co", "long": LONG}
    with served.client() as client:
        for key, terms in _TERMS.items():
            name, entries = (
                names.get(key, key.title()),
                " ".join(f'{{key: "{k}", value: {v}}}' for k, v in terms.items()),
            )
            end = 'endsOn: "2026-03-01",' if key == "ended" else ""
            client.data(
                f'mutation {{ putLicense(input: {{key: "{key}", name: "{name}"}}) {{ errors {{ message }} }} '
                f"{_CONTRACT % (key, end, entries)} }}"
            )
        client.data('mutation { grantCredits(input: {id: "g", license: "mixed", amount: 500}) { errors { message } } }')
        client.data(
            'mutation { suspendLicense(input: {license: "suspended", reason: "Unpaid"}) { errors { message } } }'
        )
        sent = [("interaction.sent", "mixed", {"quantity": 8500, "dimensions": {"channel": "print"}})]
        sent += [("sms.sent", "mixed", {"quantity": 120}), ("call.made", "mixed", {"quantity": 12})]
        sent += [
            (
                f"{meter}.level",
                key,
                {"value": value, **({"entity": LONG} if (key, meter) == ("long", "profiles") else {})},
            )
            for key, levels in _LEVELS.items()
            for meter, value in levels.items()
        ]
        events = [cloudevent(kind, key, f"e{number}", **data) for number, (kind, key, data) in enumerate(sent)]
        assert client.post_events(*events).json()["rejected"] == []
        for key, places in (("mixed", 3), ("refused", 3)):
            for number in range(places):
                client.post("/check-in", json={"license": key, "installation": f"i{number}"})


def _make_stale(served: Served) -> None:
    with served.client() as client:
        client.post_events(cloudevent("call.made", "mixed", "thirteenth", quantity=1))
        client.data('mutation { refreshConsumption(license: "mixed") { id } }')
    served.refresh()
    with served.client() as client:  # after the refresh, so that it was never measured
        terms = '{key: "users", value: 5}'
        client.data(
            'mutation { putLicense(input: {key: "fresh", name: "Fresh"}) { errors { message } } '
            f"{_CONTRACT % ('fresh', '', terms)} }}"
        )
