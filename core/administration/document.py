"""YAML files, read with the line of every value so that each problem is reported with its line.

pydantic was weighed for these values and is not used: a model with a single wrong field yields no values at all, while
here the rules check whatever could be read, so that one run reports every problem of a file.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from core.errors import BadInput
from core.nearest import did_you_mean
from core.text import shown
from core.times import NotAnInstant, parse_instant

LARGEST: Final = 8 * 2**20
"""The largest file in bytes: about twenty thousand licenses, which take a minute to read."""

_LARGEST_WHOLE: Final = 2**53
_TAG: Final = "tag:yaml.org,2002:"
_NUMBER: Final = re.compile(r"[+-]?(0|[1-9][0-9_]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


class LineProblem(NamedTuple):
    """A problem with the value at a line.

    `path` leads to the value, as ``licenses[0].name``; it is empty for the file as a whole.
    """

    line: int
    path: str
    message: str


class InvalidFile(BadInput):
    """A file with one or more problems, each with its line. Nothing of the file was applied."""

    code = "INVALID_INPUT"

    def __init__(self, file: str, problems: Iterable[LineProblem]) -> None:
        """Make the error of a file by its name and its problems."""
        self.problems = tuple(sorted(problems))
        lines = (
            f"{file}:{problem.line}: {problem.path}: {problem.message}"
            if problem.path
            else f"{file}:{problem.line}: {problem.message}"
            for problem in self.problems
        )
        super().__init__("\n".join(lines))


class Value:
    """A value of the file, with its line and the path of keys that leads to it, as ``licenses[0].name``.

    A method that reads the value as a type returns None if the value has another type, and adds a problem to the
    document. Numbers and times are read from the text of the file itself, so that nothing is rounded.
    """

    def __init__(self, node: Node, path: str, line: int, problems: list[LineProblem]) -> None:
        """Make the value of a node. Problems with it are added to `problems`."""
        self._node = node
        self._line = line
        self._problems = problems
        self.path = path

    def fail(self, message: str) -> None:
        """Add a problem with this value to the document."""
        self._problems.append(LineProblem(self._line, self.path, message))

    def fields(
        self, required: Sequence[str], optional: Sequence[str] = (), clearable: Sequence[str] = ()
    ) -> dict[str, "Value"]:
        """Return the values of a mapping by key.

        Unknown and missing keys become problems. An optional key whose value is null counts as left out. A clearable
        key may be left out as well, but stays with the value null.
        """
        known = (*required, *clearable, *optional)
        if not self._is(MappingNode, "map"):
            self.fail(f"must be a mapping with the keys {', '.join(known)}.")
            return {}
        for key, value in self.entries.items():
            if key not in known:
                value.fail(f"no key {shown(key)} is known here.{did_you_mean(key, known)}")
        missing = [key for key in required if key not in self.entries]
        if missing:
            self.fail(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
        return {
            key: value
            for key, value in self.entries.items()
            if key in required or key in clearable or (key in optional and not value.is_null)
        }

    @property
    def is_null(self) -> bool:
        """True if the value is null."""
        return self._is(ScalarNode, "null")

    @cached_property
    def entries(self) -> dict[str, "Value"]:
        """The values of a mapping by key, in the order of the file."""
        found: dict[str, Value] = {}
        if not self._is(MappingNode, "map"):
            self.fail("must be a mapping.")
            return found
        for key, node in self._node.value:
            name = key.value if isinstance(key, ScalarNode) else "?"
            step = name if _PLAIN.fullmatch(name) else shown(name)
            path = f"{self.path}.{step}" if self.path else step
            value = Value(node, path, key.start_mark.line + 1, self._problems)
            if name in found:
                value.fail("this key is there twice.")
            found.setdefault(name, value)
        return found

    @cached_property
    def items(self) -> list["Value"]:
        """The values of a list."""
        if not self._is(SequenceNode, "seq"):
            self.fail("must be a list.")
            return []
        return [
            Value(node, f"{self.path}[{index}]", node.start_mark.line + 1, self._problems)
            for index, node in enumerate(self._node.value)
        ]

    def at(self, path: Iterable[str]) -> "Value":
        """Return the value at a path of keys and list indexes, or the last value that the path reaches."""
        value = self
        for step in path:
            entries = value.entries if isinstance(value._node, MappingNode) else {}
            places = value.items if isinstance(value._node, SequenceNode) else list(entries.values())
            if step in entries:
                value = entries[step]
            elif step.isdecimal() and int(step) < len(places):
                value = places[int(step)]
            else:
                break
        return value

    def text(self) -> str | None:
        """Return the value as a text."""
        if self._is(ScalarNode, "str"):
            return str(self._node.value)
        quoted = (
            f", in quotes: {str(self._node.value)!r}"
            if self._is(ScalarNode, "int", "float", "bool", "timestamp")
            else ""
        )
        self.fail(f"must be a text{quoted}.")
        return None

    def boolean(self) -> bool | None:
        """Return the value as true or false."""
        if self._is(ScalarNode, "bool") and self._node.value.lower() in ("true", "false"):
            return bool(self._node.value.lower() == "true")
        self.fail("must be true or false.")
        return None

    def number(self) -> Decimal | None:
        """Return the value as an exact decimal."""
        if self._is(ScalarNode, "int", "float") and _NUMBER.fullmatch(self._node.value):
            return Decimal(self._node.value)
        self.fail("must be a decimal number, without quotes.")
        return None

    def whole(self) -> int | None:
        """Return the value as a whole number of at most 2^53, the largest that JSON holds everywhere."""
        number = self.number()
        if number is not None and (number != number.to_integral_value() or abs(number) > _LARGEST_WHOLE):
            self.fail("must be a whole number.")
            return None
        return None if number is None else int(number)

    def date(self) -> date | None:
        """Return the value as a date (ISO 8601)."""
        if self._is(ScalarNode, "timestamp", "str") and _DATE.fullmatch(self._node.value):
            try:
                return date.fromisoformat(self._node.value)
            except ValueError:
                self.fail(f"{self._node.value} does not exist.")
                return None
        self.fail("must be a date, as 2026-01-31.")
        return None

    def time(self) -> datetime | None:
        """Return the value as an instant (RFC 3339, with its offset from UTC)."""
        try:
            return parse_instant(self._node.value if self._is(ScalarNode, "timestamp", "str") else None)
        except NotAnInstant:
            self.fail("must be a time with its offset from UTC, as 2026-01-31T00:00:00Z.")
            return None

    def _is(self, kind: type[Node], *tags: str) -> bool:
        return isinstance(self._node, kind) and str(self._node.tag) in [_TAG + tag for tag in tags]


def read_document(file: str, content: bytes) -> tuple[Value, list[LineProblem]]:
    """Read a YAML file.

    Args:
        file: The name of the file in error messages.
        content: The bytes of the file, in UTF-8.

    Returns:
        The root of the document, and the list to which problems with its values are added as they are read.

    Raises:
        InvalidFile: The file is not YAML, is too large, or uses anchors, which can expand a small file
            without end.
    """

    def refused(line: int, message: str) -> InvalidFile:
        return InvalidFile(file, [LineProblem(line, "", message)])

    if len(content) > LARGEST:
        raise refused(1, f"the file has more than {LARGEST // 2**20} MiB; split it.")
    try:
        root = YAML(typ="rt").compose(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise refused(1 + content[: error.start].count(b"\n"), "this is not UTF-8.") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        raise refused(mark.line + 1 if mark else 1, f"this is not YAML: {reason}.") from None
    except YAMLError as error:
        raise refused(1, f"this is not YAML: {str(error).splitlines()[0]}.") from None
    except RecursionError:
        raise refused(1, "the file is nested too deeply.") from None
    if root is None:
        raise refused(1, "the file is empty.")
    for node in _nodes(root):
        if node.anchor:
            message = f"the anchor &{node.anchor} cannot be used here; write the value out wherever it is needed."
            raise refused(node.start_mark.line + 1, message)
    problems: list[LineProblem] = []
    return Value(root, "", root.start_mark.line + 1, problems), problems


def _nodes(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, SequenceNode):
            waiting.extend(reversed(node.value))
        elif isinstance(node, MappingNode):
            waiting.extend(part for pair in reversed(node.value) for part in reversed(pair))
