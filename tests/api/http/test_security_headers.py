"""Every answer has the security headers, and every error a code."""

import socket
from typing import NoReturn

import pytest

from api.endpoints.health import HealthEndpoint
from tests.api.server import Served

REFUSED: dict[str, tuple[str, str, dict[str, str], int, str]] = {
    "an unknown path": ("GET", "/nowhere", {}, 404, "NO_SUCH_PATH"),
    "a slash too many": ("GET", "/healthz/", {}, 404, "NO_SUCH_PATH"),
    "a slash too many at a post": ("POST", "/check-in/", {}, 404, "NO_SUCH_PATH"),
    "a file that is not there": ("GET", "/elements/nothing.js", {}, 404, "NO_SUCH_PATH"),
    "a file outside": ("GET", "/elements/..%2f..%2fapp.py", {}, 404, "NO_SUCH_PATH"),
    "a wrong method": ("GET", "/check-in", {}, 405, "METHOD_NOT_ALLOWED"),
    "a wrong method of a file": ("POST", "/elements/allowance.js", {}, 405, "METHOD_NOT_ALLOWED"),
    "no token": ("POST", "/check-in", {}, 401, "UNAUTHENTICATED"),
    "no token at the metrics": ("GET", "/metrics", {}, 401, "UNAUTHENTICATED"),
}
ANSWERED = [
    "/livez",
    "/readyz",
    "/healthz",
    "/",
    "/consumption",
    "/consumption/",
    "/graphiql",
    "/elements/allowance.js",
    "/unsubscribe/x",
]


def require_headers(headers: object) -> None:
    found = {str(name).lower(): value for name, value in headers.items()}  # type: ignore[attr-defined]
    assert found["x-content-type-options"] == "nosniff"
    assert found["referrer-policy"] == "no-referrer"
    assert found["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in found["content-security-policy"]
    assert "server" not in found


@pytest.mark.parametrize("name", REFUSED)
def test_every_refusal_is_json_with_a_code_and_the_headers(library: Served, name: str) -> None:
    method, path, headers, status, code = REFUSED[name]
    with library.anonymous() as client:
        answer = client.request(method, path, headers=headers, follow_redirects=False)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["code"] == code
    assert ("allow" in answer.headers) is (status == 405)
    require_headers(answer.headers)


@pytest.mark.parametrize("path", ANSWERED)
def test_every_page_has_the_headers_once(library: Served, path: str) -> None:
    with library.anonymous() as client:
        answer = client.get(path, follow_redirects=False)
    require_headers(answer.headers)
    names = [name.lower() for name, _ in answer.headers.raw]
    assert len(names) == len(set(names))


def test_a_fault_is_json_with_the_headers_and_without_internals(
    library: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: HealthEndpoint) -> NoReturn:
        raise RuntimeError("secret")

    monkeypatch.setattr(HealthEndpoint, "_query", fail)
    with library.anonymous() as client:
        answer = client.get("/healthz")
    expected = {"error": {"code": "INTERNAL", "message": "This went wrong on the server."}}
    assert (answer.status_code, answer.json()) == (500, expected)
    require_headers(answer.headers)


def test_what_is_no_http_is_refused_in_json(library: Served) -> None:
    host, port = library.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"NONSENSE\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n")
    assert body == '{"error":{"code":"BAD_REQUEST","message":"This is not a request of HTTP/1.1."}}'
    require_headers(dict(line.split(": ", 1) for line in head.splitlines()[1:]))


def test_a_host_of_the_caller_is_not_repeated(library: Served) -> None:
    with library.anonymous() as client:
        answer = client.get("/graphql/", headers={"Host": "evil.example"}, follow_redirects=False)
    assert answer.status_code == 404
    assert "evil.example" not in answer.text + str(answer.headers)
