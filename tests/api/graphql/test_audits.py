"""GraphQL over HTTP, as the audits of graphql-http read its specification."""

import json

import pytest

from tests.api import node
from tests.api.server import Served

pytestmark = [pytest.mark.needs("node"), pytest.mark.parametrize("library", ["sqlite"], indirect=True)]


def test_all_audits_are_passed(library: Served) -> None:
    node.install()
    audits = [json.loads(line) for line in node.run("audit.mjs", library.url, library.token()).splitlines()]
    assert len(audits) == 61
    assert [audit for audit in audits if audit["status"] != "ok"] == []
