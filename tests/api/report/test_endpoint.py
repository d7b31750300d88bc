"""The page of a contract report, from the sign-in to paper."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.graphql.operations.run import OperationCall, OperationResult, Operations
from api.report.problem_words import SENTENCES, problem_in_words
from core.languages.words import words_in
from core.settings import Settings
from tests.api.server import Client, Served, serving
from tests.fixtures.engine import Engine

PAGE = "/report/acme"


def test_a_bearer_token_shows_the_report(reader: Client) -> None:
    answer = reader.get(PAGE)

    assert answer.status_code == 200
    assert answer.headers["content-language"] == "en"
    assert "<h1>Acme Retail</h1>" in answer.text
    assert "Contract report, January 15, 2026 to March 10, 2026" in answer.text
    assert "At most" not in answer.text
    assert re.search(r"<td class=\"bad\">exceeded on 2 days</td>\s*<td class=\"number\">1,300,000</td>", answer.text)


def test_it_holds_no_script_and_asks_no_other_host(reader: Client) -> None:
    answer = reader.get(PAGE)

    assert "<script" not in answer.text
    assert not re.search(r"(src|href)=", answer.text)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert answer.headers["cache-control"] == "no-store"


def test_without_a_token_a_form_asks_for_one_and_shows_the_report(library: Served, reader: Client) -> None:
    token = reader.headers["Authorization"].removeprefix("Bearer ")
    with library.anonymous() as anyone:
        asked = anyone.get(PAGE)
        shown = anyone.post(f"{PAGE}?lang=fr", data={"token": f" {token} "})

    assert (asked.status_code, '<form method="post">' in asked.text) == (401, True)
    assert (shown.status_code, "Rapport de contrat, du 15 janvier 2026 au 10 mars 2026" in shown.text) == (200, True)


def test_a_token_that_is_not_known_is_asked_again(library: Served) -> None:
    with library.anonymous() as anyone:
        answer = anyone.post(PAGE, data={"token": "alw_nothing"})

    assert answer.status_code == 401
    assert '<form method="post">' in answer.text
    assert 'role="alert"' in answer.text


def test_terms_are_compared_with_the_contract(reader: Client) -> None:
    text = reader.get(PAGE, params={"with": ["profiles=2000000", "users=1,profiles=1"], "from": "2026-03-09"}).text

    assert "What if the contract said: 2,000,000 profiles" in text
    assert "What if the contract said: 1 user, 1 profile" in text
    assert re.search(r"2,000,000</td>\s*<td>always within the limit</td>\s*<td>exceeded on 2 days</td>", text)


@pytest.mark.parametrize(
    ("parameters", "status", "message"),
    [
        ({"with": "profile=1"}, 400, "No meter knows the term &#39;profile&#39;. Did you mean &#39;profiles&#39;?"),
        ({"with": "profiles"}, 400, "is not a list of terms. Write it as profiles=250000,users=20."),
        ({"with": ["users=1"] * 4}, 400, "The page compares 3 alternatives at the most."),
        ({"from": "yesterday"}, 400, "`from` &#39;yesterday&#39; is not a day. Write it as 2026-05-01."),
        ({"from": "2026-03-11"}, 400, "The report would begin on 2026-03-11, after its last day, 2026-03-10."),
    ],
)
def test_what_cannot_be_shown_is_explained(
    reader: Client, parameters: dict[str, str], status: int, message: str
) -> None:
    answer = reader.get(PAGE, params=parameters)

    assert (answer.status_code, message in answer.text) == (status, True), answer.text


def test_a_key_of_another_license_is_not_told_whether_it_exists(operator: Client, served: Served) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { message } } }')
    operator.data('mutation { putLicense(input: {key: "globex", name: "Globex"}) { errors { message } } }')
    with served.client("consumption:read", license="acme") as acme:
        there, nowhere = acme.get("/report/globex"), acme.get("/report/nowhere")

    assert (there.status_code, nowhere.status_code) == (403, 403)
    assert "This access code does not open the report of this license." in there.text
    assert _without_trace(there.text) == _without_trace(nowhere.text)


def _without_trace(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{32}\b", "", text)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "There is no such license. Check the address."),
        ("fr", "Cette licence n’existe pas. Vérifiez l’adresse."),
    ],
)
def test_a_license_that_does_not_exist_is_explained_in_the_language_of_the_page(
    operator: Client, language: str, words: str
) -> None:
    answer = operator.get(f"/report/nowhere?lang={language}")

    assert answer.status_code == 404
    assert f"{words}</p>" in answer.text
    assert "No license" not in answer.text
    assert re.search(r"(support team|assistance).*: [0-9a-f]{32}</p>", answer.text)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("code", sorted({*SENTENCES} - {"UNAUTHENTICATED"}))
def test_sentences_of_errors_are_there_in_each_language(code: str, language: str) -> None:
    sentence = problem_in_words(code, words_in((language, "en")))

    assert sentence
    assert (sentence == SENTENCES[code]) is (language == "en")


def test_a_key_that_only_writes_usage_sees_no_report(operator: Client, served: Served) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { message } } }')
    with served.client("usage:write", license="acme") as platform:
        assert platform.get(PAGE).status_code == 403


def test_names_are_text(operator: Client) -> None:
    operator.data(
        'mutation { putLicense(input: {key: "acme", name: "<img src=x onerror=alert(1)>"}) { errors { message } } }'
    )

    assert "<h1>&lt;img src=x onerror=alert(1)&gt;</h1>" in operator.get(PAGE).text


@pytest.mark.parametrize("query", ["", "?from=2026-03-01&to=2026-03-02&with=profiles=5&with=users=1&with=forms=1"])
def test_a_page_is_one_operation_also_where_only_trusted_documents_are_executed(
    tmp_path: Path, new_sqlite: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    file = tmp_path / "documents.json"
    file.write_text('{"name": "{ viewer { name } }"}')
    settings = Settings(database_url=new_sqlite(tmp_path / "test.db"), trusted_documents=file)
    sent: list[str | None] = []
    run = Operations.run

    def counted(self: Operations, call: OperationCall, *rest: Any) -> OperationResult:
        sent.append(call.name)
        return run(self, call, *rest)

    monkeypatch.setattr(Operations, "run", counted)
    with serving(settings) as served, served.client() as client:
        Engine(served.runtime).license("acme", "Pacific/Auckland", {"profiles": 100}, now=datetime.now(UTC))
        answer = client.get(f"{PAGE}{query}")
        assert answer.status_code == 200, answer.text
        assert not query or "March 1, 2026 to March 2, 2026" in answer.text
        assert len(sent) == 1
        refused = client.post("/graphql", json={"query": "{ __typename }"})
        assert refused.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
