"""A YAML file read with the line of every value, so that whatever is wrong with one is said with its place."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from core.errors import BadInput
from core.nearest import did_you_mean
from core.text import shown

LARGEST: Final = 8 * 2**20
"""Bytes. Some twenty thousand licenses, and a minute of reading."""

_TAG: Final = "tag:yaml.org,2002:"
_NUMBER: Final = re.compile(r"[+-]?(0|[1-9][0-9_]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


class InvalidFile(BadInput):
    """A file with one or several things wrong, each with its line; nothing of it was applied."""

    code = "INVALID_INPUT"

    def __init__(self, file: str, problems: Sequence[tuple[int, str]]) -> None:
        super().__init__("\n".join(f"{file}:{line}: {message}" for line, message in sorted(problems)))


class Value:
    """A value of the file and where it stands: its line, and the keys that lead to it, ``licenses[0].name``.

    What is asked of it and is not there is added to the document's problems, and None is returned. Numbers
    and times are read from the text of the file itself, so that nothing is rounded on the way.
    """

    def __init__(self, node: Node, path: str, line: int, problems: list[tuple[int, str]]) -> None:
        self._node = node
        self._path = path
        self._line = line
        self._problems = problems

    def fail(self, message: str) -> None:
        """Add a problem with this value."""
        self._problems.append((self._line, f"{self._path}: {message}" if self._path else message))

    @property
    def problems(self) -> int:
        """How many problems were found so far, in the whole document."""
        return len(self._problems)

    def fields(self, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, "Value"]:
        """The values of a mapping with these keys; an optional one that is null counts as left out."""
        known = (*required, *optional)
        found = self.entries("a mapping with the keys " + ", ".join(known))
        for key, value in found.items():
            if key not in known:
                value.fail(f"no key {shown(key)} is known here.{did_you_mean(key, known)}")
        given = {
            key: value for key, value in found.items() if key in known and (key in required or not value._is("null"))
        }
        missing = [key for key in required if key not in given] if isinstance(self._node, MappingNode) else []
        if missing:
            self.fail(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
        return given

    def entries(self, expected: str = "a mapping") -> dict[str, "Value"]:
        """The values of a mapping, in the order of the file."""
        found: dict[str, Value] = {}
        if not isinstance(self._node, MappingNode):
            self.fail(f"must be {expected}.")
            return found
        for key, node in self._node.value:
            name = key.value if isinstance(key, ScalarNode) else "?"
            step = name if _PLAIN.fullmatch(name) else shown(name)
            path = f"{self._path}.{step}" if self._path else step
            value = Value(node, path, key.start_mark.line + 1, self._problems)
            if name in found:
                value.fail("this key is there twice.")
            found.setdefault(name, value)
        return found

    def items(self) -> Iterator["Value"]:
        """The values of a list."""
        if not isinstance(self._node, SequenceNode):
            self.fail("must be a list.")
            return
        for index, node in enumerate(self._node.value):
            yield Value(node, f"{self._path}[{index}]", node.start_mark.line + 1, self._problems)

    def at(self, path: Sequence[str]) -> "Value":
        """The value that a path of keys and places leads to, as far as it can be followed."""
        value = self
        for part in path:
            if isinstance(value._node, SequenceNode):
                children = list(value.items())
            elif isinstance(value._node, MappingNode):
                entries = value.entries()
                if part in entries:
                    value = entries[part]
                    continue
                children = list(entries.values())
            else:
                break
            if not part.isdecimal() or int(part) >= len(children):
                break
            value = children[int(part)]
        return value

    def text(self) -> str | None:
        if self._is("str"):
            return str(self._node.value)
        quoted = f", in quotes: {str(self._node.value)!r}" if self._is("int", "float", "bool", "timestamp") else ""
        self.fail(f"must be a text{quoted}.")
        return None

    def boolean(self) -> bool | None:
        if self._is("bool") and self._node.value.lower() in ("true", "false"):
            return bool(self._node.value.lower() == "true")
        self.fail("must be true or false.")
        return None

    def number(self) -> Decimal | None:
        if self._is("int", "float") and _NUMBER.fullmatch(self._node.value):
            return Decimal(self._node.value)
        self.fail("must be a decimal number, without quotes.")
        return None

    def date(self) -> date | None:
        if self._is("timestamp", "str") and _DATE.fullmatch(self._node.value):
            try:
                return date.fromisoformat(self._node.value)
            except ValueError:
                self.fail(f"{self._node.value} does not exist.")
                return None
        self.fail("must be a date, as 2026-01-31.")
        return None

    def time(self) -> datetime | None:
        try:
            time = datetime.fromisoformat(self._node.value) if self._is("timestamp", "str") else None
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            self.fail("must be a time with its offset from UTC, as 2026-01-31T00:00:00Z.")
            return None
        return time

    def _is(self, *tags: str) -> bool:
        return isinstance(self._node, ScalarNode) and str(self._node.tag) in [_TAG + tag for tag in tags]


def read_document(file: str, content: bytes) -> tuple[Value, list[tuple[int, str]]]:
    """The root of a YAML file, and the list that problems with its values will be added to.

    `file` is what to call it. Raises :class:`InvalidFile` where it is not YAML, too large, or says a thing
    once and points to it (anchors), which would let a small file stand for an endless one.
    """
    if len(content) > LARGEST:
        raise InvalidFile(file, [(1, f"the file has more than {LARGEST // 2**20} MiB; split it.")])
    try:
        node = YAML(typ="rt").compose(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidFile(file, [(1 + content[: error.start].count(b"\n"), "this is not UTF-8.")]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise InvalidFile(file, [(mark.line + 1 if mark else 1, f"this is not YAML: {said}.")]) from None
    except YAMLError as error:
        raise InvalidFile(file, [(1, f"this is not YAML: {str(error).splitlines()[0]}.")]) from None
    except RecursionError:
        raise InvalidFile(file, [(1, "the file is nested too deeply.")]) from None
    if node is None:
        raise InvalidFile(file, [(1, "the file is empty.")])
    _refuse_anchors(file, node)
    problems: list[tuple[int, str]] = []
    return Value(node, "", node.start_mark.line + 1, problems), problems


def _refuse_anchors(file: str, root: Node) -> None:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.anchor:
            message = f"the anchor &{node.anchor} cannot be used here; write the value out wherever it is needed."
            raise InvalidFile(file, [(node.start_mark.line + 1, message)])
        if isinstance(node, SequenceNode):
            waiting.extend(reversed(node.value))
        elif isinstance(node, MappingNode):
            waiting.extend(part for pair in reversed(node.value) for part in reversed(pair))
