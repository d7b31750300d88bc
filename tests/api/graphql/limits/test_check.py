"""Whatever the text is: a document that may be executed, what is wrong with it, or the limit that it passes."""

from graphql import GraphQLError
from hypothesis import example, given
from hypothesis import strategies as st

from api.graphql.limits.check import CheckedDocument, check_document
from api.graphql.limits.limits import limits_from
from core.errors import AllowanceError
from core.settings import Settings
from tests.api.graphql.limits.documents import SCHEMA
from tests.forms import examples

ALLOWED = limits_from(
    Settings(graphql_max_tokens=100, graphql_max_characters=1000, graphql_max_depth=5, graphql_max_aliases=2)
)
VOCABULARY = """
{ } ( ) [ ] : ! = $ @ ... & | query mutation subscription fragment on type extend include skip if true null viewer name
license key consumption sections licenses edges node first after __schema __typename types Query License Int String $n
$k F G a b 1 -1 2.5 99999999999999999999 "acme" # \"""
"""
WORDS = st.sampled_from([*VOCABULARY.split(), "\n"])
PARENTS = ["viewer", "license", "license(key: $k)", "licenses(first: $n)", "edges", "node(id: 1)", "... on License"]
MORE = ["", "mutation M { refreshConsumption { id } }", "query Q { viewer { name } }", "type T { a: Int }"]
SELECTIONS = st.recursive(
    st.sampled_from(["name", "key", "__typename", "...F", "...G", "a: name", "b: key @skip(if: $b)", "...{}", "..."]),
    lambda inner: st.tuples(st.sampled_from(PARENTS), st.lists(inner, max_size=3)).map(
        lambda pair: f"{pair[0]} {{ {' '.join(pair[1])} }}"
    ),
    max_leaves=20,
)
DOCUMENTS = st.builds(
    "query Q($n: Int = 3, $k: String!, $b: Boolean!) {{ {} }} "
    "fragment F on License {{ {} }} fragment G on Query {{ {} }} {}".format,
    *(st.lists(SELECTIONS, max_size=3).map(" ".join) for _ in range(3)),
    st.sampled_from(MORE),
)


@examples(400)
@given(text=st.one_of(st.text(max_size=50), st.lists(WORDS, max_size=120).map(" ".join), DOCUMENTS))
@example(text="")
@example(text="\ufeff{ viewer { name } }")
@example(text='{ license(key: "\ud800") { key } }')
@example(text="query Q { viewer { name } } query Q { viewer { name } } { viewer { name } }")
def test_any_text_is_prepared_or_refused_with_a_code(text: str) -> None:
    refused: AllowanceError | None = None
    found: CheckedDocument | list[GraphQLError] = []
    try:
        found = check_document(SCHEMA, text, ALLOWED)
    except AllowanceError as error:
        refused = error
    if isinstance(found, CheckedDocument):
        assert found.cost("Q", {"n": "x"}) >= 0
        return
    if refused:
        assert refused.code.startswith(("TOO_", "DOCUMENT_"))
        assert refused.status == 400
        return
    assert found
    for error in found:
        assert isinstance(error, GraphQLError)
        assert error.extensions is not None
        assert error.extensions["code"] in ("GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED")
