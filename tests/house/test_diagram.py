"""docs/architecture.md shows the rooms as the code has them, and names files that exist."""

import re
from pathlib import Path

import pytest

from tests.house.diagram import PAGE, page_with_diagrams

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_imports_of_today() -> None:
    assert PAGE.read_text() == page_with_diagrams(), "run: python -m tests.house.diagram"


@pytest.mark.parametrize("page", [PAGE, *sorted((ROOT / "docs" / "decisions").glob("*.md")), ROOT / "CONTRIBUTING.md"])
def test_a_page_for_developers_names_files_that_exist(page: Path) -> None:
    named = re.findall(r"`((?:core|api|cli|meters|plugins|tests|docs)/[\w./-]*)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_page_names_every_room_of_core() -> None:
    rooms = {path.stem for path in (ROOT / "core").iterdir() if not path.name.startswith("__")}
    text = PAGE.read_text()
    assert sorted(room for room in rooms if f"`core/{room}" not in text) == []
