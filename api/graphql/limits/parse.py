"""From a text to a document, in bounded time."""

from graphql import DocumentNode, GraphQLSyntaxError, Source, parse

from api.graphql.framework import exceeds_nesting, exceeds_tokens
from api.graphql.limits.limits import Allowed, DocumentTooLarge, TooDeep, TooManyTokens


def parse_document(text: str, allowed: Allowed) -> DocumentNode:
    """The document of a text.

    Raises :class:`DocumentTooLarge` before reading it, :class:`TooManyTokens` where the limit is passed, comments
    counted by themselves, :class:`TooDeep` where it is nested beyond what graphql-core follows, and
    :class:`graphql.GraphQLSyntaxError` for what is not GraphQL.
    """
    if len(text) > allowed.characters:
        raise DocumentTooLarge(f"The document has {len(text)} characters; {allowed.characters} are allowed.")
    try:
        return parse(Source(text), max_lexical_tokens=allowed.tokens, max_comments=allowed.tokens)
    except GraphQLSyntaxError as error:
        if exceeds_tokens(error):
            raise TooManyTokens(
                f"The document has more than {allowed.tokens} tokens or comments; {allowed.tokens} are allowed."
            ) from None
        if exceeds_nesting(error):
            raise TooDeep("The document is nested too deeply to be read.") from None
        raise
