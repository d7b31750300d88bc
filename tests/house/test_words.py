"""The code speaks plainly: docstrings name their subject, and a class name means one thing."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("plugins/src", "meters", "core", "api", "cli")
VAGUE = re.compile(r"(What|Who|Where|The same|Those|Have|Whether)\b")
DOMAIN = frozenset(
    {
        *(
            "AdminInput",
            "Alert",
            "CheckIn",
            "Contact",
            "Contract",
            "ContractInput",
            "CreditRequest",
            "Delivery",
            "Forecast",
            "ForecastAlert",
            "ForecastPoint",
            "Grant",
        ),
        *("InstallationReport", "License", "LicenseInput", "Message", "Meter", "Notice", "Notifier", "Period"),
        *(
            "Person",
            "Application",
            "Plugin",
            "Unit",
            "Problem",
            "ContractReport",
            "MeterReport",
            "QuotaTerms",
            "Reading",
            "RejectedEvent",
            "Section",
            "SessionInput",
            "Share",
            "Term",
            "Threshold",
            "Warnings",
        ),
    }
)
"""Words of the domain: a table, its GraphQL type and the SDK's class share such a name, as they are the same thing."""


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "versions" not in path.parts:
                yield path.relative_to(ROOT), ast.parse(path.read_text())


def test_docstrings_name_their_subject() -> None:
    vague = [
        f"{path}:{getattr(node, 'lineno', 1)} {docstring.splitlines()[0]}"
        for path, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (docstring := ast.get_docstring(node))
        and VAGUE.match(docstring)
    ]
    assert vague == []


def test_a_class_name_stands_for_one_thing() -> None:
    places = defaultdict(list)
    for path, module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(str(path))
    assert {name: found for name, found in places.items() if len(found) > 1 and name not in DOMAIN} == {}
