"""Terms of contracts in the schema."""

import strawberry


@strawberry.type(description="A term of a contract: a number with a name.")
class Term:
    key: str = strawberry.field(description="The name of the term, for example `interactions_per_profile`.")
    value: float = strawberry.field(description="The value of the term.")
