"""The calculation of a limit in a reader's languages."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from allowance import Contract, Level, Period, Text, Unit, UnitFormat
from hypothesis import given
from hypothesis import strategies as st

from core.languages.basis import basis_in_words
from core.languages.words import words_in
from meters.automation import allowance_meters as automation
from meters.channels import allowance_meters as channels
from meters.sms import allowance_meters as sms

EN, FR = words_in(("en",)), words_in(("fr", "en"))
[INTERACTIONS], [CREDITS] = channels(), sms()
SCENARIOS = automation()[0]
PLAIN = Level(key="pages", section="web", title="Pages", description="Pages.", unit="pages", limit="pages")
OWN = Level(
    key="pages", section="web", title="Pages", description="Pages.", limit="page_quota",
    unit=Unit(one=Text("page", fr="page"), other=Text("pages", fr="pages")),
    limit_words={"page_quota": Text("pages agreed", fr="pages convenues")},
)  # fmt: skip
STORAGE = Level(
    key="storage", section="storage", title="Storage", description="Recordings.", limit="storage",
    unit=Unit(one="byte", other="bytes", format=UnitFormat.BYTES),
)  # fmt: skip


@pytest.mark.parametrize(
    ("meter", "basis", "english", "french"),
    [
        (
            INTERACTIONS,
            "1,000,000 profiles × 12 interactions per profile",
            "1,000,000 profiles × 12 interactions per profile",
            "1\u202f000\u202f000 profils × 12 interactions par profil",
        ),
        (
            INTERACTIONS,
            "1 profiles × 1 interactions per profile",
            "1 profile × 1 interaction per profile",
            "1 profil × 1 interaction par profil",
        ),
        (SCENARIOS, "30 scenarios", "30 scenarios", "30 scénarios"),
        (
            CREDITS,
            "40,000.5 credits granted and not expired",
            "40,000.5 credits granted and not expired",
            "40\u202f000,5 crédits accordés et non expirés",
        ),
        (OWN, "5 page quota", "5 pages agreed", "5 pages convenues"),
        (PLAIN, "5 pages", "5 pages", "5 pages"),
        (SCENARIOS, "as agreed in May", "as agreed in May", "as agreed in May"),
        (INTERACTIONS, "1,000,000 profiles", "1,000,000 profiles", "1,000,000 profiles"),
        (STORAGE, "1,500,000,000 storage", "1.5 GB", "1,5\u202fGo"),
        (None, "30 scenarios", "30 scenarios", "30 scenarios"),
    ],
)
def test_a_calculation_of_the_sdk_is_written_anew_and_another_stays(
    meter: Level | None, basis: str, english: str, french: str
) -> None:
    assert (basis_in_words(basis, meter, EN), basis_in_words(basis, meter, FR)) == (english, french)


@given(st.decimals(0, 10**15, places=4), st.decimals(0, 1000, places=2))
def test_no_digit_of_a_calculation_is_lost(profiles: Decimal, each: Decimal) -> None:
    day = date(2026, 1, 1)
    terms = {"profiles": profiles, "interactions_per_profile": each}
    limit = INTERACTIONS.limit_of(Contract(1, Period(day, day + timedelta(days=1)), terms))
    assert limit
    digits = [re.sub("[^0-9]", "", text) for text in (limit.basis, basis_in_words(limit.basis, INTERACTIONS, FR))]
    assert digits[0] == digits[1]
