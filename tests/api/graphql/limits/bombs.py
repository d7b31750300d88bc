"""Documents that ask for too much, and the codes that they are refused with."""

from typing import Final

from tests.api.graphql.limits.documents import doubling


def many(part: str, count: int, inside: str = "{{ {} }}") -> str:
    """The part so many times, with its number in it, inside something."""
    return inside.format(" ".join(part.format(i) for i in range(count)))


FIELDS: Final = """id status updatedAt version sections { id key title status updatedAt readings {
  id used limit status thresholds { ratio value } period { start end } meter { id key title description unit } } }"""
BOMBS: Final = {
    "doubling fragments": (doubling(30), "TOO_MANY_FIELDS"),
    "doubling fragments without fields": (doubling(200, ""), "TOO_DEEP"),
    "doubling fields in fields": (
        "{ consumption { ...F0 } } "
        + " ".join(
            f"fragment F{i} on Consumption {{ license {{ consumption {{ ...F{i + 1} }} }}"
            f" again: license {{ consumption {{ ...F{i + 1} }} }} }}"
            for i in range(8)
        )
        + " fragment F8 on Consumption { status }",
        "TOO_MANY_ALIASES",
    ),
    "1,000 aliases": (many("a{}: __typename", 1000), "TOO_MANY_ALIASES"),
    "51 aliases": (many("a{}: __typename", 51), "TOO_MANY_ALIASES"),
    "1,000 directives": (f"{{ viewer {'@skip ' * 1000} {{ name }} }}", "TOO_MANY_DIRECTIVES"),
    "1,000 directives with an argument": (f"{{ viewer {'@skip(if: true) ' * 1000} {{ name }} }}", "TOO_MANY_TOKENS"),
    "6 directives in one place": (f"{{ viewer {'@skip(if: true) ' * 6} {{ name }} }}", "TOO_MANY_DIRECTIVES"),
    "51 directives": (f"{{ viewer {{ {'name @skip(if: false) ' * 51} }} }}", "TOO_MANY_DIRECTIVES"),
    "10,000,000 characters": (" " * 10_000_000 + "{ viewer { name } }", "TOO_LARGE"),
    "100,001 characters": (" " * 99_990 + "{viewer{id}}", "DOCUMENT_TOO_LARGE"),
    "100,000 tokens": (f"{{{'a ' * 99_998}}}", "DOCUMENT_TOO_LARGE"),
    "49,000 tokens": (f"{{{'a ' * 48_998}}}", "TOO_MANY_TOKENS"),
    "49,000 comments": ("#\n" * 49_000 + "{ viewer { name } }", "TOO_MANY_TOKENS"),
    "1,000 fields in fields": (f"{'{ a ' * 1000}{'}' * 1000}", "TOO_DEEP"),
    "1,000 lists in lists": (f"{{ license(key: {'[' * 1000}{']' * 1000}) {{ key }} }}", "TOO_DEEP"),
    "1,000 objects in objects": (f"{{ license(key: {'{a: ' * 1000}1{'}' * 1000}) {{ key }} }}", "TOO_DEEP"),
    "1,000 lists of lists as a type": (f"query ($a: {'[' * 1000}{']' * 1000}) {{ viewer {{ name }} }}", "TOO_DEEP"),
    "21 fields in fields": (
        f"{{ consumption {{ {'license { consumption { ' * 10} status {'}' * 20} }} }}",
        "TOO_DEEP",
    ),
    "500 times the same": (f"{{ {'viewer { name } ' * 500} }}", "TOO_MUCH_ALIKE"),
    "110 times the same with long arguments": (
        many(f'licenses(first: 3, search: "{"x" * 700}") {{{{ edges {{{{ cursor }}}} }}}}', 110),
        "TOO_MUCH_ALIKE",
    ),
    "100 fragments of the same": (
        many("...F{}", 100) + many("fragment F{} on Query {{ viewer {{ name }} }}", 100, "{}"),
        "TOO_MUCH_ALIKE",
    ),
    "21 operations": (many("query A{} {{ viewer {{ name }} }}", 21, "{}"), "TOO_MANY_OPERATIONS"),
    "380 operations of the same fragment": (
        many("query A{} {{ ...F }}", 380, "{}")
        + f" fragment F on Query {{ {f'consumption {{ {FIELDS} license {{ key ' * 8} {'} } ' * 8} }}",
        "TOO_MANY_OPERATIONS",
    ),
    "licenses of licenses": (
        "{ licenses(first: 100) { edges { node { consumption { sections { readings {"
        " history { edges { node { used } } } } } } } } } }",
        "TOO_COSTLY",
    ),
    "400 fields that are not there": (many("viewr{}", 400), "GRAPHQL_VALIDATION_FAILED"),
    "types of fields of types of fields": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "GRAPHQL_VALIDATION_FAILED",
    ),
}
