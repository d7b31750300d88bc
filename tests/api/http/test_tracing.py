"""Traces: a span for each operation and statement, sent as a collector takes them; W3C trace context in and out."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.settings import Settings
from tests.api.graphql.subscriptions.sockets import socket_to
from tests.api.server import TRACE, Client, Served, serving

PARENT = "b7ad6b7169203331"
QUERY = 'query Mine { license(key: "acme") { name } }'


class Collector:
    """Takes spans over HTTP as the OpenTelemetry protocol has it."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans.extend(scope.spans)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def named(self, name: str) -> Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    yield collector
    collector.server.shutdown()
    thread.join()
    collector.server.server_close()


def ask(client: Client, query: str = QUERY, **headers: str) -> Any:
    return client.post("/graphql", json={"query": query}, headers=headers)


def put_acme(served: Served) -> None:
    with served.client() as client:
        client.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')


def attributes(span: Span) -> dict[str, str]:
    return {one.key: one.value.string_value for one in span.attributes}


def test_an_operation_and_its_statements_are_spans_of_the_caller_s_trace(
    database_url: str, collector: Collector
) -> None:
    with serving(Settings(database_url=database_url, otlp_url=collector.url)) as served:
        put_acme(served)
        with served.client() as client:
            answer = ask(client)
    operation = collector.named("query Mine")
    assert (operation.trace_id.hex(), operation.parent_span_id.hex()) == (TRACE, PARENT)
    assert operation.kind == Span.SpanKind.SPAN_KIND_SERVER
    statements = [span for span in collector.spans if span.parent_span_id == operation.span_id]
    readings = [span for span in statements if "snapshot.readings" in attributes(span).get("db.query.text", "")]
    assert [(span.name, span.trace_id.hex()) for span in readings] == [("SELECT", TRACE)]
    assert attributes(readings[0])["db.system.name"] in database_url
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{operation.span_id.hex()}-01"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_answer_from_memory_is_a_span_without_statements(database_url: str, collector: Collector) -> None:
    with serving(Settings(database_url=database_url, otlp_url=collector.url)) as served:
        put_acme(served)
        with served.client() as client:
            ask(client)
            ask(client)
    spans = [span for span in collector.spans if span.name == "query Mine"]
    parents = [span.parent_span_id for span in collector.spans]
    assert [span.span_id in parents for span in spans] == [True, False]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_statement_that_fails_ends_its_span_with_an_error_and_without_its_words(
    database_url: str, collector: Collector
) -> None:
    with serving(Settings(database_url=database_url, otlp_url=collector.url)) as served:
        with served.runtime.database.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE webhook_attempt")
            connection.exec_driver_sql("DROP TABLE credit_grant")
        put_acme(served)
        with served.client() as client:
            error = ask(client, '{ license(key: "acme") { grants { edges { cursor } } } }').json()["errors"][0]
    assert error["extensions"] == {"code": "INTERNAL", "trace": TRACE}
    failed = [span for span in collector.spans if span.status.code == span.status.STATUS_CODE_ERROR]
    assert {span.status.message for span in failed} == {"OperationalError"}
    assert "no such table" not in str(failed)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("parent", [None, "nonsense", f"00-{'0' * 32}-{PARENT}-01"])
def test_without_a_caller_s_trace_each_request_has_its_own(database_url: str, parent: str | None) -> None:
    with serving(Settings(database_url=database_url)) as served, served.client() as client:
        del client.headers["traceparent"]
        headers = {"traceparent": parent} if parent else {}
        traces = [ask(client, **headers).json()["errors"][0]["extensions"]["trace"] for _ in range(3)]
        assert "traceresponse" not in ask(client).headers
    assert len(set(traces)) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", trace) for trace in traces)


def test_what_is_asked_for_and_not_installed_is_said_at_start(
    tmp_path: Path, new_sqlite: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from core.errors import BadSetting

    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    settings = Settings(database_url=new_sqlite(tmp_path / "test.db"), otlp_url="http://127.0.0.1:1")
    with pytest.raises(BadSetting, match="extra `tracing`"), serving(settings) as served:
        assert isinstance(served, Served)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_operation_over_a_web_socket_is_a_span_with_its_statements(database_url: str, collector: Collector) -> None:
    with serving(Settings(database_url=database_url, otlp_url=collector.url)) as served:
        put_acme(served)
        with socket_to(served, served.token()) as socket:
            socket.ask("1", QUERY)
            assert socket.hear()["payload"]["data"] == {"license": {"name": "Acme"}}
    operation = collector.named("query Mine")
    assert [span.name for span in collector.spans if span.parent_span_id == operation.span_id] == ["SELECT"]
