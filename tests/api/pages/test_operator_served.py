"""The page for operators as files: headers, sizes, and that they are what the source gives."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from api.endpoints.pages import ELEMENTS, OPERATOR
from tests.api.server import Served

SOURCE = OPERATOR.parent / "source"
LARGEST = 22_000


def test_all_that_the_page_loads_is_small_and_named_after_its_content() -> None:
    files = [OPERATOR / "index.html", *(OPERATOR / "assets").iterdir()]
    sizes = {file.name: len(gzip.compress(file.read_bytes(), 9, mtime=0)) for file in files}
    assert sum(sizes.values()) <= LARGEST, sizes
    assert all(re.search(r"-[\w-]{8}\.(js|css)$", file.name) for file in files[1:])


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
def test_the_page_is_served_with_a_policy_that_lets_it_reach_this_server_alone(library: Served) -> None:
    with library.anonymous() as client:
        for path in ("/operator", "/operator/"):
            page = client.get(path)
            assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
            assert page.headers["content-security-policy"] == (
                "default-src 'none'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
                "frame-ancestors 'none'; form-action 'none'; script-src 'self'; style-src 'self'"
            )
        for name in re.findall(r'"(/operator/assets/[^"]+)"', page.text):
            assert client.get(name).headers["cache-control"].endswith("immutable")


@pytest.mark.needs("node")
@pytest.mark.long
def test_the_files_are_what_the_source_gives(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    ignored = shutil.ignore_patterns("node_modules")
    shutil.copytree(SOURCE, pages / "operator" / "source", ignore=ignored)
    shutil.copytree(ELEMENTS.parent / "source" / "src", pages / "element" / "source" / "src")  # what it shares
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=pages / "operator" / "source", check=True, capture_output=True, timeout=300)
    built = pages / "operator" / "built"
    committed = {file.relative_to(OPERATOR): file.read_bytes() for file in OPERATOR.rglob("*") if file.is_file()}
    assert {file.relative_to(built): file.read_bytes() for file in built.rglob("*") if file.is_file()} == committed
