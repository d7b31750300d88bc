"""Fragments of a document, ordered by their dependencies."""

from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)


def fragments_in_order(document: DocumentNode) -> list[FragmentDefinitionNode]:
    """Return each fragment once, after the fragments that it spreads; a circle of fragments starts anywhere.

    The walk does not recurse, since a chain of fragments may be as long as the document.
    """
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    ordered: list[FragmentDefinitionNode] = []
    visited: set[str] = set()
    for first in fragments.values():
        path = [(first, spreads_of(first.selection_set))] if first.name.value not in visited else []
        visited.add(first.name.value)
        while path:
            fragment, spreads = path[-1]
            name = next(spreads, None)
            if name is None:
                ordered.append(fragment)
                path.pop()
            elif name in fragments and name not in visited:
                visited.add(name)
                path.append((fragments[name], spreads_of(fragments[name].selection_set)))
    return ordered


def spreads_of(selection_set: SelectionSetNode) -> Iterator[str]:
    """Yield the names of the fragments that a selection set spreads, at any depth."""
    rest = [selection_set]
    while rest:
        for selection in rest.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                yield selection.name.value
            elif isinstance(selection, (FieldNode, InlineFragmentNode)) and selection.selection_set:
                rest.append(selection.selection_set)
