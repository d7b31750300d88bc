"""The letters that are made from the contents of messages."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.delivery.mail.letters import mail_to_admin
from core.delivery.messages import AlertItem, AlertsContent, DeclinedContent, RequestItem
from core.languages.words import words_in
from core.licenses.tables import License
from core.plugins.registry import Registry

CROSSED = AlertItem(
    id="1",
    meter="active_installations",
    first=date(2026, 3, 1),
    end=date(2026, 4, 1),
    ratio=Decimal(1),
    limit=Decimal(3),
    basis="3 active installations",
    contract_version=1,
    used=Decimal(3),
    status="EXCEEDED",
    crossed_at=datetime(2026, 3, 14, 23, 30, tzinfo=UTC),
    found_at=datetime(2026, 3, 15, 0, 30, tzinfo=UTC),
    recovered_at=None,
)


@pytest.mark.parametrize(
    ("time_zone", "said"),
    [("UTC", "100% crossed on March 14, 2026, found on March 15, 2026"), ("Europe/Brussels", None)],
)
def test_the_days_of_a_crossing_are_those_of_the_license(registry: Registry, time_zone: str, said: str | None) -> None:
    license = License(id=1, key="acme", name="Acme", time_zone=time_zone)
    mail = mail_to_admin(
        AlertsContent((CROSSED,)), license, registry, words_in(("en",)), "https://a.example", "https://b.example"
    )
    assert ("found on" in mail.text) is (said is not None)
    assert said is None or said in mail.text
    assert mail.subject == "Acme: a limit of your license is exceeded"
    assert "No place is left." in mail.text


@pytest.mark.parametrize(
    ("language", "subject", "texts"),
    [
        (
            "en",
            "Acme: a request for credits was declined",
            ("The request of the license Acme (acme) for 5,000 credits of SMS credits was declined.", "Only for be",
             "Note: for Easter", "Reason: used up Sincerely"),
        ),
        (
            "fr",
            "Acme : une demande de crédits a été refusée",
            ("La demande de la licence Acme (acme) a été refusée : 5\u202f000 crédits, Crédits SMS.", "Réservés à be",
             "Remarque : for Easter", "Motif : used up Sincerely"),
        ),
    ],
)  # fmt: skip
def test_a_declined_request_is_stated_with_the_reason_in_the_language_of_the_admin(
    registry: Registry, language: str, subject: str, texts: tuple[str, ...]
) -> None:
    license = License(id=1, key="acme", name="Acme", time_zone="UTC")
    at = datetime(2026, 3, 15, 12, tzinfo=UTC)
    request = RequestItem("r", "sms_credits", Decimal(5000), "be", "for Easter", "console", at)
    content = DeclinedContent(request, "used up\nSincerely")
    mail = mail_to_admin(
        content, license, registry, words_in((language, "en")), "https://a.example", "https://b.example"
    )
    assert mail.subject == subject
    for text in texts:
        assert text in mail.text
        assert text in mail.html
