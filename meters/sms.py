"""SMS: prepaid credits."""

from allowance import Application, Credits, Meter, Section, Text, Unit, hookimpl

API_VERSION = 1

SMS = Application("sms", Text("SMS", fr="SMS"))


@hookimpl
def allowance_sections() -> list[Section]:
    """Return the section "SMS"."""
    return [
        Section(
            key="sms",
            title=Text("SMS", fr="SMS"),
            description=Text("Credits for text messages.", fr="Crédits pour les SMS."),
            order=20,
        )
    ]


@hookimpl
def allowance_meters() -> list[Meter]:
    """Return the meter of SMS credits."""
    return [
        Credits(
            key="sms_credits",
            section="sms",
            title=Text("SMS credits", fr="Crédits SMS"),
            description=Text(
                "Credits that were granted and have not expired, less the credits spent, over all entities.",
                fr="Crédits accordés et non expirés, moins les crédits dépensés, pour toutes les entités.",
            ),
            unit=Unit(one=Text("credit", fr="crédit"), other=Text("credits", fr="crédits")),
            event="sms.sent",
            applications=(SMS,),
        )
    ]
