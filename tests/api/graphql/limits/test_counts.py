"""Depth, fields, aliases and directives: counted once for each fragment, and as if each were written out."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse, specified_rules, validate
from graphql.validation.rules.no_unused_fragments import NoUnusedFragmentsRule
from graphql.validation.rules.no_unused_variables import NoUnusedVariablesRule
from hypothesis import given

import api.graphql.limits
from api.graphql.limits.cost import DocumentCost
from api.graphql.limits.counts import check_counts, count
from api.graphql.limits.fragments import fragments_in_order
from api.graphql.limits.limits import MANY, Limits, TooDeep, TooManyAliases, TooManyDirectives, TooManyFields
from core.errors import AllowanceError
from tests.api.graphql.limits.documents import SCHEMA, documents, doubling, written_out
from tests.forms import examples

ALL_MAY_BE_UNUSED = [rule for rule in specified_rules if rule not in (NoUnusedFragmentsRule, NoUnusedVariablesRule)]
ROOM = str(Path(api.graphql.limits.__file__).parent)


def lines_run(what: Callable[[], object]) -> int:
    """Return the number of executed lines of the limits: a measure of work that is equal on every machine."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        what()
    finally:
        sys.settrace(before)
    return lines


def wide(fields: int) -> str:
    return f"{{ viewer {{ {'name ' * fields} }} }}"


def chain(fragments: int) -> str:
    parts = (f"fragment F{i} on Query {{ viewer {{ name }} ...F{i + 1} }}" for i in range(fragments))
    return f"{{ ...F0 }} {' '.join(parts)} fragment F{fragments} on Query {{ viewer {{ name }} }}"


def circle(fragments: int) -> str:
    parts = (f"fragment F{i} on Query {{ ...F{(i + 1) % fragments} ...F{i} }}" for i in range(fragments))
    return f"{{ ...F0 }} {' '.join(parts)}"


def ladder(levels: int) -> str:
    """Fragments that each spread all that come after."""
    return " ".join(
        f"fragment F{i} on Query {{ viewer {{ name }} {' '.join(f'...F{j}' for j in range(i + 1, levels))} }}"
        for i in range(levels)
    )


SHAPES = {
    "doubling": (doubling(40), doubling(80)),
    "wide": (wide(1000), wide(2000)),
    "chain": (chain(300), chain(600)),
    "circle": (circle(200), circle(400)),
}


@pytest.mark.parametrize(("small", "large"), SHAPES.values(), ids=SHAPES)
def test_a_document_twice_as_large_is_twice_the_work(small: str, large: str) -> None:
    documents = [parse(text) for text in (small, large)]
    once, twice = (lines_run(lambda one=one: count(one)) for one in documents)
    assert 1.8 * once < twice < 2.1 * once


@pytest.mark.parametrize("shape", ["doubling", "wide", "chain"])
def test_the_cost_of_a_document_twice_as_large_is_twice_the_work(shape: str) -> None:
    documents = [parse(text) for text in SHAPES[shape]]
    once, twice = (lines_run(lambda one=one: DocumentCost(SCHEMA, one).of(None, {})) for one in documents)
    assert 1.8 * once < twice < 2.1 * once


def test_the_cost_with_other_variables_is_linear_in_the_fragments_that_need_them() -> None:
    def work(levels: int) -> int:
        leaf = "licenses(first: $n) { edges { cursor } }"
        document = parse(doubling(levels, leaf).replace("{ ...F0 }", "query ($n: Int) { ...F0 }", 1))
        cost = DocumentCost(SCHEMA, document)
        assert cost.of(None, {"n": 3}) == min(2**levels * (20 + 1 + 3 * 2), MANY)
        return lines_run(lambda: cost.of(None, {"n": 4}))

    assert 1.8 * work(40) < work(80) < 2.1 * work(40)


@examples(150)
@given(text=documents())
def test_what_is_counted_is_what_the_largest_definition_holds_when_it_is_written_out(text: str) -> None:
    document = parse(text)
    assert validate(SCHEMA, document, ALL_MAY_BE_UNUSED) == []
    every = [
        written_out(document, one)
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    found = count(document)
    assert found.depth == max(len(visit.above) + 1 for visits in every for visit in visits)
    assert found.fields == max(len(visits) for visits in every)
    assert found.aliases == max(sum(visit.field.alias is not None for visit in visits) for visits in every)


ALLOWED = Limits(
    characters=10_000,
    tokens=10_000,
    fields=50,
    depth=4,
    aliases=3,
    directives=7,
    cost=1000,
    values=1000,
    introspection=True,
)
INCLUDE = "@include(if: true)"
EXACT = {
    "depth": ("{ viewer { license { contract { version } } } }", None),
    "depth beyond": (
        "{ viewer { license { contract { terms { key } } } } }",
        TooDeep("The document is 5 fields deep; 4 are allowed."),
    ),
    "depth beyond in a fragment": (
        "{ viewer { license { ...F } } } fragment F on License { contract { ... { terms { key } } } }",
        TooDeep("The document is 5 fields deep; 4 are allowed."),
    ),
    "nesting": (
        "{" + "... {" * 149 + "viewer { name }" + "}" * 150,
        TooDeep("The document has 151 selections and fragments in each other; 150 are allowed."),
    ),
    "nesting of fragments": (
        chain(148).replace("viewer { name } ...", "..."),
        TooDeep("The document has 151 selections and fragments in each other; 150 are allowed."),
    ),
    "aliases": ("{ a: viewer { b: name c: name } }", None),
    "aliases beyond": (
        "{ a: viewer { b: name c: name d: name } }",
        TooManyAliases("With its fragments written out the document has 4 aliases; 3 are allowed."),
    ),
    "aliases beyond by a fragment": (
        "{ viewer { ...F } again: viewer { ...F } } fragment F on Viewer { b: name c: name }",
        TooManyAliases("With its fragments written out the document has 5 aliases; 3 are allowed."),
    ),
    "directives": (f"query {INCLUDE * 2} {{ viewer {INCLUDE * 2} {{ ... {INCLUDE * 3} {{ name }} }} }}", None),
    "directives beyond": (
        f"query ($a: Int {INCLUDE}) {INCLUDE * 2} {{ viewer {INCLUDE * 2} {{ ... {INCLUDE * 3} {{ name }} }} }}",
        TooManyDirectives("With its fragments written out the document has 8 directives; 7 are allowed."),
    ),
    "directives in one place": (f"{{ viewer {INCLUDE * 5} {{ name }} }}", None),
    "directives in one place beyond": (
        f"{{ viewer {INCLUDE * 6} {{ name }} }}",
        TooManyDirectives("The document has 6 directives in one place; 5 are allowed."),
    ),
    "fields": (f"{{ viewer {{ {'name ' * 49} }} }}", None),
    "fields beyond": (
        f"{{ viewer {{ {'name ' * 50} }} }}",
        TooManyFields("With its fragments written out the document has 51 fields; 50 are allowed."),
    ),
    "fields without end": (
        doubling(60, "name"),
        TooManyFields(
            "With its fragments written out the document has 9007199254740992 or more fields; 50 are allowed."
        ),
    ),
    "a circle": ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A viewer { name } }", None),
    "a fragment that nothing spreads": (
        "{ viewer { name } } fragment F on Viewer { a: name b: name c: name d: name }",
        TooManyAliases("With its fragments written out the document has 4 aliases; 3 are allowed."),
    ),
    "an unknown fragment": ("{ ...Unknown }", None),
}


@pytest.mark.parametrize(("text", "error"), EXACT.values(), ids=EXACT)
def test_what_is_up_to_a_limit_passes_and_what_is_beyond_is_told_both_numbers(
    text: str, error: AllowanceError | None
) -> None:
    if error is None:
        check_counts(parse(text), ALLOWED)
        return
    with pytest.raises(type(error)) as refused:
        check_counts(parse(text), ALLOWED)
    assert refused.value.message == error.message
    assert refused.value.code == error.code


def test_each_fragment_comes_after_those_that_it_spreads() -> None:
    ordered = [one.name.value for one in fragments_in_order(parse(f"{{ ...F0 }} {ladder(30)}"))]
    assert ordered == [f"F{i}" for i in reversed(range(30))]
