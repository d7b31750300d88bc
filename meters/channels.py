"""Channels: interactions that were sent."""

from decimal import Decimal

from allowance import Counter, Dimension, Meter, Section, hookimpl

API_VERSION = 1

CHANNEL = Dimension(
    "channel",
    {
        "marketing_email": "Marketing e-mails",
        "transactional_email": "Transactional e-mails",
        "print": "Print campaigns",
        "social": "Social campaigns",
        "call_center": "Call centre campaigns",
    },
)


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "Channels"."""
    return [
        Section(
            key="channels",
            title="Channels",
            description="Interactions by channel since the start of the billing period.",
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
            title="Interactions",
            description="Interactions in the billing period. One interaction is one campaign sent to one profile.",
            unit="interactions",
            event="interaction.sent",
            limit=("profiles", "interactions_per_profile"),
            at_risk=Decimal("0.8"),
            by=(CHANNEL,),
            applications=("campaigns",),
        )
    ]
