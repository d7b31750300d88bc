"""The people of a license in the schema: its admins, and its contact at the vendor."""

import strawberry


@strawberry.type(description="A user of the license with the admin role, who gets its e-mails.")
class Admin:
    email: str = strawberry.field(description="The e-mail address.")
    name: str | None = strawberry.field(description="The display name. Null if none was given.")
    language: str | None = strawberry.field(
        description="The language tag of the e-mails, for example `fr`. Null if none was given; e-mails are in English."
    )
    subscribed: bool = strawberry.field(
        description="True if the admin gets the e-mails of the license, false after unsubscribing."
    )


@strawberry.type(description="The account manager of a license: the person or team to ask for a higher limit.")
class Contact:
    name: str = strawberry.field(description="The display name.")
    email: str | None = strawberry.field(description="The e-mail address. Null if none was given.")
    url: str | None = strawberry.field(description="The address of a page, for example a form. Null if none was given.")
