"""Documents for the tests of limits: random ones, bombs, and what they come to when written out naively."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLNamedType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)
from hypothesis import strategies as st

from api.graphql.schema.build import schema

SCHEMA = schema._schema


def doubling(levels: int, leaf: str = "viewer { name }") -> str:
    """Fragments of which each spreads the next twice."""
    chain = " ".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(levels))
    return f"{{ ...F0 }} {chain} fragment F{levels} on Query {{ {leaf} }}"


@dataclass(frozen=True)
class Visit:
    """A field of a document that is written out: where it stands, and in which fields."""

    field: FieldNode
    parent: GraphQLNamedType
    above: tuple["Visit", ...]


def written_out(document: DocumentNode, start: OperationDefinitionNode | FragmentDefinitionNode) -> list[Visit]:
    """Every field of an operation or a fragment, with each fragment written out wherever it is spread."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    found: list[Visit] = []

    def walk(selections: SelectionSetNode, parent: GraphQLNamedType, above: tuple[Visit, ...]) -> None:
        for one in selections.selections:
            if isinstance(one, FragmentSpreadNode):
                fragment = fragments[one.name.value]
                walk(fragment.selection_set, SCHEMA.type_map[fragment.type_condition.name.value], above)
            elif isinstance(one, InlineFragmentNode):
                condition = one.type_condition
                walk(one.selection_set, SCHEMA.type_map[condition.name.value] if condition else parent, above)
            elif isinstance(one, FieldNode):
                visit = Visit(one, parent, above)
                found.append(visit)
                if one.selection_set:
                    definition = SCHEMA.get_field(_composite(parent), one.name.value)
                    assert definition is not None
                    walk(one.selection_set, get_named_type(definition.type), (*above, visit))

    if isinstance(start, OperationDefinitionNode):
        root: GraphQLNamedType | None = SCHEMA.get_root_type(start.operation)
    else:
        root = SCHEMA.type_map[start.type_condition.name.value]
    assert root is not None
    walk(start.selection_set, root, ())
    return found


def _composite(kind: GraphQLNamedType) -> GraphQLCompositeType:
    assert hasattr(kind, "fields")
    return kind  # type: ignore[return-value]


SHAPES: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "Query": (
        ("__typename",),
        {
            "viewer": "Viewer",
            "consumption": "Consumption",
            'consumption(at: "2026-01-01T00:00:00Z")': "Consumption",
            "license(key: $text)": "License",
            "licenses(first: $n)": "LicenseConnection",
            "licenses(first: 7)": "LicenseConnection",
            "licenses": "LicenseConnection",
            "meters": "Meter",
            'usage(meter: $text, to: "2026-01-01T00:00:00Z", from: "2025-12-20T00:00:00Z", top: $n)': "UsageSeriesSet",
        },
    ),
    "UsageSeriesSet": (("total",), {"series": "UsageSeries", "restPoints": "UsagePoint"}),
    "UsageSeries": (("key",), {"points": "UsagePoint"}),
    "UsagePoint": (("start", "amount"), {}),
    "Viewer": (("name", "scopes"), {"license": "License"}),
    "License": (
        ("key", "name"),
        {
            "consumption": "Consumption",
            "alerts(first: $m)": "AlertConnection",
            "grants(first: null)": "GrantConnection",
        },
    ),
    "LicenseConnection": (("__typename",), {"edges": "LicenseEdge", "pageInfo": "PageInfo"}),
    "LicenseEdge": (("cursor",), {"node": "License"}),
    "AlertConnection": (("__typename",), {"edges": "AlertEdge"}),
    "AlertEdge": (("cursor",), {}),
    "GrantConnection": (("__typename",), {"edges": "GrantEdge"}),
    "GrantEdge": (("cursor",), {}),
    "PageInfo": (("hasNextPage",), {}),
    "Consumption": (("status",), {"sections": "Section"}),
    "Section": (("key",), {"readings": "Reading"}),
    "Reading": (("used",), {"breakdown": "Share", "history(first: $n)": "ReadingHistoryConnection", "meter": "Meter"}),
    "ReadingHistoryConnection": (("__typename",), {"edges": "ReadingPointEdge"}),
    "ReadingPointEdge": (("cursor",), {}),
    "Share": (("key", "used"), {}),
    "Meter": (("key", "applications"), {}),
}
"""Fields of some types: those without further fields, and those with."""
FRAGMENTS = ("Query", "License", "LicenseConnection", "Consumption", "Reading", "License", "Query")
"""The types of the fragments F0, F1, …; each may spread those before it."""


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A small document of the schema with fragments in fragments, aliases, directives and page sizes."""
    names = iter(range(10_000))

    def selections(kind: str, fragments: int, depth: int) -> str:
        leaves, branches = SHAPES[kind]
        choices: list[Callable[[], str]] = [lambda: dressed(draw(st.sampled_from(leaves)))]
        spreads = [f"...F{i}" for i in range(fragments) if FRAGMENTS[i] == kind]
        if spreads:
            choices += [lambda: f"{draw(st.sampled_from(spreads))}{directive()}"] * 3
        if depth:
            choices.append(lambda: f"...{directive()} {{ {selections(kind, fragments, depth - 1)} }}")
            choices.append(lambda: f"... on {kind} {{ {selections(kind, fragments, depth - 1)} }}")
        if depth and branches:
            choices += [lambda: branch(fragments, depth, branches)] * 3
        return " ".join(draw(st.sampled_from(choices))() for _ in range(draw(st.integers(1, 3))))

    def branch(fragments: int, depth: int, branches: dict[str, str]) -> str:
        field, kind = draw(st.sampled_from(sorted(branches.items())))
        return f"{dressed(field)} {{ {selections(kind, fragments, depth - 1)} }}"

    def dressed(field: str) -> str:
        # Fields of the same name with other arguments would not be valid.
        alias = f"a{next(names)}: " if "(" in field or draw(st.booleans()) else ""
        return f"{alias}{field}{directive()}"

    def directive() -> str:
        return " @include(if: true)" * draw(st.integers(0, 1))

    parts = [f"fragment F{i} on {kind} {{ {selections(kind, i, 3)} }}" for i, kind in enumerate(FRAGMENTS)]
    query = f"query Q($n: Int = 3, $m: Int, $text: String!) {{ {selections('Query', len(FRAGMENTS), 5)} }}"
    return " ".join(draw(st.permutations([*parts, query])))


VARIABLES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("n", "m"),
        st.one_of(
            st.integers(-5, 2000),
            st.none(),
            st.text(max_size=3),
            st.floats(),
            st.booleans(),
            st.integers(),
            st.lists(st.integers(), max_size=1),
            st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
        ),
    ),
)
