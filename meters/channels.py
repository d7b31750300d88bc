"""Channels: interactions that were sent."""

from decimal import Decimal

from allowance import Application, Counter, Dimension, Meter, Section, Text, Unit, hookimpl

API_VERSION = 1

CAMPAIGNS = Application("campaigns", Text("Campaigns", fr="Campagnes"))

CHANNEL = Dimension(
    "channel",
    {
        "marketing_email": Text("Marketing e-mails", fr="E-mails marketing"),
        "transactional_email": Text("Transactional e-mails", fr="E-mails transactionnels"),
        "print": Text("Print campaigns", fr="Campagnes papier"),
        "social": Text("Social campaigns", fr="Campagnes sociales"),
        "call_center": Text("Call centre campaigns", fr="Campagnes de centre d’appels"),
    },
    Text("Channel", fr="Canal"),
)


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Channels"."""
    return [
        Section(
            key="channels",
            title=Text("Channels", fr="Canaux"),
            description=Text(
                "Interactions by channel since the start of the billing period.",
                fr="Interactions par canal depuis le début de la période de facturation.",
            ),
            order=10,
        )
    ]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the meter of interactions."""
    return [
        Counter(
            key="interactions",
            section="channels",
            title=Text("Interactions", fr="Interactions"),
            description=Text(
                "Interactions in the billing period. One interaction is one campaign sent to one profile.",
                fr="Interactions de la période de facturation. Une interaction est une campagne envoyée à un profil.",
            ),
            unit=Unit(one=Text("interaction", fr="interaction"), other=Text("interactions", fr="interactions")),
            event="interaction.sent",
            limit=("profiles", "interactions_per_profile"),
            limit_words={
                "profiles": Unit(one=Text("profile", fr="profil"), other=Text("profiles", fr="profils")),
                "interactions_per_profile": Unit(
                    one=Text("interaction per profile", fr="interaction par profil"),
                    other=Text("interactions per profile", fr="interactions par profil"),
                ),
            },
            at_risk=Decimal("0.8"),
            by=(CHANNEL,),
            applications=(CAMPAIGNS,),
        )
    ]
