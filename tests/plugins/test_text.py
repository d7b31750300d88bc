"""Texts in several languages, units and applications of the SDK."""

import pickle
from copy import copy, deepcopy
from importlib import import_module
from typing import Any

import orjson
import pytest
from allowance import Application, Dimension, InvalidDeclaration, Level, Section, Text, Unit, UnitFormat
from allowance.contribution import check_plugin
from allowance.text import in_languages, languages_of, unit_of

from core.languages.negotiation import TRANSLATED

PROFILES = Text("Profiles", fr="Profils", pt_BR="Perfis")


def level(**changed: Any) -> Level:
    return Level(**({"key": "forms", "section": "web", "title": "T", "description": "D", "unit": "u"} | changed))


def test_a_text_is_its_english_text_for_code_that_knows_plain_texts_alone() -> None:
    assert PROFILES == "Profiles"
    assert hash(PROFILES) == hash("Profiles")
    assert f"{PROFILES}" == "Profiles"
    assert orjson.dumps({"title": PROFILES}) == b'{"title":"Profiles"}'


@pytest.mark.parametrize(
    ("languages", "text"),
    [
        (["fr"], "Profils"),
        (["de", "fr", "en"], "Profils"),
        (["en", "fr"], "Profiles"),
        (["pt-br"], "Perfis"),
        (["de"], "Profiles"),
        ([], "Profiles"),
    ],
)
def test_a_reader_gets_the_first_language_that_a_text_has(languages: list[str], text: str) -> None:
    found = in_languages(PROFILES, languages)
    assert (found, type(found)) == (text, str)
    assert in_languages("Profiles", languages) == "Profiles"


@pytest.mark.parametrize("made", [copy(PROFILES), deepcopy(PROFILES), pickle.loads(pickle.dumps(PROFILES))])  # noqa: S301
def test_a_copy_of_a_text_keeps_its_languages(made: Text) -> None:
    assert dict(made.languages) == {"en": "Profiles", "fr": "Profils", "pt-br": "Perfis"}


@pytest.mark.parametrize("tag", ["french", "f", "FR!", "fr--be", "fr-", "12", "fr\n"])
@pytest.mark.parametrize(
    ("declare", "field"),
    [
        (lambda text: level(title=text), "Level forms: `title`"),
        (lambda text: level(description=text), "Level forms: `description`"),
        (lambda text: level(unit=text), "Level forms: `unit`"),
        (lambda text: level(unit=Unit(one="u", other=text)), "Level forms: `unit`: `other`"),
        (lambda text: level(limit="a", limit_words={"a": text}), "Level forms: `limit_words` of a"),
        (lambda text: level(applications=(Application("x", text),)), "Level forms: an application 'x': `title`"),
        (lambda text: Section(key="web", title=text), "Section web: `title`"),
        (lambda text: Dimension("channel", {"web": text}), "Dimension channel: the label of 'web'"),
        (lambda text: Dimension("channel", title=text), "Dimension channel: `title`"),
    ],
)
def test_a_bad_language_tag_is_refused_with_the_name_of_the_field(declare: Any, field: str, tag: str) -> None:
    with pytest.raises(InvalidDeclaration) as refused:
        declare(Text("Text", **{tag: "Texte"}))
    assert str(refused.value).startswith(f"{field}: ")
    assert "is not a language tag, as 'fr' or 'pt-BR'" in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"title": Text("T", fr="")}, "`title` in 'fr' must be a text and not empty"),
        ({"title": Text("T", fr=7)}, "`title` in 'fr' must be a text"),  # type: ignore[arg-type]
        ({"unit": Unit(one="", other="u")}, "`unit`: `one` must be a text"),
        ({"unit": Unit(one=None, other="u")}, "`unit` needs the forms `one` and `other`"),  # type: ignore[arg-type]
        ({"unit": Unit(one="u", other="u", format="COUNT")}, "`format` must be a UnitFormat"),  # type: ignore[arg-type]
        ({"unit": Unit(one="u", other="u", fraction_digits=10)}, "`fraction_digits` must be a whole number up to 9"),
        ({"unit": Unit(one="u", other="u", fraction_digits=True)}, "`fraction_digits` must be"),
        ({"applications": (Application(""),)}, "an application: `key` must be a text"),
        (
            {"applications": (Application("x", url="javascript:1"),)},
            "'x': `url` must begin with https://",
        ),
        ({"applications": (Application("x", url="https://a b"),)}, "'x': `url` must begin"),
        ({"limit": "a", "limit_words": {"b": "words"}}, "`limit_words` must map names of terms in `limit`"),
    ],
)
def test_a_text_unit_or_application_that_cannot_work_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDeclaration) as refused:
        level(**changed)
    assert str(refused.value).startswith("Level forms: ")
    assert message in str(refused.value)


def test_a_plain_unit_and_plain_applications_work_as_before() -> None:
    meter = level(unit="forms", applications=("forms", "web"))
    assert (meter.unit, meter.applications) == ("forms", ("forms", "web"))
    assert meter.unit_forms == Unit(one="forms", other="forms", format=UnitFormat.DECIMAL)
    assert meter.shown_in == (Application("forms"), Application("web"))
    assert (str(meter.unit_forms), meter.unit_forms.digits) == ("forms", 3)


@pytest.mark.parametrize(
    ("unit_format", "digits"), [("COUNT", 0), ("DECIMAL", 3), ("BYTES", 1), ("MONTHS", 0), ("RATIO", 2)]
)
def test_a_format_has_its_usual_number_of_fraction_digits(unit_format: str, digits: int) -> None:
    assert Unit(one="u", other="us", format=UnitFormat(unit_format)).digits == digits
    assert Unit(one="u", other="us", format=UnitFormat(unit_format), fraction_digits=5).digits == 5


def test_meters_that_share_a_dimension_share_its_title() -> None:
    titled = Dimension("channel", {"web": "Web"}, Text("Channel", fr="Canal"))
    assert Dimension("channel", {"app": "App"}).united(titled).title == "Channel"
    assert titled.united(Dimension("channel")).title == "Channel"


BUILT_IN = [
    check_plugin(import_module(f"meters.{name}"))
    for name in ("channels", "sms", "data_model", "web", "automation", "license", "installations")
]


def test_every_text_of_the_built_in_meters_is_in_every_language_of_the_application() -> None:
    meters = [meter for found in BUILT_IN for meter in found.meters]
    texts = [text for found in BUILT_IN for one in found.sections for text in (one.title, one.description or "")]
    texts += [text for one in meters for text in (one.title, one.description)]
    texts += [application.title or "" for one in meters for application in one.shown_in]
    dimensions = [each for one in meters for each in (*one.by, *(each for e in one.events() for each in e.dimensions))]
    texts += [text for each in dimensions if each.key != "entity" for text in (each.title or "", *each.values.values())]
    words = [*(one.unit for one in meters), *(each for one in meters for each in one.limit_words.values())]
    forms = [form for one in words for form in unit_of(one).forms.values()]
    assert [text for text in (*texts, *forms) if languages_of(text) != set(TRANSLATED)] == []
    assert [
        one.key for one in meters if len(one.limit_terms) > 1 and set(one.limit_words) != set(one.limit_terms)
    ] == []
