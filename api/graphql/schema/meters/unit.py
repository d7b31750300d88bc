"""Units and applications in the schema."""

import allowance
import strawberry

from api.graphql.schema.common.enums import describe_enum
from core.languages.words import Words

describe_enum(
    allowance.UnitFormat,
    "The way in which people read the numbers of a unit.",
    COUNT="A whole number of things, for example 1,000 profiles.",
    DECIMAL="A number that may have a fraction, for example 1.5 hours.",
    BYTES="A number of bytes. Show it in the largest fitting unit, for example 1.5 GB.",
    MONTHS="A number of months, for example 24 months.",
    RATIO="A quotient of two numbers, for example 1.25 interactions per profile.",
)


@strawberry.type(description="The unit of a meter, in the language of the request.")
class Unit:
    one: str = strawberry.field(
        description="The form for the plural category `one` of Unicode CLDR, for example `profile`."
    )
    other: str = strawberry.field(
        description="The form for the plural category `other`, for example `profiles`. It stands for the categories "
        "without a field too."
    )
    format: allowance.UnitFormat = strawberry.field(description="The way in which people read the numbers.")
    fraction_digits: int = strawberry.field(
        description="The largest number of fraction digits to show, from 0 to 9. A COUNT that is not whole may have a "
        "fraction nevertheless."
    )


def unit_in_words(unit: allowance.Unit, words: Words) -> Unit:
    """Return a unit in the language of a reader."""
    language = unit.language_in(words.languages)
    return Unit(
        one=unit.form("one", language),
        other=unit.form("other", language),
        format=unit.format,
        fraction_digits=unit.digits,
    )


@strawberry.type(description="An application of the platform, which shows the notices of meters.")
class Application:
    key: str = strawberry.field(description="The stable key, by which front ends name the application.")
    title: str = strawberry.field(description="The display name of the application.")
    url: str | None = strawberry.field(
        description="The address of the application: an absolute URL, or a path on the platform's own host. Null if "
        "no plugin states one."
    )


def application_in_words(application: allowance.Application, words: Words) -> Application:
    """Return an application in the language of a reader; without a title, its title is the key in words."""
    title = application.title or title_of(application.key)
    return Application(key=application.key, title=words.text(title), url=application.url)


def title_of(key: str) -> str:
    """Return a key as a title, for example `Call center` for `call_center`."""
    return key.replace("_", " ").capitalize()
