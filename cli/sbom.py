"""``allowance sbom``: the bill of materials of this installation, in CycloneDX 1.6.

cyclonedx-bom was weighed: it lists all that an environment holds, also what the tests and the checks brought in.
"""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

import typer
from packaging.requirements import Requirement

ROOT: Final = "allowance-server"
_PAGES: Final = Path(__file__).parents[1] / "api" / "pages"
_LOCKS: Final = ("graphiql/source/package-lock.json", "element/source/package-lock.json")
_BY_CLASSIFIER: Final = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "MIT": "MIT",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
}


def sbom() -> None:
    """Write the bill of materials of this installation as CycloneDX JSON.

    It lists the Python packages that Allowance needs and that are installed, and the JavaScript packages from which the
    pages were built, each with its version and licence. Two runs on equal installations write the same bytes.

    \b
    Example:
      allowance sbom > allowance.cdx.json
    """
    typer.echo(json.dumps(bill_of_materials(), indent=2))


def bill_of_materials() -> dict[str, Any]:
    """Return the bill of materials as a document of CycloneDX."""
    root = distribution(ROOT)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", **_component(root)}},
        "components": [
            *({"type": "library", **_component(each)} for each in needed_distributions()),
            *({"type": "library", **each} for each in _javascript()),
        ],
    }


def needed_distributions() -> list[Distribution]:
    """Return the installed distributions that Allowance needs, directly or not, by name."""
    found: dict[str, Distribution] = {}
    pending = [(ROOT, frozenset[str]())]
    seen = set()
    while pending:
        name, extras = pending.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            installed = distribution(name)
        except PackageNotFoundError:  # an optional part that this installation lacks
            continue
        found[name] = installed
        for text in installed.requires or ():
            needed = Requirement(text)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
                pending.append((_normal(needed.name), frozenset(needed.extras)))
    found.pop(ROOT)
    return [found[name] for name in sorted(found)]


def licence_of(installed: Distribution) -> str:
    """Return the licence of a distribution as an SPDX expression, or as the distribution itself names it."""
    metadata = installed.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = (text.rpartition(" :: ")[2] for text in metadata.get_all("Classifier") or () if "License ::" in text)
    known = [_BY_CLASSIFIER[name] for name in classifiers if name in _BY_CLASSIFIER]
    return " OR ".join(known) or _first_line("".join((metadata.get_all("License") or [])[:1]))


def _first_line(text: str) -> str:
    return text.partition("\n")[0] or "unknown"


def _component(installed: Distribution) -> dict[str, Any]:
    name, version = _normal(installed.metadata["Name"]), installed.version
    purl = f"pkg:pypi/{name}@{version}"
    return {
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": _licences(licence_of(installed)),
    }


def _licences(expression: str) -> list[dict[str, Any]]:
    is_spdx = re.fullmatch(r"[A-Za-z0-9.+() -]+", expression) and expression != "unknown"
    return [{"expression": expression}] if is_spdx else [{"license": {"name": expression}}]


def _javascript() -> Iterator[Mapping[str, Any]]:
    """Yield the packages of the pages, by their lock files; those that only build the pages are left out."""
    seen = set()
    for lock in _LOCKS:
        packages = json.loads((_PAGES / lock).read_text())["packages"]
        for path, package in sorted(packages.items()):
            name = path.rpartition("node_modules/")[2]
            purl = f"pkg:npm/{name.replace('@', '%40')}@{package.get('version')}"
            if not name or package.get("dev") or purl in seen:
                continue
            seen.add(purl)
            yield {
                "bom-ref": purl,
                "name": name,
                "version": package["version"],
                "purl": purl,
                "licenses": _licences(package.get("license", "unknown")),
            }


def _normal(name: str) -> str:
    """Return the normal form of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()
