"""The letters that are made from the contents of messages."""

from dataclasses import replace
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


def test_a_whole_e_mail_is_in_the_language_of_the_admin_and_names_the_contact(registry: Registry) -> None:
    license = License(
        id=1, key="acme", name="Acme", time_zone="UTC", contact_name="Noor <Claes>", contact_email="noor?@v.example"
    )
    crossed = replace(
        CROSSED, meter="interactions", first=date(2026, 11, 1), end=date(2027, 11, 1), used=Decimal(1_234_567),
        limit=Decimal(1_200_000), basis="100,000 profiles × 12 interactions per profile",
        crossed_at=datetime(2026, 11, 1, 9, tzinfo=UTC), found_at=datetime(2026, 11, 3, 9, tzinfo=UTC),
    )  # fmt: skip
    content = AlertsContent((crossed,))
    mail = mail_to_admin(content, license, registry, words_in(("fr", "en")), "https://a.example", "https://b.example")
    assert mail.text == (
        "Bonjour,\n\n"
        "La licence Acme (acme) a atteint les seuils suivants :\n\n"
        "Interactions : 1\u202f234\u202f567 / 1\u202f200\u202f000 interactions (102,9\xa0%)\n"
        "Atteint : 100\xa0% de la limite\n"
        "100\xa0% : seuil franchi le 1er novembre 2026, constaté le 3 novembre 2026\n"
        "Période : du 1er novembre 2026 au 31 octobre 2027\n"
        "Limite : 100\u202f000 profils × 12 interactions par profil\n"
        "Rien n’est bloqué, mais toute nouvelle utilisation augmente le dépassement. Convenez d’une limite plus élevée "
        "avec votre interlocuteur.\n\n"
        "Votre interlocuteur : Noor <Claes>\nnoor?@v.example\n\n"
        "Tous les détails sont dans Ma consommation :\nhttps://a.example\n\n"
        "Vous recevez cet e-mail une seule fois par limite et par période, car vous administrez cette licence.\n"
        "Pour vous désabonner de ces e-mails :\nhttps://b.example\n"
    )
    assert "Votre interlocuteur : Noor &lt;Claes&gt;" in mail.html
    assert 'href="mailto:noor%3F@v.example"' in mail.html
    assert '<html lang="fr">' in mail.html
