"""The rooms of the house stand in layers: no two of them import each other, directly or around a corner."""

from graphlib import CycleError, TopologicalSorter

import pytest

from tests.house.rooms import PACKAGES, imports_between_rooms, packages_below


@pytest.mark.parametrize("package", [inner for package in PACKAGES for inner in packages_below(package)])
def test_the_rooms_of_a_package_import_each_other_in_no_circle(package: str) -> None:
    try:
        list(TopologicalSorter(imports_between_rooms(package)).static_order())
    except CycleError as error:
        pytest.fail(f"rooms of {package} import each other in a circle: {' → '.join(error.args[1])}")


def test_runtime_is_imported_by_workers_alone() -> None:
    rooms = imports_between_rooms("core")
    assert {room for room, imported in rooms.items() if "runtime" in imported} == {"workers"}
