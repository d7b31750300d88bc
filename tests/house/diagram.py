"""The diagrams of the rooms in docs/architecture.md, drawn from the imports as Mermaid text.

``python -m tests.house.diagram`` writes them into the page; with ``--check`` it fails if the page shows others.
networkx was weighed for the transitive reduction and is much for the six lines that it takes here.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.house.rooms import imports_between_rooms

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
DRAWN = ("core", "api", "api.graphql")


def draw(package: str) -> str:
    """Return the rooms of a package as a Mermaid flowchart, an arrow from each room to what it imports.

    An arrow is left out where a longer way of arrows shows the same, so that the floors can be read.
    """
    imports = imports_between_rooms(package)
    lines = ["```mermaid", "flowchart TB"]
    for room, imported in imports.items():
        lines += [f"  {room}"] if not imported and not any(room in other for other in imports.values()) else []
        beyond = {further for other in imported for further in reachable(imports, other)}
        lines += [f"  {room} --> {other}" for other in sorted(imported - beyond)]
    return "\n".join([*lines, "```"])


def reachable(imports: Mapping[str, frozenset[str]], room: str) -> set[str]:
    """Return all rooms that a room imports, also through others."""
    found: set[str] = set()
    ahead = set(imports[room])
    while ahead:
        found |= ahead
        ahead = {further for other in ahead for further in imports[other]} - found
    return found


def page_with_diagrams() -> str:
    """Return the text of the page with its diagrams as they are drawn now."""
    text = PAGE.read_text()
    for package in DRAWN:
        begin, end = f"<!-- rooms of {package} -->", "<!-- end -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"{PAGE.name} has no place for the rooms of {package}: {begin} … {end}")
        drawn = f"{begin}\n{draw(package)}\n{end}"
        text = pattern.sub(lambda _, drawn=drawn: drawn, text)
    return text


def main() -> None:
    """Write the diagrams, or check them."""
    text = page_with_diagrams()
    if "--check" not in sys.argv:
        PAGE.write_text(text)
    elif text != PAGE.read_text():
        sys.exit(f"The diagrams of {PAGE.name} are not those of the imports. Run: python -m tests.house.diagram")


if __name__ == "__main__":
    main()
