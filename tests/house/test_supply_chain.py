"""Installs are verified: every package is pinned with hashes, and the licences allow its use."""

import re
import tomllib
from pathlib import Path

import pytest

from cli.sbom import bill_of_materials, licence_of, needed_distributions

ROOT = Path(__file__).parents[2]
PARTS = ("run", "test", "check")
PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
ALLOWED = {
    *("MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "PSF-2.0", "0BSD", "MPL-2.0", "OFL-1.1", "CC0-1.0"),
    *("LGPL-3.0-only", "LGPL-3.0-or-later"),  # used as they are, as libraries that can be replaced
    *("BSD", "Unlicense", "Zlib"),
}


def name_of(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def pins(file: Path) -> dict[str, str]:
    found = (PIN.match(line) for line in file.read_text().splitlines())
    return {name_of(pin[1]): pin[2] for pin in found if pin}


@pytest.mark.parametrize("part", PARTS)
def test_every_package_is_pinned_with_the_hashes_of_its_files(part: str) -> None:
    text = (ROOT / "requirements" / f"{part}.txt").read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)[1:]
    assert len(entries) > 50
    for entry in entries:
        assert PIN.match(entry), entry
        assert HASH.search(entry), entry
    versions = pins(ROOT / "requirements" / f"{part}.txt")
    assert versions.items() <= pins(ROOT / "constraints.txt").items()
    assert not re.search(r"https?://|index-url|find-links|trusted-host", text)


def test_everything_that_the_project_names_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {"run": project["dependencies"], **project["optional-dependencies"]}
    for part in PARTS:
        known = pins(ROOT / "requirements" / f"{part}.txt")
        wanted = {name_of(re.split(r"[\[<>=;~! ]", text)[0]) for text in named[part]} - {"allowance"}
        assert wanted <= known.keys(), part


def test_the_makefile_installs_nothing_without_its_hash() -> None:
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if "pip install" in line or "$(PIP)" in line]
    installs = [part for line in lines for part in line.split("&&") if "$(PIP) " in part]
    assert installs
    assert all("--require-hashes" in part or "--no-deps --no-build-isolation" in part for part in installs)


def test_the_licences_of_what_is_needed_allow_its_use() -> None:
    for component in bill_of_materials()["components"]:
        [licence] = component["licenses"]
        expression = licence.get("expression", "unknown")
        names = set(re.split(r" AND | OR | WITH |[()]", expression)) - {"", " "}
        assert names <= ALLOWED, (component["name"], expression)


def test_the_bill_of_materials_names_each_package_once_with_its_version() -> None:
    bill = bill_of_materials()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/allowance-server@1.0.0"
    purls = [component["purl"] for component in bill["components"]]
    assert len(purls) == len(set(purls))
    known = pins(ROOT / "requirements" / "run.txt")
    listed = {name_of(each.metadata["Name"]) for each in needed_distributions()} - {"allowance"}
    assert listed >= {"starlette", "sqlalchemy", "psycopg-binary", "orjson"}
    assert listed <= known.keys()
    assert licence_of(needed_distributions()[0]) != "unknown"
    assert bill == bill_of_materials()
