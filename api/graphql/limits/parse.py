"""Parsing of a document in bounded time."""

from graphql import DocumentNode, GraphQLSyntaxError

from api.graphql.framework import exceeds_nesting, exceeds_tokens, parse
from api.graphql.limits.limits import DocumentTooLarge, Limits, TooDeep, TooManyTokens


def parse_document(text: str, limits: Limits) -> DocumentNode:
    """Return the document of a text.

    Raises:
        DocumentTooLarge: The text is too long to be parsed.
        TooManyTokens: The text has too many tokens, or too many comments.
        TooDeep: The text is nested too deeply for the parser of graphql-core.
        graphql.GraphQLSyntaxError: The text is not GraphQL.
    """
    if len(text) > limits.characters:
        raise DocumentTooLarge(f"The document has {len(text)} characters; {limits.characters} are allowed.")
    try:
        return parse(text, limits.tokens)
    except GraphQLSyntaxError as error:
        if exceeds_tokens(error):
            raise TooManyTokens(
                f"The document has more than {limits.tokens} tokens or comments; {limits.tokens} are allowed."
            ) from None
        if exceeds_nesting(error):
            raise TooDeep("The document is nested too deeply to be read.") from None
        raise
