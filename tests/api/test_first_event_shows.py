"""The first event shows by itself, with the settings as they are."""

from datetime import UTC, datetime
from time import monotonic, sleep

import pytest

from core.settings import Settings
from tests.api.server import cloudevent, serving

USED = '{ consumption(license: "acme") { section(key: "channels") { readings { used } } } }'


@pytest.mark.long
def test_usage_shows_by_itself_with_the_default_settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLOWANCE_REFRESH_AFTER_SECONDS", raising=False)
    assert Settings(database_url=database_url).refresh_after_seconds == 10
    with serving(Settings(database_url=database_url), worker=True) as served, served.client() as client:
        client.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
        sleep(2)  # the refresh that the new license brings
        event = cloudevent("interaction.sent", "acme", "first", time=datetime.now(UTC).isoformat(), quantity=7)
        assert client.post_events(event).json()["accepted"] == 1
        patience = monotonic() + 60
        found = None
        while monotonic() < patience and found != 7:
            found = client.data(USED)["consumption"]["section"]["readings"][0]["used"]
            sleep(0.25)
        assert found == 7
