"""``GET /exports/KIND``: who may export what, in which formats, and which requests are refused."""

import csv
import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from decimal import Decimal
from itertools import islice
from threading import Event
from typing import Any

import httpx2
import pytest
from pyarrow import parquet

from api.endpoints.exports import ExportsEndpoint
from core.exports import pages
from core.exports.rows import COLUMNS, ExportKind
from tests.api.server import NESTED, Client, Served, opaque

KINDS = [kind.value for kind in ExportKind]


def error_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def lines(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line, parse_float=Decimal) for line in answer.text.splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_both_formats_have_the_same_rows(reader: Client, kind: str) -> None:
    answer = reader.get(f"/exports/{kind}?license=acme")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{kind}.csv"'
    header, *rows = csv.reader(answer.text.splitlines())
    found = lines(reader.get(f"/exports/{kind}?license=acme&format=ndjson"))
    assert header == list(COLUMNS[ExportKind(kind)])
    cursor, license = ("x_Cursor", "x_License") if kind == "commitments" else ("cursor", "license")
    assert [row[-1] for row in rows] == [row[cursor] for row in found]
    assert {row[license] for row in found} <= {"acme"}
    assert lines(reader.get(f"/exports/{kind}?format=ndjson")) == found


@pytest.mark.parametrize("kind", KINDS)
def test_parquet_has_the_same_rows(reader: Client, kind: str) -> None:
    answer = reader.get(f"/exports/{kind}?license=acme&format=parquet")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    table = parquet.read_table(io.BytesIO(answer.content))
    found = lines(reader.get(f"/exports/{kind}?license=acme&format=ndjson"))
    cursor = "x_Cursor" if kind == "commitments" else "cursor"
    assert table[cursor].to_pylist() == [row[cursor] for row in found]
    half = len(found) // 2
    if half:
        rest = reader.get(f"/exports/{kind}?license=acme&format=parquet&after={found[half][cursor]}")
        assert parquet.read_table(io.BytesIO(rest.content)).to_pylist() == table.to_pylist()[half + 1 :]


def test_without_pyarrow_parquet_is_refused(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert error_of(reader.get("/exports/usage?license=acme&format=parquet")) == (400, "PARQUET_NOT_INSTALLED")


def test_usage_is_exact_by_day_of_the_license(reader: Client) -> None:
    found = lines(reader.get("/exports/usage?license=acme&format=ndjson"))
    rows = [(row["day"], row["dimensions"], row["amount"]) for row in found if row["event"] == "interaction.sent"]
    assert ("2026-02-20", {"channel": "marketing_email"}, 10_000_000) in rows
    assert ("2026-03-09", {"channel": "print"}, 1_000_000) in rows
    one_day = lines(reader.get("/exports/usage?license=acme&format=ndjson&from=2026-03-09&to=2026-03-09"))
    assert one_day == [row for row in found if row["day"] == "2026-03-09"]


@pytest.mark.parametrize("format", ["csv", "ndjson"])
def test_two_parts_make_the_whole(reader: Client, format: str) -> None:
    address = f"/exports/usage?license=acme&format={format}"
    whole = reader.get(address).text
    for row in lines(reader.get("/exports/usage?license=acme&format=ndjson")):
        cursor = row["cursor"]
        begin = "".join(whole.partition(cursor)[:2])
        rest = reader.get(f"{address}&after={cursor}").text
        assert begin + whole[len(begin) :].split("\n")[0] + "\n" + rest == whole


def test_many_pages_are_one_answer(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = reader.get("/exports/history?license=acme").content
    real = pages.read_page
    monkeypatch.setattr("api.endpoints.exports.read_page", lambda *arguments: real(*arguments, most=2))
    assert reader.get("/exports/history?license=acme").content == expected


def test_a_key_exports_what_it_reaches(library: Served) -> None:
    with library.client("consumption:read", license="acme") as client:
        assert client.get("/exports/usage?license=acme").status_code == 200
        for query in ("", "?license=beta", "?license=%00"):
            assert error_of(client.get(f"/exports/usage{query}")) == (403, "FORBIDDEN")
    with library.client("consumption:read") as client:
        assert client.get("/exports/usage?license=acme").status_code == 200
        assert error_of(client.get("/exports/usage")) == (403, "FORBIDDEN")
        for key in ("nobody", "%00", ""):
            assert error_of(client.get(f"/exports/usage?license={key}")) == (404, "NOT_FOUND")
    with library.client("operate") as client:
        assert client.get("/exports/usage").status_code == 200
    with library.client("operate", license="acme") as client:
        assert error_of(client.get("/exports/usage")) == (403, "FORBIDDEN")
    with library.client("usage:write", "contract:write") as client:
        assert error_of(client.get("/exports/usage?license=acme")) == (403, "FORBIDDEN")
    with library.anonymous() as client:
        assert error_of(client.get("/exports/usage?license=acme")) == (401, "UNAUTHENTICATED")
    with Client(library.url, library.token(revoked=True)) as client:
        assert error_of(client.get("/exports/usage?license=acme")) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("usages", "BAD_INPUT"),
        ("usage?form=csv", "BAD_INPUT"),
        ("usage?format=xls", "BAD_INPUT"),
        ("usage?format=csv&format=csv", "BAD_INPUT"),
        ("usage?from=May", "BAD_INPUT"),
        ("usage?from=", "BAD_INPUT"),
        ("usage?from=2026-02-02&to=2026-02-01", "BAD_INPUT"),
        ("usage?from=0001-01-01", "BAD_INPUT"),
        ("usage?to=9999-12-31", "BAD_INPUT"),
        ("readings?from=2026-02-02", "BAD_INPUT"),
        ("usage?after=", "BAD_CURSOR"),
        ("usage?after=%FF", "BAD_CURSOR"),
        (f"usage?after={NESTED}", "BAD_CURSOR"),
        (f"usage?after={opaque('history', 'acme', 1, 'profiles')}", "BAD_CURSOR"),
        (f"usage?after={opaque('usage', 'acme', 10**30, '2026-01-01')}", "BAD_CURSOR"),
        (f"usage?license=acme&after={opaque('usage', 'beta', 1, '2026-01-01')}", "BAD_CURSOR"),
    ],
)
def test_what_cannot_be_read_is_refused(reader: Client, address: str, code: str) -> None:
    assert error_of(reader.get(f"/exports/{address}")) == (400, code)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> tuple[Event, Event]:
    """Exports that wait while they read: set when one has begun, and to be set for them to go on."""
    began, go_on, real = Event(), Event(), ExportsEndpoint._read

    def read(*arguments: Any) -> Any:
        began.set()
        assert go_on.wait(60)
        return real(*arguments)

    monkeypatch.setattr(ExportsEndpoint, "_read", read)
    return began, go_on


def test_a_key_has_so_many_exports_at_once(served: Served, acme: None, held: tuple[Event, Event]) -> None:
    began, go_on = held
    with served.client() as client, served.client() as other, ThreadPoolExecutor() as threads:
        asked = [threads.submit(client.get, "/exports/usage?license=acme") for _ in range(3)]
        assert began.wait(60)
        [refused] = [one.result() for one in islice(as_completed(asked), 1)]  # the others wait until it goes on
        assert error_of(refused) == (429, "RATE_LIMITED")
        assert refused.headers["retry-after"] == "10"
        go_on.set()
        assert sorted(one.result().status_code for one in asked) == [200, 200, 429]
        for each in (client, other):
            assert each.get("/exports/usage?license=acme").status_code == 200


def test_all_keys_together_have_so_many_files_of_parquet_at_once(
    served: Served, acme: None, held: tuple[Event, Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.endpoints.exports.MOST_PARQUET", 1)
    began, go_on = held
    address = "/exports/usage?license=acme&format="
    with served.client() as client, served.client() as other, ThreadPoolExecutor() as threads:
        first = threads.submit(client.get, f"{address}parquet")
        assert began.wait(60)
        assert error_of(other.get(f"{address}parquet")) == (429, "RATE_LIMITED")
        go_on.set()
        assert other.get(f"{address}csv").status_code == first.result().status_code == 200
        assert other.get(f"{address}parquet").status_code == 200
