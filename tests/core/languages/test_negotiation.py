"""The negotiation of a reader's languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.languages.negotiation import ENGLISH_ALONE, BadLanguage, Negotiator, content_language

NEGOTIATOR = Negotiator({"de", "pt-br", "fr-ca"})


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        (None, ("en",)),
        ("", ("en",)),
        ("*", ("en",)),
        ("fr", ("fr", "en")),
        ("FR", ("fr", "en")),
        ("fr-BE", ("fr", "en")),
        ("fr-CA", ("fr-ca", "fr", "en")),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", ("fr", "en")),
        ("en-US,en;q=0.9,fr;q=0.8", ("en",)),
        ("de, fr;q=0.8", ("de", "fr", "en")),
        ("fr;q=0.8, de", ("de", "fr", "en")),
        ("en;q=0.1, fr;q=0.2", ("fr", "en")),
        ("fr;q=0, de;q=0.000", ("en",)),
        ("fr;q=2, de;q=-1, fr;q=nan, de;q=0.1234", ("en",)),
        ("pt", ("pt-br", "en")),
        ("ja, zh-Hant-TW", ("en",)),
        ("fr ; q=0.5 , de ;Q=0.6", ("de", "fr", "en")),
        ("\x00fr, =;q, ,,;;, fr", ("fr", "en")),
        ("de," * 30 + "fr", ("de", "en")),
    ],
)
def test_a_header_is_read_by_its_weights_and_what_is_no_language_is_passed_over(
    header: str | None, languages: tuple[str, ...]
) -> None:
    assert NEGOTIATOR.accepted(header) == languages


RANGE = st.from_regex(r"[a-zA-Z*]{1,9}(-[a-z0-9]{1,9}){0,3}( ?; ?q=[0-9.]{0,6})?", fullmatch=True)


@given(st.one_of(st.text(max_size=2000), st.lists(RANGE, max_size=400).map(",".join)))
def test_any_header_gives_a_few_known_languages_that_end_with_english(header: str) -> None:
    languages = NEGOTIATOR.accepted(header)
    assert languages[-1] == "en"
    assert len(set(languages)) == len(languages) <= 5
    assert set(languages) <= {"en", "fr", "de", "pt-br", "fr-ca"}
    assert content_language(languages).isascii()


def test_a_named_language_is_taken_alone() -> None:
    assert NEGOTIATOR.named("fr_CA") == ("fr-ca", "fr", "en")
    assert NEGOTIATOR.named("ja") == ENGLISH_ALONE


@pytest.mark.parametrize("tag", ["", "f", "french", "fr,de", "fr;q=1", "*", "fr\n", "fr-" + "a" * 9, "é"])
def test_what_is_no_language_tag_is_refused_by_name(tag: str) -> None:
    with pytest.raises(BadLanguage, match="is not a language tag, as 'fr' or 'fr-CH'"):
        NEGOTIATOR.named(tag)


@pytest.mark.parametrize(
    ("languages", "stated"),
    [(("en",), "en"), (("fr", "en"), "fr"), (("de", "fr", "en"), "de, fr"), (("de", "en"), "de, en")],
)
def test_an_answer_states_the_languages_up_to_the_first_that_all_sentences_have(
    languages: tuple[str, ...], stated: str
) -> None:
    assert content_language(languages) == stated
