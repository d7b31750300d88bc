"""The page "My consumption" and the elements as files: headers, sizes, and that they are what the source gives."""

import gzip
import re
import shutil
import subprocess
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from api.endpoints.pages import CONSUMPTION, ELEMENTS
from tests.api.server import Served

SOURCE = ELEMENTS.parent / "source"
LARGEST = 25_000
on_sqlite = pytest.mark.parametrize("library", ["sqlite"], indirect=True)


def hashed(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if re.search(r"-[\w-]{8}\.(js|css)$", file.name)]


@on_sqlite
def test_the_page_is_served_with_a_policy_that_lets_it_reach_this_server_alone(library: Served) -> None:
    with library.anonymous() as client:
        for path in ("/consumption", "/consumption/"):
            page = client.get(path)
            assert page.status_code == 200
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            inside = re.findall(r"<script type=\"module\">(.+?)</script><style>(.+?)</style>", page.text)[0]
            script, style = (b64encode(sha256(text.encode()).digest()).decode() for text in inside)
            assert page.headers["content-security-policy"] == (
                "default-src 'none'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
                f"frame-ancestors 'none'; form-action 'self'; script-src 'self' 'sha256-{script}'; "
                f"style-src 'self' 'sha256-{style}'"
            )
            assert page.headers["cache-control"] == "no-cache"
            assert page.headers["content-encoding"] == "gzip"
            again = client.get(path, headers={"If-None-Match": page.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        root = client.get("/", follow_redirects=False)
        assert (root.status_code, root.headers["location"]) == (307, "/consumption")


@on_sqlite
def test_files_named_after_their_content_are_kept_for_ever_and_sent_compressed(library: Served) -> None:
    element, *words = sorted(hashed(ELEMENTS))
    assert [name[:3] for name in words] == ["en-", "fr-"]
    with library.anonymous() as client:
        file = client.get(f"/elements/{element}", headers={"Accept-Encoding": "gzip"})
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert file.headers["content-encoding"] == "gzip"
        assert file.headers["access-control-allow-origin"] == "*"
        assert file.headers["content-type"].startswith("text/javascript")
        stable = client.get("/elements/allowance.js")
        assert stable.headers["cache-control"] == "no-cache"
        assert stable.text == f"export * from './{element}';\n"
        for name in words:
            assert client.get(f"/elements/{name}").headers["cache-control"].endswith("immutable")
        missing = client.get("/elements/allowance-00000000.js")
        assert (missing.status_code, "cache-control" in missing.headers) == (404, False)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_all_that_the_page_loads_in_a_language_is_small(language: str) -> None:
    names = [name for name in hashed(ELEMENTS) if name.startswith(("allowance-", f"{language}-"))]
    files = [CONSUMPTION / "index.html", *(ELEMENTS / name for name in names)]
    assert len(files) == 3
    sizes = {file.name: len(gzip.compress(file.read_bytes(), 9, mtime=0)) for file in files}
    assert sum(sizes.values()) <= LARGEST, sizes


@pytest.mark.needs("node")
@pytest.mark.long
def test_the_files_are_what_the_source_gives(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    ignored = shutil.ignore_patterns("node_modules")
    shutil.copytree(SOURCE, pages / "element" / "source", ignore=ignored)
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=pages / "element" / "source", check=True, capture_output=True, timeout=300)
    for folder, built in ((ELEMENTS, pages / "element" / "built"), (CONSUMPTION, pages / "consumption")):
        committed = {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        assert {file.relative_to(built): file.read_bytes() for file in built.rglob("*") if file.is_file()} == committed
