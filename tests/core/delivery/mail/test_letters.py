"""The letters that are made from the contents of messages."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.delivery.mail.letters import mail_to_admin
from core.delivery.messages import (
    AlertItem,
    AlertsContent,
    DeclinedContent,
    ForecastItem,
    ForecastsContent,
    RequestItem,
)
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


FORECAST = ForecastItem(
    "f", "interactions", date(2026, 1, 1), date(2027, 1, 1), Decimal(1), Decimal(1000), "1,000 interactions", 1,
    Decimal(600), Decimal(1100), Decimal(1040), Decimal(1170), datetime(2026, 12, 12, 23, 30, tzinfo=UTC),
    datetime(2026, 12, 5, 9, tzinfo=UTC), datetime(2026, 12, 24, 9, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC), None,
)  # fmt: skip
SURE = replace(FORECAST, exceeds_earliest=FORECAST.exceeds_at, exceeds_latest=FORECAST.exceeds_at)
UNSURE = replace(FORECAST, low=Decimal(900), exceeds_at=None, exceeds_latest=None)
PART = replace(
    FORECAST, ratio=Decimal("0.9"), expected=Decimal(950), low=Decimal(900), high=Decimal(990), exceeds_at=None,
    exceeds_earliest=None, exceeds_latest=None,
)  # fmt: skip
SPENT = replace(SURE, meter="sms_credits", basis="1,000 credits granted and not expired", expected=Decimal(990))
SPENT_ABOUT = replace(SPENT, exceeds_earliest=FORECAST.exceeds_earliest, exceeds_latest=FORECAST.exceeds_latest)
SPENT_SOME_DAY = replace(SPENT, exceeds_at=None, exceeds_latest=None)
PART_SPENT = replace(SPENT, ratio=Decimal("0.9"), expected=Decimal(950))
SPENDING = "Acme: at this pace the last credit will be spent"
EXCEEDING, NEAR = "Acme: at this pace a limit will be exceeded", "Acme: at this pace a limit will be nearly used"


@pytest.mark.parametrize(
    ("item", "language", "subject", "said"),
    [
        (SURE, "en", EXCEEDING, "At this pace the limit is exceeded on December 13, 2026."),
        (
            FORECAST,
            "en",
            EXCEEDING,
            "At this pace the limit is exceeded on December 13, 2026, between December 5, 2026 and December 24, 2026.",
        ),
        (
            UNSURE,
            "en",
            EXCEEDING,
            "At this pace the limit is exceeded before the period ends, on December 5, 2026 at the earliest.",
        ),
        (PART, "en", NEAR, "At this pace 95% of the limit is used when the period ends."),
        (SPENT, "en", SPENDING, "At this pace the last credit is spent on December 13, 2026."),
        (
            SPENT_ABOUT,
            "en",
            SPENDING,
            "the last credit is spent on December 13, 2026, between December 5, 2026 and December 24, 2026.",
        ),
        (SPENT_SOME_DAY, "en", SPENDING, "At this pace the last credit is spent before the period ends."),
        (PART_SPENT, "en", NEAR, "At this pace 95% of the credits are spent when the period ends."),
        (
            SPENT_ABOUT,
            "fr",
            "Acme : à ce rythme, le dernier crédit sera dépensé",
            "le dernier crédit est dépensé le 13 décembre 2026, entre le 5 décembre 2026 et le 24 décembre 2026.",
        ),
        (
            FORECAST,
            "fr",
            "Acme : à ce rythme, une limite sera dépassée",
            "À ce rythme, la limite est dépassée le 13 décembre 2026, entre le 5 décembre 2026 et le 24 décembre 2026.",
        ),
    ],
)
def test_a_forecast_states_the_day_on_which_the_limit_is_exceeded_with_its_range(
    registry: Registry, item: ForecastItem, language: str, subject: str, said: str
) -> None:
    license = License(id=1, key="acme", name="Acme", time_zone="Europe/Brussels")
    words = words_in((language, "en") if language != "en" else ("en",))
    mail = mail_to_admin(ForecastsContent((item,)), license, registry, words, "https://a.example", "https://b.example")
    assert mail.subject == subject
    assert said in mail.text
    assert said in mail.html


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
