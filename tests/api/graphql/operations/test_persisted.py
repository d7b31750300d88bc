"""Persisted and trusted documents."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.graphql.operations import persisted
from api.graphql.operations.persisted import (
    BadDigest,
    Documents,
    NotTrusted,
    PersistedQueryNotFound,
    digest_of,
    load_trusted,
)
from core.errors import BadSetting
from core.settings import Settings
from tests.api.server import Client, Served, serving

QUERY = "{ viewer { name } }"
DIGEST = hashlib.sha256(QUERY.encode()).hexdigest()


def extensions(digest: str = DIGEST) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


def code(answer: Any) -> str:
    (error,) = answer.json()["errors"]
    found: str = error["extensions"]["code"]
    return found


@given(st.text(min_size=1))
def test_a_document_is_found_by_its_digest_once_it_was_kept(text: str) -> None:
    documents = Documents()
    digest = digest_of(text)
    with pytest.raises(PersistedQueryNotFound):
        documents.text(None, digest)
    assert documents.text(text, digest) == text
    documents.keep(text, digest, "key")
    assert documents.text(None, digest) == text


def test_a_digest_of_another_text_is_refused() -> None:
    with pytest.raises(BadDigest):
        Documents().text(QUERY, digest_of("{ viewer { scopes } }"))


def test_what_is_kept_is_bounded_and_the_least_recently_asked_for_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    documents = Documents(share=2 * sys.getsizeof("first"))
    for text in ("first", "other"):
        documents.keep(text, digest_of(text), "key")
    documents.text(None, digest_of("first"))
    documents.keep("third", digest_of("third"), "key")
    assert documents.text(None, digest_of("first")) == "first"
    with pytest.raises(PersistedQueryNotFound):
        documents.text(None, digest_of("other"))
    monkeypatch.setattr(persisted, "LONGEST", 2)
    documents.keep("long", digest_of("long"), "key")
    with pytest.raises(PersistedQueryNotFound):
        documents.text(None, digest_of("long"))


@pytest.mark.parametrize(
    "content",
    [
        {"any-name": QUERY},
        {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": DIGEST, "body": QUERY}]},
    ],
)
def test_lists_of_relay_of_code_generator_and_of_apollo_are_read(tmp_path: Path, content: object) -> None:
    file = tmp_path / "documents.json"
    file.write_bytes(orjson.dumps(content))
    assert load_trusted(file) == {DIGEST: QUERY}


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"a": 1}', b'{"operations": [1]}', b"{"])
def test_a_list_that_holds_no_documents_is_refused_by_its_setting(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "documents.json"
    file.write_bytes(content)
    with pytest.raises(BadSetting, match="ALLOWANCE_TRUSTED_DOCUMENTS"):
        load_trusted(file)


def test_a_list_that_is_not_there_is_refused_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"ALLOWANCE_TRUSTED_DOCUMENTS.*No such file"):
        load_trusted(tmp_path / "nothing.json")


def test_trusted_documents_are_executed_by_text_and_by_digest_and_nothing_else_is() -> None:
    documents = Documents({DIGEST: QUERY})
    assert documents.text(QUERY, None) == documents.text(None, DIGEST) == QUERY
    for query, digest in (("{ viewer { scopes } }", None), (None, digest_of("{ __typename }")), (None, None)):
        with pytest.raises(NotTrusted):
            documents.text(query, digest)


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
def test_a_client_sends_the_digest_then_the_text_then_the_digest_alone(reader: Client) -> None:
    query = "{ viewer { name again: name } }"
    asked = extensions(digest_of(query))
    unknown = reader.get("/graphql", params={"extensions": orjson.dumps(asked).decode()})
    assert (unknown.status_code, code(unknown)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert unknown.headers["cache-control"] == "private, no-store"
    first = reader.post("/graphql", json={"query": query, "extensions": asked})
    again = reader.get("/graphql", params={"extensions": orjson.dumps(asked).decode()})
    assert first.json()["data"] == again.json()["data"] == {"viewer": {"name": "a test", "again": "a test"}}
    assert "etag" in again.headers


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), ("application/graphql-response+json", 400)])
def test_a_digest_that_is_not_known_is_an_error_by_status_where_the_media_type_wants_it(
    reader: Client, accept: str, status: int
) -> None:
    asked = {"extensions": extensions("0" * 64)}
    answer = reader.post("/graphql", json=asked, headers={"Accept": f"{accept}, application/json;q=0.9"})
    assert answer.headers["content-type"] == f"{accept}; charset=utf-8"
    assert (answer.status_code, code(answer)) == (status, "PERSISTED_QUERY_NOT_FOUND")
    assert "data" not in answer.json()


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"query": QUERY, "extensions": extensions("0" * 64)}, "PERSISTED_QUERY_MISMATCH"),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": DIGEST}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 7}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": []}}, "BAD_REQUEST"),
        ({"documentId": 7}, "BAD_REQUEST"),
        ({"documentId": "sha256:" + "0" * 64}, "PERSISTED_QUERY_NOT_FOUND"),
        ({"documentId": "md5:0"}, "BAD_REQUEST"),
    ],
)
def test_what_names_no_document_is_refused(reader: Client, sent: dict[str, Any], expected: str) -> None:
    assert code(reader.post("/graphql", json=sent)) == expected


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
def test_a_document_that_is_not_valid_is_not_kept(reader: Client) -> None:
    query = "{ viewer { nothing } }"
    asked = extensions(digest_of(query))
    assert code(reader.post("/graphql", json={"query": query, "extensions": asked})) == "GRAPHQL_VALIDATION_FAILED"
    assert code(reader.post("/graphql", json={"extensions": asked})) == "PERSISTED_QUERY_NOT_FOUND"


def test_a_server_with_trusted_documents_executes_nothing_else(tmp_path: Path, new_sqlite: Any) -> None:
    file = tmp_path / "documents.json"
    file.write_bytes(orjson.dumps({"name": QUERY}))
    settings = Settings(database_url=new_sqlite(tmp_path / "test.db"), trusted_documents=file)
    with serving(settings) as served, served.client() as client:
        assert client.data(QUERY) == {"viewer": {"name": "a test"}}
        by_digest = client.post("/graphql", json={"documentId": f"sha256:{DIGEST}"})
        assert by_digest.json()["data"] == {"viewer": {"name": "a test"}}
        refused = client.post("/graphql", json={"query": "{ __typename }"})
        assert (refused.status_code, code(refused)) == (403, "DOCUMENT_NOT_TRUSTED")


def test_a_server_whose_list_cannot_be_used_does_not_start(tmp_path: Path, new_sqlite: Any) -> None:
    file = tmp_path / "documents.json"
    file.write_text("[]")
    settings = Settings(database_url=new_sqlite(tmp_path / "test.db"), trusted_documents=file)
    with pytest.raises(BadSetting, match="holds no documents"), serving(settings) as served:
        assert isinstance(served, Served)
