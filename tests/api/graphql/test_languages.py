"""The language of answers: by the parameter, by connection_init and by Accept-Language; and what caches are told."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.graphql.subscriptions.sockets import Socket, socket_to
from tests.api.server import Client, Served
from tests.forms import examples

TITLES = """{ consumption(license: "acme") { sections(keys: ["channels"]) { title description readings {
  meter { title description unit unitForms { one other format fractionDigits } shownIn { key title url }
    sectionOf { title } events { dimensions { title values { key title } } } }
  limitBasis breakdown { key label } } } } }"""
ENGLISH = {
    "title": "Interactions",
    "description": "Interactions in the billing period. One interaction is one campaign sent to one profile.",
    "unit": "interactions",
    "unitForms": {"one": "interaction", "other": "interactions", "format": "COUNT", "fractionDigits": 0},
    "shownIn": [{"key": "campaigns", "title": "Campaigns", "url": None}],
    "sectionOf": {"title": "Channels"},
}
FRENCH = {
    "title": "Interactions",
    "description": "Interactions de la période de facturation. Une interaction est une campagne envoyée à un profil.",
    "unit": "interactions",
    "unitForms": {"one": "interaction", "other": "interactions", "format": "COUNT", "fractionDigits": 0},
    "shownIn": [{"key": "campaigns", "title": "Campagnes", "url": None}],
    "sectionOf": {"title": "Canaux"},
}
VARY = "Accept, Accept-Encoding, Accept-Language, Authorization"
SECTION = '{ consumption(license: "acme") { version section(key: "channels") { title } } }'
INTROSPECTION = "{ __typename }"


def ask(client: Client, query: str = SECTION, url: str = "/graphql", **headers: str) -> httpx2.Response:
    return client.post(url, json={"query": query}, headers=headers)


def title(answer: httpx2.Response) -> str:
    found: str = answer.json()["data"]["consumption"]["section"]["title"]
    return found


@pytest.mark.parametrize(
    ("language", "expected", "section", "labels", "dimension", "basis"),
    [
        (
            "en", ENGLISH, ("Channels", "Interactions by channel since the start of the billing period."),
            ["Marketing e-mails", "Print campaigns"], "Channel", "{} profiles × {} interactions per profile",
        ),
        (
            "fr", FRENCH, ("Canaux", "Interactions par canal depuis le début de la période de facturation."),
            ["E-mails marketing", "Campagnes papier"], "Canal", "{} profils × {} interactions par profil",
        ),
    ],
)  # fmt: skip
def test_every_text_of_a_reading_is_in_the_language_of_the_request(
    reader: Client,
    language: str,
    expected: dict[str, Any],
    section: object,
    labels: list[str],
    dimension: str,
    basis: str,
) -> None:
    [found] = ask(reader, TITLES, **{"Accept-Language": language}).json()["data"]["consumption"]["sections"]
    assert (found["title"], found["description"]) == section
    [reading] = found["readings"]
    assert {key: reading["meter"][key] for key in expected} == expected
    [carried] = reading["meter"]["events"][0]["dimensions"]
    assert (carried["title"], carried["values"][0]["title"]) == (dimension, labels[0])
    shown = {share["key"]: share["label"] for share in reading["breakdown"]}
    assert [shown["marketing_email"], shown["print"]] == labels
    words = reading["limitBasis"].split(" ")
    assert reading["limitBasis"] == basis.format(words[0], words[3])


@pytest.mark.parametrize(
    ("url", "header", "section", "stated"),
    [
        ("/graphql", None, "Channels", "en"),
        ("/graphql", "fr", "Canaux", "fr"),
        ("/graphql", "nl, fr-BE;q=0.9, en;q=0.8", "Canaux", "fr"),
        ("/graphql", "nl", "Channels", "en"),
        ("/graphql?lang=fr", None, "Canaux", "fr"),
        ("/graphql?lang=fr-BE", "en", "Canaux", "fr"),
        ("/graphql?lang=en", "fr", "Channels", "en"),
        ("/graphql?lang=nl", "fr", "Channels", "en"),
        ("/graphql?lang=", "fr", "Canaux", "fr"),
        ("/graphql?slang=fr", None, "Channels", "en"),
    ],
)
def test_the_parameter_comes_before_the_header_and_english_is_the_default(
    reader: Client, url: str, header: str | None, section: str, stated: str
) -> None:
    answer = ask(reader, url=url, **({} if header is None else {"Accept-Language": header}))
    assert title(answer) == section
    assert (answer.headers["Content-Language"], answer.headers["Vary"]) == (stated, VARY)


def test_a_parameter_that_is_no_language_tag_is_refused_by_name(reader: Client) -> None:
    answer = ask(reader, url="/graphql?lang=french")
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "BAD_LANGUAGE"
    assert error["message"] == "The language 'french' is not a language tag, as 'fr' or 'fr-CH'."
    assert (answer.headers["Vary"], answer.headers["Content-Language"]) == (VARY, "en")


def test_answers_from_memory_and_tags_are_of_one_language(reader: Client) -> None:
    def get(language: str, **headers: str) -> httpx2.Response:
        return reader.get("/graphql", params={"query": SECTION}, headers={"Accept-Language": language, **headers})

    first = {language: get(language) for language in ("en", "fr")}
    assert [title(answer) for answer in first.values()] == ["Channels", "Canaux"]
    assert [title(get(language)) for language in ("fr", "en", "fr")] == ["Canaux", "Channels", "Canaux"]
    tags = {language: answer.headers["ETag"] for language, answer in first.items()}
    assert tags["en"] != tags["fr"]
    assert get("fr", **{"If-None-Match": tags["fr"]}).status_code == 304
    other = get("fr", **{"If-None-Match": tags["en"]})
    assert (other.status_code, title(other)) == (200, "Canaux")
    assert get("fr", **{"If-None-Match": tags["fr"]}).headers["Vary"] == VARY


def test_documents_are_prepared_once_for_all_languages(library: Served, reader: Client) -> None:
    query = "{ meters { key title } }"
    english, french = (ask(reader, query, **{"Accept-Language": tag}).json()["data"]["meters"] for tag in ("en", "fr"))
    assert [one["key"] for one in english] == [one["key"] for one in french]
    assert [one["title"] for one in english] != [one["title"] for one in french]


def connected(library: Served, payload: object, **headers: str) -> list[dict[str, Any]]:
    """The messages after a greeting with that payload, and a query of the section's title."""
    with socket_to(library, additional_headers=headers or None) as socket:
        socket.say(type="connection_init", payload=payload)
        assert socket.hear() == {"type": "connection_ack"}
        return [section_of(socket)]


def section_of(socket: Socket) -> dict[str, Any]:
    socket.ask("1", SECTION)
    message = socket.hear()
    data: dict[str, Any] = message["payload"]["data"]["consumption"]["section"]
    return data


@pytest.mark.parametrize(
    ("payload", "headers", "section"),
    [
        ({"lang": "fr"}, {}, "Canaux"),
        ({"LANG": "fr-BE"}, {"Accept-Language": "en"}, "Canaux"),
        ({"accept-language": "nl, fr"}, {}, "Canaux"),
        ({}, {"Accept-Language": "fr"}, "Canaux"),
        ({"lang": None}, {"Accept-Language": "fr"}, "Canaux"),
        ({"lang": "en"}, {"Accept-Language": "fr"}, "Channels"),
        ({}, {}, "Channels"),
    ],
)
def test_connection_init_states_the_language_else_the_handshake_does(
    library: Served, payload: dict[str, Any], headers: dict[str, str], section: str
) -> None:
    token = {"Authorization": f"Bearer {library.token()}"}
    assert connected(library, {**payload, **token}, **headers) == [{"title": section}]


@pytest.mark.parametrize(
    ("lang", "reason"),
    [("french", "The language 'french' is not a language tag, as 'fr' or 'fr-CH'."), (7, "lang must be a text")],
)
def test_a_connection_with_a_bad_language_is_closed_with_the_reason(library: Served, lang: object, reason: str) -> None:
    with socket_to(library) as socket:
        socket.say(type="connection_init", payload={"Authorization": f"Bearer {library.token()}", "lang": lang})
        assert socket.closed() == (4400, reason)


def test_a_stream_of_events_is_in_the_language_of_its_request(reader: Client) -> None:
    query = 'subscription { consumptionChanged(license: "acme") { section(key: "channels") { title } } }'
    headers = {"Accept": "text/event-stream", "Accept-Language": "fr"}
    with reader.stream("POST", "/graphql", json={"query": query}, headers=headers) as answer:
        assert (answer.headers["Content-Language"], answer.headers["Vary"]) == (
            "fr",
            "Accept, Authorization, Accept-Language",
        )
        lines = answer.iter_lines()
        data = next(line for line in lines if line.startswith("data: "))
        shown = json.loads(data.removeprefix("data: "))["data"]["consumptionChanged"]["section"]
        assert shown == {"title": "Canaux"}


HOSTILE = st.one_of(
    st.binary(max_size=3000).map(lambda raw: raw.translate(None, b"\r\n\0")),
    st.lists(
        st.sampled_from([b"fr", b"en;q=0.5", b"*", b";q=", b"fr;q=9", b",", b"x-" * 9, b"\xff"]), max_size=300
    ).map(b",".join),
)


@examples(60)
@given(header=HOSTILE)
def test_no_header_of_a_hostile_client_costs_more_than_a_refusal(library: Served, header: bytes) -> None:
    answer = asyncio.run(raw(library, header))
    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))


async def raw(library: Served, header: bytes) -> bytes:
    host, port = library.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps({"query": INTROSPECTION}).encode()
    writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + TOKENS.setdefault(library.url, library.token()).encode() + b"\r\n"
        b"Accept-Language: " + header + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    answer = await reader.read()
    writer.close()
    return answer


TOKENS: dict[str, str] = {}


def session(library: Served, language: str | None) -> str:
    """The token of a session for a person with that language."""
    mutation = """mutation($person: PersonInput) {
      createSession(input: {license: "acme", scopes: [CONSUMPTION_READ], person: $person}) { token } }"""
    with library.client() as operator:
        made = operator.data(mutation, person={"id": "ada", "language": language})["createSession"]
    token: str = made["token"]
    return token


@pytest.mark.parametrize(
    ("person", "url", "header", "section"),
    [
        ("fr", "/graphql", "en", "Canaux"),
        ("fr-BE", "/graphql?lang=en", "fr", "Channels"),
        ("nl", "/graphql", "fr", "Channels"),
        (None, "/graphql", "fr", "Canaux"),
    ],
)
def test_the_language_of_the_person_of_a_session_comes_before_the_header(
    library: Served, person: str | None, url: str, header: str, section: str
) -> None:
    with Client(library.url, session(library, person)) as client:
        assert title(ask(client, url=url, **{"Accept-Language": header})) == section


@pytest.mark.parametrize(("lang", "section"), [({}, "Canaux"), ({"lang": "en"}, "Channels")])
def test_a_connection_is_in_the_language_of_the_person_unless_it_states_another(
    library: Served, lang: dict[str, str], section: str
) -> None:
    payload = {"Authorization": f"Bearer {session(library, 'fr')}", **lang}
    assert connected(library, payload, **{"Accept-Language": "en"}) == [{"title": section}]


def test_a_meter_that_is_named_by_its_key_is_there_as_an_object_as_well(reader: Client) -> None:
    query = """{ license(key: "acme") { grants { edges { node { meter meterOf { key title } } } }
      contract { quotas { meter meterOf { key } } alertAt { meter meterOf { title } } } } }"""
    shown = ask(reader, query, **{"Accept-Language": "fr"}).json()["data"]["license"]
    grants = [edge["node"] for edge in shown["grants"]["edges"]]
    assert grants
    assert [one["meterOf"] for one in grants] == [{"key": "sms_credits", "title": "Crédits SMS"}] * len(grants)
    assert [one["meter"] for one in shown["contract"]["quotas"]] == [
        one["meterOf"]["key"] for one in shown["contract"]["quotas"]
    ]
