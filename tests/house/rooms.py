"""The rooms of a package and the imports between them, as grimp reads them from the source."""

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import grimp

PACKAGES = ("core", "api")
CONTRACTS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
LAZY = {tuple(line.split(" -> ")) for contract in CONTRACTS for line in contract.get("ignore_imports", ())}
"""Imports inside of functions that the contracts in pyproject.toml name as exceptions, each with its reason there."""


def imports_between_rooms(package: str) -> Mapping[str, frozenset[str]]:
    """Return for each direct child of a package the children that it imports.

    Args:
        package: The dotted name of a package, as ``core`` or ``api.graphql``.
    """
    graph = grimp.build_graph(package.partition(".")[0])
    depth = package.count(".") + 1
    rooms = {child.rpartition(".")[2] for child in graph.find_children(package)}
    imported: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        if not module.startswith(f"{package}."):
            continue
        room = module.split(".")[depth]
        for other in graph.find_modules_directly_imported_by(module):
            if (module, other) in LAZY:
                continue
            if other.startswith(f"{package}.") and (target := other.split(".")[depth]) != room:
                imported[room].add(target)
    return {room: frozenset(imported[room]) for room in sorted(rooms)}


def packages_below(package: str) -> list[str]:
    """Return the package and all packages inside it, except for the versions of migrations."""
    graph = grimp.build_graph(package)
    return sorted(
        module for module in graph.modules if graph.find_children(module) and not module.endswith(".versions")
    )
