"""SMS: credits left."""

from allowance import Credits, Meter, Section, hookimpl

API_VERSION = 1


@hookimpl
def allowance_sections() -> list[Section]:
    return [Section(key="sms", title="SMS", description="Credits that text messages are sent from.", order=20)]


@hookimpl
def allowance_meters() -> list[Meter]:
    return [
        Credits(
            key="sms_credits",
            section="sms",
            title="SMS credits",
            description="Credits granted and not expired, less those spent, over all entities.",
            unit="credits",
            event="sms.sent",
            applications=("sms",),
        )
    ]
